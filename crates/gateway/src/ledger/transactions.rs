//! `POST /v1/ledger/transactions`, `GET /v1/ledger/transactions/{id}`: handing a transaction in, and what
//! became of it.
//!
//! Who signed a transaction need not hold its bytes as this program would write them: it is taken as
//! canonical bytes, in hexadecimal or base64, or as JSON, of which there is one reading.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{Path, RawQuery, Request, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use llmnet_types::{
    codec::decode,
    id::TransactionId,
    transaction::{Outcome, TRANSACTION_LENGTH_MAX, Transaction},
    units::Height,
};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::{
    error::refused,
    parameters::{Parameters, bytes_of_hex, hex, path},
};
use crate::{
    error::ApiError,
    fields::{self, Fields, invalid},
    gateway::Gateway,
    json,
    lasting::{self, Address},
    limits::{self, Call},
    port::ledger::{Included, LedgerError},
};

/// What a body looks like.
const EXAMPLE: &str = r#"{"hex": "…"}, {"base64": "…"} or {"transaction": {…}}"#;

/// `POST /v1/ledger/transactions`: 200 with the outcome where it was waited for and came, else 202.
pub(crate) async fn submit(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, ApiError> {
    let parameters = Parameters::read(&gateway, query.as_deref(), &["wait_ms"])?;
    let wait = parameters.wait(gateway.config.receipt_wait_max)?;
    let body = request.into_body();
    let bytes = call.wait(limits::read(body, &gateway.config)).await?;
    let transaction = read(&bytes)?;
    let id = call.look_up(gateway.ledger.submit(transaction)).await?;
    let id = id.map_err(refused("transaction", &call, &gateway))?;
    let included = match wait {
        Duration::ZERO => None,
        wait => find(&gateway, &call, &id, wait).await?,
    };
    let status = match included {
        Some(_) => StatusCode::OK,
        None => StatusCode::ACCEPTED,
    };
    let shape = Submitted {
        id,
        inclusion: included.as_ref().map(Inclusion::of),
    };
    Ok((status, json::object(&shape)).into_response())
}

/// `GET /v1/ledger/transactions/{id}`
pub(crate) async fn one(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let parameters = Parameters::read(&gateway, query.as_deref(), &["wait_ms"])?;
    let wait = parameters.wait(gateway.config.receipt_wait_max)?;
    let id: TransactionId = hex("id", &path(id, "id")?)?;
    let included = find(&gateway, &call, &id, wait).await?.ok_or_else(|| {
        let message = format!(
            "no block this node indexes has transaction {id}; it may still wait (see ?wait_ms=), or \
             be too old for the index"
        );
        ApiError::new(StatusCode::NOT_FOUND, "transaction_not_found", message).at("id")
    })?;
    let found = json::text(&Found {
        id,
        inclusion: Inclusion::of(&included),
        transaction: included.transaction.as_ref(),
    });
    if included.transaction.is_none() {
        return Ok(json::body(found));
    }
    // Its id covers its network, so it is included nowhere else.
    Ok(lasting::body(&headers, Address::OfContent, found))
}

/// Looks a transaction up. The node keeps to the wait itself; the bound is for one that does not.
async fn find(
    gateway: &Gateway,
    call: &Call,
    id: &TransactionId,
    wait: Duration,
) -> Result<Option<Included>, ApiError> {
    let limit = wait.saturating_add(gateway.config.lookup_timeout);
    let found = timeout(limit, gateway.ledger.transaction(id, wait));
    let found = call.wait(found).await.unwrap_or_else(|_| {
        Err(LedgerError::NotReady {
            message: "the node does not respond; see its log and /status".to_owned(),
            retry_after: gateway.config.lookup_timeout,
        })
    });
    found.map_err(refused("id", call, gateway))
}

fn read(bytes: &[u8]) -> Result<Transaction, ApiError> {
    let value = fields::read_json(bytes, EXAMPLE)?;
    let fields = Fields::of("", &value)?;
    let coded = |name: &str, decoded: Option<Vec<u8>>| {
        let bytes = decoded.ok_or_else(|| invalid(name, format!("'{name}' is not {name}")))?;
        decode(&bytes, TRANSACTION_LENGTH_MAX).map_err(|error| {
            let message = format!("'{name}' is no transaction: {error}");
            invalid(name, message)
        })
    };
    let hex = fields.text("hex")?;
    let base64 = fields.text("base64")?;
    match (hex, base64, fields.get("transaction")) {
        (Some(text), None, None) => coded("hex", bytes_of_hex(text)),
        (None, Some(text), None) => coded("base64", STANDARD.decode(text).ok()),
        (None, None, Some(value)) => Transaction::deserialize(value).map_err(|error| {
            let message = format!("'transaction' is no transaction: {error}");
            invalid("transaction", message)
        }),
        _ => Err(ApiError::bad_request(
            "invalid_value",
            format!("the body must be one of {EXAMPLE}"),
        )),
    }
}

#[derive(Serialize)]
struct Submitted<'a> {
    id: TransactionId,
    inclusion: Option<Inclusion<'a>>,
}

#[derive(Serialize)]
struct Found<'a> {
    id: TransactionId,
    inclusion: Inclusion<'a>,
    transaction: Option<&'a Transaction>,
}

#[derive(Serialize)]
struct Inclusion<'a> {
    height: Height,
    index: u32,
    outcome: &'a Outcome,
}

impl<'a> Inclusion<'a> {
    fn of(included: &'a Included) -> Self {
        Self {
            height: included.height,
            index: included.index,
            outcome: &included.outcome,
        }
    }
}
