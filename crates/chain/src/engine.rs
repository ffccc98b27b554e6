//! The wiring of a validator, top to bottom.
//!
//! ```text
//! simplex ── paced ── deferred ── stateful ── application
//!    │                   │            │
//!  votes              marshal      database
//!                     │      │
//!               archives    broadcast, backfill
//! ```

use std::{
    num::NonZeroU64,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use commonware_broadcast::buffered;
use commonware_consensus::{
    Epochable as _, Viewable as _,
    marshal::{
        self,
        core::{Actor as Marshal, Mailbox as MarshalMailbox},
        resolver::p2p as backfill,
        standard::{Deferred, Standard},
    },
    simplex::{scheme::ed25519::Scheme, types::Finalization},
    types::FixedEpocher,
};
use commonware_cryptography::{Digested, Digestible as _, Signer as _, ed25519, sha256};
use commonware_glue::stateful::{self, PruneConfig, Stateful, SyncPlan, db::SyncEngineConfig};
use commonware_parallel::Sequential;
use commonware_runtime::{Handle, buffer::paged::CacheRef};
use commonware_storage::{archive::prunable, translator::TwoCap};
use commonware_utils::{NZDuration, NZU16, NZU64, NZUsize};
use llmnet_types::{
    network::{COMMITTEE_MAX, Electorate},
    units::{Height, Term},
};
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
    join::{self, Answerer, Joining, Note},
    kept::Kept,
    mempool::Mempool,
    network::{Channel, Channels, Directory, Transport},
    pacing::Paced,
    runtime::Runtime,
    store::{self, Databases},
    sync,
};

/// Bytes of file pages kept in memory, for all files: 2 MiB.
pub(crate) fn page_cache() -> CacheRef {
    CacheRef::new(NZU16!(4084), NZUsize!(512))
}
pub(crate) const MAILBOX: std::num::NonZeroUsize = NZUsize!(256);
pub(crate) const BUFFER: std::num::NonZeroUsize = NZUsize!(64 << 10);
/// Blocks that the engine counts past before it prunes; what we keep beyond that is [`Kept`]'s. Operations of
/// so many blocks are there for who is fetching state while blocks go on.
const PRUNED_BEHIND: usize = 1024;
/// Blocks between one pruning and the next.
const PRUNED_EVERY: std::num::NonZeroUsize = NZUsize!(256);
/// How long taking over the others' state may take.
const SYNC_MAX: Duration = Duration::from_secs(900);
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
    /// Up to how many rounds one that has nothing replays, instead of taking over the others' state.
    pub(crate) replayed_max: u64,
    /// The electorate of term 0.
    pub(crate) electorate: Electorate,
    pub(crate) cache: CacheRef,
    pub(crate) tip: watch::Sender<Tip>,
}

/// What runs: all that follows the chain.
pub(crate) struct Engine<E: Runtime> {
    pub(crate) marshal: MarshalMailbox<Scheme, Standard<Block>>,
    pub(crate) databases: Databases<E>,
    /// At which height this validator took over the others' state; 0 where it has executed all itself.
    pub(crate) joined: Height,
    /// Answers others who join; ends if this validator cannot go on.
    pub(crate) answerer: Handle<Result<(), String>>,
}

/// Certificates by height.
pub(crate) type Finalizations<E> =
    prunable::Archive<TwoCap, E, sha256::Digest, Finalization<Scheme, sha256::Digest>>;
/// Blocks by height.
pub(crate) type Blocks<E> = prunable::Archive<TwoCap, E, sha256::Digest, Arc<Block>>;
/// Where a validator begins that has executed nothing itself.
pub(crate) type Plan<E> = SyncPlan<E, Scheme, Standard<Block>>;

/// Opens what is kept of the past.
pub(crate) async fn archives<E: Runtime>(
    context: &E,
    cache: &CacheRef,
) -> Result<(Finalizations<E>, Blocks<E>), String> {
    let failed = |error| format!("the archives fail: {error}");
    let finalizations = prunable::Archive::init(
        context.child("finalizations"),
        store::archive_config("finalizations", cache.clone(), COMMITTEE_MAX),
    );
    let blocks = prunable::Archive::init(
        context.child("blocks"),
        store::archive_config("blocks", cache.clone(), ()),
    );
    Ok((
        finalizations.await.map_err(failed)?,
        blocks.await.map_err(failed)?,
    ))
}

/// Opens the plan of where to begin.
pub(crate) async fn plan<E: Runtime>(context: &E) -> Plan<E> {
    Plan::init(context.child("plan"), "chain-").await
}

/// How many blocks there are at most up to a certified one.
fn blocks_max(certificate: &join::Certificate, term_length: NonZeroU64) -> u64 {
    let before = certificate.epoch().get().saturating_mul(term_length.get());
    before.saturating_add(certificate.view().get().min(term_length.get()))
}

/// What is yet to be run: what makes the chain, and its channels.
pub(crate) type Maker<E, T> = (Consensus<E, T>, [Channel<T>; 3]);

/// Starts all but consensus, which had better wait until enough others are there. Calls `opened` when what is
/// on disk was read: from then on, one that has nothing may wait for others.
pub(crate) async fn start<E: Runtime, T: Transport>(
    context: &E,
    parts: Parts<E>,
    channels: Channels<T>,
    directory: Box<dyn Directory>,
    opened: impl FnOnce(),
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
        replayed_max,
        electorate: first,
        cache,
        tip,
    } = parts;
    let Channels {
        peers,
        mut blocker,
        votes,
        certificates,
        resolver,
        backfill,
        broadcast,
        state,
        join: mut join_channel,
    } = channels;
    let public_key = key.public_key();
    let digest = genesis.digest();
    let network = genesis.header().network;
    let electorates = Electorates::new(namespace, key);
    let epocher = FixedEpocher::new(length);

    let more = keep.more_than(PRUNED_BEHIND);
    let (finalizations, blocks) = archives(context, &cache).await?;
    let finalizations = Kept::new(finalizations, more);
    let blocks = Kept::new(blocks, more);
    opened();

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
            public_key: public_key.clone(),
            peer_provider: peers.clone(),
            blocker: blocker.clone(),
            mailbox_size: MAILBOX,
            fetch_timeout: NZDuration!(Duration::from_secs(2)),
            fetch_retry_delay: Duration::from_millis(100),
            priority_requests: false,
            priority_responses: false,
        },
        backfill,
    );

    let mut plan = plan(context).await;
    let mut note = Note::open(context).await?;
    // Stopped before it could note that. From its next start on the engine names a later height.
    if let Some(joined) = plan.completed() {
        note = note.joins(Height(joined.get())).await;
    }
    // The certified block, and from which term on it would sign otherwise.
    let mut taken_over = None;
    // Who is to have executed everything itself begins with genesis, whatever others say.
    if plan.may_sync() && (plan.floor().is_some() || keep != Keep::Everything) {
        let joining = Joining {
            me: public_key.clone(),
            electorates: electorates.alone(),
            hand_overs: &hand_overs,
            electorate: first.clone(),
            meant: plan.floor().cloned(),
        };
        let beginning = joining
            .ask::<E, T>(&mut context.child("join"), &mut blocker, &mut join_channel)
            .await?;
        if let Some(newest) = beginning.newest {
            let takes_over = plan.floor().is_some()
                || !beginning.is_whole
                || blocks_max(&newest, length) > replayed_max;
            let is_later = plan
                .floor()
                .is_none_or(|meant| newest.round() > meant.round());
            let term = newest.epoch().get();
            let signs_from = match (takes_over, is_later) {
                (false, _) => term,
                // Until it is known whether that was the term's last block.
                (true, true) => term.saturating_add(2),
                // All begin with the same snapshot: nobody has signed anything after it.
                (true, false) => 0,
            };
            if takes_over && is_later {
                taken_over = Some((newest.proposal.payload, note.signs_from()));
            }
            let signs_from = note.signs_from().max(Term(signs_from));
            note = note.write(takes_over, signs_from).await;
            electorates.sign_from(note.signs_from());
            if takes_over {
                tracing::info!(round = ?newest.round(), "taking over the others' state");
                for Electorate {
                    term, committee, ..
                } in &beginning.electorates
                {
                    electorates.learn(*term, committee);
                }
                plan = plan.set_floor(newest).await;
            }
        }
        if plan.floor().is_some() && !note.has_taken_over() {
            let signs_from = note.signs_from();
            note = note.write(true, signs_from).await;
        }
    }
    electorates.sign_from(note.signs_from());
    let floor_certificate = plan.floor().cloned();
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
    let source = sync::start::<E, T>(context, public_key, peers, blocker.clone(), state);
    let (stateful, stateful_mailbox) = Stateful::new(
        context.child("stateful"),
        stateful::Config {
            application,
            db_config: store::config(cache.clone()),
            provider: (),
            marshal: (marshal_mailbox.clone(), floor),
            mailbox_size: MAILBOX,
            plan,
            resolvers: source,
            sync_config: SyncEngineConfig {
                fetch_batch_size: sync::OPERATIONS_MAX,
                apply_batch_size: NZU64!(4096),
                max_outstanding_requests: NZUsize!(16),
            },
            prune_config: Some(PruneConfig {
                maintenance_interval: PRUNED_EVERY,
                retained_marshal_blocks: PRUNED_BEHIND,
                retained_qmdb_blocks: PRUNED_BEHIND,
            }),
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

    let has_state = Arc::new(AtomicBool::new(false));
    let answerer = Answerer::<E, T> {
        marshal: marshal_mailbox.clone(),
        hand_overs: hand_overs.clone(),
        tip: tip.subscribe(),
        electorate: first,
        length,
        has_state: has_state.clone(),
        blocker: blocker.clone(),
    };
    let answerer = context
        .child("join")
        .spawn(|context| answerer.run(context, join_channel));
    let databases = tokio::select! {
        biased;
        databases = stateful_mailbox.subscribe_databases() => databases,
        () = context.sleep(SYNC_MAX) => {
            return Err(format!(
                "the others' state did not arrive within {SYNC_MAX:?}; start again to try at a newer block"
            ));
        }
    };
    if let Some((certified, before)) = taken_over
        && let Some(block) = marshal_mailbox.get_block(&certified).await
    {
        let next = block.inner().header().height.0.saturating_add(1);
        let goes_on = Term(next / length);
        let signs_from = before.max(Term(goes_on.0.saturating_add(1)));
        note = note.write(true, signs_from).await;
        electorates.sign_from(note.signs_from());
    }
    // What was taken over just now is of this height.
    if let Some(height) = store::height(&databases).await {
        note = note.joins(height).await;
    }
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
    has_state.store(true, Ordering::Relaxed);
    let consensus = Consensus {
        context: context.child("consensus"),
        length,
        genesis: digest,
        joined: floor_certificate,
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
        joined: note.joined(),
        answerer,
    };
    Ok((engine, (consensus, [votes, certificates, resolver])))
}
