//! Refusals in Anthropic's shape: `{"type": "error", "error": {type, message}, "request_id"}`.
//!
//! Its errors have neither a code nor a field; both stand under `llmnet`, as what else is ours.

use axum::http::StatusCode;
use serde::Serialize;

use crate::{
    error::{ApiError, Ours},
    json,
};

/// A refusal's JSON, for a body as for an event.
pub(crate) fn text(error: &ApiError, call_id: &str) -> String {
    json::text(&Shape::of(error, call_id))
}

/// Anthropic's word for who must act.
fn kind(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "authentication_error",
        StatusCode::PAYMENT_REQUIRED => "billing_error",
        StatusCode::FORBIDDEN => "permission_error",
        StatusCode::NOT_FOUND => "not_found_error",
        StatusCode::CONFLICT => "conflict_error",
        StatusCode::PAYLOAD_TOO_LARGE => "request_too_large",
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
        StatusCode::SERVICE_UNAVAILABLE => "overloaded_error",
        status if status.is_server_error() => "api_error",
        _ => "invalid_request_error",
    }
}

/// A refusal.
#[derive(Serialize)]
pub(super) struct Shape<'a> {
    #[serde(rename = "type")]
    object: &'static str,
    error: Inner<'a>,
    request_id: &'a str,
    llmnet: Ours<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: &'a str,
}

impl<'a> Shape<'a> {
    pub(super) fn of(error: &'a ApiError, call_id: &'a str) -> Self {
        // What ran out of time is no matter of too much to do.
        let kind = match error.code() {
            "timeout" => "timeout_error",
            _ => kind(error.status()),
        };
        Self {
            object: "error",
            error: Inner {
                kind,
                message: error.message(),
            },
            request_id: call_id,
            llmnet: error.ours(),
        }
    }
}
