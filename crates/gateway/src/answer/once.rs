//! The same question under the same key is answered once.
//!
//! A client that did not hear the end of its request may ask again under the `Idempotency-Key` it asked
//! under before, and gets what it would have got: the same answer, by the same receipt, paid once.
//!
//! ```text
//!          claim            over
//! (none) --------> ours ----------> kept ---- age, room ----> (none)
//!    ^              |   \
//!    |              |    another comes: it waits for the end
//!    +--------------+
//!      refused, or the client hung up
//! ```
//!
//! - Kept is an answer, and a failure after which work may be owed (a time-out, our own fault): whoever
//!   repeats it must not pay twice. Any other refusal cost nothing and is not kept: trying again may help.
//! - A client that hangs up before the end cancels its request as always, and frees the key: the next one
//!   under it asks anew, or one that already waits does.
//! - Another body under the same key is refused: one of the two is a mistake.
//! - Keys belong to who sent them: a path and the credentials it came with. Of none of them but a digest is
//!   kept, and nothing outlives the process.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{extract::Request, http::StatusCode};
use llmnet_types::id::Digest;
use tokio::{sync::watch, time::timeout};

use crate::{Config, answer::Head, error::ApiError, port::Answered};

/// The header.
const KEY: &str = "idempotency-key";
/// The most characters of a key, as others have it.
const KEY_LENGTH_MAX: usize = 255;
/// About what an entry takes besides its texts.
const ENTRY_LENGTH: usize = 1_024;

/// What stands at the end of a request.
pub(super) struct Kept {
    pub(super) head: Head,
    pub(super) outcome: Result<Answered, ApiError>,
}

impl Kept {
    /// About how many bytes it takes.
    fn length(&self) -> usize {
        let Ok(answered) = &self.outcome else {
            return ENTRY_LENGTH;
        };
        let quotes: usize = answered
            .citations
            .iter()
            .map(|citation| ENTRY_LENGTH / 4 + citation.quote.len() + citation.document.len())
            .sum();
        let seats = (answered.panel.len() + answered.skipped.len()) * ENTRY_LENGTH / 4;
        let calls: usize = answered
            .calls
            .iter()
            .map(|call| call.id.len() + call.name.len() + call.arguments.len())
            .sum();
        ENTRY_LENGTH + answered.text.len() + calls + quotes + seats
    }

    /// Whether asking again would be paid again, or may be.
    fn stands(&self) -> bool {
        match &self.outcome {
            Ok(_) => true,
            Err(error) => error.is_final(),
        }
    }
}

/// The key of a request as it is kept, if it has one.
pub(super) fn key(request: &Request) -> Result<Option<Digest>, ApiError> {
    let Some(key) = request.headers().get(KEY) else {
        return Ok(None);
    };
    let plain = |byte: &u8| (0x20..0x7f).contains(byte);
    let bytes = key.as_bytes();
    if bytes.is_empty() || bytes.len() > KEY_LENGTH_MAX || !bytes.iter().all(plain) {
        let message = format!(
            "an idempotency key has 1 to {KEY_LENGTH_MAX} printable ASCII characters; a UUID is one"
        );
        return Err(ApiError::bad_request("invalid_idempotency_key", message).at(KEY));
    }
    let header = |name: &str| match request.headers().get(name) {
        Some(value) => value.as_bytes(),
        None => &[],
    };
    // Digests of the parts, so that no part can be taken for another's end.
    let path = request.uri().path().as_bytes();
    let parts = [path, header("authorization"), header("x-api-key"), bytes];
    let digests = parts.map(|part| Digest::of(part).0);
    Ok(Some(Digest::of(&digests.concat())))
}

/// Whose turn it is under a key.
pub(super) enum Turn {
    /// Ours: nobody asked, or nothing came of it.
    Ours(Claim),
    /// Nobody's: this stands.
    Kept(Arc<Kept>),
}

/// Keys of late, bounded in count, length and age.
pub(crate) struct Once {
    entries: Mutex<Entries>,
    count_max: usize,
    length_max: usize,
    age_max: Duration,
    retry_after: Duration,
}

#[derive(Default)]
struct Entries {
    by_key: HashMap<Digest, Entry>,
    /// Kept ones, the oldest first.
    kept: VecDeque<(Instant, Digest)>,
    length: usize,
}

struct Entry {
    body: Digest,
    state: State,
}

enum State {
    /// Worked on; the channel closes when that is over.
    Open(watch::Receiver<()>),
    Kept(Arc<Kept>),
}

impl Once {
    pub(crate) fn new(config: &Config) -> Arc<Self> {
        Arc::new(Self {
            entries: Mutex::default(),
            count_max: config.kept_answers_max,
            length_max: config.kept_answers_length_max,
            age_max: config.kept_answers_age,
            retry_after: config.retry_after,
        })
    }

    /// Whose turn it is, after waiting at most so long for another's end.
    pub(super) async fn turn(
        self: &Arc<Self>,
        key: Digest,
        body: Digest,
        limit: Duration,
    ) -> Result<Turn, ApiError> {
        let turn = async {
            loop {
                match self.claim(key, body, Instant::now())? {
                    Claimed::Turn(turn) => return Ok(turn),
                    // Nothing is ever sent: it ends by being closed.
                    Claimed::Open(mut open) => {
                        let _ = open.changed().await;
                    }
                }
            }
        };
        match timeout(limit, turn).await {
            Ok(turn) => turn,
            Err(_) => {
                let message = "a request under this idempotency key is still worked on; try later";
                let error = ApiError::new(StatusCode::CONFLICT, "idempotency_key_in_use", message);
                Err(error.at(KEY).retry_after(self.retry_after))
            }
        }
    }

    fn claim(
        self: &Arc<Self>,
        key: Digest,
        body: Digest,
        now: Instant,
    ) -> Result<Claimed, ApiError> {
        let mut entries = self.entries();
        self.forget(&mut entries, now);
        if let Some(entry) = entries.by_key.get(&key) {
            if entry.body != body {
                let message = "this idempotency key was used for another request; take a new key";
                return Err(ApiError::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "idempotency_key_reused",
                    message,
                )
                .at(KEY));
            }
            return Ok(match &entry.state {
                State::Open(open) => Claimed::Open(open.clone()),
                State::Kept(kept) => Claimed::Turn(Turn::Kept(Arc::clone(kept))),
            });
        }
        let (over, open) = watch::channel(());
        let state = State::Open(open);
        entries.by_key.insert(key, Entry { body, state });
        Ok(Claimed::Turn(Turn::Ours(Claim {
            once: Arc::clone(self),
            key,
            settled: false,
            _over: over,
        })))
    }

    fn keep(&self, key: Digest, kept: &Arc<Kept>, now: Instant) {
        let mut entries = self.entries();
        let Some(entry) = entries.by_key.get_mut(&key) else {
            return;
        };
        entry.state = State::Kept(Arc::clone(kept));
        entries.kept.push_back((now, key));
        entries.length += kept.length();
        self.forget(&mut entries, now);
    }

    /// Drops the oldest while there are too many or they are too old.
    fn forget(&self, entries: &mut Entries, now: Instant) {
        while let Some((since, key)) = entries.kept.front().copied() {
            let old = now.saturating_duration_since(since) >= self.age_max;
            let many = entries.kept.len() > self.count_max || entries.length > self.length_max;
            if !old && !many {
                break;
            }
            entries.kept.pop_front();
            if let Some(Entry {
                state: State::Kept(kept),
                ..
            }) = entries.by_key.remove(&key)
            {
                entries.length = entries.length.saturating_sub(kept.length());
            }
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        // A panic elsewhere leaves an entry less or more, never a wrong one.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Claimed {
    Turn(Turn),
    Open(watch::Receiver<()>),
}

/// The right to ask under a key. Dropped, it is free again, unless something was kept; those who wait hear
/// of either.
pub(super) struct Claim {
    once: Arc<Once>,
    key: Digest,
    /// The entry is not ours any more.
    settled: bool,
    // Closed after the entry is settled, as those who wait look at it then.
    _over: watch::Sender<()>,
}

impl Claim {
    /// The end, which is kept where it must stand.
    pub(super) fn keep(mut self, kept: &Arc<Kept>) {
        if kept.stands() {
            self.settled = true;
            self.once.keep(self.key, kept, Instant::now());
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.settled {
            self.once.entries().by_key.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests;
