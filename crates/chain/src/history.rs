//! What became of transactions: outcomes and events of executed blocks.
//!
//! The state holds only what is current, so this is kept beside it, in an archive by height. It is not
//! part of consensus: a block that finality reaches twice, after a crash, is written once.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Mutex as SyncMutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use commonware_codec::RangeCfg;
use commonware_cryptography::sha256;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_storage::{
    archive::{Archive as _, Identifier, prunable},
    translator::TwoCap,
};
use llmnet_ledger::Event;
use llmnet_types::{codec, id::TransactionId, transaction::Outcome, units::Height};
use tokio::sync::Mutex;

use crate::{client::Inclusion, config::Keep, runtime::Runtime, store::archive_config};

/// Blocks, certificates and outcomes kept where nobody says otherwise: three days of a quiet network. The archives'
/// indexes are in memory, about a hundred bytes a block; and each 4096 blocks are six open files, of which many systems
/// allow a process 1024. Who was away for longer cannot catch up, and takes over the others' state.
pub(crate) const BLOCKS_KEPT: usize = 1 << 18;
/// The most transactions that can be looked up by id, the newest ones.
const INDEX_MAX: usize = 1 << 16;
/// The most bytes of one block's record.
const RECORD_LENGTH_MAX: usize = 16 << 20;

type Archive<E> = prunable::Archive<TwoCap, E, sha256::Digest, Bytes>;

/// What execution said of a block.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub(crate) struct Record {
    pub(crate) ids: Vec<TransactionId>,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) events: Vec<Event>,
}

/// The records, and where each transaction is.
pub(crate) struct History<E: Runtime> {
    /// Empty only while it is written to; the archive is consumed and returned by each write.
    archive: Mutex<Option<Archive<E>>>,
    index: SyncMutex<Index>,
    keep: Keep,
    /// Records before this height were dropped.
    oldest: AtomicU64,
}

#[derive(Default)]
struct Index {
    places: HashMap<TransactionId, (Height, u32)>,
    order: VecDeque<TransactionId>,
}

impl<E: Runtime> History<E> {
    /// Opens the archive and reads the newest records back into the index.
    pub(crate) async fn open(context: &E, cache: CacheRef, keep: Keep) -> Result<Self, String> {
        let failed = |error| format!("the archive of outcomes fails: {error}");
        let range = RangeCfg::from(..=RECORD_LENGTH_MAX);
        let archive: Archive<E> = prunable::Archive::init(
            context.child("history"),
            archive_config("history", cache, range),
        )
        .await
        .map_err(failed)?;
        let mut newest = Vec::new();
        let mut count = 0;
        let ranges: Vec<(u64, u64)> = archive.ranges().collect();
        let last = ranges.last().map_or(0, |(_, last)| *last);
        'all: for (first, last) in ranges.into_iter().rev() {
            for height in (first..=last).rev() {
                let bytes = archive
                    .get(Identifier::Index(height))
                    .await
                    .map_err(failed)?;
                let Some(record) = bytes.and_then(|bytes| decode(&bytes)) else {
                    continue;
                };
                count += record.ids.len();
                newest.push((Height(height), record.ids));
                if count >= INDEX_MAX {
                    break 'all;
                }
            }
        }
        let mut index = Index::default();
        for (height, ids) in newest.iter().rev() {
            index.add(*height, ids);
        }
        Ok(Self {
            archive: Mutex::new(Some(archive)),
            index: SyncMutex::new(index),
            oldest: AtomicU64::new(keep.oldest(last)),
            keep,
        })
    }

    /// Keeps a final block's record, durably before this returns. Blocks in which nothing happened
    /// leave none.
    pub(crate) async fn keep(&self, height: Height, digest: sha256::Digest, record: Record) {
        if record.ids.is_empty() && record.events.is_empty() {
            return;
        }
        let bytes = Bytes::from(codec::encode(&record));
        let mut slot = self.archive.lock().await;
        if let Some(archive) = slot.take() {
            // The engine's contract: storage that fails ends the validator.
            let archive = archive
                .put_sync(height.0, digest, &bytes)
                .await
                .expect("outcomes can be written");
            let oldest = self.keep.oldest(height.0);
            let archive = archive.prune(oldest).await;
            *slot = Some(archive.expect("outcomes can be pruned"));
            self.oldest.fetch_max(oldest, Ordering::Relaxed);
        }
        drop(slot);
        self.index().add(height, &record.ids);
    }

    /// Whether a block that has no record did nothing: older ones may have had one.
    pub(crate) fn reaches(&self, height: Height) -> bool {
        height.0 >= self.oldest.load(Ordering::Relaxed)
    }

    /// A block's record; none for blocks without transactions and events.
    pub(crate) async fn record(&self, height: Height) -> Option<Record> {
        let slot = self.archive.lock().await;
        let bytes = slot.as_ref()?.get(Identifier::Index(height.0)).await;
        // The engine's contract again. To say that there is none would be wrong for ever to who asks once.
        decode(&bytes.expect("outcomes can be read")?)
    }

    /// Where a transaction is.
    pub(crate) async fn find(&self, id: &TransactionId) -> Option<Inclusion> {
        let (height, index) = self.index().places.get(id).copied()?;
        let mut record = self.record(height).await?;
        let place = usize::try_from(index).ok()?;
        (place < record.outcomes.len()).then(|| Inclusion {
            height,
            index,
            outcome: record.outcomes.swap_remove(place),
        })
    }

    fn index(&self) -> std::sync::MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn decode(bytes: &[u8]) -> Option<Record> {
    codec::decode(bytes, RECORD_LENGTH_MAX).ok()
}

impl Index {
    fn add(&mut self, height: Height, ids: &[TransactionId]) {
        for (index, id) in (0..).zip(ids) {
            if self.places.insert(*id, (height, index)).is_none() {
                self.order.push_back(*id);
            }
        }
        while self.order.len() > INDEX_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.places.remove(&oldest);
            }
        }
    }
}
