//! How a question gets its answer, in whichever dialect it came.
//!
//! ```text
//! body -> once: the same key again?  -- yes --> the kept answer
//!          | no
//!          v
//!        asking --> port::Coordinator --> the end, kept under its key
//!          |                                 |
//!          v                                 v
//!        events: progress, silences      voice: a dialect's shapes
//! ```
//!
//! Dialects read bodies and shape answers ([`Voice`]); how long one waits, what a client that hangs up
//! leaves behind, and what the same key means is the same in all.

mod asking;
mod comment;
mod events;
mod once;
mod voice;

pub(crate) use once::Once;
pub(crate) use voice::{Ask, Called, Head, Voice, called, has_words, named};

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue},
    response::{IntoResponse, Response},
};
use llmnet_types::id::Digest;

use crate::{
    answer::{
        asking::Asking,
        events::Manner,
        once::{Claim, Kept, Turn},
    },
    error::ApiError,
    gateway::Gateway,
    json,
    limits::{self, Call},
    port::{AnswerError, Answered},
};

/// Reads a body by a dialect's reader, has it answered, and answers in the dialect.
pub(crate) async fn answer(
    gateway: &Gateway,
    call: &Call,
    request: Request,
    read: fn(&[u8]) -> Result<Ask, ApiError>,
) -> Result<Response, ApiError> {
    let way = limits::way(gateway, request.headers())?;
    let key = once::key(&request)?;
    let bytes = call
        .wait(limits::read(request.into_body(), &gateway.config))
        .await?;
    let claim = match key {
        None => None,
        Some(key) => {
            let turn = gateway
                .once
                .turn(key, Digest::of(&bytes), gateway.config.answer_timeout);
            match call.wait(turn).await? {
                Turn::Ours(claim) => Some(claim),
                Turn::Kept(kept) => return again(gateway, call, &bytes, read, &kept),
            }
        }
    };
    let permit = limits::admit(gateway)?;
    let mut ask = read(&bytes)?;
    if !way.is_empty() {
        way.tell(&mut ask.request);
    }
    if let Some(domain) = &ask.request.domain {
        let offers = call.look_up(gateway.coordinator.models()).await?;
        ask.model.offered_in(domain, &offers)?;
    }

    let head = Head {
        id: ask.voice.id(&call.object),
        created: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
        model: ask.model.to_string(),
    };
    let ending = Ending {
        call_id: call.id.clone(),
        head,
        claim,
    };
    let asking = Asking::start(
        Arc::clone(&gateway.coordinator),
        ask.request,
        ask.ours.size,
        call.allowance.clone(),
        gateway.config.answer_timeout,
    );
    if ask.stream {
        let manner = Manner::of(&gateway.config, ask.ours.progress);
        return events::respond(ask.voice, manner, asking, ending, call, permit).await;
    }
    let kept = ending.over(call.wait(asking.done()).await);
    whole(ask.voice, &kept)
}

/// The end of the work, and who waits for it.
struct Ending {
    call_id: String,
    head: Head,
    claim: Option<Claim>,
}

impl Ending {
    /// What stands from now on. Under a key it is kept, so that asking again neither costs nor differs.
    fn over(self, outcome: Result<Answered, AnswerError>) -> Arc<Kept> {
        let outcome = outcome.map_err(|error| ApiError::answer(error, &self.call_id));
        let kept = Arc::new(Kept {
            head: self.head,
            outcome,
        });
        if let Some(claim) = self.claim {
            claim.keep(&kept);
        }
        kept
    }
}

/// What was answered before under the same key, in the same shape.
fn again(
    gateway: &Gateway,
    call: &Call,
    bytes: &[u8],
    read: fn(&[u8]) -> Result<Ask, ApiError>,
    kept: &Arc<Kept>,
) -> Result<Response, ApiError> {
    let permit = limits::admit(gateway)?;
    let ask = read(bytes)?;
    let response = if ask.stream && kept.outcome.is_ok() {
        let manner = Manner::of(&gateway.config, ask.ours.progress);
        events::replay(ask.voice, manner, Arc::clone(kept), call, permit)
    } else {
        whole(ask.voice, kept)
    };
    let mut response = response.unwrap_or_else(IntoResponse::into_response);
    response.headers_mut().insert(
        HeaderName::from_static("x-llmnet-replayed"),
        HeaderValue::from_static("true"),
    );
    Ok(response)
}

/// An answer of one piece.
fn whole(mut voice: Box<dyn Voice>, kept: &Kept) -> Result<Response, ApiError> {
    let answered = kept.outcome.as_ref().map_err(Clone::clone)?;
    let mut response = json::body(voice.whole(&kept.head, answered));
    account_headers(response.headers_mut(), &kept.head, Some(answered));
    Ok(response)
}

/// The account in brief, for those who look at headers only.
fn account_headers(headers: &mut HeaderMap, head: &Head, answered: Option<&Answered>) {
    let receipt = answered.and_then(|answered| answered.receipt);
    for (name, value) in [
        ("x-generation-id", Some(head.id.clone())),
        ("x-llmnet-receipt", receipt.map(|id| id.to_string())),
        (
            "x-llmnet-cost",
            answered.map(|answered| answered.cost.total.credits()),
        ),
        (
            "x-llmnet-attempted-fallbacks",
            answered.map(|answered| answered.skipped.len().to_string()),
        ),
    ] {
        if let Some(Ok(value)) = value.map(|value| HeaderValue::from_str(&value)) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}
