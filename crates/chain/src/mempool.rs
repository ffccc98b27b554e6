//! Transactions on their way into a block.
//!
//! The ledger's admission check comes before, for what clients submit and for what others hand on; here
//! is what needs no state, and room. Whether a transaction applies is for execution to tell; the proposer
//! drops those that cannot. All validators get every transaction, so whoever leads next has it, of this
//! committee or of the next. Messages may be lost: what was taken in here and is in no block after
//! [`RESEND_AFTER`] is handed on again.
//!
//! Bounds: [`COUNT_MAX`] and [`LENGTH_MAX`] in all, [`SIGNER_MAX`] per signer, [`PEER_MAX`] per validator
//! that hands on, [`AGE_MAX`].

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use commonware_cryptography::{Digestible as _, ed25519, sha256};
use llmnet_types::{
    id::{NetworkId, TransactionId},
    signature::PublicKey,
    transaction::Transaction,
};
use tokio::sync::{Notify, mpsc};

use crate::{
    block::{Block, Body, TRANSACTIONS_LENGTH_MAX, TRANSACTIONS_MAX},
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
/// The most transactions waiting that one validator handed on: it cannot keep the others' out.
const PEER_MAX: usize = 4_096;
/// After this a transaction that was taken in here and is in no block is handed on again.
const RESEND_AFTER: Duration = Duration::from_secs(3);
/// After this a transaction that found no block is forgotten.
const AGE_MAX: Duration = Duration::from_secs(600);

/// The pool, shared by clients, network and proposer.
#[derive(Debug)]
pub(crate) struct Mempool {
    network: NetworkId,
    pool: Mutex<Pool>,
    changed: Notify,
    /// What was submitted here, for the others.
    outbox: mpsc::Sender<Bytes>,
}

/// A transaction that comes in, with its bytes and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) id: TransactionId,
    pub(crate) transaction: Transaction,
    encoded: Bytes,
}

impl From<Transaction> for Arrival {
    fn from(transaction: Transaction) -> Self {
        let encoded = Bytes::from(transaction.encode());
        Self {
            id: TransactionId::of(&encoded),
            transaction,
            encoded,
        }
    }
}

#[derive(Debug)]
struct Pool {
    entries: HashMap<TransactionId, Entry>,
    /// In order of arrival.
    arrivals: BTreeMap<u64, TransactionId>,
    arrivals_next: u64,
    signers: HashMap<PublicKey, BTreeMap<u64, TransactionId>>,
    length: usize,
    /// How many of those waiting each validator handed on.
    handed_on: HashMap<ed25519::PublicKey, usize>,
    last_block: SystemTime,
    /// The highest block known that has transactions, final or not.
    busy_height: u64,
    final_height: u64,
}

#[derive(Debug)]
struct Entry {
    signer: PublicKey,
    nonce: u64,
    encoded: Bytes,
    arrival: u64,
    since: SystemTime,
    origin: Origin,
    place: Place,
}

/// Where a transaction comes from.
#[derive(Debug)]
enum Origin {
    /// From a client of this validator; last handed on then.
    Client { handed_on: SystemTime },
    /// From another validator.
    Peer(ed25519::PublicKey),
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
    pub(crate) fn new(network: NetworkId, outbox: mpsc::Sender<Bytes>, now: SystemTime) -> Self {
        Self {
            network,
            pool: Mutex::new(Pool {
                entries: HashMap::new(),
                arrivals: BTreeMap::new(),
                arrivals_next: 0,
                signers: HashMap::new(),
                length: 0,
                handed_on: HashMap::new(),
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

    /// Whether a transaction waits here already that a client submits. It is this validator's own to bring
    /// about from now on, whoever handed it on first: that one may be gone.
    pub(crate) fn adopt(&self, id: &TransactionId, now: SystemTime) -> bool {
        let mut pool = self.lock();
        let Some(entry) = pool.entries.get_mut(id) else {
            return false;
        };
        let before = match &entry.origin {
            Origin::Client { .. } => return true,
            Origin::Peer(peer) => peer.clone(),
        };
        entry.origin = Origin::Client { handed_on: now };
        let bytes = entry.encoded.clone();
        pool.forget_share(&before);
        drop(pool);
        let _ = self.outbox.try_send(bytes);
        true
    }

    /// Where a transaction stands, for whoever has to understand a failure.
    #[cfg(test)]
    pub(crate) fn place(&self, id: &TransactionId) -> Option<String> {
        let pool = self.lock();
        let entry = pool.entries.get(id)?;
        Some(format!(
            "{:?} from {:?}, blocks known to {} and final to {}",
            entry.place, entry.origin, pool.busy_height, pool.final_height
        ))
    }

    /// Takes in what a client submits and admission has passed, and hands it on to the others.
    pub(crate) fn submit(
        &self,
        arrival: impl Into<Arrival>,
        now: SystemTime,
    ) -> Result<TransactionId, SubmitError> {
        let arrival = arrival.into();
        let (id, bytes) = (arrival.id, arrival.encoded.clone());
        let origin = Origin::Client { handed_on: now };
        if !self.lock().insert(arrival, origin, now)? {
            return Ok(id);
        }
        self.changed.notify_waiters();
        // When the outbox is full the others hear of it later.
        let _ = self.outbox.try_send(bytes);
        Ok(id)
    }

    /// What another validator hands on, if it may be new here.
    pub(crate) fn unknown(&self, bytes: &[u8]) -> Option<Arrival> {
        let id = TransactionId::of(bytes);
        if self.contains(&id) {
            return None;
        }
        let transaction = Transaction::decode(bytes).ok()?;
        let encoded = Bytes::copy_from_slice(bytes);
        (transaction.body.network == self.network).then_some(Arrival {
            id,
            transaction,
            encoded,
        })
    }

    /// Takes in what another validator hands on and admission has passed.
    pub(crate) fn receive(
        &self,
        peer: &ed25519::PublicKey,
        arrival: impl Into<Arrival>,
        now: SystemTime,
    ) {
        let origin = Origin::Peer(peer.clone());
        let result = self.lock().insert(arrival.into(), origin, now);
        match result {
            Ok(_) => self.changed.notify_waiters(),
            Err(error) => {
                tracing::debug!(%error, "a transaction handed on by a peer is not taken in");
            }
        }
    }

    /// What may go into the next block: by arrival, each signer's by nonce, within a block's bounds.
    pub(crate) fn candidates(&self) -> Body {
        // Read anew, so that nobody waits for the lock meanwhile, and nothing is kept twice.
        let encoded = self.lock().candidates().into_iter();
        let read = encoded.filter_map(|bytes| Some((Transaction::decode(&bytes).ok()?, bytes)));
        read.collect()
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
        // The next term waits for the last block of this one.
        if !block.ids().is_empty() || block.header().next_committee.is_some() {
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
        let late = {
            let mut pool = self.lock();
            pool.finalize(block, now);
            pool.late(self.outbox.capacity(), now)
        };
        self.changed.notify_waiters();
        for bytes in late {
            let _ = self.outbox.try_send(bytes);
        }
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
        Arrival {
            id,
            transaction,
            encoded,
        }: Arrival,
        origin: Origin,
        now: SystemTime,
    ) -> Result<bool, SubmitError> {
        if self.entries.contains_key(&id) {
            return Ok(false);
        }
        let of_peer = match &origin {
            Origin::Client { .. } => 0,
            Origin::Peer(peer) => self.handed_on.get(peer).copied().unwrap_or_default(),
        };
        if self.entries.len() >= COUNT_MAX
            || self.length + encoded.len() > LENGTH_MAX
            || of_peer >= PEER_MAX
        {
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
        self.length += encoded.len();
        if let Origin::Peer(peer) = &origin {
            *self.handed_on.entry(peer.clone()).or_default() += 1;
        }
        self.entries.insert(
            id,
            Entry {
                signer,
                nonce,
                encoded,
                arrival,
                since: now,
                origin,
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
        self.length -= entry.encoded.len();
        if let Origin::Peer(peer) = &entry.origin {
            self.forget_share(peer);
        }
        if let Some(nonces) = self.signers.get_mut(&entry.signer) {
            nonces.remove(&entry.nonce);
            if nonces.is_empty() {
                self.signers.remove(&entry.signer);
            }
        }
    }

    /// One transaction fewer waits that this validator handed on.
    fn forget_share(&mut self, peer: &ed25519::PublicKey) {
        if let Some(count) = self.handed_on.get_mut(peer) {
            *count -= 1;
            if *count == 0 {
                self.handed_on.remove(peer);
            }
        }
    }

    /// What was taken in here and is in no block for long, to be handed on again; the oldest first.
    fn late(&mut self, room: usize, now: SystemTime) -> Vec<Bytes> {
        let mut late = Vec::new();
        for id in self.arrivals.values() {
            if late.len() >= room {
                break;
            }
            if let Some(entry) = self.entries.get_mut(id)
                && !matches!(entry.place, Place::InBlock(_))
                && let Origin::Client { handed_on } = &mut entry.origin
                && now
                    .duration_since(*handed_on)
                    .is_ok_and(|since| since >= RESEND_AFTER)
            {
                *handed_on = now;
                late.push(entry.encoded.clone());
            }
        }
        late
    }

    fn candidates(&self) -> Vec<Bytes> {
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
                .entry(entry.signer)
                .or_insert_with_key(|signer| self.signers[signer].values());
            let next = nonces
                .map(|id| &self.entries[id])
                .find(|entry| entry.place == Place::Waiting);
            let Some(next) = next else {
                continue;
            };
            length += next.encoded.len();
            if length > TRANSACTIONS_LENGTH_MAX || taken.len() == TRANSACTIONS_MAX {
                break;
            }
            taken.push(next.encoded.clone());
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
                    lost.push(entry.signer);
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
