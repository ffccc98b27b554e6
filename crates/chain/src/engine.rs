//! The wiring of a validator, top to bottom.
//!
//! ```text
//! simplex ── paced ── deferred ── stateful ── application
//!    │                   │            │
//!  votes              marshal      database
//!                     │      │
//!               archives    broadcast, backfill
//! ```

use std::{num::NonZeroU64, sync::Arc, time::Duration};

use commonware_broadcast::buffered;
use commonware_consensus::{
    marshal::{
        self,
        core::{Actor as Marshal, Mailbox as MarshalMailbox},
        resolver::p2p as backfill,
        standard::{Deferred, Standard},
    },
    simplex::scheme::ed25519::Scheme,
    types::FixedEpocher,
};
use commonware_cryptography::{Digested, Digestible as _, Signer as _, ed25519};
use commonware_glue::stateful::{self, PruneConfig, Stateful, SyncPlan, db::SyncEngineConfig};
use commonware_parallel::Sequential;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_storage::archive::prunable;
use commonware_utils::{NZDuration, NZU16, NZU64, NZUsize};
use llmnet_types::network::COMMITTEE_MAX;
use tokio::sync::watch;

use crate::{
    application::Application,
    beacon::Beacon,
    block::Block,
    client::Tip,
    config::{Keep, Pacing},
    consensus::{Consensus, VIEWS_KEPT},
    electorates::Electorates,
    hand_overs::HandOvers,
    mempool::Mempool,
    network::{Channel, Channels, Directory, Transport},
    pacing::Paced,
    runtime::Runtime,
    store::{self, Databases, NoStateSync},
};

/// Bytes of file pages kept in memory, for all files: 2 MiB.
pub(crate) fn page_cache() -> CacheRef {
    CacheRef::new(NZU16!(4084), NZUsize!(512))
}
pub(crate) const MAILBOX: std::num::NonZeroUsize = NZUsize!(256);
pub(crate) const BUFFER: std::num::NonZeroUsize = NZUsize!(64 << 10);
const SMALL_BUFFER: std::num::NonZeroUsize = NZUsize!(16 << 10);

/// What proposes and votes, before it is paced.
pub(crate) type Voter<E> =
    Deferred<E, Scheme, stateful::Mailbox<E, Application<E>>, Block, FixedEpocher>;

/// What the wiring needs.
pub(crate) struct Parts<E: Runtime> {
    pub(crate) key: ed25519::PrivateKey,
    pub(crate) namespace: Vec<u8>,
    /// Blocks of an epoch and of a term.
    pub(crate) lengths: [NonZeroU64; 2],
    pub(crate) genesis: Block,
    pub(crate) beacon: Arc<Beacon>,
    pub(crate) hand_overs: Arc<HandOvers<E>>,
    pub(crate) application: Application<E>,
    pub(crate) mempool: Arc<Mempool>,
    pub(crate) pacing: Pacing,
    pub(crate) keep: Keep,
    pub(crate) cache: CacheRef,
    pub(crate) tip: watch::Sender<Tip>,
}

/// What runs: all that follows the chain.
pub(crate) struct Engine<E: Runtime> {
    pub(crate) marshal: MarshalMailbox<Scheme, Standard<Block>>,
    pub(crate) databases: Databases<E>,
}

/// What is yet to be run: what makes the chain, and its channels.
pub(crate) type Maker<E, T> = (Consensus<E, T>, [Channel<T>; 3]);

/// Starts all but consensus, which had better wait until enough others are there.
pub(crate) async fn start<E: Runtime, T: Transport>(
    context: &E,
    parts: Parts<E>,
    channels: Channels<T>,
    directory: Box<dyn Directory>,
) -> Result<(Engine<E>, Maker<E, T>), String> {
    let Parts {
        key,
        namespace,
        lengths: [epoch_length, length],
        genesis,
        beacon,
        hand_overs,
        application,
        mempool,
        pacing,
        keep,
        cache,
        tip,
    } = parts;
    let Channels {
        peers,
        blocker,
        votes,
        certificates,
        resolver,
        backfill,
        broadcast,
    } = channels;
    let public_key = key.public_key();
    let digest = genesis.digest();
    let network = genesis.header().network;
    let electorates = Electorates::new(namespace, key);
    let epocher = FixedEpocher::new(length);

    let failed = |error| format!("the archives fail: {error}");
    let finalizations = prunable::Archive::init(
        context.child("finalizations"),
        store::archive_config("finalizations", cache.clone(), COMMITTEE_MAX),
    )
    .await
    .map_err(failed)?;
    let blocks = prunable::Archive::init(
        context.child("blocks"),
        store::archive_config("blocks", cache.clone(), ()),
    )
    .await
    .map_err(failed)?;

    let (broadcaster, buffer) = buffered::Engine::new(
        context.child("broadcast"),
        buffered::Config {
            public_key: public_key.clone(),
            mailbox_size: MAILBOX,
            deque_size: 16,
            priority: false,
            codec_config: (),
            peer_provider: peers.clone(),
            strategy: Sequential,
        },
    );
    let backfiller = backfill::init(
        context.child("backfill"),
        backfill::Config {
            public_key,
            peer_provider: peers,
            blocker: blocker.clone(),
            mailbox_size: MAILBOX,
            fetch_timeout: NZDuration!(Duration::from_secs(2)),
            fetch_retry_delay: Duration::from_millis(100),
            priority_requests: false,
            priority_responses: false,
        },
        backfill,
    );

    let plan = SyncPlan::<_, Scheme, Standard<Block>>::init(context.child("plan"), "chain-").await;
    let (marshal, marshal_mailbox, floor) = Marshal::<_, Standard<Block>, _, _, _, _, _>::init(
        context.child("marshal"),
        finalizations,
        blocks,
        marshal::Config {
            provider: electorates.clone(),
            epocher: epocher.clone(),
            start: plan.marshal_start(Digested::precomputed(genesis, digest)),
            partition_prefix: "marshal".into(),
            mailbox_size: MAILBOX,
            view_retention: VIEWS_KEPT,
            prunable_items_per_section: NZU64!(256),
            page_cache: cache.clone(),
            replay_buffer: BUFFER,
            key_write_buffer: SMALL_BUFFER,
            value_write_buffer: BUFFER,
            block_codec_config: (),
            max_repair: NZUsize!(32),
            max_pending_acks: NZUsize!(16),
            strategy: Sequential,
        },
    )
    .await;
    let (stateful, stateful_mailbox) = Stateful::new(
        context.child("stateful"),
        stateful::Config {
            application,
            db_config: store::config(cache.clone()),
            provider: (),
            marshal: (marshal_mailbox.clone(), floor),
            mailbox_size: MAILBOX,
            plan,
            resolvers: NoStateSync::default(),
            // Never used, see `NoStateSync`.
            sync_config: SyncEngineConfig {
                fetch_batch_size: NZU64!(16),
                apply_batch_size: NZU64!(64),
                max_outstanding_requests: NZUsize!(1),
            },
            prune_config: match keep {
                Keep::Blocks(blocks) => Some(PruneConfig {
                    maintenance_interval: NZUsize!(1024),
                    retained_marshal_blocks: blocks,
                    retained_qmdb_blocks: 0,
                }),
                Keep::Everything => None,
            },
            strategy: Sequential,
        },
    );
    let deferred = Deferred::new(
        context.child("deferred"),
        stateful_mailbox.clone(),
        marshal_mailbox.clone(),
        epocher,
    );
    let paced = Paced {
        inner: deferred.clone(),
        context: Arc::new(context.child("pacing")),
        mempool,
        pacing,
        blocks: marshal_mailbox.clone(),
    };
    broadcaster.start(broadcast);
    marshal.start(stateful_mailbox.clone(), buffer, backfiller);
    stateful.start();

    if let Some((_, block)) = marshal_mailbox.get_anchor().await {
        let header = block.inner().header().clone();
        tip.send_if_modified(|tip| {
            let newer = header.height >= tip.height();
            if newer {
                let digest = header.digest();
                *tip = Tip { header, digest };
            }
            newer
        });
    }
    let databases = stateful_mailbox.subscribe_databases().await;
    let consensus = Consensus {
        context: context.child("consensus"),
        length,
        genesis: digest,
        epoch_length,
        electorates,
        hand_overs,
        databases: databases.clone(),
        marshal: marshal_mailbox.clone(),
        deferred,
        paced,
        pacing,
        cache,
        blocker,
        directory,
        enlisted: None,
        beacon,
        network,
        tip: tip.subscribe(),
    };
    let engine = Engine {
        marshal: marshal_mailbox,
        databases,
    };
    Ok((engine, (consensus, [votes, certificates, resolver])))
}
