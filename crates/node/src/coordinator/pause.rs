//! How long whoever said nothing is left alone: a little at first, longer each time.

use std::time::Duration;

use tokio::time::Instant;

/// The first pause.
pub(super) const PAUSE_MIN: Duration = Duration::from_millis(250);
/// The longest one.
pub(super) const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Whether somebody may be asked.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pause {
    /// How often in a row it said nothing.
    silent: u32,
    ends: Option<Instant>,
}

impl Pause {
    /// Whether it may be asked now.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.ends.is_none_or(|at| at <= now)
    }

    /// It said something.
    pub(super) const fn end(&mut self) {
        *self = Self {
            silent: 0,
            ends: None,
        };
    }

    /// It said nothing once more.
    pub(super) fn lengthen(&mut self, now: Instant) {
        let pause = PAUSE_MIN.saturating_mul(1 << self.silent.min(16));
        self.silent = self.silent.saturating_add(1);
        self.ends = Some(now + pause.min(PAUSE_MAX));
    }

    /// It is asked no more for as long as ever.
    pub(super) fn longest(&mut self, now: Instant) {
        self.ends = Some(now + PAUSE_MAX);
    }
}
