//! A validator: its thread, and the handle that stops it.

use std::{
    net::TcpListener,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, mpsc as sync_mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use async_trait::async_trait;
use commonware_codec::{Copying, ReadExt as _};
use commonware_cryptography::ed25519;
use commonware_p2p::Address;
use commonware_runtime::{
    Runner as _,
    tokio::{Config as RuntimeConfig, Runner},
};
use llmnet_ledger::{Genesis, Key, admissible};
use llmnet_types::{
    certificate::FinalityCertificate, id::TransactionId, rejection::Rejection,
    signature::PrivateKey, transaction::Transaction, units::Height,
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    block::engine_key,
    client::{ChainClient, ChainError, FinalizedBlock, Inclusion, SubmitError, Tip},
    config::{StartError, ValidatorConfig},
    directory::Directory,
    mempool::Mempool,
    query::query,
    service::{self, Request, Setup, genesis_header},
    store::Roots,
};

/// Requests of clients waiting for the validator.
const REQUESTS_MAX: usize = 1024;
/// Transactions waiting to be handed on.
const OUTBOX_MAX: usize = 4096;

/// A running validator. Stops when dropped.
#[derive(Debug)]
pub struct Validator {
    client: Arc<Client>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Starts a validator on a thread of its own and returns when it runs. It need not have met others yet.
///
/// # Errors
/// See [`StartError`]; nothing runs then.
pub fn start(config: ValidatorConfig) -> Result<Validator, StartError> {
    config.genesis.check()?;
    let root = config.genesis.root();
    let network = root.id();
    let key = PrivateKey::from_seed(config.seed).public_key();
    if !root.committee.keys().contains(&key) {
        return Err(StartError::NotInCommittee { key });
    }
    let mut committee = Vec::new();
    let mut peers = Vec::new();
    for member in root.committee.keys() {
        let engine_key = engine_key(member).ok_or(StartError::BadKey { key: *member })?;
        let address = if *member == key {
            config.listen
        } else {
            let known = config.peers.iter().find(|(peer, _)| peer == member);
            known.ok_or(StartError::NoAddress { key: *member })?.1
        };
        committee.push(engine_key.clone());
        peers.push((engine_key, Address::from(address)));
    }
    let failed = |reason: &str| StartError::Failed {
        reason: reason.into(),
    };
    let committee = committee
        .try_into()
        .map_err(|_| failed("a validator is listed twice"))?;
    let peers = peers
        .try_into()
        .map_err(|_| failed("a validator is listed twice"))?;
    let directory = Directory::open(&config.directory, network)?;
    let data = directory.data();
    // Only to tell early: the network listens itself a moment later.
    drop(
        TcpListener::bind(config.listen).map_err(|source| StartError::Address {
            address: config.listen,
            source,
        })?,
    );

    let (outbox_sender, outbox) = mpsc::channel(OUTBOX_MAX);
    let (requests_sender, requests) = mpsc::channel(REQUESTS_MAX);
    let (stop_sender, stop) = oneshot::channel();
    let mempool = Arc::new(Mempool::new(network, outbox_sender));
    let (tip, tip_receiver) = watch::channel(unknown_tip(&config.genesis));
    let end = Arc::new(Mutex::new(None));
    let key = engine_seed(config.seed);
    let setup = Setup {
        directory,
        key,
        committee,
        quorum: root.committee.quorum(),
        peers,
        listen: config.listen,
        genesis: config.genesis,
        pacing: config.pacing,
        mempool: mempool.clone(),
        tip,
        requests,
        outbox,
        stop,
    };
    let runtime = RuntimeConfig::new()
        // One core carries thousands of transactions a second, and a machine may run many validators.
        .with_worker_threads(1)
        .with_max_blocking_threads(16)
        .with_thread_stack_size(2 << 20)
        .with_tcp_nodelay(Some(true))
        .with_storage_directory(data);
    let (ready_sender, ready) = sync_mpsc::channel();
    let thread = thread::Builder::new()
        .name("llmnet-chain".into())
        .spawn({
            let end = end.clone();
            move || {
                let ready = move || {
                    let _ = ready_sender.send(());
                };
                let result = catch_unwind(AssertUnwindSafe(|| {
                    Runner::new(runtime).start(|context| service::run(context, setup, ready))
                }));
                let reason = match result {
                    Ok(Ok(())) => "it was stopped".to_owned(),
                    Ok(Err(reason)) => reason,
                    Err(panic) => describe(panic.as_ref()),
                };
                *end.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
            }
        })
        .map_err(|error| failed(&error.to_string()))?;
    let client = Arc::new(Client {
        mempool,
        requests: requests_sender,
        tip: tip_receiver,
        end,
    });
    if ready.recv().is_err() {
        // The thread is over; its last word says why.
        let _ = thread.join();
        return Err(failed(&client.reason()));
    }
    Ok(Validator {
        client,
        stop: Some(stop_sender),
        thread: Some(thread),
    })
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

fn describe(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    format!("it failed: {}", text.unwrap_or("no reason given"))
}

impl Validator {
    /// To submit to and read from.
    pub fn client(&self) -> Arc<dyn ChainClient> {
        self.client.clone()
    }

    /// Whether it still runs. When not, its clients' errors say why.
    pub fn is_running(&self) -> bool {
        self.thread
            .as_ref()
            .is_some_and(|thread| !thread.is_finished())
    }

    /// Stops it and waits until all is written and closed. Takes milliseconds, and blocks the thread.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // The thread catches its panics.
            let _ = thread.join();
        }
    }
}

impl Drop for Validator {
    fn drop(&mut self) {
        self.end();
    }
}

/// A validator's client: talks to its thread over channels.
#[derive(Debug)]
struct Client {
    mempool: Arc<Mempool>,
    requests: mpsc::Sender<Request>,
    tip: watch::Receiver<Tip>,
    /// Why the thread ended.
    end: Arc<Mutex<Option<String>>>,
}

impl Client {
    fn reason(&self) -> String {
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        end.clone().unwrap_or_else(|| "it is stopping".into())
    }

    fn stopped(&self) -> ChainError {
        ChainError::Stopped {
            reason: self.reason(),
        }
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, ChainError> {
        let (reply, answer) = oneshot::channel();
        self.requests
            .send(request(reply))
            .await
            .map_err(|_| self.stopped())?;
        answer.await.map_err(|_| self.stopped())
    }
}

#[async_trait]
impl ChainClient for Client {
    async fn submit(&self, transaction: Transaction) -> Result<TransactionId, SubmitError> {
        let id = transaction.id();
        if self.mempool.contains(&id) {
            return Ok(id);
        }
        let network = self.mempool.network();
        let (_, admission) = query(self, |state| {
            admissible(state, &network, &transaction, Height(0))
        })
        .await?;
        match admission {
            Ok(()) => self.mempool.submit(transaction),
            // A nonce may be used because this very transaction did.
            Err(Rejection::Nonce { .. }) if self.outcome(id, Duration::ZERO).await?.is_some() => {
                Ok(id)
            }
            Err(reason) => Err(reason.into()),
        }
    }

    fn tip(&self) -> watch::Receiver<Tip> {
        self.tip.clone()
    }

    async fn read(&self, keys: &[Key]) -> Result<(Height, Vec<Option<Vec<u8>>>), ChainError> {
        self.ask(|reply| Request::Read(keys.to_vec(), reply)).await
    }

    async fn block(&self, height: Height) -> Result<Option<FinalizedBlock>, ChainError> {
        self.ask(|reply| Request::Block(height, reply)).await
    }

    async fn certificate(&self, height: Height) -> Result<Option<FinalityCertificate>, ChainError> {
        self.ask(|reply| Request::Certificate(height, reply)).await
    }

    async fn outcome(
        &self,
        id: TransactionId,
        wait: Duration,
    ) -> Result<Option<Inclusion>, ChainError> {
        let deadline = tokio::time::Instant::now() + wait;
        let mut tip = self.tip.clone();
        loop {
            tip.mark_unchanged();
            let found = self.ask(|reply| Request::Outcome(id, reply)).await?;
            if found.is_some() {
                return Ok(found);
            }
            match tokio::time::timeout_at(deadline, tip.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(self.stopped()),
                Err(_) => return Ok(None),
            }
        }
    }
}
