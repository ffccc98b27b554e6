//! Every route on one page, and what stands around each.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    Config, access,
    anthropic::messages,
    error::ApiError,
    gateway::Gateway,
    ledger::{
        accounts, blocks, coordinators, events, hand_overs, network, proofs, providers, reputation,
        state, transactions,
    },
    limits::{self, Call},
    llmnet::{experts, receipts, status},
    openai::{chat, embeddings, models, responses},
    openapi,
    port::Ports,
};
use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, Uri},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tokio::sync::watch;

/// The table of routes: a method, a path, who answers. One macro makes the router of it and the list that
/// refusals and the description of the API are held to.
macro_rules! routes {
    ($($method:ident $path:literal $handler:path;)*) => {
        /// Every route: its method and path.
        pub(crate) const ROUTES: &[(&str, &str)] = &[$((stringify!($method), $path)),*];

        fn routed() -> Router<Arc<Gateway>> {
            Router::new()$(.route($path, $method($handler)))*
        }
    };
}

routes! {
    // OpenAI's.
    post "/v1/chat/completions" chat::completions;
    post "/v1/responses" responses::create;
    post "/v1/embeddings" embeddings::create;
    get "/v1/models" models::list;
    // Names of models have a slash in them, which clients may or may not escape.
    get "/v1/models/{*id}" models::one;

    // Anthropic's.
    post "/v1/messages" messages::create;
    post "/v1/messages/count_tokens" messages::count_tokens;

    // Our own.
    get "/v1/key" access::key;
    get "/v1/experts" experts::list;
    get "/v1/receipts/{id}" receipts::one;
    get "/health" status::health;
    get "/status" status::status;
    get "/openapi.json" openapi::document;

    // The network's.
    get "/v1/ledger/status" network::status;
    get "/v1/ledger/params" network::params;
    get "/v1/ledger/genesis" network::genesis;
    get "/v1/ledger/blocks" blocks::list;
    get "/v1/ledger/blocks/{height}" blocks::one;
    get "/v1/ledger/events" events::stream;
    post "/v1/ledger/transactions" transactions::submit;
    get "/v1/ledger/transactions/{id}" transactions::one;
    get "/v1/ledger/accounts/{key}" accounts::account;
    get "/v1/ledger/lines" accounts::lines;
    get "/v1/ledger/lines/{id}" accounts::line;
    get "/v1/ledger/coordinators" coordinators::list;
    get "/v1/ledger/providers" providers::list;
    get "/v1/ledger/providers/{id}" providers::one;
    get "/v1/ledger/reputation" reputation::list;
    get "/v1/ledger/proofs/{coordinator}/{slot}" proofs::one;
    get "/v1/ledger/hand-overs/{term}" hand_overs::one;
    post "/v1/ledger/state" state::read;
}

/// Where questions are asked.
const ANSWERS: [&str; 3] = ["/v1/chat/completions", "/v1/responses", "/v1/messages"];

pub(crate) fn router(ports: Ports, config: Arc<Config>, closing: watch::Receiver<bool>) -> Router {
    let gateway = Arc::new(Gateway::new(ports, config, closing));
    routed()
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(&gateway), around))
        .with_state(gateway)
}

/// Names the request, refuses other origins' pages and who has no right to it, says refusals as the client
/// expects them, and how long it took us.
async fn around(State(gateway): State<Arc<Gateway>>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let mut call = Call::new(&gateway, &request);
    let asks = ANSWERS.contains(&request.uri().path());
    let admitted = admit(&gateway, &mut call, &request, began);
    request.extensions_mut().insert(call.clone());
    let mut response = match admitted {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    };

    call.dialect.finish(&mut response, &call.id);
    if asks {
        limits::room(&gateway, &call.allowance, response.headers_mut());
    }
    let overhead = began.elapsed().saturating_sub(call.outside());
    let headers = response.headers_mut();
    for (name, value) in [
        ("x-request-id", call.id.clone()),
        ("x-llmnet-overhead-ms", milliseconds(overhead)),
    ] {
        // Both are plain ASCII, of our own making or looked at.
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// Whether a request may come in; from here on it is its key's.
fn admit(
    gateway: &Gateway,
    call: &mut Call,
    request: &Request,
    now: Instant,
) -> Result<(), ApiError> {
    limits::same_origin(request)?;
    call.allowance = gateway.access.known(request)?;
    let (method, path) = (request.method(), request.uri().path());
    call.allowance.admit(method, path, now)
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
            "there is no {method} {}; see what there is at GET /openapi.json",
            uri.path()
        ),
    )
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    // A path takes one method, and none that takes POST has a part that varies.
    let posted = ROUTES.iter().any(|route| *route == ("post", uri.path()));
    let right = if posted { "POST" } else { "GET" };
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        format!("{} does not take {method}; use {right}", uri.path()),
    )
}

#[cfg(test)]
mod tests;
