//! A validator: its thread, and the handle that stops it.

use std::{
    net::TcpListener,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock, PoisonError, mpsc as sync_mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};

use commonware_runtime::{
    Runner as _,
    tokio::{Config as RuntimeConfig, Context, Runner},
};
use futures::future::BoxFuture;
use llmnet_types::{certificate::namespace, signature::PrivateKey};
use tokio::sync::oneshot;

use crate::{
    client::ChainClient,
    config::{StartError, ValidatorConfig},
    directory::Directory,
    local_client::LocalClient,
    network::{
        Peer,
        sockets::{self, Known},
    },
    runtime::{ClientClock, Host, Steady},
    service,
    setup::{Setup, check},
};

/// A running validator. Stops when dropped.
#[derive(Debug)]
pub struct Validator {
    client: Arc<LocalClient>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Starts a validator on a thread of its own and returns when it runs. It need not have met others yet.
///
/// # Errors
/// See [`StartError`]; nothing runs then.
pub fn start(config: ValidatorConfig) -> Result<Validator, StartError> {
    check(&config.genesis)?;
    let known = known(&config)?;
    let network_id = config.genesis.id();
    let directory = Directory::open(&config.directory, network_id)?;
    let data = directory.data();
    let listen = config.listen;
    // Only to tell early: the network listens itself a moment later.
    drop(TcpListener::bind(listen).map_err(|source| {
        let address = listen;
        StartError::Address { address, source }
    })?);

    let (mut setup, handles) = Setup::new(
        Box::new(directory),
        config.seed,
        config.genesis,
        config.pacing,
        Box::new(SystemClock),
    );
    setup.keep = config.keep;
    let key = setup.key.clone();
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
            let end = handles.client.end.clone();
            move || {
                let ready = move || {
                    let _ = ready_sender.send(());
                };
                let result = catch_unwind(AssertUnwindSafe(|| {
                    Runner::new(runtime).start(|context| {
                        let open_network = move |context: &_| {
                            let namespace = namespace(&network_id);
                            sockets::start(context, key, &namespace, known)
                        };
                        service::run(Steady::new(context), setup, open_network, ready)
                    })
                }));
                let reason = match result {
                    Ok(Ok(())) => "it was stopped".to_owned(),
                    Ok(Err(reason)) => reason,
                    Err(panic) => describe(panic.as_ref()),
                };
                *end.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
            }
        })
        .map_err(|error| failed(error.to_string()))?;
    let client = Arc::new(handles.client);
    if ready.recv().is_err() {
        // The thread is over; its last word says why.
        let _ = thread.join();
        return Err(failed(client.reason()));
    }
    Ok(Validator {
        client,
        stop: Some(handles.stop),
        thread: Some(thread),
    })
}

/// Who listens where. Each of the first committee has to be known: the chain begins with them.
fn known(config: &ValidatorConfig) -> Result<Known, StartError> {
    let own_key = PrivateKey::from_seed(config.seed).public_key();
    let first = config.genesis.validators.iter().map(|validator| Peer {
        key: validator.node,
        address: validator.address.clone(),
    });
    let first: Vec<Peer> = first.collect();
    let is_known = |peer: &Peer| {
        peer.key == own_key
            || !peer.address.is_empty()
            || config.peers.iter().any(|(key, _)| *key == peer.key)
    };
    if let Some(unknown) = first.iter().find(|peer| !is_known(peer)) {
        return Err(StartError::NoAddress { key: unknown.key });
    }
    Ok(Known {
        own: (own_key, config.listen),
        peers: config.peers.clone(),
        first,
    })
}

const fn failed(reason: String) -> StartError {
    StartError::Failed { reason }
}

impl Host for Context {
    fn uptime(&self) -> Duration {
        static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGAN.elapsed()
    }
}

/// The time of clients in production. They wait in whatever tokio runtime they run in.
#[derive(Debug)]
struct SystemClock;

impl ClientClock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
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
