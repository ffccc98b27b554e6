//! The ledger as the engine's application: proposes, checks and executes blocks.
//!
//! Proposing and checking run the same code. A block that was executed is remembered until it is
//! final, as only execution tells outcomes and events.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use commonware_consensus::marshal::ancestry::Ancestry;
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_cryptography::{Digestible as _, sha256};
use commonware_glue::stateful::{
    self, Finality, Input, Proposed,
    db::{Reader, Unmerkleized as _},
};
use commonware_storage::{mmr, qmdb::sync::Target};
use commonware_utils::non_empty_range;
use futures::StreamExt as _;
use llmnet_ledger::{BlockInfo, Execution, Key};
use llmnet_types::{
    block::Header,
    id::{Digest, NetworkId, TransactionId},
    network::Committee,
    rejection::Rejection,
    signature::{Batch as SignatureBatch, Known as Signatures, PublicKey},
    transaction::{Outcome, Transaction},
    units::{Height, Term},
};
use tokio::sync::watch;

use crate::{
    beacon::Beacon,
    block::{Block, Body, RoundContext},
    client::Tip,
    execution::{self, load},
    history::{History, Record},
    mempool::{Mempool, Unfit},
    query::{HotKeys, Known, StateView},
    runtime::{Runtime, unix_ms},
    store::{Batch, Databases, Qmdb, Roots, Sealed, database_key, height_mark},
};

/// Executed blocks remembered. Those not final are few.
const EXECUTED_MAX: usize = 256;
/// Signatures remembered: those of a few full blocks.
const SIGNATURES_MAX: usize = 8192;

/// The application. Clones share everything.
pub(crate) struct Application<E: Runtime> {
    shared: Arc<Shared<E>>,
}

impl<E: Runtime> Clone for Application<E> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

struct Shared<E: Runtime> {
    network: NetworkId,
    genesis: Block,
    mempool: Arc<Mempool>,
    history: Arc<History<E>>,
    tip: watch::Sender<Tip>,
    beacon: Arc<Beacon>,
    epoch_length: u64,
    executed: Mutex<HashMap<sha256::Digest, (Height, Record)>>,
    hot: Mutex<HotKeys>,
    /// Found good, when proposed or checked; a block may come again in another view.
    signatures: Mutex<Signatures>,
}

impl<E: Runtime> Application<E> {
    pub(crate) fn new(
        network: NetworkId,
        genesis: Block,
        mempool: Arc<Mempool>,
        history: Arc<History<E>>,
        tip: watch::Sender<Tip>,
        beacon: Arc<Beacon>,
        epoch_length: u64,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                network,
                genesis,
                mempool,
                history,
                tip,
                beacon,
                epoch_length,
                executed: Mutex::default(),
                hot: Mutex::default(),
                signatures: Mutex::new(Signatures::new(SIGNATURES_MAX)),
            }),
        }
    }

    async fn execute(
        &self,
        batch: &Batch<E>,
        known: &mut Known,
        info: &BlockInfo,
        transactions: &[Transaction],
    ) -> Execution {
        let shared = &self.shared;
        let learn = |missing: &[Key]| lock(&shared.hot).learn(missing);
        let hold = |signatures| shared.hold(signatures);
        execution::execute(batch, known, learn, hold, info, transactions).await
    }

    /// What blocks have used that no block names, and what any block needs that we propose.
    async fn known(&self, batch: &Batch<E>) -> Known {
        let mut known = Known::new();
        let mut keys = lock(&self.shared.hot).all();
        keys.push(self.shared.beacon.key());
        load(batch, &mut known, keys).await;
        known
    }

    /// What a block of ours at this height reveals.
    fn reveal(&self, known: &Known, height: Height) -> Option<Digest> {
        let epoch = height.epoch(self.shared.epoch_length);
        self.shared.beacon.next(&StateView::new(known), epoch)
    }

    /// Executes candidates, leaving out those that would be in the block for nothing.
    async fn select(
        &self,
        batch: &Batch<E>,
        mut known: Known,
        parent: &Block,
        info: &BlockInfo,
        mut body: Body,
    ) -> (Body, Execution) {
        loop {
            let transactions = body.transactions();
            let execution = self.execute(batch, &mut known, info, transactions).await;
            let verdicts: Vec<Option<Unfit>> = execution.outcomes.iter().map(unfit).collect();
            let found = body.ids().iter().zip(&verdicts);
            let found = found.filter_map(|(id, unfit)| Some((*id, (*unfit)?)));
            let found: Vec<(TransactionId, Unfit)> = found.collect();
            if found.is_empty() {
                return (body, execution);
            }
            self.shared.mempool.unfit(parent, &found);
            body = body.retain(|place| verdicts.get(place) == Some(&None));
        }
    }
}

/// Which log of changes a header commits to (BLK-2). The header has to be one of a [`Block`], whose range is not empty.
pub(crate) fn sync_target(header: &Header) -> Target<mmr::Family, sha256::Digest> {
    let range = non_empty_range!(
        mmr::Location::new(header.operations_start),
        mmr::Location::new(header.operations_end)
    );
    Target::new(sha256::Digest(header.operations.0), range)
}

/// What the ledger is told of a block.
const fn block_info(header: &Header) -> BlockInfo {
    BlockInfo {
        network: header.network,
        height: header.height,
        leader: header.leader,
        reveal: header.reveal,
    }
}

/// Whom a header names as the next committee.
fn next_committee(execution: &Execution) -> Option<Digest> {
    execution.next_committee.as_ref().map(Committee::digest)
}

/// Whether a transaction has no business in a block. Who is charged has, even if refused.
pub(crate) fn unfit(outcome: &Outcome) -> Option<Unfit> {
    let Outcome::Rejected { fee, reason } = outcome else {
        return None;
    };
    match reason {
        Rejection::Nonce { expected, found } if found > expected => Some(Unfit::Early),
        _ => (fee.0 == 0 && is_inadmissible(reason)).then_some(Unfit::Never),
    }
}

/// Whether a block with such a transaction is invalid: nobody pays for these, so they would be a way to
/// fill blocks for free.
fn is_inadmissible(reason: &Rejection) -> bool {
    matches!(
        reason,
        Rejection::Network
            | Rejection::Signature
            | Rejection::Nonce { .. }
            | Rejection::TooLarge
            | Rejection::Overflow
            | Rejection::Balance { .. }
    )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each of these is whole after any single change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn seal<E: Runtime>(mut batch: Batch<E>, height: Height, execution: &Execution) -> Sealed<E> {
    for (key, value) in &execution.writes {
        batch = batch.write(database_key(key), value.clone().map(Into::into));
    }
    batch
        .with_metadata(height_mark(height.0))
        .merkleize()
        .await
        .expect("state can be read")
}

impl<E: Runtime> Shared<E> {
    /// Whether all of these hold.
    fn hold(&self, signatures: SignatureBatch) -> bool {
        let unknown = lock(&self.signatures).unknown(signatures);
        let hold = unknown.holds();
        if hold {
            lock(&self.signatures).learn(&unknown);
        }
        hold
    }

    fn remember(&self, block: &Block, execution: Execution) {
        let record = Record {
            ids: block.ids().to_vec(),
            outcomes: execution.outcomes,
            events: execution.events,
        };
        let mut executed = lock(&self.executed);
        if executed.len() >= EXECUTED_MAX {
            let final_height = self.tip.borrow().height();
            executed.retain(|_, (height, _)| *height > final_height);
        }
        executed.insert(block.digest(), (block.header().height, record));
    }

    fn recall(&self, block: &Block) -> Option<Record> {
        let mut executed = lock(&self.executed);
        let (_, record) = executed.remove(&block.digest())?;
        let height = block.header().height;
        executed.retain(|_, (other, _)| *other > height);
        Some(record)
    }
}

impl<E: Runtime> stateful::Application<E> for Application<E> {
    type SigningScheme = Scheme;
    type Context = RoundContext;
    type Block = Block;
    type Databases = Databases<E>;
    type Captured = ();
    type Provider = ();
    type Input = ();

    fn sync_targets(block: &Block) -> Target<mmr::Family, sha256::Digest> {
        sync_target(block.header())
    }

    async fn genesis(&mut self) -> Block {
        self.shared.genesis.clone()
    }

    async fn propose(
        &mut self,
        (runtime, context): (E, RoundContext),
        ancestry: impl Ancestry<Block>,
        batch: Batch<E>,
        _: Input<(), ()>,
    ) -> Option<Proposed<Self, E>> {
        let parent = Box::pin(ancestry).next().await?;
        let parent = parent.inner();
        let height = Height(parent.header().height.0 + 1);
        let known = self.known(&batch).await;
        let info = BlockInfo {
            network: self.shared.network,
            height,
            leader: PublicKey(context.leader.as_ref().try_into().ok()?),
            reveal: self.reveal(&known, height),
        };
        let candidates = self.shared.mempool.candidates();
        let (body, execution) = self.select(&batch, known, parent, &info, candidates).await;
        let sealed = seal(batch, height, &execution).await;
        let roots = Roots::of(&sealed);
        let header = Header {
            network: self.shared.network,
            term: Term(context.round.epoch().get()),
            view: context.round.view().get(),
            leader: info.leader,
            parent_view: context.parent.0.get(),
            parent: Digest(context.parent.1.0),
            height,
            timestamp_ms: unix_ms(runtime.wall_clock())
                .max(parent.header().timestamp_ms.saturating_add(1)),
            transactions: body.root(),
            state: roots.state,
            operations: roots.operations,
            operations_start: roots.operations_start,
            operations_end: roots.operations_end,
            settlements: execution.settlements_root,
            reveal: info.reveal,
            next_committee: next_committee(&execution),
        };
        let block = Block::new(header, body)?;
        self.shared.remember(&block, execution);
        self.shared.mempool.saw(&block, runtime.current());
        Some(Proposed {
            block,
            merkleized: sealed,
        })
    }

    async fn process(
        &mut self,
        (runtime, _): (E, RoundContext),
        ancestry: impl Ancestry<Block>,
        batch: Batch<E>,
        finality: Finality,
    ) -> Option<Sealed<E>> {
        let mut ancestry = Box::pin(ancestry);
        let block = ancestry.next().await?.inner().clone();
        let header = block.header();
        let candidate = finality == Finality::Candidate;
        if candidate {
            // Nothing here may depend on this validator: all must come to the same verdict, for good.
            let parent = ancestry.next().await?;
            let parent = parent.inner().header();
            let follows = header.network == self.shared.network
                && header.height.0 == parent.height.0 + 1
                && header.timestamp_ms > parent.timestamp_ms;
            // Its transactions are its header's, or it would not have been read.
            if !follows {
                return None;
            }
        }
        let mut known = self.known(&batch).await;
        let execution = self
            .execute(
                &batch,
                &mut known,
                &block_info(header),
                block.transactions(),
            )
            .await;
        if candidate
            && execution
                .outcomes
                .iter()
                .any(|outcome| unfit(outcome).is_some())
        {
            return None;
        }
        let sealed = seal(batch, header.height, &execution).await;
        // The engine compares the other roots itself.
        let agrees = header.state == Roots::of(&sealed).state
            && header.settlements == execution.settlements_root
            && header.next_committee == next_committee(&execution)
            && execution.fault.is_none();
        if !agrees {
            return None;
        }
        self.shared.remember(&block, execution);
        self.shared.mempool.saw(&block, runtime.current());
        Some(sealed)
    }

    async fn capture(
        &mut self,
        _: (E, RoundContext),
        block: &Block,
        _: &Sealed<E>,
        _: Reader<Qmdb<E>>,
    ) {
        // Before the state has the block: once it does, a validator that starts again executes the block
        // no more, and what became of its transactions would be lost.
        if let Some(record) = self.shared.recall(block) {
            self.shared
                .history
                .keep(block.header().height, block.digest(), record)
                .await;
        }
    }

    async fn finalized(
        &mut self,
        (runtime, _): (E, RoundContext),
        block: &Block,
        (): (),
        _: Reader<Qmdb<E>>,
    ) {
        self.shared.mempool.finalize(block, runtime.current());
        self.shared.tip.send_replace(Tip {
            header: block.header().clone(),
            digest: Digest(block.digest().0),
        });
    }
}
