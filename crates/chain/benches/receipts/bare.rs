//! The bare engine: consensus, network and archives as in our validators, moving opaque signed transactions
//! that each validator checks. No ledger, no state, no gossip: each leader has its own transactions.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use borsh::{BorshDeserialize, BorshSerialize};
use bytes::{BufMut, Bytes};
use commonware_actor::Feedback;
use commonware_broadcast::buffered;
use commonware_codec::{
    Buf, Copying, EncodeSize, Error as CodecError, RangeCfg, Read, ReadExt as _, Write,
};
use commonware_consensus::{
    Application, BoundedBlock, CertifiableBlock, Heightable, Reporter,
    marshal::{
        self, Update,
        ancestry::Ancestry,
        core::Actor as Marshal,
        resolver::p2p as backfill,
        standard::{Deferred, Standard},
    },
    simplex::{
        self,
        config::{Floor, ForwardPolicy, SkipPolicy},
        elector::RoundRobin,
        scheme::ed25519::Scheme,
        types::Context as RoundContext,
    },
    types::{Epoch, FixedEpocher, Height, Round, View, ViewDelta},
};
use commonware_cryptography::{
    ChaCha20Poly1305, Digested, Digestible, Hasher as _, Sha256, Signer as _,
    certificate::ConstantProvider, ed25519, sha256,
};
use commonware_p2p::{
    Address, AddressableManager as _,
    authenticated::lookup::{self, Network},
    max_message_size,
};
use commonware_parallel::Sequential;
use commonware_runtime::{
    Clock as _, Quota, Runner as _, Supervisor as _,
    buffer::paged::CacheRef,
    tokio::{Config as RuntimeConfig, Context, Runner},
};
use commonware_storage::{archive::prunable, translator::TwoCap};
use commonware_stream::{
    cups::{self, Cups},
    sake::{self, Sake},
};
use commonware_utils::{
    NZDuration, NZU16, NZU32, NZU64, NZUsize,
    acknowledgement::Acknowledgement as _,
    ordered::{Map, Set},
};
use futures::StreamExt as _;
use llmnet_types::{
    id::NetworkId,
    signature::{Batch, Message, PublicKey, Signature, Signed},
};
use tokio::sync::oneshot;

use crate::workload::key;

/// Bytes of one transaction: key, signature, and what is signed.
pub(crate) const LENGTH: usize = 300;
const PAYLOAD: usize = LENGTH - 32 - 64;
/// The most bytes of a block's transactions, as in ours.
const BLOCK_LENGTH_MAX: usize = 1 << 20;
const COUNT_MAX: usize = BLOCK_LENGTH_MAX / LENGTH;
const NETWORK: NetworkId = NetworkId([7; 32]);

/// What nobody but its signer can have made, and nobody can read.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
struct Opaque([u8; PAYLOAD]);

impl Message for Opaque {
    const KIND: &'static str = "bench/opaque/1";
}

/// A transaction's bytes.
pub(crate) fn sign(signer: usize, number: u64) -> Bytes {
    let key = key("sender", signer);
    let mut payload = [0; PAYLOAD];
    payload[..8].copy_from_slice(&number.to_le_bytes());
    let signed = Signed::new(Opaque(payload), &NETWORK, &key);
    let public = key.public_key();
    [&public.0[..], &signed.signature.0[..], &signed.body.0[..]]
        .concat()
        .into()
}

/// Whether all are signed, checked together as our validators do.
fn are_signed(transactions: &[Bytes]) -> bool {
    let mut batch = Batch::new();
    for bytes in transactions {
        let Some((signer, rest)) = bytes.split_first_chunk::<32>() else {
            return false;
        };
        let Some((signature, payload)) = rest.split_first_chunk::<64>() else {
            return false;
        };
        let Ok(payload) = payload.try_into() else {
            return false;
        };
        let signed = Signed {
            body: Opaque(payload),
            signature: Signature(*signature),
        };
        batch.push(&signed, &NETWORK, &PublicKey(*signer));
    }
    batch.holds()
}

/// A block of opaque transactions.
#[derive(Debug, Clone)]
struct Block(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    context: RoundContext<sha256::Digest, ed25519::PublicKey>,
    height: u64,
    timestamp_us: u64,
    transactions: Vec<Bytes>,
    digest: sha256::Digest,
}

impl Block {
    fn new(
        context: RoundContext<sha256::Digest, ed25519::PublicKey>,
        height: u64,
        timestamp_us: u64,
        transactions: Vec<Bytes>,
    ) -> Self {
        let mut bytes = Vec::new();
        context.write(&mut bytes);
        height.write(&mut bytes);
        timestamp_us.write(&mut bytes);
        let parts = std::iter::once(bytes.as_slice());
        let parts: Vec<&[u8]> = parts
            .chain(transactions.iter().map(Bytes::as_ref))
            .collect();
        let digest = Sha256::hash(&parts);
        Self(Arc::new(Inner {
            context,
            height,
            timestamp_us,
            transactions,
            digest,
        }))
    }
}

impl PartialEq for Block {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest
    }
}

impl Eq for Block {}

impl Write for Block {
    fn write(&self, buf: &mut impl BufMut) {
        self.0.context.write(buf);
        self.0.height.write(buf);
        self.0.timestamp_us.write(buf);
        self.0.transactions.write(buf);
    }
}

impl EncodeSize for Block {
    fn encode_size(&self) -> usize {
        self.0.context.encode_size() + 16 + self.0.transactions.encode_size()
    }
}

impl Read for Block {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, _: &()) -> Result<Self, CodecError> {
        let context = RoundContext::read(buf)?;
        let height = u64::read(buf)?;
        let timestamp_us = u64::read(buf)?;
        let bounds = (
            RangeCfg::from(..=COUNT_MAX),
            RangeCfg::from(LENGTH..=LENGTH),
        );
        let transactions = Vec::<Bytes>::read_cfg(buf, &bounds)?;
        Ok(Self::new(context, height, timestamp_us, transactions))
    }
}

impl Digestible for Block {
    type Digest = sha256::Digest;

    fn digest(&self) -> sha256::Digest {
        self.0.digest
    }
}

impl Heightable for Block {
    fn height(&self) -> Height {
        Height::new(self.0.height)
    }
}

impl commonware_consensus::Block for Block {
    fn parent(&self) -> sha256::Digest {
        self.0.context.parent.1
    }
}

impl CertifiableBlock for Block {
    type Context = RoundContext<sha256::Digest, ed25519::PublicKey>;

    fn context(&self) -> Self::Context {
        self.0.context.clone()
    }
}

impl BoundedBlock for Block {
    fn max_encode_size(_: &()) -> usize {
        512 + COUNT_MAX * (LENGTH + 5)
    }
}

/// What a validator's application and the measurement share.
pub(crate) struct Shared {
    /// Transactions that this validator proposes when it leads.
    pub(crate) waiting: Mutex<Vec<Bytes>>,
    /// What it proposed at heights that are not final yet.
    proposed: Mutex<BTreeMap<u64, (sha256::Digest, Vec<Bytes>)>>,
    /// Transactions that are final.
    pub(crate) finalized: AtomicU64,
    /// Milliseconds from each block's timestamp to its finality here.
    pub(crate) delays: Mutex<Vec<f64>>,
    /// The least time from one block to the next.
    pub(crate) interval: Duration,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_micros()).unwrap_or(u64::MAX)
}

#[derive(Clone)]
struct App(Arc<Shared>);

impl Application<Context> for App {
    type SigningScheme = Scheme;
    type Context = RoundContext<sha256::Digest, ed25519::PublicKey>;
    type Block = Block;
    type Input = ();

    async fn propose(
        &mut self,
        (runtime, context): (Context, Self::Context),
        ancestry: impl Ancestry<Block>,
        (): (),
    ) -> Option<Digested<Block>> {
        let parent = Box::pin(ancestry).next().await?;
        let parent = &parent.inner().0;
        let due_us = parent.timestamp_us + u64::try_from(self.0.interval.as_micros()).ok()?;
        runtime
            .sleep(Duration::from_micros(due_us.saturating_sub(now_us())))
            .await;
        let transactions = {
            let mut waiting = lock(&self.0.waiting);
            let rest = waiting.len().saturating_sub(COUNT_MAX);
            waiting.split_off(rest)
        };
        let timestamp_us = now_us().max(parent.timestamp_us + 1);
        let block = Block::new(context, parent.height + 1, timestamp_us, transactions);
        let digest = block.digest();
        let ours = (digest, block.0.transactions.clone());
        if let Some((_, lost)) = lock(&self.0.proposed).insert(block.0.height, ours) {
            lock(&self.0.waiting).extend(lost);
        }
        Some(Digested::precomputed(block, digest))
    }

    async fn verify(
        &mut self,
        _: (Context, Self::Context),
        ancestry: impl Ancestry<Block>,
    ) -> bool {
        let mut ancestry = Box::pin(ancestry);
        let (Some(block), Some(parent)) = (ancestry.next().await, ancestry.next().await) else {
            return false;
        };
        let (block, parent) = (&block.inner().0, &parent.inner().0);
        block.height == parent.height + 1 && are_signed(&block.transactions)
    }
}

impl Reporter for App {
    type Activity = Update<Block>;

    fn report(&mut self, update: Update<Block>) -> Feedback {
        if let Update::Block(block, acknowledgement) = update {
            let block = &block.inner().0;
            let delay_us = now_us().saturating_sub(block.timestamp_us);
            lock(&self.0.delays).push(delay_us as f64 / 1e3);
            let count = u64::try_from(block.transactions.len()).unwrap_or(u64::MAX);
            self.0.finalized.fetch_add(count, Ordering::Relaxed);
            // What lost against another block waits again.
            let mut proposed = lock(&self.0.proposed);
            while let Some(entry) = proposed.first_entry()
                && *entry.key() <= block.height
            {
                let (digest, transactions) = entry.remove();
                if digest != block.digest {
                    lock(&self.0.waiting).extend(transactions);
                }
            }
            acknowledgement.acknowledge();
        }
        Feedback::Ok
    }
}

/// A running validator.
pub(crate) struct Validator {
    pub(crate) shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Validator {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn engine_key(number: usize) -> ed25519::PrivateKey {
    let seed = key("validator", number).to_seed();
    ed25519::PrivateKey::read(&mut Copying(seed.as_slice())).expect("any 32 bytes are a seed")
}

/// Starts one of the validators, each on a thread of its own.
pub(crate) fn start(
    number: usize,
    addresses: &[SocketAddr],
    directory: PathBuf,
    interval: Duration,
    waiting: Vec<Bytes>,
) -> Validator {
    let shared = Arc::new(Shared {
        waiting: Mutex::new(waiting),
        proposed: Mutex::default(),
        finalized: AtomicU64::new(0),
        delays: Mutex::default(),
        interval,
    });
    let (stop, stopped) = oneshot::channel();
    let (addresses, app) = (addresses.to_vec(), App(shared.clone()));
    let thread = std::thread::spawn(move || {
        let config = RuntimeConfig::new()
            .with_worker_threads(1)
            .with_max_blocking_threads(16)
            .with_thread_stack_size(2 << 20)
            .with_tcp_nodelay(Some(true))
            .with_storage_directory(directory);
        Runner::new(config).start(|context| async move {
            Box::pin(run(&context, number, &addresses, app)).await;
            let _ = stopped.await;
        });
    });
    Validator {
        shared,
        stop: Some(stop),
        thread: Some(thread),
    }
}

fn archive<C>(name: &str, cache: CacheRef, codec_config: C) -> prunable::Config<TwoCap, C> {
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

async fn run(context: &Context, number: usize, addresses: &[SocketAddr], app: App) {
    const MAILBOX: std::num::NonZeroUsize = NZUsize!(256);
    const BUFFER: std::num::NonZeroUsize = NZUsize!(64 << 10);
    let key = engine_key(number);
    let public_key = key.public_key();
    let peers: Vec<_> = addresses
        .iter()
        .enumerate()
        .map(|(number, address)| (engine_key(number).public_key(), Address::from(*address)))
        .collect();
    let committee: Set<_> = Set::from_iter_dedup(peers.iter().map(|(key, _)| key.clone()));
    let peers: Map<_, _> = peers.try_into().expect("keys differ");
    let cache = CacheRef::new(NZU16!(4084), NZUsize!(512));

    let handshake = Cups::<_, ChaCha20Poly1305>::new(
        Sake {
            signer: key.clone(),
            synchrony_bound: Duration::from_secs(10),
            max_handshake_age: Duration::from_secs(20),
            version: sake::Version::V1,
        },
        cups::Version::V1,
    );
    let size = u32::try_from(addresses.len()).expect("a few");
    let message_length_max = max_message_size(&[
        simplex::max_payload_size::<Scheme, sha256::Digest>(size),
        marshal::max_payload_size::<Standard<Block>, Scheme>(size, &()),
    ]);
    let mut config = lookup::Config::local(
        handshake,
        b"bench_P2P",
        addresses[number],
        NZUsize!(peers.len()),
        message_length_max,
        MAILBOX,
    );
    config.tracked_peer_sets = NZUsize!(1);
    config.bypass_ip_check = true;
    config.dial_frequency = Duration::from_millis(100);
    config.peer_connection_cooldown = Duration::from_millis(500);
    let (mut network, mut oracle) = Network::new(context.child("network"), config);
    let busy = Quota::per_second(NZU32!(256));
    let calm = Quota::per_second(NZU32!(64));
    let votes = network.register(0, busy);
    let certificates = network.register(1, busy);
    let resolver = network.register(2, calm);
    let backfill_channel = network.register(3, calm);
    let broadcast = network.register(4, busy);
    let _ = oracle.track(0, peers);
    network.start();

    let scheme = Scheme::signer(b"bench", committee.clone(), key).expect("a member");
    let finalizations = prunable::Archive::init(
        context.child("finalizations"),
        archive("finalizations", cache.clone(), committee.len()),
    );
    let blocks = prunable::Archive::init(
        context.child("blocks"),
        archive("blocks", cache.clone(), ()),
    );
    let (broadcaster, buffer) = buffered::Engine::new(
        context.child("broadcast"),
        buffered::Config {
            public_key: public_key.clone(),
            mailbox_size: MAILBOX,
            deque_size: 16,
            priority: false,
            codec_config: (),
            peer_provider: oracle.clone(),
            strategy: Sequential,
        },
    );
    let backfiller = backfill::init(
        context.child("backfill"),
        backfill::Config {
            public_key: public_key.clone(),
            peer_provider: oracle.clone(),
            blocker: oracle.clone(),
            mailbox_size: MAILBOX,
            fetch_timeout: NZDuration!(Duration::from_secs(2)),
            fetch_retry_delay: Duration::from_millis(100),
            priority_requests: false,
            priority_responses: false,
        },
        backfill_channel,
    );
    let first = engine_key(0).public_key();
    let genesis = Block::new(
        RoundContext {
            round: Round::new(Epoch::zero(), View::zero()),
            leader: first,
            parent: (View::zero(), Sha256::hash(&[b"bench"])),
        },
        0,
        0,
        Vec::new(),
    );
    let digest = genesis.digest();
    let epocher = || FixedEpocher::new(NZU64!(u64::MAX));
    let (marshal, mailbox, _) = Marshal::<_, Standard<Block>, _, _, _, _, _>::init(
        context.child("marshal"),
        finalizations.await.expect("an archive"),
        blocks.await.expect("an archive"),
        marshal::Config {
            provider: ConstantProvider::new(scheme.clone()),
            epocher: epocher(),
            start: marshal::Start::Genesis(Digested::precomputed(genesis, digest)),
            partition_prefix: "marshal".into(),
            mailbox_size: MAILBOX,
            view_retention: ViewDelta::new(64),
            prunable_items_per_section: NZU64!(256),
            page_cache: cache.clone(),
            replay_buffer: BUFFER,
            key_write_buffer: NZUsize!(16 << 10),
            value_write_buffer: BUFFER,
            block_codec_config: (),
            max_repair: NZUsize!(32),
            max_pending_acks: NZUsize!(16),
            strategy: Sequential,
        },
    )
    .await;
    let timeout = app.0.interval + Duration::from_secs(1);
    let deferred = Deferred::new(context.child("deferred"), app.clone(), mailbox, epocher());
    broadcaster.start(broadcast);
    marshal.start(app, buffer, backfiller);
    simplex::Engine::new(
        context.child("simplex"),
        simplex::Config {
            scheme,
            elector: RoundRobin::<Sha256>::default(),
            blocker: oracle,
            automaton: deferred.clone(),
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
            leader_timeout: timeout,
            certification_timeout: timeout + Duration::from_secs(1),
            timeout_retry: Duration::from_secs(1),
            view_retention: ViewDelta::new(64),
            skip: SkipPolicy::Enabled {
                timeout: timeout + Duration::from_secs(3),
                budget: simplex::SkipBudget::Participants,
            },
            fetch_timeout: NZDuration!(Duration::from_secs(2)),
            fetch_retry_delay: Duration::from_millis(500),
            forward: ForwardPolicy::SilentVoters,
            track_historical_votes: false,
        },
    )
    .start(votes, certificates, resolver);
}
