//! How far settlement is behind, and what that means for new orders.
//!
//! A contract is settled within the epoch after the one its panel was selected in, or never (WIN-1): who served is not
//! paid then. So a coordinator takes no more orders than it can settle in time; what comes meanwhile waits a little.

use std::time::Duration;

use llmnet_gateway::port::AnswerError;
use tokio::{sync::watch, time::timeout};

/// How long a request waits for settlement to catch up.
const PATIENCE: Duration = Duration::from_secs(15);
/// When to ask again where that was not enough.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// As many rounds of settling may wait without anybody minding: what is let in again is little, and soon settled.
const ROUNDS: u64 = 4;
/// More is no reason either while it is younger than this share of an epoch: it may all wait for one slow panel.
const AGE_SHARE: u64 = 16;

/// Whether settlement is behind, for whoever takes orders.
#[derive(Debug)]
pub(super) struct Backlog {
    behind: watch::Sender<bool>,
    patience: Duration,
}

impl Backlog {
    pub(super) fn new() -> Self {
        Self {
            behind: watch::Sender::new(false),
            patience: PATIENCE,
        }
    }

    /// Notes what there is to settle: so many slots are ordered and not settled, of which so many can be settled in a
    /// round, and the first is so many blocks old.
    pub(super) fn note(&self, waiting: u64, at_once: u64, age: u64, epoch_length: u64) {
        let is_behind = waiting > ROUNDS.saturating_mul(at_once) && age > epoch_length / AGE_SHARE;
        let was_behind = self.behind.send_replace(is_behind);
        if is_behind && !was_behind {
            tracing::debug!(waiting, age, "settlement is behind: orders wait for it");
        }
    }

    /// Waits until an order can be settled in time.
    ///
    /// # Errors
    /// Settlement did not catch up soon.
    pub(super) async fn pass(&self) -> Result<(), AnswerError> {
        let mut behind = self.behind.subscribe();
        let caught_up = timeout(self.patience, behind.wait_for(|behind| !behind)).await;
        // The sender is this one's own: it is there.
        caught_up.map(drop).map_err(|_| AnswerError::NotReady {
            message: "receipts are settled more slowly than questions come".to_owned(),
            retry_after: RETRY_AFTER,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: u64 = 256;

    #[tokio::test]
    async fn orders_wait_while_what_is_old_is_more_than_can_be_settled_at_once() {
        let mut backlog = Backlog::new();
        backlog.pass().await.unwrap();
        // Much that is young, and little that is old, is settled in time.
        for (waiting, age) in [(100_000, 16), (8_192, 200)] {
            backlog.note(waiting, 2_048, age, EPOCH);
            backlog.pass().await.unwrap();
        }
        backlog.note(8_193, 2_048, 17, EPOCH);
        let (passed, ()) = tokio::join!(backlog.pass(), async {
            tokio::task::yield_now().await;
            backlog.note(10, 2_048, 1, EPOCH);
        });
        passed.unwrap();
        backlog.note(8_193, 2_048, 17, EPOCH);
        backlog.patience = Duration::from_millis(1);
        let refused = backlog.pass().await.unwrap_err();
        assert!(
            matches!(refused, AnswerError::NotReady { retry_after, .. } if retry_after == RETRY_AFTER)
        );
    }
}
