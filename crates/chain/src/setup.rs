//! What a validator runs on, checked before anything runs.

use bytes::Bytes;
use std::{
    io,
    sync::{Arc, Mutex},
};

use commonware_codec::{Copying, ReadExt as _};
use commonware_cryptography::ed25519;
use llmnet_ledger::Genesis;
use llmnet_types::{block::Header, signature::PublicKey};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    beacon::Beacon,
    block::engine_key,
    client::Tip,
    config::{Keep, Pacing, StartError},
    local_client::LocalClient,
    mempool::Mempool,
    runtime::ClientClock,
    service::{Request, genesis_header},
    store::Roots,
};

/// Requests of clients waiting for the validator.
const REQUESTS_MAX: usize = 1024;
/// Transactions waiting to be handed on.
const OUTBOX_MAX: usize = 4096;

/// Where a validator keeps the header of block 0, which cannot be made again from later state.
pub(crate) trait Home: Send {
    /// The header of block 0, if it was made already.
    fn genesis(&self) -> Option<Header>;

    /// Keeps the header of block 0, durably before this returns.
    fn keep_genesis(&self, header: &Header) -> io::Result<()>;
}

/// What a validator runs on.
pub(crate) struct Setup {
    pub(crate) home: Box<dyn Home>,
    pub(crate) key: ed25519::PrivateKey,
    pub(crate) beacon: Arc<Beacon>,
    pub(crate) genesis: Genesis,
    pub(crate) pacing: Pacing,
    pub(crate) keep: Keep,
    /// Up to how many rounds it replays if it has nothing; as goes with what it keeps, if none.
    pub(crate) replayed_max: Option<u64>,
    pub(crate) mempool: Arc<Mempool>,
    pub(crate) tip: watch::Sender<Tip>,
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) outbox: mpsc::Receiver<Bytes>,
    pub(crate) stop: oneshot::Receiver<()>,
}

/// What others hold of a validator.
pub(crate) struct Handles {
    pub(crate) client: LocalClient,
    pub(crate) stop: oneshot::Sender<()>,
}

/// Whether a validator can run on this genesis. It need not be of the first committee: who is elected
/// later follows until then.
pub(crate) fn check(genesis: &Genesis) -> Result<(), StartError> {
    genesis.check()?;
    let bad = |key: &&PublicKey| engine_key(key).is_none();
    match genesis.committee().keys().iter().find(bad) {
        Some(key) => Err(StartError::BadKey { key: *key }),
        None => Ok(()),
    }
}

impl Setup {
    /// Joins what a validator runs on with what others hold of it.
    pub(crate) fn new(
        home: Box<dyn Home>,
        seed: [u8; 32],
        genesis: Genesis,
        pacing: Pacing,
        clock: Box<dyn ClientClock>,
    ) -> (Self, Handles) {
        let (outbox_sender, outbox) = mpsc::channel(OUTBOX_MAX);
        let (requests_sender, requests) = mpsc::channel(REQUESTS_MAX);
        let (stop_sender, stop) = oneshot::channel();
        let mempool = Arc::new(Mempool::new(genesis.id(), outbox_sender, clock.now()));
        let (tip, tip_receiver) = watch::channel(unknown_tip(&genesis));
        let client = LocalClient {
            mempool: mempool.clone(),
            requests: requests_sender,
            tip: tip_receiver,
            end: Arc::new(Mutex::new(None)),
            clock,
        };
        let setup = Self {
            home,
            key: engine_seed(seed),
            beacon: Arc::new(Beacon::new(seed)),
            genesis,
            pacing,
            keep: Keep::default(),
            replayed_max: None,
            mempool,
            tip,
            requests,
            outbox,
            stop,
        };
        let stop = stop_sender;
        (setup, Handles { client, stop })
    }
}

/// The engine's form of a secret key.
pub(crate) fn engine_seed(seed: [u8; 32]) -> ed25519::PrivateKey {
    ed25519::PrivateKey::read(&mut Copying(seed.as_slice())).expect("any 32 bytes are a seed")
}

/// Shown until the validator has read where it was: within milliseconds of its start.
fn unknown_tip(genesis: &Genesis) -> Tip {
    let zero = llmnet_types::id::Digest::ZERO;
    let header = genesis_header(
        genesis,
        Roots {
            state: zero,
            operations: zero,
            operations_start: 0,
            operations_end: 1,
        },
    );
    Tip {
        digest: header.digest(),
        header,
    }
}
