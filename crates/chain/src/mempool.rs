//! Transactions on their way into a block.
//!
//! The ledger's admission check comes before; here is what needs no state, and room. Whether a
//! transaction applies is for execution to tell; the proposer drops those that cannot. Everybody gets
//! every transaction, so whoever leads has it.
//!
//! Bounds: [`COUNT_MAX`] and [`LENGTH_MAX`] in all, [`SIGNER_MAX`] per signer, [`AGE_MAX`].

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use commonware_cryptography::{Digestible as _, sha256};
use llmnet_types::{
    codec,
    id::{NetworkId, TransactionId},
    signature::PublicKey,
    transaction::{TRANSACTION_LENGTH_MAX, Transaction},
};
use tokio::sync::{Notify, mpsc};

use crate::{
    block::{Block, TRANSACTIONS_LENGTH_MAX, TRANSACTIONS_MAX},
    client::SubmitError,
    config::Pacing,
};

/// What keeps a transaction out of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Can never apply, or its signer cannot pay.
    Never,
    /// An earlier nonce is missing.
    Early,
}

/// The most transactions waiting.
const COUNT_MAX: usize = 16_384;
/// The most bytes waiting.
const LENGTH_MAX: usize = 32 << 20;
/// The most transactions of one signer waiting.
const SIGNER_MAX: usize = 256;
/// After this a transaction that found no block is forgotten.
const AGE_MAX: Duration = Duration::from_secs(600);

/// The pool, shared by clients, network and proposer.
#[derive(Debug)]
pub(crate) struct Mempool {
    network: NetworkId,
    pool: Mutex<Pool>,
    changed: Notify,
    /// What was submitted here, for the others.
    outbox: mpsc::Sender<Vec<u8>>,
}

#[derive(Debug)]
struct Pool {
    entries: HashMap<TransactionId, Entry>,
    /// In order of arrival.
    arrivals: BTreeMap<u64, TransactionId>,
    arrivals_next: u64,
    signers: HashMap<PublicKey, BTreeMap<u64, TransactionId>>,
    length: usize,
    last_block: SystemTime,
    /// The highest block known that has transactions, final or not.
    busy_height: u64,
    final_height: u64,
}

#[derive(Debug)]
struct Entry {
    transaction: Transaction,
    length: usize,
    arrival: u64,
    since: SystemTime,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// May go into the next block.
    Waiting,
    /// Is in a block of this height that is not final yet.
    InBlock(u64),
    /// Waits for an earlier transaction of the same signer.
    Early,
    /// Can never apply, should this block become final.
    Unfit(u64, sha256::Digest),
}

impl Mempool {
    pub(crate) fn new(network: NetworkId, outbox: mpsc::Sender<Vec<u8>>, now: SystemTime) -> Self {
        Self {
            network,
            pool: Mutex::new(Pool {
                entries: HashMap::new(),
                arrivals: BTreeMap::new(),
                arrivals_next: 0,
                signers: HashMap::new(),
                length: 0,
                last_block: now,
                busy_height: 0,
                final_height: 0,
            }),
            changed: Notify::new(),
            outbox,
        }
    }

    pub(crate) const fn network(&self) -> NetworkId {
        self.network
    }

    /// Whether a transaction waits here, or is in a block that is not final yet.
    pub(crate) fn contains(&self, id: &TransactionId) -> bool {
        self.lock().entries.contains_key(id)
    }

    /// Takes in what a client submits and admission has passed, and hands it on to the others.
    pub(crate) fn submit(
        &self,
        transaction: Transaction,
        now: SystemTime,
    ) -> Result<TransactionId, SubmitError> {
        let bytes = codec::encode(&transaction);
        let id = transaction.id();
        if !self.lock().insert(id, transaction, bytes.len(), now)? {
            return Ok(id);
        }
        self.changed.notify_waiters();
        // When the outbox is full the others hear of it as soon as this validator leads.
        let _ = self.outbox.try_send(bytes);
        Ok(id)
    }

    /// Takes in what another validator hands on, which is checked as far as no state is needed.
    pub(crate) fn receive(&self, bytes: &[u8], now: SystemTime) {
        let Ok(transaction) = codec::decode::<Transaction>(bytes, TRANSACTION_LENGTH_MAX) else {
            return;
        };
        let id = transaction.id();
        if transaction.body.network != self.network
            || self.contains(&id)
            || !transaction.is_signed()
        {
            return;
        }
        match self.lock().insert(id, transaction, bytes.len(), now) {
            Ok(_) => self.changed.notify_waiters(),
            Err(error) => {
                tracing::debug!(%error, "a transaction handed on by a peer is not taken in");
            }
        }
    }

    /// What may go into the next block: by arrival, each signer's by nonce, within a block's bounds.
    pub(crate) fn candidates(&self) -> Vec<Transaction> {
        self.lock().candidates()
    }

    /// Learns from the proposer what was left out of a block after this parent.
    ///
    /// The parent may lose yet, and what it did with it: only once it is final is anything unfit for good.
    pub(crate) fn unfit(&self, parent: &Block, found: &[(TransactionId, Unfit)]) {
        let height = parent.header().height.0;
        let mut pool = self.lock();
        let is_final = height <= pool.final_height;
        for (id, unfit) in found {
            if *unfit == Unfit::Never && is_final {
                pool.remove(id);
            } else if let Some(entry) = pool.entries.get_mut(id) {
                entry.place = match unfit {
                    Unfit::Never => Place::Unfit(height, parent.digest()),
                    Unfit::Early => Place::Early,
                };
            }
        }
    }

    /// Learns of a valid block that is not final yet.
    pub(crate) fn saw(&self, block: &Block, now: SystemTime) {
        let height = block.header().height.0;
        let mut pool = self.lock();
        pool.last_block = now;
        if !block.ids().is_empty() {
            pool.busy_height = pool.busy_height.max(height);
        }
        for id in block.ids() {
            if let Some(entry) = pool.entries.get_mut(id) {
                entry.place = Place::InBlock(height);
            }
        }
        drop(pool);
        self.changed.notify_waiters();
    }

    /// Learns of a final block: what it holds is done, what lost against it waits again.
    pub(crate) fn finalize(&self, block: &Block, now: SystemTime) {
        self.lock().finalize(block, now);
        self.changed.notify_waiters();
    }

    /// How long the next proposal should wait; zero when it is due.
    ///
    /// Busy is who has transactions, and who has an unfinished block of them: consensus finalizes some
    /// blocks only with their child, so the child comes at once.
    pub(crate) fn until_due(&self, pacing: Pacing, now: SystemTime) -> Duration {
        let pool = self.lock();
        let busy = pool.busy_height > pool.final_height
            || pool
                .entries
                .values()
                .any(|entry| entry.place == Place::Waiting);
        let interval = if busy {
            pacing.block_interval
        } else {
            pacing.idle_interval
        };
        // A clock that was set back no longer tells how long ago the last block was: one comes too early
        // then, and begins a new count. To wait for the clock would stop this validator's turns.
        now.duration_since(pool.last_block)
            .map_or(Duration::ZERO, |elapsed| interval.saturating_sub(elapsed))
    }

    /// Resolves when anything above may have changed after this call.
    pub(crate) fn changed(&self) -> impl Future<Output = ()> + '_ {
        let mut notified = Box::pin(self.changed.notified());
        notified.as_mut().enable();
        notified
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        // A panic elsewhere leaves at worst a stale entry.
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    /// Whether it is new.
    fn insert(
        &mut self,
        id: TransactionId,
        transaction: Transaction,
        length: usize,
        now: SystemTime,
    ) -> Result<bool, SubmitError> {
        if self.entries.contains_key(&id) {
            return Ok(false);
        }
        if self.entries.len() >= COUNT_MAX || self.length + length > LENGTH_MAX {
            return Err(SubmitError::Full);
        }
        let (signer, nonce) = (transaction.body.signer, transaction.body.nonce);
        let nonces = self.signers.entry(signer).or_default();
        if nonces.contains_key(&nonce) {
            return Err(SubmitError::NonceTaken { signer, nonce });
        }
        if nonces.len() >= SIGNER_MAX {
            return Err(SubmitError::SignerFull {
                signer,
                limit: SIGNER_MAX,
            });
        }
        nonces.insert(nonce, id);
        // The missing one may be this.
        self.wake(&signer);
        let arrival = self.arrivals_next;
        self.arrivals_next += 1;
        self.arrivals.insert(arrival, id);
        self.length += length;
        self.entries.insert(
            id,
            Entry {
                transaction,
                length,
                arrival,
                since: now,
                place: Place::Waiting,
            },
        );
        Ok(true)
    }

    /// Lets a signer's early ones try again.
    fn wake(&mut self, signer: &PublicKey) {
        for id in self
            .signers
            .get(signer)
            .into_iter()
            .flat_map(BTreeMap::values)
        {
            if let Some(entry) = self.entries.get_mut(id)
                && entry.place == Place::Early
            {
                entry.place = Place::Waiting;
            }
        }
    }

    fn remove(&mut self, id: &TransactionId) {
        let Some(entry) = self.entries.remove(id) else {
            return;
        };
        self.arrivals.remove(&entry.arrival);
        self.length -= entry.length;
        let body = &entry.transaction.body;
        if let Some(nonces) = self.signers.get_mut(&body.signer) {
            nonces.remove(&body.nonce);
            if nonces.is_empty() {
                self.signers.remove(&body.signer);
            }
        }
    }

    fn candidates(&self) -> Vec<Transaction> {
        let mut by_signer: HashMap<PublicKey, _> = HashMap::new();
        let mut taken = Vec::new();
        let mut length = 0;
        for id in self.arrivals.values() {
            let entry = &self.entries[id];
            if entry.place != Place::Waiting {
                continue;
            }
            // Each arrival of a signer makes room for that signer's lowest nonce not yet taken.
            let nonces = by_signer
                .entry(entry.transaction.body.signer)
                .or_insert_with_key(|signer| self.signers[signer].values());
            let next = nonces
                .map(|id| &self.entries[id])
                .find(|entry| entry.place == Place::Waiting);
            let Some(next) = next else {
                continue;
            };
            length += next.length;
            if length > TRANSACTIONS_LENGTH_MAX || taken.len() == TRANSACTIONS_MAX {
                break;
            }
            taken.push(next.transaction.clone());
        }
        taken
    }

    fn finalize(&mut self, block: &Block, now: SystemTime) {
        let height = block.header().height.0;
        self.final_height = self.final_height.max(height);
        self.last_block = now;
        for transaction in block.transactions() {
            self.wake(&transaction.body.signer);
            let body = &transaction.body;
            let done: Vec<TransactionId> = self
                .signers
                .get(&body.signer)
                .into_iter()
                .flat_map(|nonces| nonces.range(..=body.nonce).map(|(_, id)| *id))
                .collect();
            for id in done {
                self.remove(&id);
            }
        }
        let mut old = Vec::new();
        let mut lost = Vec::new();
        for (id, entry) in &mut self.entries {
            match entry.place {
                Place::Unfit(at, digest) if at == height && digest == block.digest() => {
                    old.push(*id);
                }
                Place::InBlock(at) | Place::Unfit(at, _) if at <= height => {
                    entry.place = Place::Waiting;
                    lost.push(entry.transaction.body.signer);
                }
                _ => {}
            }
            if now
                .duration_since(entry.since)
                .is_ok_and(|age| age > AGE_MAX)
            {
                old.push(*id);
            }
        }
        for signer in lost {
            self.wake(&signer);
        }
        for id in old {
            self.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests;
