//! A respondent's links: one to each coordinator that it serves, dialled again whenever one ends.
//!
//! ```text
//! wanted coordinators ── follow ──┬── keep ── attend ──> the respondent's inbox
//!  (settings, ledger)             └── keep ── …
//! ```

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use llmnet_ledger::record::LISTED_MAX;
use llmnet_link::{Settings, dial};
use llmnet_types::signature::PublicKey;
use tokio::{
    sync::{mpsc, watch},
    task::AbortHandle,
    time::{Instant, sleep},
};

use super::{Parcel, far::attend};

/// The first pause before a coordinator is dialled again.
const PAUSE_MIN: Duration = Duration::from_millis(250);
/// The longest one.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// A link that stood so long was a good one: after it, pauses are short again.
const GOOD: Duration = Duration::from_secs(10);
/// Coordinators that one respondent is linked to at a time: as many as the ledger lists.
pub const COORDINATORS_MAX: usize = LISTED_MAX;

/// Coordinators by key, each with its address as `host:port`.
pub type Coordinators = BTreeMap<PublicKey, String>;

/// How a link is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Where the coordinator is dialled.
    pub address: String,
    /// Since when it stands; `None` while it does not.
    pub since: Option<Instant>,
    /// Why it does not, or how the last one ended.
    pub trouble: Option<String>,
}

/// How all links are, for whoever asks.
#[derive(Debug, Clone, Default)]
pub struct Links(Arc<Mutex<BTreeMap<PublicKey, State>>>);

impl Links {
    /// Each coordinator's.
    pub fn states(&self) -> BTreeMap<PublicKey, State> {
        self.lock().clone()
    }

    fn set(&self, coordinator: PublicKey, state: State) {
        self.lock().insert(coordinator, state);
    }

    fn forget(&self, coordinator: &PublicKey) {
        self.lock().remove(coordinator);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<PublicKey, State>> {
        // The map is whole after any single call, so a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tasks that end with whoever holds them.
struct Kept(AbortHandle);

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Keeps a link to each coordinator that is wanted, as long as it is, until nobody says any more who is. Dropped,
/// all links end.
pub async fn follow(
    settings: Settings,
    mut wanted: watch::Receiver<Coordinators>,
    inbox: mpsc::Sender<Parcel>,
    links: Links,
) {
    let settings = Arc::new(settings);
    let mut kept: BTreeMap<PublicKey, (String, Kept)> = BTreeMap::new();
    loop {
        let now = wanted.borrow_and_update().clone();
        kept.retain(|key, (address, _)| {
            let stays = now.get(key) == Some(address);
            if !stays {
                links.forget(key);
            }
            stays
        });
        for (key, address) in now {
            if kept.contains_key(&key) || kept.len() >= COORDINATORS_MAX {
                continue;
            }
            let keep = keep(
                Arc::clone(&settings),
                (key, address.clone()),
                inbox.clone(),
                links.clone(),
            );
            let task = Kept(tokio::spawn(keep).abort_handle());
            kept.insert(key, (address, task));
        }
        if wanted.changed().await.is_err() {
            // The last word on it stays.
            std::future::pending::<()>().await;
        }
    }
}

/// Keeps one link, for ever.
async fn keep(
    settings: Arc<Settings>,
    (coordinator, address): (PublicKey, String),
    inbox: mpsc::Sender<Parcel>,
    links: Links,
) {
    let state = |since, trouble| State {
        address: address.clone(),
        since,
        trouble,
    };
    links.set(coordinator, state(None, None));
    let mut pause = PAUSE_MIN;
    let mut told = None;
    loop {
        let trouble = match dial(&settings, &address, coordinator).await {
            Ok(link) => {
                tracing::info!(%coordinator, address, "linked");
                let since = Instant::now();
                links.set(coordinator, state(Some(since), None));
                let ended = attend(link, &inbox).await;
                if since.elapsed() >= GOOD {
                    (pause, told) = (PAUSE_MIN, None);
                }
                format!(
                    "the link ended after {} s: {ended}",
                    since.elapsed().as_secs()
                )
            }
            Err(error) => described(&error),
        };
        // Said once, not with each try.
        if told.as_ref() != Some(&trouble) {
            tracing::warn!(%coordinator, address, trouble, "not linked");
        }
        links.set(coordinator, state(None, Some(trouble.clone())));
        told = Some(trouble);
        sleep(jittered(pause)).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

fn described(error: &llmnet_link::LinkError) -> String {
    use std::error::Error as _;
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// Between half of a pause and all of it: respondents that lost their coordinator at once do not come back at once.
fn jittered(pause: Duration) -> Duration {
    let mut byte = [0];
    // Without randomness it is the longest.
    let share = getrandom::fill(&mut byte).map_or(255, |()| u32::from(byte[0]));
    pause / 2 + pause / 510 * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_between_half_and_all_of_what_they_are() {
        for pause in [PAUSE_MIN, Duration::from_secs(1), PAUSE_MAX] {
            for _ in 0..100 {
                let jittered = jittered(pause);
                assert!(jittered >= pause / 2 && jittered <= pause, "{jittered:?}");
            }
        }
    }
}
