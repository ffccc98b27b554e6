//! What runs inside a validator's runtime besides the engine: starts all of it, and answers clients.

use std::{num::NonZeroU64, sync::Arc, time::Duration};

use commonware_consensus::types::Height as EngineHeight;
use commonware_p2p::{Recipients, Sender as _};
use commonware_runtime::IoBuf;
use llmnet_ledger::{Genesis, Key};
use llmnet_types::{
    block::Header,
    certificate::{FinalityCertificate, namespace},
    id::{Digest, TransactionId},
    succession::HandOver,
    units::{Height, Term},
};
use tokio::sync::oneshot;

use crate::{
    application::Application,
    block::{Block, transactions_root},
    client::{FinalizedBlock, Inclusion},
    engine::{self, Engine},
    finality, gossip,
    hand_overs::HandOvers,
    history::History,
    network::{Network, Transport},
    runtime::Runtime,
    setup::Setup,
    store::{self, Databases, Roots, database_key, marked_height},
};

/// How long a starting validator waits for a quorum of the others before consensus starts anyway.
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// What a client asks; each with where the answer goes.
#[derive(Debug)]
pub(crate) enum Request {
    Read(Vec<Key>, oneshot::Sender<(Height, Vec<Option<Vec<u8>>>)>),
    Block(Height, oneshot::Sender<Option<FinalizedBlock>>),
    Certificate(Height, oneshot::Sender<Option<FinalityCertificate>>),
    HandOver(Term, oneshot::Sender<Option<HandOver>>),
    Outcome(TransactionId, oneshot::Sender<Option<Inclusion>>),
}

/// The header of block 0.
pub(crate) fn genesis_header(genesis: &Genesis, roots: Roots) -> Header {
    let root = genesis.root();
    Header {
        network: root.id(),
        term: Term(0),
        view: 0,
        // Nobody proposed it; the engine wants a valid key.
        leader: root.committee.keys()[0],
        parent_view: 0,
        parent: Digest::ZERO,
        height: Height(0),
        timestamp_ms: genesis.timestamp_ms,
        transactions: transactions_root(&[]),
        state: roots.state,
        operations: roots.operations,
        operations_start: roots.operations_start,
        operations_end: roots.operations_end,
        settlements: transactions_root(&[]),
        reveal: None,
        next_committee: None,
    }
}

/// Runs a validator until it is told to stop.
///
/// # Errors
/// What made it end otherwise.
pub(crate) async fn run<E: Runtime, T: Transport>(
    context: E,
    setup: Setup,
    open_network: impl FnOnce(&E) -> Network<T>,
    ready: impl FnOnce(),
) -> Result<(), String> {
    let Setup {
        home,
        key,
        beacon,
        genesis,
        pacing,
        keep,
        replayed_max,
        mempool,
        tip,
        mut requests,
        outbox,
        mut stop,
    } = setup;
    let epoch_length = genesis.params.epoch_length();
    let [Some(epoch), Some(term)] =
        [epoch_length, genesis.params.term_length()].map(NonZeroU64::new)
    else {
        return Err("the genesis has epochs or terms without blocks".into());
    };
    let keep = keep.with_windows(epoch_length);
    let newest = tip.subscribe();
    let cache = engine::page_cache();
    let header = match home.genesis() {
        Some(header) => header,
        None => {
            let roots = store::write_genesis(&context, cache.clone(), genesis.writes()).await?;
            let header = genesis_header(&genesis, roots);
            home.keep_genesis(&header)
                .map_err(|error| format!("the genesis block cannot be written: {error}"))?;
            header
        }
    };
    let network_id = header.network;
    let electorate = genesis.root().electorate();
    let genesis = Block::new(header, Vec::new()).ok_or("the genesis block is damaged")?;
    let history = Arc::new(History::open(&context, cache.clone(), keep).await?);
    let application = Application::new(
        network_id,
        genesis.clone(),
        mempool.clone(),
        history.clone(),
        tip.clone(),
        beacon.clone(),
        epoch_length,
    );
    let hand_overs = Arc::new(HandOvers::open(&context, cache.clone()).await?);
    let network = open_network(&context);
    let mut network_running = network.running;
    let parts = engine::Parts {
        key,
        namespace: namespace(&network_id),
        lengths: [epoch, term],
        genesis,
        beacon,
        hand_overs: hand_overs.clone(),
        application,
        mempool: mempool.clone(),
        pacing,
        keep,
        replayed_max: replayed_max.unwrap_or(keep.replayed_max()),
        electorate,
        cache,
        tip,
    };
    let started = engine::start(&context, parts, network.engine, network.directory, ready);
    let (mut engine, maker) = tokio::select! {
        biased;
        _ = &mut stop => return Ok(()),
        started = started => started?,
    };
    let mut sender = network.gossip.0.clone();
    let mut consensus = {
        context.child("consensus").spawn(move |runtime| async move {
            let (mut consensus, channels): engine::Maker<E, T> = maker;
            let quorum = consensus.prepare().await;
            // A leader alone proposes into the void, and everyone then waits for its time to run out. An
            // empty message tells whom it would reach.
            let reached = async {
                while sender.send(Recipients::All, IoBuf::default(), false).len() + 1 < quorum {
                    runtime.sleep(Duration::from_millis(50)).await;
                }
            };
            tokio::select! {
                biased;
                () = reached => {}
                () = runtime.sleep(CONNECT_MAX) => {}
            }
            consensus.run(channels).await
        })
    };
    let mut gossip = {
        let databases = engine.databases.clone();
        context.child("gossip").spawn(move |runtime| {
            gossip::run::<E, T>(runtime, mempool, outbox, network.gossip, databases)
        })
    };
    loop {
        tokio::select! {
            biased;
            _ = &mut stop => return Ok(()),
            end = &mut consensus => {
                return end.unwrap_or_else(|error| Err(format!("consensus ended: {error}")));
            }
            _ = &mut network_running => return Err("the network ended".into()),
            end = &mut engine.answerer => {
                let end = end.unwrap_or_else(|error| Err(error.to_string()));
                return Err(end.err().unwrap_or_else(|| "the network ended".into()));
            }
            end = &mut gossip => {
                let reason = end.unwrap_or_else(|error| error.to_string());
                return Err(format!("the network ended: {reason}"));
            }
            request = requests.recv() => match request {
                Some(request) => {
                    let tip = newest.borrow().height();
                    answer(request, tip, &engine, &hand_overs, &history).await;
                }
                // Nobody can ask or stop us any more.
                None => return Ok(()),
            },
        }
    }
}

async fn answer<E: Runtime>(
    request: Request,
    tip: Height,
    engine: &Engine<E>,
    hand_overs: &HandOvers<E>,
    history: &History<E>,
) {
    // A client that no longer waits is no error.
    match request {
        Request::Read(keys, reply) => {
            if let Some(answer) = read(&engine.databases, &keys).await {
                let _ = reply.send(answer);
            }
        }
        Request::Block(height, reply) => {
            let _ = reply.send(block(engine, history, height).await);
        }
        Request::Certificate(height, reply) => {
            let _ = reply.send(certificate(engine, height).await);
        }
        Request::HandOver(term, reply) => {
            let _ = reply.send(hand_overs.get(term).await);
        }
        Request::Outcome(id, reply) => {
            // The history may be one block ahead of the state, which a client reads next.
            let found = history.find(&id).await;
            let _ = reply.send(found.filter(|inclusion| inclusion.height <= tip));
        }
    }
}

async fn certificate<E: Runtime>(
    engine: &Engine<E>,
    height: Height,
) -> Option<FinalityCertificate> {
    let height = EngineHeight::new(height.0);
    let finalization = engine.marshal.get_finalization(height).await?;
    let block = engine.marshal.get_block(height).await?;
    finality::certificate(&finalization, block.inner().header())
}

/// Reads under one lock, so that all is of one height, which the last batch is marked with.
async fn read<E: Runtime>(
    databases: &Databases<E>,
    keys: &[Key],
) -> Option<(Height, Vec<Option<Vec<u8>>>)> {
    let names: Vec<_> = keys.iter().map(database_key).collect();
    let names: Vec<_> = names.iter().collect();
    let database = databases.read().await;
    // The engine's contract: a database that cannot be read ends the validator.
    let mark = database.get_metadata().await.expect("state can be read")?;
    let values = database.get_many(&names).await.expect("state can be read");
    let values = values
        .into_iter()
        .map(|value| value.map(|bytes| bytes.to_vec()))
        .collect();
    Some((Height(marked_height(&mark)?), values))
}

async fn block<E: Runtime>(
    engine: &Engine<E>,
    history: &History<E>,
    height: Height,
) -> Option<FinalizedBlock> {
    let block = engine
        .marshal
        .get_block(EngineHeight::new(height.0))
        .await?;
    let block = block.inner();
    let record = history.record(height).await;
    let (outcomes, events) = match record {
        Some(record) => (Some(record.outcomes), Some(record.events)),
        None if block.transactions().is_empty()
            && history.reaches(height)
            // What it took over at this block it never executed.
            && (height > engine.joined || engine.joined == Height(0)) =>
        {
            (Some(Vec::new()), Some(Vec::new()))
        }
        None => (None, None),
    };
    Some(FinalizedBlock {
        header: block.header().clone(),
        transactions: block.transactions().to_vec(),
        outcomes,
        events,
    })
}
