//! Networks in directories that go away at the end, and ways to talk to them.

mod gateway;
mod ledger;
mod local;
mod process;
mod room;
mod up;

use std::{future::Future, time::Duration};

use llmnet_chain::client::ChainClient;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep, timeout},
};

pub(crate) use gateway::{Answer, Gateway};
pub(crate) use ledger::{Settled, settled};
pub(crate) use local::{Local, keys};
pub(crate) use process::Process;
pub(crate) use room::Room;
pub(crate) use up::{Printed, Up, command, finish, output};

/// How long any condition may take to come true.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// As many networks as may live at a time, however many tests run: each is four validators.
static PLACES: Semaphore = Semaphore::const_new(2);

/// Leave to run a network, until it is dropped. Who holds one must not ask for another.
pub(crate) type Place = SemaphorePermit<'static>;

pub(crate) async fn place() -> Place {
    PLACES.acquire().await.unwrap()
}

/// Waits until something is found, and fails when the deadline is over.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {DEADLINE:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until something is found within so many blocks, however long a block takes: fails once they are over, or
/// when none comes until the deadline.
pub(crate) async fn until_block<T, F: Future<Output = Option<T>>>(
    chain: &dyn ChainClient,
    blocks: u64,
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let mut tip = chain.tip();
    let last = tip.borrow_and_update().height().0 + blocks;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        let height = tip.borrow_and_update().height().0;
        assert!(height < last, "{what}: not within {blocks} blocks");
        let next = timeout(DEADLINE, tip.changed()).await;
        next.unwrap_or_else(|_| panic!("{what}: no block after {height} within {DEADLINE:?}"))
            .unwrap();
    }
}

/// A question of one of the sets.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    pub(crate) question: String,
    /// None where nobody knows anything about it.
    pub(crate) domain: Option<String>,
    pub(crate) passages: Vec<String>,
}

pub(crate) fn questions(file: &str) -> Vec<Question> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../questions");
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}
