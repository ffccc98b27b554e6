//! Every route on one page, and what stands around each.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    Config,
    gateway::Gateway,
    limits::{self, Call},
    llmnet::{experts, receipts, status},
    openai::{chat, error::ApiError, models},
    port::Coordinator,
};
use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, Uri},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};

pub(crate) fn router(coordinator: Arc<dyn Coordinator>, config: Arc<Config>) -> Router {
    let gateway = Arc::new(Gateway::new(coordinator, config));
    Router::new()
        // OpenAI's.
        .route("/v1/chat/completions", post(chat::completions))
        .route("/v1/models", get(models::list))
        // Names of models have a slash in them, which clients may or may not escape.
        .route("/v1/models/{*id}", get(models::one))
        // Our own.
        .route("/v1/experts", get(experts::list))
        .route("/v1/receipts/{id}", get(receipts::one))
        .route("/health", get(status::health))
        .route("/status", get(status::status))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(&gateway), around))
        .with_state(gateway)
}

/// Names the request, refuses other origins' pages, and says how long it took us.
async fn around(State(gateway): State<Arc<Gateway>>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let call = Call::new(&gateway);
    request.extensions_mut().insert(call.clone());
    let mut response = match limits::same_origin(&request) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    };

    let overhead = began.elapsed().saturating_sub(call.outside());
    let headers = response.headers_mut();
    for (name, value) in [
        ("x-request-id", call.id.clone()),
        ("x-llmnet-overhead-ms", milliseconds(overhead)),
    ] {
        // Both are plain ASCII of our own making.
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// With microseconds, as most of what we add is less than a millisecond.
fn milliseconds(duration: Duration) -> String {
    let micros = duration.as_micros();
    format!("{}.{:03}", micros / 1_000, micros % 1_000)
}

async fn unknown_path(method: Method, uri: Uri) -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "unknown_url",
        format!(
            "there is no {method} {}; see POST /v1/chat/completions, GET /v1/models, \
             GET /v1/experts, GET /v1/receipts/{{id}}, GET /health and GET /status",
            uri.path()
        ),
    )
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    let right = if uri.path() == "/v1/chat/completions" {
        "POST"
    } else {
        "GET"
    };
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        format!("{} does not take {method}; use {right}", uri.path()),
    )
}
