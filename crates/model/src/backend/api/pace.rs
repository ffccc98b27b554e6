//! How many calls a model takes: so many at a time, so many a minute.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::language::LanguageError;

const MINUTE: Duration = Duration::from_secs(60);

/// The calls of one model, over all clones of its client.
#[derive(Debug)]
pub(super) struct Pace {
    places: Semaphore,
    minute: Option<Mutex<Minute>>,
}

impl Pace {
    /// So many calls at a time, and so many begun within any minute, if that is limited.
    pub(super) fn new(calls: u32, calls_a_minute: Option<u32>) -> Self {
        let places = usize::try_from(calls).unwrap_or(usize::MAX);
        Self {
            places: Semaphore::new(places.min(Semaphore::MAX_PERMITS)),
            minute: calls_a_minute.map(|most| Mutex::new(Minute::new(most))),
        }
    }

    /// A place among the calls under way; none where it comes too late.
    pub(super) async fn enter(
        &self,
        deadline: Instant,
    ) -> Result<SemaphorePermit<'_>, LanguageError> {
        let place = tokio::time::timeout_at(deadline.into(), self.places.acquire()).await;
        // Nobody closes the semaphore.
        place
            .ok()
            .and_then(Result::ok)
            .ok_or(LanguageError::Saturated)
    }

    /// Waits until a call may begin; refuses at once where that is too late.
    pub(super) async fn begin(&self, deadline: Instant) -> Result<(), LanguageError> {
        let Some(minute) = &self.minute else {
            return Ok(());
        };
        loop {
            let now = Instant::now();
            let begun = {
                let mut minute = minute.lock().unwrap_or_else(PoisonError::into_inner);
                minute.begin(now)
            };
            match begun {
                Ok(()) => return Ok(()),
                Err(wait) if now + wait < deadline => tokio::time::sleep(wait).await,
                Err(_) => return Err(LanguageError::Saturated),
            }
        }
    }
}

/// When the calls of the last minute began: as many as are allowed are remembered, and no more.
#[derive(Debug)]
struct Minute {
    most: usize,
    begun: VecDeque<Instant>,
}

impl Minute {
    fn new(most: u32) -> Self {
        Self {
            most: usize::try_from(most).unwrap_or(usize::MAX),
            begun: VecDeque::new(),
        }
    }

    /// Counts a call that begins now, or says how long until one may.
    fn begin(&mut self, now: Instant) -> Result<(), Duration> {
        let age = |begun: &Instant| now.saturating_duration_since(*begun);
        while self
            .begun
            .front()
            .is_some_and(|oldest| age(oldest) >= MINUTE)
        {
            self.begun.pop_front();
        }
        match self.begun.front() {
            Some(oldest) if self.begun.len() >= self.most => Err(MINUTE - age(oldest)),
            _ => {
                self.begun.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_minute_has_more_calls_than_allowed() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut minute = Minute::new(3);
        for seconds in [0, 1, 50] {
            assert_eq!(minute.begin(at(seconds)), Ok(()));
        }
        assert_eq!(minute.begin(at(51)), Err(Duration::from_secs(9)));
        assert_eq!(minute.begin(at(59)), Err(Duration::from_secs(1)));
        assert_eq!(minute.begin(at(60)), Ok(()));
        assert_eq!(minute.begin(at(60)), Err(Duration::from_secs(1)));
        assert_eq!(minute.begin(at(61)), Ok(()));
        assert_eq!(minute.begin(at(62)), Err(Duration::from_secs(48)));
        assert!(minute.begun.len() <= 3);
        // A clock that stands still or goes back is no way around it.
        assert!(minute.begin(start).is_err());
    }

    #[tokio::test]
    async fn whoever_would_come_too_late_does_not_wait() {
        let pace = Pace::new(1, Some(1));
        let soon = Instant::now() + Duration::from_millis(20);
        let place = pace.enter(soon).await.unwrap();
        assert_eq!(pace.enter(soon).await.err(), Some(LanguageError::Saturated));
        drop(place);
        let later = Instant::now() + Duration::from_secs(30);
        assert!(pace.enter(later).await.is_ok());
        assert_eq!(pace.begin(later).await, Ok(()));
        let begin = Instant::now();
        assert_eq!(pace.begin(later).await, Err(LanguageError::Saturated));
        assert!(begin.elapsed() < Duration::from_secs(5));
    }
}
