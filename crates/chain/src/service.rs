//! What runs inside a validator's runtime besides the engine: answers clients, hands transactions on.

use std::{sync::Arc, time::Duration};

use commonware_consensus::types::Height as EngineHeight;
use commonware_cryptography::ed25519;
use commonware_p2p::{Address, Receiver as _, Recipients, Sender as _};
use commonware_runtime::IoBuf;
use commonware_utils::ordered::{Map, Set};
use llmnet_ledger::{Genesis, Key};
use llmnet_types::{
    block::Header,
    certificate::{FinalityCertificate, namespace},
    id::{Digest, TransactionId},
    units::{Epoch, Height},
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    application::Application,
    block::{Block, transactions_root},
    client::{FinalizedBlock, Inclusion, Tip},
    config::Pacing,
    directory::Directory,
    engine::{self, Engine},
    finality,
    history::History,
    mempool::Mempool,
    network::{self, GOSSIP_LENGTH_MAX},
    store::{self, Context, Databases, Roots, database_key, marked_height},
};

/// How long a starting validator waits for a quorum of the others before consensus starts anyway.
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// What a client asks; each with where the answer goes.
#[derive(Debug)]
pub(crate) enum Request {
    Read(Vec<Key>, oneshot::Sender<(Height, Vec<Option<Vec<u8>>>)>),
    Block(Height, oneshot::Sender<Option<FinalizedBlock>>),
    Certificate(Height, oneshot::Sender<Option<FinalityCertificate>>),
    Outcome(TransactionId, oneshot::Sender<Option<Inclusion>>),
}

/// What a validator runs on.
pub(crate) struct Setup {
    pub(crate) directory: Directory,
    pub(crate) key: ed25519::PrivateKey,
    pub(crate) committee: Set<ed25519::PublicKey>,
    pub(crate) quorum: usize,
    pub(crate) peers: Map<ed25519::PublicKey, Address>,
    pub(crate) listen: std::net::SocketAddr,
    pub(crate) genesis: Genesis,
    pub(crate) pacing: Pacing,
    pub(crate) mempool: Arc<Mempool>,
    pub(crate) tip: watch::Sender<Tip>,
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) outbox: mpsc::Receiver<Vec<u8>>,
    pub(crate) stop: oneshot::Receiver<()>,
}

/// The header of block 0.
pub(crate) fn genesis_header(genesis: &Genesis, roots: Roots) -> Header {
    let root = genesis.root();
    Header {
        network: root.id(),
        epoch: Epoch(0),
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
    }
}

/// Runs a validator until it is told to stop.
///
/// # Errors
/// What made it end otherwise.
pub(crate) async fn run(
    context: Context,
    setup: Setup,
    ready: impl FnOnce() + Send,
) -> Result<(), String> {
    let Setup {
        directory,
        key,
        committee,
        quorum,
        peers,
        listen,
        genesis,
        pacing,
        mempool,
        tip,
        mut requests,
        mut outbox,
        mut stop,
    } = setup;
    let cache = engine::page_cache();
    let header = match directory.genesis() {
        Some(header) => header,
        None => {
            let roots = store::write_genesis(&context, cache.clone(), genesis.writes()).await?;
            let header = genesis_header(&genesis, roots);
            directory
                .keep_genesis(&header)
                .map_err(|error| format!("the genesis block cannot be written: {error}"))?;
            header
        }
    };
    let network_id = header.network;
    let namespace = namespace(&network_id);
    let genesis = Block::new(header, Vec::new()).ok_or("the genesis block is damaged")?;
    let history = Arc::new(History::open(&context, cache.clone()).await?);
    let application = Application::new(
        network_id,
        genesis.clone(),
        mempool.clone(),
        history.clone(),
        tip.clone(),
    );
    let network = network::start(&context, key.clone(), &namespace, listen, peers);
    let (mut gossip_sender, mut gossip_receiver) = network.gossip;
    let mut network_running = network.running;
    let parts = engine::Parts {
        key,
        namespace,
        committee,
        genesis,
        application,
        mempool: mempool.clone(),
        pacing,
        cache,
        tip,
    };
    let connected = {
        let mut sender = gossip_sender.clone();
        async move {
            ready();
            // An empty message tells whom it would reach.
            let reached = async {
                while sender.send(Recipients::All, IoBuf::default(), false).len() + 1 < quorum {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            };
            let _ = tokio::time::timeout(CONNECT_MAX, reached).await;
        }
    };
    let mut engine = engine::start(&context, parts, network.engine, connected).await?;
    let databases = engine.stateful.subscribe_databases().await;
    loop {
        tokio::select! {
            _ = &mut stop => return Ok(()),
            _ = &mut engine.consensus => return Err("consensus ended".into()),
            _ = &mut network_running => return Err("the network ended".into()),
            request = requests.recv() => match request {
                Some(request) => answer(request, &engine, &databases, &history).await,
                // Nobody can ask or stop us any more.
                None => return Ok(()),
            },
            Some(first) = outbox.recv() => {
                let message = gather(first, &mut outbox);
                let _ = gossip_sender.send(Recipients::All, IoBuf::from(message), false);
            }
            received = gossip_receiver.recv() => {
                let (_, message) = received.map_err(|error| format!("the network ended: {error}"))?;
                for transaction in transactions(message.as_ref()) {
                    mempool.receive(transaction);
                }
            }
        }
    }
}

async fn answer(request: Request, engine: &Engine, databases: &Databases, history: &History) {
    // A client that no longer waits is no error.
    match request {
        Request::Read(keys, reply) => {
            if let Some(answer) = read(databases, &keys).await {
                let _ = reply.send(answer);
            }
        }
        Request::Block(height, reply) => {
            let _ = reply.send(block(engine, history, height).await);
        }
        Request::Certificate(height, reply) => {
            let finalization = engine
                .marshal
                .get_finalization(EngineHeight::new(height.0))
                .await;
            let _ = reply.send(finalization.as_ref().and_then(finality::certificate));
        }
        Request::Outcome(id, reply) => {
            let _ = reply.send(history.find(&id).await);
        }
    }
}

/// Reads under one lock, so that all is of one height, which the last batch is marked with.
async fn read(databases: &Databases, keys: &[Key]) -> Option<(Height, Vec<Option<Vec<u8>>>)> {
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

async fn block(engine: &Engine, history: &History, height: Height) -> Option<FinalizedBlock> {
    let block = engine
        .marshal
        .get_block(EngineHeight::new(height.0))
        .await?;
    let block = block.inner();
    let record = history.record(height).await;
    let (outcomes, events) = match record {
        Some(record) => (Some(record.outcomes), Some(record.events)),
        None if block.transactions().is_empty() => (Some(Vec::new()), Some(Vec::new())),
        None => (None, None),
    };
    Some(FinalizedBlock {
        header: block.header().clone(),
        transactions: block.transactions().to_vec(),
        outcomes,
        events,
    })
}

/// As many waiting transactions as a message holds, each behind its length.
fn gather(first: Vec<u8>, outbox: &mut mpsc::Receiver<Vec<u8>>) -> Vec<u8> {
    let mut message = Vec::new();
    let mut next = Some(first);
    while let Some(transaction) = next {
        let length = u32::try_from(transaction.len()).unwrap_or(u32::MAX);
        message.extend_from_slice(&length.to_le_bytes());
        message.extend_from_slice(&transaction);
        let room = GOSSIP_LENGTH_MAX.saturating_sub(message.len());
        next = (room > llmnet_types::transaction::TRANSACTION_LENGTH_MAX + 4)
            .then(|| outbox.try_recv().ok())
            .flatten();
    }
    message
}

/// The reverse of [`gather`]; ends at the first length that does not fit.
fn transactions(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = message;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (transaction, after) = after.split_at_checked(length)?;
        rest = after;
        Some(transaction)
    })
}
