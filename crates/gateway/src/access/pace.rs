//! How often: so many requests at once, then one at a time as a minute's share of them passes.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

const MINUTE: Duration = Duration::from_secs(60);

/// The pace of one key, in one instant of state: when all that was asked so far would be paid off. (The crate
/// `governor` does the same with four more crates to compile.)
#[derive(Debug)]
pub(super) struct Pace {
    limit: NonZeroU32,
    paid_off: Option<Instant>,
}

/// How a key is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// Requests of a minute.
    pub(crate) limit: u32,
    /// Requests that may come now.
    pub(crate) remaining: u32,
    /// Until all of them may come again.
    pub(crate) reset: Duration,
}

impl Pace {
    pub(super) fn new(limit: NonZeroU32) -> Self {
        Self {
            limit,
            paid_off: None,
        }
    }

    /// One more request, or how long until one may come.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let each = MINUTE / self.limit.get();
        let debt = self.debt(now) + each;
        // A limit that does not divide a minute leaves a rest of nanoseconds, which is the asker's.
        if debt > MINUTE {
            return Err(debt - MINUTE);
        }
        self.paid_off = Some(now + debt);
        Ok(())
    }

    pub(super) fn room(&self, now: Instant) -> Room {
        let each = MINUTE / self.limit.get();
        let debt = self.debt(now);
        let asked = debt.as_nanos().div_ceil(each.as_nanos());
        let asked = u32::try_from(asked).unwrap_or(u32::MAX);
        Room {
            limit: self.limit.get(),
            remaining: self.limit.get().saturating_sub(asked),
            reset: debt,
        }
    }

    fn debt(&self, now: Instant) -> Duration {
        self.paid_off
            .map_or(Duration::ZERO, |at| at.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_requests_may_come_at_once_and_then_each_in_its_time() {
        for limit in [1, 3, 7, 60, 1_000] {
            let limit = NonZeroU32::new(limit).unwrap();
            let mut pace = Pace::new(limit);
            let start = Instant::now();
            for taken in 0..limit.get() {
                assert_eq!(pace.room(start).remaining, limit.get() - taken);
                assert_eq!(pace.take(start), Ok(()), "{taken} of {limit}");
            }
            assert_eq!(pace.room(start).remaining, 0);
            let wait = pace.take(start).unwrap_err();
            let each = MINUTE / limit.get();
            assert!(wait <= each && wait + Duration::from_micros(1) > each);
            // Refusals cost nothing: whoever waits as told gets in, and a moment before does not.
            let short = Duration::from_nanos(1);
            assert_eq!(pace.take(start + wait - short), Err(short));
            assert_eq!(pace.take(start + wait), Ok(()));
            // After a minute of silence everything is as at first.
            let later = start + wait + MINUTE;
            assert_eq!(pace.room(later).remaining, limit.get());
            assert_eq!(pace.room(later).reset, Duration::ZERO);
        }
    }
}
