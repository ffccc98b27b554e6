//! The same chain in one process, without consensus: each transaction is final at once.
//!
//! For tests of what stands above. Its committee is one key, whose certificates are the engine's own,
//! so that proofs verify as in a network. State is in memory, and its root a chain of digests: nothing
//! can be proven of single keys, which nobody asks for yet.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use commonware_consensus::{
    simplex::{
        scheme::ed25519::Scheme,
        types::{Finalization, Finalize, Proposal},
    },
    types::{Epoch, Round, View},
};
use commonware_cryptography::sha256;
use commonware_parallel::Sequential;
use commonware_utils::non_empty;
use llmnet_ledger::{
    BlockInfo, Event, Execution, Genesis, Key, MemoryState, State as _, admissible, execute,
};
use llmnet_types::{
    block::Header,
    certificate::{FinalityCertificate, namespace},
    codec,
    id::{Digest, NetworkId, TransactionId},
    network::Committee,
    signature::PrivateKey,
    succession::HandOver,
    transaction::{Outcome, Transaction},
    units::{Height, Term},
};
use tokio::sync::watch;

use crate::{
    application::unfit,
    block::{engine_key, transactions_root},
    client::{ChainClient, ChainError, FinalizedBlock, Inclusion, SubmitError, Tip},
    finality,
    mempool::Unfit,
    runtime::unix_ms,
    service::genesis_header,
    setup::engine_seed,
    store::Roots,
};

/// The most transactions that wait for an earlier nonce.
const WAITING_MAX: usize = 1024;

/// Why a chain cannot be run alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SoloError {
    /// The genesis has other validators than the one key.
    #[error("the genesis must have the given key as its only validator")]
    NotAlone,
}

/// A chain of one process.
#[derive(Debug)]
pub struct Solo {
    network: NetworkId,
    term_length: u64,
    committee: Committee,
    scheme: Scheme,
    chain: Mutex<Chain>,
    tip: watch::Sender<Tip>,
}

#[derive(Debug)]
struct Chain {
    state: MemoryState,
    blocks: Vec<Block>,
    places: HashMap<TransactionId, (usize, usize)>,
    /// Transactions whose earlier nonces are missing.
    waiting: Vec<Transaction>,
}

#[derive(Debug)]
struct Block {
    header: Header,
    transactions: Vec<Transaction>,
    outcomes: Vec<Outcome>,
    events: Vec<Event>,
}

impl Solo {
    /// Begins a chain whose only validator is the key of this seed.
    ///
    /// # Errors
    /// The genesis has other validators.
    pub fn new(genesis: &Genesis, seed: [u8; 32]) -> Result<Self, SoloError> {
        let root = genesis.root();
        let network = root.id();
        let key = PrivateKey::from_seed(seed).public_key();
        let member = engine_key(&key).filter(|_| root.committee.keys() == [key]);
        let scheme = member
            .and_then(|member| {
                let committee = vec![member].try_into().ok()?;
                Scheme::signer(&namespace(&network), committee, engine_seed(seed))
            })
            .ok_or(SoloError::NotAlone)?;
        let term_length = genesis.params.term_length();
        let mut state = MemoryState::default();
        let writes = genesis.writes();
        state.apply(&writes);
        let header = genesis_header(genesis, roots(Digest::ZERO, 0, &writes));
        let (tip, _) = watch::channel(Tip {
            digest: header.digest(),
            header: header.clone(),
        });
        let genesis = Block {
            header,
            transactions: Vec::new(),
            outcomes: Vec::new(),
            events: Vec::new(),
        };
        Ok(Self {
            network,
            term_length,
            committee: root.committee,
            scheme,
            chain: Mutex::new(Chain {
                state,
                blocks: vec![genesis],
                places: HashMap::new(),
                waiting: Vec::new(),
            }),
            tip,
        })
    }

    /// Makes so many more blocks, of whatever waits or of nothing, as time does on a network.
    pub fn advance(&self, blocks: u64) {
        let mut chain = self.chain();
        for _ in 0..blocks {
            let transactions = std::mem::take(&mut chain.waiting);
            self.extend(&mut chain, transactions);
        }
    }

    fn chain(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a block of those that fit; keeps those that are early.
    fn extend(&self, chain: &mut Chain, mut transactions: Vec<Transaction>) {
        let parent = chain.tip().header.clone();
        let height = Height(parent.height.0 + 1);
        // Its one validator must have no part in the beacon: there would be nothing to mix.
        let info = BlockInfo {
            network: self.network,
            height,
            leader: parent.leader,
            reveal: None,
        };
        let execution = loop {
            let execution = execute(&chain.state, &info, &transactions);
            let mut fits = execution.outcomes.iter().map(unfit);
            if fits.clone().all(|unfit| unfit.is_none()) {
                break execution;
            }
            let mut early = Vec::new();
            transactions.retain(|transaction| match fits.next().flatten() {
                None => true,
                Some(Unfit::Never) => false,
                Some(Unfit::Early) => {
                    early.push(transaction.clone());
                    false
                }
            });
            chain.waiting.append(&mut early);
        };
        self.append(chain, &parent, transactions, execution);
    }

    fn append(
        &self,
        chain: &mut Chain,
        parent: &Header,
        transactions: Vec<Transaction>,
        execution: Execution,
    ) {
        chain.state.apply(&execution.writes);
        let roots = roots(parent.state, parent.height.0 + 1, &execution.writes);
        let height = parent.height.0 + 1;
        let header = Header {
            term: Term(height.checked_div(self.term_length).unwrap_or(0)),
            view: parent.view + 1,
            parent_view: parent.view,
            parent: parent.digest(),
            height: Height(height),
            timestamp_ms: unix_ms(SystemTime::now()).max(parent.timestamp_ms + 1),
            transactions: transactions_root(&transactions),
            state: roots.state,
            operations: roots.operations,
            operations_start: roots.operations_start,
            operations_end: roots.operations_end,
            settlements: execution.settlements_root,
            next_committee: execution.next_committee.as_ref().map(Committee::digest),
            ..parent.clone()
        };
        let block = chain.blocks.len();
        for (index, transaction) in transactions.iter().enumerate() {
            chain.places.insert(transaction.id(), (block, index));
        }
        let tip = Tip {
            digest: header.digest(),
            header: header.clone(),
        };
        chain.blocks.push(Block {
            header,
            transactions,
            outcomes: execution.outcomes,
            events: execution.events,
        });
        self.tip.send_replace(tip);
    }

    fn certify(&self, header: &Header) -> Option<FinalityCertificate> {
        let round = Round::new(Epoch::new(header.term.0), View::new(header.view));
        let payload = sha256::Digest(header.digest().0);
        let proposal = Proposal::new(round, View::new(header.parent_view), payload);
        let vote = Finalize::sign(&self.scheme, proposal)?;
        let finalization =
            Finalization::from_finalizes(&self.scheme, non_empty![&vote], &Sequential).ok()?;
        finality::certificate(&finalization, header)
    }
}

/// A chain of digests over all changes so far, which stands for the state.
fn roots(before: Digest, height: u64, writes: &llmnet_ledger::Writes) -> Roots {
    let changes: Vec<u8> = writes
        .iter()
        .flat_map(|write| codec::encode(&write))
        .collect();
    Roots {
        state: Digest::tagged("llmnet/solo-state/1", &[&before.0, &changes]),
        operations: Digest::ZERO,
        operations_start: 0,
        operations_end: height + 1,
    }
}

impl Chain {
    fn tip(&self) -> &Block {
        self.blocks.last().expect("block 0 is always there")
    }

    fn block(&self, height: Height) -> Option<&Block> {
        self.blocks.get(usize::try_from(height.0).ok()?)
    }

    fn find(&self, id: &TransactionId) -> Option<Inclusion> {
        let (block, index) = *self.places.get(id)?;
        let block = self.blocks.get(block)?;
        Some(Inclusion {
            height: block.header.height,
            index: u32::try_from(index).ok()?,
            outcome: block.outcomes.get(index)?.clone(),
        })
    }
}

#[async_trait]
impl ChainClient for Solo {
    async fn submit(&self, transaction: Transaction) -> Result<TransactionId, SubmitError> {
        let id = transaction.id();
        let mut chain = self.chain();
        if chain.places.contains_key(&id) || chain.waiting.contains(&transaction) {
            return Ok(id);
        }
        let height = chain.tip().header.height;
        admissible(&chain.state, &self.network, &transaction, height)?;
        if chain.waiting.len() >= WAITING_MAX {
            return Err(SubmitError::Full);
        }
        let mut transactions = std::mem::take(&mut chain.waiting);
        transactions.push(transaction);
        transactions.sort_by_key(|transaction| transaction.body.nonce);
        self.extend(&mut chain, transactions);
        Ok(id)
    }

    fn tip(&self) -> watch::Receiver<Tip> {
        self.tip.subscribe()
    }

    async fn read(&self, keys: &[Key]) -> Result<(Height, Vec<Option<Vec<u8>>>), ChainError> {
        let chain = self.chain();
        let values = keys.iter().map(|key| chain.state.get(key)).collect();
        Ok((chain.tip().header.height, values))
    }

    async fn block(&self, height: Height) -> Result<Option<FinalizedBlock>, ChainError> {
        Ok(self.chain().block(height).map(|block| FinalizedBlock {
            header: block.header.clone(),
            transactions: block.transactions.clone(),
            outcomes: Some(block.outcomes.clone()),
            events: Some(block.events.clone()),
        }))
    }

    async fn certificate(&self, height: Height) -> Result<Option<FinalityCertificate>, ChainError> {
        let header = self.chain().block(height).map(|block| block.header.clone());
        Ok(header
            .filter(|header| header.height.0 > 0)
            .and_then(|header| self.certify(&header)))
    }

    async fn hand_over(&self, term: Term) -> Result<Option<HandOver>, ChainError> {
        let last = (term.0.saturating_add(1)).saturating_mul(self.term_length);
        let last = Height(last.saturating_sub(1));
        let header = self.chain().block(last).map(|block| block.header.clone());
        // Nobody can follow another key.
        let stays = header.filter(|header| header.next_committee == Some(self.committee.digest()));
        Ok(stays.and_then(|header| {
            Some(HandOver {
                certificate: self.certify(&header)?,
                header,
                next: self.committee.clone(),
            })
        }))
    }

    async fn outcome(
        &self,
        id: TransactionId,
        wait: Duration,
    ) -> Result<Option<Inclusion>, ChainError> {
        let deadline = tokio::time::Instant::now() + wait;
        let mut tip = self.tip.subscribe();
        loop {
            if let Some(found) = self.chain().find(&id) {
                return Ok(Some(found));
            }
            // The sender is ours, so it does not close.
            if tokio::time::timeout_at(deadline, tip.changed())
                .await
                .is_err()
            {
                return Ok(None);
            }
        }
    }
}
