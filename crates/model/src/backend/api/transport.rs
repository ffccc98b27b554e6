//! One call over HTTP, bounded in time and size; and what it means when no reply comes of it.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    time::{Duration, Instant},
};

use reqwest::{
    RequestBuilder, Response, StatusCode, Url,
    header::{HeaderMap, RETRY_AFTER},
};

use super::{BODY_LENGTH_MAX, ConfigError};
use crate::language::LanguageError;

/// How long to wait before the second attempt where the server does not say.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_millis(500);
/// Waits are spread by at least so much: those who failed together shall not come back together.
const SPREAD_MIN: Duration = Duration::from_millis(50);

/// A failed attempt, and whether another may succeed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: LanguageError,
    pub(super) again: Again,
}

/// What to do differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// Nothing helps.
    Never,
    /// Ask the same so much later.
    After(Duration),
    /// Ask the same without the asker's settings.
    Plainer,
}

impl Failure {
    const fn new(error: LanguageError, again: Again) -> Self {
        Self { error, again }
    }

    const fn lasting(error: LanguageError) -> Self {
        Self::new(error, Again::Never)
    }

    const fn passing(error: LanguageError) -> Self {
        Self::new(error, Again::After(RETRY_AFTER_DEFAULT))
    }

    /// A reply came, and has no text: what is garbled is asked for once more, a decision is not.
    pub(super) fn of_reply(error: LanguageError) -> Self {
        match error {
            LanguageError::Malformed(_) => Self::passing(error),
            other => Self::lasting(other),
        }
    }
}

/// A client that goes where it is told and nowhere else.
pub(super) fn http(url: &Url, connect_timeout: Duration) -> Result<reqwest::Client, ConfigError> {
    let builder = reqwest::Client::builder();
    // A proxy of the environment cannot know this machine's own servers.
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let builder = if local { builder.no_proxy() } else { builder };
    builder
        .connect_timeout(connect_timeout)
        // A redirect could carry prompts and keys to somewhere nobody named.
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| ConfigError::Client(error.without_url().to_string()))
}

/// A path under a base. Segments are escaped, so that no model's name leads elsewhere.
pub(super) fn url(base: &str, segments: &[&str]) -> Result<Url, ConfigError> {
    let mut url = Url::parse(base).map_err(|_| ConfigError::Base)?;
    let usable = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !usable {
        return Err(ConfigError::Base);
    }
    url.path_segments_mut()
        .map_err(|()| ConfigError::Base)?
        .pop_if_empty()
        .extend(segments);
    Ok(url)
}

/// Sends a request; gives the body of its reply.
pub(super) async fn send(request: RequestBuilder, deadline: Instant) -> Result<Vec<u8>, Failure> {
    send_within(request, deadline, BODY_LENGTH_MAX).await
}

/// The same for a reply of so many bytes at the most.
pub(super) async fn send_within(
    request: RequestBuilder,
    deadline: Instant,
    limit: usize,
) -> Result<Vec<u8>, Failure> {
    let left = deadline.saturating_duration_since(Instant::now());
    let request = request.timeout(left);
    let response = request.send().await.map_err(|error| broken(&error))?;
    let status = response.status();
    if status.is_success() {
        return bounded(response, limit).await;
    }
    let wait = retry_after(response.headers()).unwrap_or(RETRY_AFTER_DEFAULT);
    let number = status.as_u16();
    // What else it says is not read: servers quote keys and prompts there.
    Err(match status {
        StatusCode::TOO_MANY_REQUESTS => {
            Failure::new(LanguageError::RateLimited, Again::After(wait))
        }
        // 529 is Anthropic's word for too much work.
        _ if status.is_server_error() => {
            let error = LanguageError::Unreachable(format!("status {number}"));
            Failure::new(error, Again::After(wait))
        }
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
            Failure::new(LanguageError::Refused { status: number }, Again::Plainer)
        }
        _ => Failure::lasting(LanguageError::Refused { status: number }),
    })
}

/// Reads a body up to the most that a reply may have, whatever its headers announce.
pub(super) async fn bounded(mut response: Response, limit: usize) -> Result<Vec<u8>, Failure> {
    let too_large = || Failure::lasting(LanguageError::TooLarge { limit });
    if response
        .content_length()
        .is_some_and(|length| length > limit as u64)
    {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
        if bytes.len() + chunk.len() > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// A wait, never shorter than told, and by chance up to half as long again; it ends before the time that is
/// left does.
pub(super) fn spread(wait: Duration, left: Duration) -> Duration {
    let room = left.saturating_sub(wait) / 2;
    let most = (wait / 2).max(SPREAD_MIN).min(room);
    // Keys of hash maps are random, and nobody's secret: good enough for this.
    let chance = RandomState::new().hash_one(0_u8) >> 32;
    wait + most.mul_f64(chance as f64 / f64::from(u32::MAX))
}

/// Errors of the HTTP client, in our words: its own hold the URL.
fn broken(error: &reqwest::Error) -> Failure {
    if error.is_connect() {
        return Failure::passing(LanguageError::Unreachable("no connection".to_owned()));
    }
    if error.is_timeout() {
        // Whoever waited for it has waited enough.
        let timeout = LanguageError::Timeout { time_ms: 0 };
        return Failure::new(timeout, Again::After(Duration::ZERO));
    }
    Failure::passing(LanguageError::Unreachable(
        "the connection broke".to_owned(),
    ))
}

/// Seconds, or milliseconds as OpenAI says beside them: the spellings that model servers use.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| {
        let text = headers.get(name)?.to_str().ok()?;
        text.trim().parse::<u64>().ok()
    };
    number("retry-after-ms")
        .map(Duration::from_millis)
        .or_else(|| number(RETRY_AFTER.as_str()).map(Duration::from_secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_spread_and_never_shorter_than_told_or_longer_than_left() {
        let ms = Duration::from_millis;
        for (wait, left, most) in [
            (ms(0), ms(60_000), ms(50)),
            (ms(500), ms(60_000), ms(750)),
            (ms(10_000), ms(60_000), ms(15_000)),
            (ms(10_000), ms(11_000), ms(10_500)),
            (ms(10_000), ms(10_000), ms(10_000)),
        ] {
            let waits: Vec<_> = (0..50).map(|_| spread(wait, left)).collect();
            assert!(waits.iter().all(|spread| (wait..=most).contains(spread)));
            let differ = waits.iter().any(|spread| *spread != waits[0]);
            assert_eq!(differ, most > wait, "{waits:?}");
        }
    }
}
