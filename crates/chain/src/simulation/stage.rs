//! Who runs right now, for those who want something of them.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use commonware_runtime::{Clock as _, deterministic};
use llmnet_types::units::Height;

use super::judge::Judge;
use crate::{client::ChainClient as _, local_client::LocalClient};

/// One start of a validator: its index, and how many starts it had.
pub(crate) type Start = (usize, u32);

/// How often a watcher looks.
const LOOK: Duration = Duration::from_millis(100);

/// The honest validators of one life, and the judge.
pub(crate) struct Stage {
    pub(crate) judge: Arc<Mutex<Judge>>,
    running: Mutex<Vec<Option<Seen>>>,
}

#[derive(Clone)]
struct Seen {
    start: Start,
    client: Arc<LocalClient>,
    /// The highest block heard of it since this start.
    heard: u64,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stage {
    pub(crate) fn new(judge: Arc<Mutex<Judge>>, honest: usize) -> Self {
        Self {
            judge,
            running: Mutex::new(vec![None; honest]),
        }
    }

    pub(crate) fn enter(&self, start: Start, client: Arc<LocalClient>) {
        lock(&self.running)[start.0] = Some(Seen {
            start,
            client,
            heard: 0,
        });
    }

    pub(crate) fn leave(&self, index: usize) {
        lock(&self.running)[index] = None;
    }

    /// All that run.
    pub(crate) fn running(&self) -> Vec<(Start, Arc<LocalClient>)> {
        let running = lock(&self.running);
        let running = running.iter().flatten();
        running
            .map(|seen| (seen.start, seen.client.clone()))
            .collect()
    }

    pub(crate) fn is_running(&self, start: Start) -> bool {
        let running = lock(&self.running);
        running[start.0]
            .as_ref()
            .is_some_and(|seen| seen.start == start)
    }

    /// The highest block heard of each since its start; none of those that do not run.
    pub(crate) fn heard(&self) -> Vec<Option<u64>> {
        let running = lock(&self.running);
        running
            .iter()
            .map(|seen| seen.as_ref().map(|seen| seen.heard))
            .collect()
    }

    /// Tells the judge all that one validator says is final, from its start to its end.
    pub(crate) async fn watch(&self, context: &deterministic::Context, index: usize) {
        loop {
            context.sleep(LOOK).await;
            let Some(Seen {
                start,
                client,
                heard,
            }) = lock(&self.running)[index].clone()
            else {
                continue;
            };
            let tip = client.tip().borrow().height().0;
            lock(&self.judge).shows(index, tip);
            for height in heard + 1..=tip {
                let Ok(block) = client.block(Height(height)).await else {
                    break;
                };
                if let Err(violation) = lock(&self.judge).hear(index, height, block) {
                    panic!("{violation}");
                }
                if height.is_multiple_of(4)
                    && let Ok(Some(finality)) = client.finality(Height(height)).await
                    && let Err(violation) =
                        lock(&self.judge).hear_proof(index, height, Some(&finality))
                {
                    panic!("{violation}");
                }
                if let Some(seen) = &mut lock(&self.running)[index]
                    && seen.start == start
                {
                    seen.heard = height;
                }
            }
        }
    }
}
