//! The ledger's state on an authenticated database.
//!
//! `qmdb::current`, whose root commits to the *current* value of each key, in its variant for values
//! of any length. Keys are the ledger's, hashed to 32 bytes. Each batch carries the height it belongs
//! to, so that readers know what they read without a second lock.

use bytes::Bytes;
use commonware_codec::RangeCfg;
use commonware_cryptography::{Sha256, sha256};
use commonware_glue::stateful::db::{DatabaseSet, Shared};
use commonware_parallel::Sequential;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_storage::{
    archive::prunable,
    journal::contiguous::variable::Config as JournalConfig,
    merkle::full::Config as MerkleConfig,
    mmr,
    qmdb::{
        current::{VariableConfig, unordered::variable},
        floor::Proportional,
    },
    translator::{FourCap, TwoCap},
};
use commonware_utils::{NZU64, NZUsize};
use llmnet_ledger::{Key, Writes, state::VALUE_LENGTH_MAX};
use llmnet_types::{id::Digest, units::Height};

use crate::runtime::Runtime;

/// The database.
pub(crate) type Qmdb<E> =
    variable::Db<mmr::Family, E, sha256::Digest, Bytes, Sha256, FourCap, 32, Sequential>;
/// The database as the engine shares it.
pub(crate) type Databases<E> = Shared<Qmdb<E>>;
/// Changes being made on top of some block's state.
pub(crate) type Batch<E> = <Databases<E> as DatabaseSet<E>>::Unmerkleized;
/// Changes made, with their roots.
pub(crate) type Sealed<E> = <Databases<E> as DatabaseSet<E>>::Merkleized;

type QmdbConfig = VariableConfig<FourCap, ((), RangeCfg<usize>), Sequential>;

/// Names on disk. None may be another one's with a suffix the engine adds, such as `-metadata`.
pub(crate) fn config(cache: CacheRef) -> QmdbConfig {
    VariableConfig {
        merkle_config: MerkleConfig {
            journal_partition: "state-tree".into(),
            metadata_partition: "state-pins".into(),
            items_per_blob: NZU64!(1 << 16),
            write_buffer: NZUsize!(64 << 10),
            replay_buffer: NZUsize!(64 << 10),
            strategy: Sequential,
            page_cache: cache.clone(),
        },
        journal_config: JournalConfig {
            partition: "state-log".into(),
            items_per_section: NZU64!(1 << 16),
            compression: None,
            codec_config: ((), RangeCfg::from(..=VALUE_LENGTH_MAX)),
            page_cache: cache,
            write_buffer: NZUsize!(64 << 10),
            replay_buffer: NZUsize!(64 << 10),
        },
        grafted_metadata_partition: "state-bits".into(),
        translator: FourCap,
        init_cache: Some(NZUsize!(1 << 14)),
        init_buffer: NZUsize!(1 << 18),
        init_concurrency: (),
    }
}

/// Settings shared by all archives.
pub(crate) fn archive_config<C>(
    name: &str,
    cache: CacheRef,
    codec_config: C,
) -> prunable::Config<TwoCap, C> {
    prunable::Config {
        translator: TwoCap,
        metadata_partition: format!("{name}-marks"),
        key_partition: format!("{name}-keys"),
        key_page_cache: cache,
        value_partition: format!("{name}-values"),
        compression: None,
        codec_config,
        items_per_section: NZU64!(4096),
        key_write_buffer: NZUsize!(16 << 10),
        value_write_buffer: NZUsize!(64 << 10),
        replay_buffer: NZUsize!(64 << 10),
    }
}

/// The database's name for a key.
pub(crate) fn database_key(key: &Key) -> sha256::Digest {
    sha256::Digest(key.digest())
}

/// What a header says about state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Roots {
    pub(crate) state: Digest,
    pub(crate) operations: Digest,
    pub(crate) operations_start: u64,
    pub(crate) operations_end: u64,
}

impl Roots {
    pub(crate) fn of<E: Runtime>(sealed: &Sealed<E>) -> Self {
        Self {
            state: Digest(sealed.root().0),
            operations: Digest(sealed.ops_root().0),
            operations_start: *sealed.sync_boundary(),
            operations_end: *sealed.bounds().tip.size,
        }
    }
}

/// What a batch is marked with.
pub(crate) fn height_mark(height: u64) -> Bytes {
    Bytes::copy_from_slice(&height.to_be_bytes())
}

/// The reverse of [`height_mark`].
pub(crate) fn marked_height(mark: &[u8]) -> Option<u64> {
    mark.try_into().ok().map(u64::from_be_bytes)
}

/// Of which block the state is.
pub(crate) async fn height<E: Runtime>(databases: &Databases<E>) -> Option<Height> {
    // The engine's contract: a database that cannot be read ends the validator.
    let mark = databases
        .read()
        .await
        .get_metadata()
        .await
        .expect("state can be read")?;
    marked_height(&mark).map(Height)
}

/// Writes the first state into an empty database. One that has it already is left alone, so that a
/// crash between this and whatever follows does no harm.
pub(crate) async fn write_genesis<E: Runtime>(
    context: &E,
    cache: CacheRef,
    writes: Writes,
) -> Result<Roots, String> {
    let failed = |error| format!("the state database fails: {error}");
    let mut database = Qmdb::<E>::init(context.child("genesis"), config(cache), None)
        .await
        .map_err(failed)?;
    if *database.bounds().end > 1 {
        let mark = database.get_metadata().await.map_err(failed)?;
        if mark.and_then(|mark| marked_height(&mark)) != Some(0) {
            return Err("the header of block 0 is missing, and the state has later blocks".into());
        }
    } else {
        let mut batch = database.new_batch();
        for (key, value) in writes {
            batch = batch.write(database_key(&key), value.map(Into::into));
        }
        let sealed = batch
            .merkleize(&database, Some(height_mark(0)), &mut Proportional)
            .await
            .map_err(failed)?;
        database = database.apply_batch(sealed).await.map_err(failed)?;
        database = database.sync().await.map_err(failed)?;
    }
    Ok(Roots {
        state: Digest(database.root().0),
        operations: Digest(database.ops_root().0),
        operations_start: *database.sync_boundary(),
        operations_end: *database.bounds().end,
    })
}
