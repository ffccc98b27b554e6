//! Leaves a model's server alone for a while once it has failed several times in a row, so that a seat can
//! say no at once instead of taking its place on a panel and failing there.
//!
//! ```text
//! closed --- FAILURES in a row ---> open --- its rest is over ---> probing: one call
//!    ^                               ^  \                           |   |
//!    `-- any call that was answered -+---`--- it failed: twice the rest
//! ```

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// So many failures in a row are no chance any more: of calls of which each tenth fails, one in a hundred
/// thousand begins such a row.
pub(super) const FAILURES: u32 = 5;
/// How often a rest is doubled at the most.
const DOUBLINGS: u32 = 3;
/// A call that somebody gave up after so long counts as failed: panels close before a server's time is over.
const GIVEN_UP: Duration = Duration::from_secs(10);

/// The failures of one model's server, over all clones of its client.
#[derive(Debug)]
pub(super) struct Breaker {
    rest: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    /// In a row, until now.
    failures: u32,
    /// When it is asked again, where it is left alone.
    until: Option<Instant>,
    /// Rests since it was last answered.
    rests: u32,
    /// Whether somebody is trying it out.
    probing: bool,
}

/// What a call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The server works, whatever it said.
    Answered,
    /// It does not.
    Failed,
    /// Nothing was learnt of it.
    Unknown,
}

/// A server that is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resting {
    /// How often it failed in a row.
    pub(super) failures: u32,
    /// Until it is asked again; zero while somebody tries it out.
    pub(super) left: Duration,
}

/// What is worth a line in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It is left alone from now on, for so long.
    Opened(Duration),
    /// It works again.
    Closed,
}

impl Breaker {
    /// With a first rest of so long.
    pub(super) const fn new(rest: Duration) -> Self {
        let state = State {
            failures: 0,
            until: None,
            rests: 0,
            probing: false,
        };
        Self {
            rest,
            state: Mutex::new(state),
        }
    }

    /// Whether it is left alone now.
    pub(super) fn resting(&self, now: Instant) -> Option<Resting> {
        self.lock().resting(now)
    }

    /// Leave for one call. When a rest is over, one call has it, and the others wait for what it finds.
    pub(super) fn pass(&self, now: Instant) -> Result<Pass<'_>, Resting> {
        let mut state = self.lock();
        if let Some(resting) = state.resting(now) {
            return Err(resting);
        }
        let probe = state.until.is_some();
        state.probing = probe;
        Ok(Pass {
            breaker: self,
            begun: now,
            probe,
            told: false,
        })
    }

    fn over(&self, now: Instant, probe: bool, outcome: Outcome) -> Option<Change> {
        let mut state = self.lock();
        let open = state.until.is_some();
        if probe {
            state.probing = false;
        }
        match outcome {
            Outcome::Unknown => None,
            Outcome::Answered => {
                *state = State {
                    failures: 0,
                    until: None,
                    rests: 0,
                    probing: false,
                };
                open.then_some(Change::Closed)
            }
            // Calls that began before the rest tell nothing new.
            Outcome::Failed if open && !probe => None,
            Outcome::Failed => {
                state.failures = state.failures.saturating_add(1);
                if state.failures < FAILURES {
                    return None;
                }
                let rest = self.rest * 2_u32.pow(state.rests.min(DOUBLINGS));
                state.rests = state.rests.saturating_add(1);
                state.until = Some(now + rest);
                Some(Change::Opened(rest))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole after any single assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn resting(&self, now: Instant) -> Option<Resting> {
        let until = self.until?;
        (self.probing || now < until).then(|| Resting {
            failures: self.failures,
            left: until.saturating_duration_since(now),
        })
    }
}

/// One call's leave. Dropped without a word, it was given up by whoever wanted it.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    breaker: &'a Breaker,
    begun: Instant,
    probe: bool,
    told: bool,
}

impl Pass<'_> {
    /// Tells what came of the call.
    pub(super) fn over(mut self, now: Instant, outcome: Outcome) -> Option<Change> {
        self.told = true;
        self.breaker.over(now, self.probe, outcome)
    }

    fn given_up(&self, now: Instant) -> Outcome {
        if now.saturating_duration_since(self.begun) >= GIVEN_UP {
            Outcome::Failed
        } else {
            Outcome::Unknown
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if !self.told {
            let now = Instant::now();
            let outcome = self.given_up(now);
            if let Some(Change::Opened(rest)) = self.breaker.over(now, self.probe, outcome) {
                tracing::warn!(?rest, "a model's server said nothing again and again");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_secs(10);

    /// Calls that begin at this second and come to this.
    fn call(breaker: &Breaker, at: Instant, outcome: Outcome) -> Option<Change> {
        breaker.pass(at).expect("it may be asked").over(at, outcome)
    }

    fn opened(at: Instant) -> Breaker {
        let breaker = Breaker::new(REST);
        for _ in 1..FAILURES {
            assert_eq!(call(&breaker, at, Outcome::Failed), None);
        }
        let last = call(&breaker, at, Outcome::Failed);
        assert_eq!(last, Some(Change::Opened(REST)));
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_others_do_not() {
        let start = Instant::now();
        let breaker = Breaker::new(REST);
        for _ in 0..3 {
            for _ in 1..FAILURES {
                assert_eq!(call(&breaker, start, Outcome::Failed), None);
            }
            // Nothing learnt changes nothing, an answer ends the row.
            assert_eq!(call(&breaker, start, Outcome::Unknown), None);
            assert_eq!(call(&breaker, start, Outcome::Answered), None);
        }
        assert_eq!(breaker.resting(start), None);
    }

    #[test]
    fn a_rest_ends_with_one_call_that_tries_it_out() {
        let start = Instant::now();
        let breaker = opened(start);
        let early = start + REST - Duration::from_millis(1);
        let resting = breaker.pass(early).err().unwrap();
        assert_eq!(resting.failures, FAILURES);
        assert_eq!(resting.left, Duration::from_millis(1));
        let due = start + REST;
        let probe = breaker.pass(due).unwrap();
        assert!(breaker.pass(due).is_err(), "one at a time");
        // Each failure doubles the rest, up to eight times the first.
        let mut change = probe.over(due, Outcome::Failed);
        let mut at = due;
        for times in [2, 4, 8, 8] {
            assert_eq!(change, Some(Change::Opened(times * REST)));
            assert!(
                breaker
                    .pass(at + times * REST - Duration::from_millis(1))
                    .is_err()
            );
            at += times * REST;
            change = call(&breaker, at, Outcome::Failed);
        }
        at += 8 * REST;
        assert_eq!(call(&breaker, at, Outcome::Answered), Some(Change::Closed));
        assert_eq!(breaker.resting(at), None);
        assert_eq!(call(&breaker, at, Outcome::Failed), None, "a new row");
    }

    #[test]
    fn a_probe_that_is_given_up_leaves_its_place_to_another() {
        let start = Instant::now().checked_sub(2 * REST).unwrap();
        let breaker = opened(start);
        drop(breaker.pass(start + 2 * REST).unwrap());
        assert!(breaker.pass(start + 2 * REST).is_ok());
    }

    #[test]
    fn calls_from_before_a_rest_may_end_it_and_never_prolong_it() {
        let start = Instant::now();
        let breaker = Breaker::new(REST);
        let (slow, slower) = (breaker.pass(start).unwrap(), breaker.pass(start).unwrap());
        for _ in 0..FAILURES {
            let _ = call(&breaker, start, Outcome::Failed);
        }
        assert_eq!(slow.over(start, Outcome::Failed), None);
        assert_eq!(breaker.resting(start).unwrap().failures, FAILURES);
        assert_eq!(slower.over(start, Outcome::Answered), Some(Change::Closed));
    }

    #[test]
    fn who_waited_long_for_nothing_has_seen_a_failure() {
        let now = Instant::now();
        let breaker = Breaker::new(REST);
        for (waited, outcome) in [
            (GIVEN_UP, Outcome::Failed),
            (GIVEN_UP - Duration::from_millis(1), Outcome::Unknown),
        ] {
            let pass = breaker.pass(now).unwrap();
            assert_eq!(pass.given_up(now + waited), outcome);
        }
    }
}
