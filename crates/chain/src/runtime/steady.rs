//! A runtime whose time never goes back.
//!
//! The engine counts its time-outs and the peers' shares of the network on the system's clock. Set that
//! back by an hour, and for an hour no time is out and everybody's share is used up: the validator says
//! nothing, and neither do the others of a network on one machine. So the engine sees this time instead:
//! it follows the clock, and where the clock was set back it goes on at half its pace until both agree.

use std::{
    convert::Infallible,
    fmt::Display,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use commonware_runtime::{
    BlobVersion, Clock, Error, Handle, Metrics, Name, Network, Resolver, SinkOf, Spawner, Storage,
    StreamOf, Supervisor,
    signal::Signal,
    telemetry::metrics::{Metric, Registered},
};
use governor::clock::{Clock as RateClock, ReasonablyRealtime};
use rand_core::{CryptoRng, TryCryptoRng, TryRng};

use super::Runtime;

/// As good as never, and yet a time that can be counted to.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// A runtime as the machine has it: its clock is the machine's, and may be set.
pub(crate) trait Host: Clock + CryptoRng + Metrics + Spawner + Storage {
    /// Time as it passes, from any beginning. It cannot be set.
    fn uptime(&self) -> Duration;
}

/// A host with a time that never goes back.
pub(crate) struct Steady<H> {
    host: H,
    dial: Arc<Dial>,
}

/// The time last shown, and when that was.
#[derive(Debug)]
struct Dial(Mutex<(SystemTime, Duration)>);

impl Dial {
    fn read(&self, wall: SystemTime, uptime: Duration) -> SystemTime {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (shown, then) = *last;
        let time = follow(shown, uptime.saturating_sub(then), wall);
        *last = (time, uptime.max(then));
        time
    }
}

/// What is shown some time after this was shown.
fn follow(shown: SystemTime, elapsed: Duration, wall: SystemTime) -> SystemTime {
    wall.max(shown + elapsed / 2)
}

impl<H: Host> Steady<H> {
    pub(crate) fn new(host: H) -> Self {
        let dial = Dial(Mutex::new((host.current(), host.uptime())));
        Self {
            host,
            dial: Arc::new(dial),
        }
    }

    fn on(&self, host: H) -> Self {
        let dial = self.dial.clone();
        Self { host, dial }
    }
}

impl<H: Host> Runtime for Steady<H> {
    fn wall_clock(&self) -> SystemTime {
        self.host.current()
    }
}

impl<H: Host> Clock for Steady<H> {
    fn current(&self) -> SystemTime {
        self.dial.read(self.host.current(), self.host.uptime())
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static + use<H> {
        self.host.sleep(duration)
    }

    fn sleep_until(
        &self,
        deadline: SystemTime,
    ) -> impl Future<Output = ()> + Send + 'static + use<H> {
        let wait = deadline.duration_since(self.current());
        // The engine says "never" by a time that some hosts cannot count to.
        self.host.sleep(wait.unwrap_or_default().min(NEVER))
    }
}

impl<H: Host> RateClock for Steady<H> {
    type Instant = SystemTime;

    fn now(&self) -> SystemTime {
        self.current()
    }
}

// What limiters wait for, they wait for on this clock.
impl<H: Host> ReasonablyRealtime for Steady<H> {}

impl<H: Host> Supervisor for Steady<H> {
    fn name(&self) -> Name {
        self.host.name()
    }

    fn child(&self, label: &'static str) -> Self {
        self.on(self.host.child(label))
    }

    fn with_attribute(self, key: &'static str, value: impl Display) -> Self {
        let Self { host, dial } = self;
        let host = host.with_attribute(key, value);
        Self { host, dial }
    }
}

impl<H: Host> Spawner for Steady<H> {
    fn shared(self, blocking: bool) -> Self {
        let Self { host, dial } = self;
        let host = host.shared(blocking);
        Self { host, dial }
    }

    fn dedicated(self) -> Self {
        let Self { host, dial } = self;
        let host = host.dedicated();
        Self { host, dial }
    }

    fn spawn<F, Fut, T>(self, f: F) -> Handle<T>
    where
        F: FnOnce(Self) -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let Self { host, dial } = self;
        host.spawn(move |host| f(Self { host, dial }))
    }

    async fn stop(self, value: i32, timeout: Option<Duration>) -> Result<(), Error> {
        self.host.stop(value, timeout).await
    }

    fn stopped(&self) -> Signal {
        self.host.stopped()
    }
}

impl<H: Host> Metrics for Steady<H> {
    fn register<N: Into<String>, T: Into<String>, M: Metric>(
        &self,
        name: N,
        help: T,
        metric: M,
    ) -> Registered<M> {
        self.host.register(name, help, metric)
    }

    fn encode(&self) -> String {
        self.host.encode()
    }
}

impl<H: Host> TryRng for Steady<H> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.host.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.host.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.host.fill_bytes(bytes);
        Ok(())
    }
}

impl<H: Host> TryCryptoRng for Steady<H> {}

impl<H: Host> Storage for Steady<H> {
    type Blob = H::Blob;

    async fn open_versioned(
        &self,
        partition: &str,
        name: &[u8],
        versions: RangeInclusive<BlobVersion>,
    ) -> Result<(Self::Blob, u64, BlobVersion), Error> {
        self.host.open_versioned(partition, name, versions).await
    }

    async fn remove(&self, partition: &str, name: Option<&[u8]>) -> Result<(), Error> {
        self.host.remove(partition, name).await
    }

    async fn scan(&self, partition: &str) -> Result<Vec<Vec<u8>>, Error> {
        self.host.scan(partition).await
    }
}

impl<H: Host + Network> Network for Steady<H> {
    type Listener = H::Listener;

    async fn bind(&self, socket: SocketAddr) -> Result<Self::Listener, Error> {
        self.host.bind(socket).await
    }

    async fn dial(&self, socket: SocketAddr) -> Result<(SinkOf<Self>, StreamOf<Self>), Error> {
        self.host.dial(socket).await
    }
}

impl<H: Host + Resolver> Resolver for Steady<H> {
    async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, Error> {
        self.host.resolve(host).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// What is shown at these readings of clock and uptime, in seconds.
    fn shown(readings: &[(u64, u64)]) -> Vec<u64> {
        let zero = SystemTime::UNIX_EPOCH;
        let dial = Dial(Mutex::new((zero + at(readings[0].0), at(readings[0].1))));
        let read = |(wall, uptime): &(u64, u64)| dial.read(zero + at(*wall), at(*uptime));
        let times = readings.iter().map(read);
        times
            .map(|time| time.duration_since(zero).unwrap().as_secs())
            .collect()
    }

    #[test]
    fn it_follows_the_clock() {
        assert_eq!(shown(&[(100, 0), (101, 1), (109, 9)]), [100, 101, 109]);
        // Forward at once, also over a time in which the machine slept.
        assert_eq!(shown(&[(100, 0), (5000, 1), (5001, 2)]), [100, 5000, 5001]);
    }

    #[test]
    fn set_back_it_goes_on_at_half_its_pace_until_both_agree() {
        let readings = [
            (100, 0),
            (60, 2),
            (68, 10),
            (98, 40),
            (138, 80),
            (140, 82),
            (150, 92),
        ];
        assert_eq!(shown(&readings), [100, 101, 105, 120, 140, 141, 150]);
    }

    #[test]
    fn readings_that_come_out_of_order_do_no_harm() {
        assert_eq!(shown(&[(100, 5), (99, 4), (101, 6)]), [100, 100, 101]);
    }
}
