//! Bounds on what comes from outside: room, sizes, time, origins.

use std::{
    collections::hash_map::RandomState,
    future::poll_fn,
    hash::BuildHasher,
    pin::Pin,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    body::{Body, HttpBody},
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
};
use llmnet_types::{
    signature::PublicKey,
    way::{VIA, Way, WayError},
};
use tokio::{sync::OwnedSemaphorePermit, time::timeout};

use crate::{
    Config, access::Room, dialect::Dialect, error::ApiError, gateway::Gateway, port::Allowance,
};

/// How many times the bound is read and thrown away, so that a client still sending hears why it is
/// refused instead of a reset connection.
const DRAIN_FACTOR: u64 = 8;

/// The most characters of a client's name for its request; of a longer one we make our own.
const CALL_ID_LENGTH_MAX: usize = 128;

/// One HTTP request on its way through.
#[derive(Clone)]
pub(crate) struct Call {
    /// Names it in headers, errors and logs: the client's own name for it, if it gave a good one.
    pub(crate) id: String,
    /// The part of an answer's id that no other answer has.
    pub(crate) object: String,
    /// In whose shapes it is answered.
    pub(crate) dialect: Dialect,
    /// What whoever asks may spend.
    pub(crate) allowance: Allowance,
    outside_us: Arc<AtomicU64>,
    lookup_timeout: Duration,
}

impl Call {
    pub(crate) fn new(gateway: &Gateway, request: &Request) -> Self {
        static RUN: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // Unique and without order, so that ids do not tell how much a gateway has to do.
        let object = format!("{:016x}", RUN.hash_one(count));
        let given = header_text(request.headers(), "x-request-id")
            .filter(|id| is_name(id, CALL_ID_LENGTH_MAX));
        Self {
            id: given.map_or_else(|| object.clone(), str::to_owned),
            object,
            dialect: Dialect::of(request.uri().path()),
            allowance: Allowance::default(),
            outside_us: Arc::default(),
            lookup_timeout: gateway.config.lookup_timeout,
        }
    }

    /// Waits for somebody else: the node, or the client.
    pub(crate) async fn wait<F: Future>(&self, future: F) -> F::Output {
        let began = Instant::now();
        let output = future.await;
        let waited = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.outside_us.fetch_add(waited, Ordering::Relaxed);
        output
    }

    /// Waits for the node to say something it should know at once.
    pub(crate) async fn look_up<F: Future>(&self, future: F) -> Result<F::Output, ApiError> {
        self.wait(timeout(self.lookup_timeout, future))
            .await
            .map_err(|_| {
                ApiError::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "node_unresponsive",
                    "the node does not respond; see its log and /status",
                )
                .retry_after(self.lookup_timeout)
            })
    }

    /// How long others took.
    pub(crate) fn outside(&self) -> Duration {
        Duration::from_micros(self.outside_us.load(Ordering::Relaxed))
    }
}

/// A place among the questions worked on.
pub(crate) fn admit(gateway: &Gateway) -> Result<OwnedSemaphorePermit, ApiError> {
    Arc::clone(&gateway.room)
        .try_acquire_owned()
        .map_err(|_| ApiError::overloaded(gateway.config.retry_after))
}

/// How many questions may come now, in the headers that clients pace themselves by: by their key's pace, where it
/// has one, else by how many may be worked on at once.
pub(crate) fn room(gateway: &Gateway, allowance: &Allowance, headers: &mut HeaderMap) {
    let Room {
        limit,
        remaining,
        reset,
    } = match allowance.room(Instant::now()) {
        Some(room) => room,
        None => of_all(gateway),
    };
    let reset = reset.as_millis().div_ceil(1_000);
    for (name, value) in [
        ("x-ratelimit-limit-requests", limit.to_string()),
        ("x-ratelimit-remaining-requests", remaining.to_string()),
        ("x-ratelimit-reset-requests", format!("{reset}s")),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

fn of_all(gateway: &Gateway) -> Room {
    let count = |count| u32::try_from(count).unwrap_or(u32::MAX);
    let limit = count(gateway.config.requests_max);
    let remaining = count(gateway.room.available_permits()).min(limit);
    Room {
        limit,
        remaining,
        reset: match remaining {
            0 => gateway.config.retry_after,
            _ => Duration::ZERO,
        },
    }
}

/// The whole body, if it is short and comes in time.
pub(crate) async fn read(body: Body, config: &Config) -> Result<Vec<u8>, ApiError> {
    match timeout(config.body_timeout, read_bounded(body, config)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_timeout",
            format!(
                "the body did not arrive within {} seconds; send it again",
                config.body_timeout.as_secs()
            ),
        )),
    }
}

async fn read_bounded(mut body: Body, config: &Config) -> Result<Vec<u8>, ApiError> {
    let limit = config.body_length_max;
    let drain = DRAIN_FACTOR.saturating_mul(limit as u64);
    let too_large = || {
        ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            format!("the body is longer than {limit} bytes; shorten the conversation"),
        )
    };
    if body.size_hint().lower() > drain {
        return Err(too_large());
    }
    let (mut bytes, mut received) = (Vec::new(), 0_u64);
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|_| {
            ApiError::new(
                StatusCode::BAD_REQUEST,
                "body_incomplete",
                "the body broke off; send it again",
            )
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        received = received.saturating_add(data.len() as u64);
        if received <= limit as u64 {
            bytes.extend_from_slice(&data);
        } else if received > drain {
            break;
        }
    }
    if received > limit as u64 {
        return Err(too_large());
    }
    Ok(bytes)
}

/// Refuses a page of another origin that has a visitor's browser ask, and pay, for it.
///
/// Browsers tell on such pages and pages cannot prevent it; whoever is no browser says nothing.
pub(crate) fn same_origin(request: &Request) -> Result<(), ApiError> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(());
    }
    let text = |name| header_text(request.headers(), name);
    let same = match (text("sec-fetch-site"), text(header::ORIGIN.as_str())) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, None) => true,
        (None, Some(origin)) => {
            let authority = origin.parse::<Uri>().ok();
            let authority = authority.as_ref().and_then(Uri::authority);
            authority.is_some_and(|authority| text("host") == Some(authority.as_str()))
        }
    };
    if same {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::FORBIDDEN,
        "cross_origin",
        "pages of other origins may not ask here; call the gateway from a server of yours",
    ))
}

/// Which coordinators a request came through, as whoever asks says.
///
/// Refuses one that came through this gateway already: a respondent whose model's server is a gateway of this network
/// would have its own question asked again and again, each time at somebody's expense.
pub(crate) fn way(gateway: &Gateway, headers: &HeaderMap) -> Result<Way, ApiError> {
    let Some(told) = headers.get(VIA) else {
        return Ok(Way::default());
    };
    let looped = |message: String| ApiError::bad_request("loop_detected", message).at(VIA);
    let way = match told
        .to_str()
        .map_err(|_| WayError::Malformed)
        .and_then(Way::parse)
    {
        Ok(way) => way,
        Err(error @ WayError::Long) => return Err(looped(error.to_string())),
        Err(error @ WayError::Malformed) => {
            let message = format!("'{VIA}' cannot be read: {error}");
            return Err(ApiError::bad_request("invalid_value", message).at(VIA));
        }
    };
    let node = gateway.coordinator.node();
    if let Some(node) = node.filter(|node| way.has(node)) {
        return Err(looped(format!(
            "this request came through coordinator {node} already: a respondent has this gateway as the server of its \
             model; its operator must name the model's own server"
        )));
    }
    // Whoever asks further has one more to tell.
    let own = way.clone().and(node.unwrap_or(PublicKey([0; 32])));
    own.map(|_| way)
        .ok_or_else(|| looped(WayError::Long.to_string()))
}

/// Whether a name from outside is one to be said again, in headers as in logs.
pub(crate) fn is_name(name: &str, length_max: usize) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    (1..=length_max).contains(&name.len()) && name.bytes().all(plain)
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
