//! Refusals with a true HTTP status: in OpenAI's shape, `{"error": {message, type, param, code}}`, unless the
//! client speaks another dialect.

use std::{sync::Arc, time::Duration};

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use llmnet_types::{id::ContractId, rejection::Rejection, units::Height};
use serde::Serialize;

use crate::{
    json,
    llmnet::account::SkippedShape,
    port::{AnswerError, Skipped},
};

/// Whether asking again may help.
#[derive(Debug, Clone, Copy)]
enum Retry {
    /// The status says it all.
    Unsaid,
    /// After this long.
    After(Duration),
    /// Clients that try again on their own would pay twice, or for nothing.
    Never,
}

/// A refusal: what is wrong, whose it is to act, and the next step.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    param: Option<String>,
    message: String,
    retry: Retry,
    /// Boxed, as errors travel in every result and few have it.
    more: Option<Box<More>>,
}

/// What is known beside the error: ours alone, so it stands under `llmnet`.
#[derive(Debug, Clone, Default)]
struct More {
    /// What was done for the request before it failed.
    receipt: Option<ContractId>,
    skipped: Vec<Skipped>,
    /// Why the ledger refuses a transaction.
    rejection: Option<Rejection>,
    /// The oldest block that is kept.
    kept_from: Option<Height>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            param: None,
            message: message.into(),
            retry: Retry::Unsaid,
            more: None,
        }
    }

    /// A request that must be changed.
    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// No more room for now.
    pub(crate) fn overloaded(retry_after: Duration) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "overloaded",
            "as many questions are worked on as this node takes; try again shortly",
        )
        .retry_after(retry_after)
    }

    /// The field at fault.
    pub(crate) fn at(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// When to try again.
    pub(crate) fn retry_after(mut self, duration: Duration) -> Self {
        self.retry = Retry::After(duration);
        self
    }

    /// Why the ledger refuses the transaction.
    pub(crate) fn rejection(mut self, rejection: Rejection) -> Self {
        self.more().rejection = Some(rejection);
        self
    }

    /// The oldest block that is kept.
    pub(crate) fn kept_from(mut self, height: Height) -> Self {
        self.more().kept_from = Some(height);
        self
    }

    fn receipt(mut self, receipt: Option<ContractId>) -> Self {
        if receipt.is_some() {
            self.more().receipt = receipt;
        }
        self
    }

    fn skipped(mut self, skipped: Vec<Skipped>) -> Self {
        if !skipped.is_empty() {
            self.more().skipped = skipped;
        }
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Whether it stands: work may be owed, so that whoever asks again may pay again.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.retry, Retry::Never)
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    /// Our own fault: logged under the request's id, and nobody's business outside.
    pub(crate) fn internal(detail: &str, request_id: &str) -> Self {
        tracing::error!(request_id, detail, "a request failed by our own fault");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            format!("something went wrong here; report it with the id {request_id}"),
        )
        .never_retry()
    }

    fn never_retry(mut self) -> Self {
        self.retry = Retry::Never;
        self
    }

    /// The node's refusal; what is nobody's business outside is logged under the request's id.
    pub(crate) fn answer(error: AnswerError, request_id: &str) -> Self {
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        match error {
            AnswerError::InvalidRequest { param, message } => Self {
                param,
                ..Self::bad_request("invalid_request", message)
            },
            AnswerError::Unfunded { message } => {
                Self::new(StatusCode::PAYMENT_REQUIRED, "unfunded", message)
            }
            AnswerError::NoRespondent {
                message,
                skipped,
                retry_after,
            } => Self::new(unavailable, "no_respondent", message)
                .retry_after(retry_after)
                .skipped(skipped),
            AnswerError::Overloaded { retry_after } => Self::overloaded(retry_after),
            AnswerError::RateLimited { retry_after } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limit_exceeded",
                "too many requests; try again after the time in retry-after",
            )
            .retry_after(retry_after),
            AnswerError::NotReady {
                message,
                retry_after,
            } => Self::new(unavailable, "not_ready", message).retry_after(retry_after),
            AnswerError::Timeout { message, receipt } => Self::new(unavailable, "timeout", message)
                .never_retry()
                .receipt(receipt),
            AnswerError::Internal { detail } => Self::internal(&detail, request_id),
        }
    }

    /// The JSON, for a body as for an event.
    pub(crate) fn json(&self) -> String {
        json::text(&Shape {
            error: self.openai(),
            llmnet: self.extras(),
        })
    }

    /// OpenAI's object, without what is around it.
    pub(crate) fn openai(&self) -> Inner<'_> {
        Inner {
            message: &self.message,
            kind: kind(self.status),
            param: self.param.as_deref(),
            code: self.code,
        }
    }

    /// All that is known, for dialects whose errors have neither code nor field.
    pub(crate) fn ours(&self) -> Ours<'_> {
        Ours {
            code: self.code,
            param: self.param.as_deref(),
            more: self.extras(),
        }
    }

    fn extras(&self) -> Option<Extras<'_>> {
        self.more.as_deref().map(|more| Extras {
            receipt_id: more.receipt,
            skipped: more.skipped.iter().map(SkippedShape::of).collect(),
            rejection: more.rejection.as_ref(),
            kept_from: more.kept_from,
        })
    }

    fn hints(&self, headers: &mut HeaderMap) {
        match self.retry {
            Retry::Unsaid => {}
            Retry::Never => {
                headers.insert(
                    HeaderName::from_static("x-should-retry"),
                    HeaderValue::from_static("false"),
                );
            }
            Retry::After(duration) => retry_hints(headers, duration),
        }
    }
}

/// `retry-after` for everybody, `retry-after-ms` for the SDKs that know it.
pub(crate) fn retry_hints(headers: &mut HeaderMap, duration: Duration) {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    headers.insert(header::RETRY_AFTER, ms.div_ceil(1_000).into());
    headers.insert(HeaderName::from_static("retry-after-ms"), ms.into());
}

fn kind(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "authentication_error",
        StatusCode::PAYMENT_REQUIRED => "insufficient_quota",
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
        status if status.is_server_error() => "server_error",
        _ => "invalid_request_error",
    }
}

/// Why a response is a refusal; travels beside it.
#[derive(Clone)]
pub(crate) struct Refusal(pub(crate) Arc<ApiError>);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, json::body(self.json())).into_response();
        self.hints(response.headers_mut());
        // For the dialects that are spoken around the handlers.
        response.extensions_mut().insert(Refusal(Arc::new(self)));
        response
    }
}

#[derive(Serialize)]
struct Shape<'a> {
    error: Inner<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    llmnet: Option<Extras<'a>>,
}

/// OpenAI's error.
#[derive(Serialize)]
pub(crate) struct Inner<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'a str>,
    code: &'static str,
}

/// An error as it stands under `llmnet`.
#[derive(Serialize)]
pub(crate) struct Ours<'a> {
    code: &'static str,
    param: Option<&'a str>,
    #[serde(flatten)]
    more: Option<Extras<'a>>,
}

#[derive(Serialize)]
struct Extras<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt_id: Option<ContractId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<SkippedShape<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejection: Option<&'a Rejection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_from: Option<Height>,
}
