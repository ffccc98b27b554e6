//! What the validator's core asks of the runtime it stands on.
//!
//! In production that is the engine's own runtime on threads, disks and the system's clock. In the
//! simulation it is one machine of many on a deterministic runtime, with its own disk and its own idea
//! of the time. The core takes time, tasks, storage and chance from here and from nowhere else, so that
//! a run can be repeated from its seed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use commonware_runtime::{Clock, Metrics, Spawner, Storage};
use futures::future::BoxFuture;
use rand_core::CryptoRng;

mod steady;

pub(crate) use steady::{Host, Steady};

/// A validator's runtime. Its time is for counting how long things take, and never goes back.
pub(crate) trait Runtime: Clock + CryptoRng + Metrics + Spawner + Storage {
    /// What time it is, as far as the machine knows. It may jump.
    fn wall_clock(&self) -> SystemTime;
}

/// Time as a validator's clients know it: they are outside of the validator's runtime.
pub(crate) trait ClientClock: std::fmt::Debug + Send + Sync + 'static {
    /// The wall clock.
    fn now(&self) -> SystemTime;

    /// Resolves after this long.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// A time in Unix milliseconds.
pub(crate) fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
