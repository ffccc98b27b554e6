//! `GET /v1/receipts/{id}`: the file, byte for byte, so that what is saved is what is verified.
//!
//! How far it has come is in headers: `x-llmnet-receipt-state` is `issued`, `settled` or `final`, and
//! `x-llmnet-height` is the block. `?wait_ms=N` waits up to N milliseconds, and at most as long as
//! the operator allows, for it to be final; if it is not by then, it is served as it stands.
//!
//! A receipt has all that was said. Where the gateway asks for keys, it is for the key that asked, and for keys with the
//! scope `receipts`, which are the operator's.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{Path, RawQuery, State, rejection::PathRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::Response,
};
use llmnet_types::id::ContractId;
use tokio::time::timeout;

use crate::{
    error::ApiError,
    gateway::Gateway,
    json,
    lasting::{self, Address},
    limits::Call,
    port::ReceiptState,
};

pub(crate) async fn one(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    let id = id.ok().and_then(|Path(id)| id.parse::<ContractId>().ok());
    let id = id.ok_or_else(|| {
        let message = "a receipt's id is 64 characters of 0-9 and a-f, as in llmnet.receipt_id";
        ApiError::bad_request("invalid_value", message).at("id")
    })?;
    let unknown = || {
        let message = format!("there is no receipt {id} here; ask the node that gave the answer");
        ApiError::new(StatusCode::NOT_FOUND, "receipt_not_found", message).at("id")
    };
    // What somebody else asked is nobody else's: not even that it was asked.
    let may_read = call.allowance.may_read(&id);
    if !may_read.map_err(|error| ApiError::internal(&error.to_string(), &call.id))? {
        return Err(unknown());
    }
    let wait = wait(query.as_deref())?.min(gateway.config.receipt_wait_max);

    // The node keeps to the wait itself; this bound is for one that does not.
    let limit = wait.saturating_add(gateway.config.lookup_timeout);
    let found = timeout(limit, gateway.coordinator.receipt(&id, wait));
    let found = call.wait(found).await.map_err(|_| {
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "node_unresponsive",
            "the node does not respond; see its log and /status",
        )
        .retry_after(gateway.config.lookup_timeout)
    })?;
    let found = found.map_err(|error| ApiError::answer(error, &call.id))?;
    let document = found.ok_or_else(unknown)?;

    let (state, height) = match document.state {
        ReceiptState::Issued => ("issued", None),
        ReceiptState::Settled(height) => ("settled", Some(height)),
        ReceiptState::Final(height) => ("final", Some(height)),
    };
    // A contract's id covers its network, and a final receipt has all it will ever have.
    let mut response = match document.state {
        ReceiptState::Final(_) => lasting::body(&request, Address::Own, document.bytes),
        ReceiptState::Issued | ReceiptState::Settled(_) => json::body(document.bytes),
    };
    let headers = response.headers_mut();
    headers.insert(
        HeaderName::from_static("x-llmnet-receipt-state"),
        HeaderValue::from_static(state),
    );
    if let Some(height) = height {
        headers.insert(HeaderName::from_static("x-llmnet-height"), height.0.into());
    }
    Ok(response)
}

/// How long to wait, as the query has it. Other keys are ignored.
fn wait(query: Option<&str>) -> Result<Duration, ApiError> {
    let pairs = query.unwrap_or_default().split('&');
    let value = pairs
        .filter_map(|pair| pair.strip_prefix("wait_ms="))
        .next_back();
    let Some(value) = value else {
        return Ok(Duration::ZERO);
    };
    value.parse().map(Duration::from_millis).map_err(|_| {
        let message = "'wait_ms' must be a whole number of milliseconds, as in ?wait_ms=5000";
        ApiError::bad_request("invalid_value", message).at("wait_ms")
    })
}
