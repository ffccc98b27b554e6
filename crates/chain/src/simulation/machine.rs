//! One validator's machine: a runtime with a disk, a clock and a fate of its own.
//!
//! All machines share one deterministic runtime. A machine puts its name before whatever it stores, adds
//! its error to the time, and keeps a panic to itself: as in production, a task that panics ends the
//! validator, and the others do not notice but by its silence.

use std::{
    convert::Infallible,
    fmt::Display,
    future::pending,
    ops::RangeInclusive,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime},
};

use commonware_runtime::{
    BlobVersion, Clock, Error, Handle, Metrics, Name, Spawner, Storage, Supervisor, deterministic,
    signal::Signal,
    telemetry::metrics::{Metric, Registered},
};
use futures::{FutureExt as _, future::BoxFuture};
use governor::clock::{Clock as RateClock, ReasonablyRealtime};
use rand_core::{TryCryptoRng, TryRng};
use tokio::sync::Notify;

use crate::runtime::{ClientClock, Host};

/// What a machine is, apart from what runs on it.
#[derive(Debug)]
pub(crate) struct Hardware {
    /// Stands before the name of all that is on its disk.
    pub(crate) disk: String,
    /// How far its clock is ahead, in milliseconds.
    clock_error_ms: AtomicI64,
    panicked: Mutex<Option<String>>,
    panic: Notify,
}

impl Hardware {
    pub(crate) fn new(disk: String) -> Arc<Self> {
        Arc::new(Self {
            disk,
            clock_error_ms: AtomicI64::new(0),
            panicked: Mutex::default(),
            panic: Notify::new(),
        })
    }

    /// The same machine with another disk.
    pub(crate) fn with_disk(&self, disk: String) -> Arc<Self> {
        let other = Self::new(disk);
        other.set_clock(self.clock_error_ms.load(Ordering::Relaxed));
        other
    }

    /// Sets the machine's clock ahead of the true time by so much.
    pub(crate) fn set_clock(&self, error_ms: i64) {
        self.clock_error_ms.store(error_ms, Ordering::Relaxed);
    }

    /// Resolves with the first panic of anything that runs here.
    pub(crate) async fn panicked(&self) -> String {
        loop {
            let notified = self.panic.notified();
            if let Some(reason) = self.take_panic() {
                return reason;
            }
            notified.await;
        }
    }

    pub(crate) fn take_panic(&self) -> Option<String> {
        let mut panicked = self.panicked.lock().unwrap_or_else(PoisonError::into_inner);
        panicked.take()
    }

    fn note_panic(&self, reason: String) {
        let mut panicked = self.panicked.lock().unwrap_or_else(PoisonError::into_inner);
        panicked.get_or_insert(reason);
        self.panic.notify_one();
    }

    fn shown(&self, time: SystemTime) -> SystemTime {
        shift(time, self.clock_error_ms.load(Ordering::Relaxed))
    }

    fn truly(&self, time: SystemTime) -> SystemTime {
        shift(time, -self.clock_error_ms.load(Ordering::Relaxed))
    }
}

fn shift(time: SystemTime, ms: i64) -> SystemTime {
    let distance = Duration::from_millis(ms.unsigned_abs());
    if ms < 0 {
        time - distance
    } else {
        time + distance
    }
}

/// A runtime on a machine.
pub(crate) struct Machine {
    inner: deterministic::Context,
    hardware: Arc<Hardware>,
}

impl Machine {
    pub(crate) const fn new(inner: deterministic::Context, hardware: Arc<Hardware>) -> Self {
        Self { inner, hardware }
    }

    fn partition(&self, name: &str) -> String {
        format!("{}-{name}", self.hardware.disk)
    }
}

/// What a panic said.
pub(crate) fn describe(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no reason given").to_owned()
}

impl Supervisor for Machine {
    fn name(&self) -> Name {
        self.inner.name()
    }

    fn child(&self, label: &'static str) -> Self {
        Self::new(self.inner.child(label), self.hardware.clone())
    }

    fn with_attribute(self, key: &'static str, value: impl Display) -> Self {
        Self::new(self.inner.with_attribute(key, value), self.hardware)
    }
}

impl Spawner for Machine {
    fn shared(self, blocking: bool) -> Self {
        Self::new(self.inner.shared(blocking), self.hardware)
    }

    fn dedicated(self) -> Self {
        Self::new(self.inner.dedicated(), self.hardware)
    }

    fn spawn<F, Fut, T>(self, f: F) -> Handle<T>
    where
        F: FnOnce(Self) -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let Self { inner, hardware } = self;
        inner.spawn(move |inner| {
            let task = f(Self::new(inner, hardware.clone()));
            async move {
                match AssertUnwindSafe(task).catch_unwind().await {
                    Ok(value) => value,
                    Err(panic) => {
                        hardware.note_panic(describe(panic.as_ref()));
                        // Until the machine is switched off.
                        pending().await
                    }
                }
            }
        })
    }

    async fn stop(self, value: i32, timeout: Option<Duration>) -> Result<(), Error> {
        self.inner.stop(value, timeout).await
    }

    fn stopped(&self) -> Signal {
        self.inner.stopped()
    }
}

impl Metrics for Machine {
    fn register<N: Into<String>, H: Into<String>, M: Metric>(
        &self,
        name: N,
        help: H,
        metric: M,
    ) -> Registered<M> {
        self.inner.register(name, help, metric)
    }

    fn encode(&self) -> String {
        self.inner.encode()
    }
}

impl Clock for Machine {
    fn current(&self) -> SystemTime {
        self.hardware.shown(self.inner.current())
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.inner.sleep(duration)
    }

    fn sleep_until(
        &self,
        deadline: SystemTime,
    ) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.inner.sleep_until(self.hardware.truly(deadline))
    }
}

impl RateClock for Machine {
    type Instant = SystemTime;

    fn now(&self) -> SystemTime {
        self.current()
    }
}

impl ReasonablyRealtime for Machine {}

impl TryRng for Machine {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.inner.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.inner.try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.inner.try_fill_bytes(bytes)
    }
}

impl TryCryptoRng for Machine {}

impl Storage for Machine {
    type Blob = <deterministic::Context as Storage>::Blob;

    async fn open_versioned(
        &self,
        partition: &str,
        name: &[u8],
        versions: RangeInclusive<BlobVersion>,
    ) -> Result<(Self::Blob, u64, BlobVersion), Error> {
        let partition = self.partition(partition);
        self.inner.open_versioned(&partition, name, versions).await
    }

    async fn remove(&self, partition: &str, name: Option<&[u8]>) -> Result<(), Error> {
        self.inner.remove(&self.partition(partition), name).await
    }

    async fn scan(&self, partition: &str) -> Result<Vec<Vec<u8>>, Error> {
        self.inner.scan(&self.partition(partition)).await
    }
}

impl Host for Machine {
    fn uptime(&self) -> Duration {
        let time = self.inner.current().duration_since(SystemTime::UNIX_EPOCH);
        time.unwrap_or_default()
    }
}

/// The time of clients beside a machine.
pub(crate) struct ClientTime(pub(crate) Machine);

impl std::fmt::Debug for ClientTime {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.hardware.fmt(formatter)
    }
}

impl ClientClock for ClientTime {
    fn now(&self) -> SystemTime {
        self.0.current()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(self.0.inner.sleep(duration))
    }
}
