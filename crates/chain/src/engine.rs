//! The wiring of a validator, top to bottom.
//!
//! ```text
//! simplex ── paced ── deferred ── stateful ── application
//!    │                   │            │
//!  votes              marshal      database
//!                     │      │
//!               archives    broadcast, backfill
//! ```

use std::{sync::Arc, time::Duration};

use commonware_broadcast::buffered;
use commonware_consensus::{
    marshal::{
        self,
        core::{Actor as Marshal, Mailbox as MarshalMailbox},
        resolver::p2p as backfill,
        standard::{Deferred, Standard},
    },
    simplex::{
        self,
        config::{Floor, ForwardPolicy, SkipPolicy},
        elector::RoundRobin,
        scheme::ed25519::Scheme,
    },
    types::{Epoch, FixedEpocher, ViewDelta},
};
use commonware_cryptography::{
    Digested, Digestible as _, Sha256, Signer as _, certificate::ConstantProvider, ed25519,
};
use commonware_glue::stateful::{self, PruneConfig, Stateful, SyncPlan, db::SyncEngineConfig};
use commonware_parallel::Sequential;
use commonware_runtime::{Handle, buffer::paged::CacheRef};
use commonware_storage::archive::prunable;
use commonware_utils::{NZDuration, NZU16, NZU64, NZUsize, ordered::Set};

use tokio::sync::watch;

use crate::{
    application::Application,
    block::Block,
    client::Tip,
    config::{Keep, Pacing},
    mempool::Mempool,
    network::{Channels, Transport},
    pacing::Paced,
    runtime::Runtime,
    store::{self, NoStateSync},
};

/// Bytes of file pages kept in memory, for all files: 2 MiB.
pub(crate) fn page_cache() -> CacheRef {
    CacheRef::new(NZU16!(4084), NZUsize!(512))
}
/// One committee for ever, until there is an epoch change.
const EPOCH_LENGTH: std::num::NonZeroU64 = NZU64!(u64::MAX);
/// Rounds behind the newest final one for which votes are kept.
const VIEWS_KEPT: ViewDelta = ViewDelta::new(64);
const MAILBOX: std::num::NonZeroUsize = NZUsize!(256);
const BUFFER: std::num::NonZeroUsize = NZUsize!(64 << 10);
const SMALL_BUFFER: std::num::NonZeroUsize = NZUsize!(16 << 10);

/// What the wiring needs.
pub(crate) struct Parts<E: Runtime> {
    pub(crate) key: ed25519::PrivateKey,
    pub(crate) namespace: Vec<u8>,
    pub(crate) committee: Set<ed25519::PublicKey>,
    pub(crate) genesis: Block,
    pub(crate) application: Application<E>,
    pub(crate) mempool: Arc<Mempool>,
    pub(crate) pacing: Pacing,
    pub(crate) keep: Keep,
    pub(crate) cache: CacheRef,
    pub(crate) tip: watch::Sender<Tip>,
}

/// What runs.
pub(crate) struct Engine<E: Runtime> {
    pub(crate) marshal: MarshalMailbox<Scheme, Standard<Block>>,
    pub(crate) stateful: stateful::Mailbox<E, Application<E>>,
    pub(crate) consensus: Handle<()>,
}

/// Starts all but the network, which gossip needs as well; hands its channel for that back.
pub(crate) async fn start<E: Runtime, T: Transport>(
    context: &E,
    parts: Parts<E>,
    channels: Channels<T>,
    connected: impl Future<Output = ()>,
) -> Result<Engine<E>, String> {
    let Parts {
        key,
        namespace,
        committee,
        genesis,
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
    let scheme = Scheme::signer(&namespace, committee.clone(), key)
        .ok_or("the validator's key is not in the committee")?;

    let failed = |error| format!("the archives fail: {error}");
    let finalizations = prunable::Archive::init(
        context.child("finalizations"),
        store::archive_config("finalizations", cache.clone(), committee.len()),
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
            provider: ConstantProvider::new(scheme.clone()),
            epocher: FixedEpocher::new(EPOCH_LENGTH),
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
        FixedEpocher::new(EPOCH_LENGTH),
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
    drop(tip);

    // A leader alone proposes into the void, and everyone then waits for its time to run out.
    connected.await;
    let leader_timeout = pacing.leader_timeout();
    let certification_timeout = leader_timeout + Duration::from_secs(1);
    let consensus = simplex::Engine::new(
        context.child("simplex"),
        simplex::Config {
            scheme,
            elector: RoundRobin::<Sha256>::default(),
            blocker,
            automaton: paced,
            relay: deferred.clone(),
            reporter: deferred,
            strategy: Sequential,
            partition: "simplex".into(),
            mailbox_size: MAILBOX,
            epoch: Epoch::zero(),
            floor: Floor::Genesis(digest),
            replay_buffer: BUFFER,
            write_buffer: BUFFER,
            page_cache: cache,
            leader_timeout,
            certification_timeout,
            timeout_retry: Duration::from_secs(1),
            view_retention: VIEWS_KEPT,
            skip: SkipPolicy::Enabled {
                timeout: certification_timeout + Duration::from_secs(2),
                budget: simplex::SkipBudget::Participants,
            },
            fetch_timeout: NZDuration!(Duration::from_secs(2)),
            fetch_retry_delay: Duration::from_millis(500),
            forward: ForwardPolicy::SilentVoters,
            track_historical_votes: false,
        },
    )
    .start(votes, certificates, resolver);
    Ok(Engine {
        marshal: marshal_mailbox,
        stateful: stateful_mailbox,
        consensus,
    })
}
