//! `GET /v1/ledger/blocks`, `/blocks/{height}`: what was done, in order, and why it is final.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{Path, RawQuery, State, rejection::PathRejection},
    http::HeaderMap,
    response::Response,
};
use llmnet_types::{
    block::Header,
    certificate::FinalityCertificate,
    id::{Digest, TransactionId},
    transaction::{Outcome, Transaction},
    units::Height,
};
use serde::Serialize;
use serde_json::Value;
use tokio::time::timeout;

use super::{
    error::refused,
    parameters::{Parameters, number, path},
};
use crate::{
    error::ApiError,
    gateway::Gateway,
    json, lasting,
    limits::Call,
    port::ledger::{Block, Event, Finality},
};

/// `GET /v1/ledger/blocks`: the newest ones, or those from a height on.
pub(crate) async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let known = ["from", "limit", "transactions", "wait_ms"];
    let parameters = Parameters::read(&gateway, query.as_deref(), &known)?;
    let from = parameters.height("from")?;
    let limit = parameters.limit()?;
    let transactions = parameters.flag("transactions")?;
    let wait = parameters.wait(gateway.config.receipt_wait_max)?;
    if let Some(from) = from {
        next_block(&gateway, &call, from, wait).await?;
    }
    let blocks = call.look_up(gateway.ledger.blocks(from, limit)).await?;
    let blocks = blocks.map_err(refused("from", &call, &gateway))?;
    let after = |block: &Block| block.header.height.0.saturating_add(1);
    let next = blocks.last().map(after);
    Ok(json::object(&Blocks {
        object: "list",
        data: blocks
            .iter()
            .map(|block| BlockShape::of(block, transactions))
            .collect(),
        next: Height(next.unwrap_or(from.unwrap_or_default().0)),
    }))
}

/// Waits for a block that is the very next, so that whoever follows need not ask over and over.
async fn next_block(
    gateway: &Gateway,
    call: &Call,
    from: Height,
    wait: Duration,
) -> Result<(), ApiError> {
    let newest = call.look_up(gateway.ledger.newest()).await?;
    let newest = newest.map_err(refused("from", call, gateway))?;
    if wait == Duration::ZERO || from.0 != newest.0.saturating_add(1) {
        return Ok(());
    }
    let mut closing = gateway.closing.clone();
    let reached = async {
        tokio::select! {
            reached = timeout(wait, gateway.ledger.reached(from)) => reached.unwrap_or(Ok(())),
            _ = closing.wait_for(|closing| *closing) => Ok(()),
        }
    };
    let reached = call.wait(reached).await;
    reached.map_err(refused("from", call, gateway))
}

/// `GET /v1/ledger/blocks/{height}`
pub(crate) async fn one(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    height: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let parameters = Parameters::read(&gateway, query.as_deref(), &[])?;
    let height = Height(number("height", &path(height, "height")?)?);
    let found = call.look_up(async {
        let block = gateway.ledger.block(height).await?;
        let finality = gateway.ledger.finality(height).await?;
        Ok((block, finality))
    });
    let found = found.await?;
    let (block, finality) = found.map_err(refused("height", &call, &gateway))?;
    let text = json::text(&Whole {
        block: BlockShape::of(&block, true),
        events: block.events.as_deref().map(EventShape::all),
        finality: finality.as_ref().map(FinalityShape::of),
    });
    // Where nothing is left open, nothing will change.
    if block.outcomes.is_some() && block.events.is_some() && finality.is_some() {
        return Ok(lasting::body(&headers, parameters.address(), text));
    }
    Ok(json::body(text))
}

#[derive(Serialize)]
struct Blocks<'a> {
    object: &'static str,
    data: Vec<BlockShape<'a>>,
    /// Always there: blocks go on.
    next: Height,
}

#[derive(Serialize)]
struct BlockShape<'a> {
    height: Height,
    digest: Digest,
    header: &'a Header,
    transaction_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    transactions: Option<Vec<TransactionShape<'a>>>,
}

#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    block: BlockShape<'a>,
    events: Option<Vec<EventShape<'a>>>,
    finality: Option<FinalityShape<'a>>,
}

#[derive(Serialize)]
struct TransactionShape<'a> {
    id: TransactionId,
    outcome: Option<&'a Outcome>,
    transaction: &'a Transaction,
}

impl<'a> BlockShape<'a> {
    fn of(block: &'a Block, transactions: bool) -> Self {
        let outcome = |index| block.outcomes.as_ref()?.get(index);
        let shape = |(index, transaction): (usize, &'a Transaction)| TransactionShape {
            id: transaction.id(),
            outcome: outcome(index),
            transaction,
        };
        Self {
            height: block.header.height,
            digest: block.header.digest(),
            header: &block.header,
            transaction_count: block.transactions.len(),
            transactions: transactions
                .then(|| block.transactions.iter().enumerate().map(shape).collect()),
        }
    }
}

/// Something that a block did, by its place in it.
#[derive(Serialize)]
pub(super) struct EventShape<'a> {
    index: usize,
    transaction: Option<u32>,
    kind: &'a Value,
}

impl<'a> EventShape<'a> {
    pub(super) fn of(index: usize, event: &'a Event) -> Self {
        Self {
            index,
            transaction: event.transaction,
            kind: &event.kind,
        }
    }

    fn all(events: &'a [Event]) -> Vec<Self> {
        let events = events.iter().enumerate();
        events
            .map(|(index, event)| Self::of(index, event))
            .collect()
    }
}

#[derive(Serialize)]
struct FinalityShape<'a> {
    descendants: &'a [Header],
    certificate: &'a FinalityCertificate,
}

impl<'a> FinalityShape<'a> {
    fn of(finality: &'a Finality) -> Self {
        Self {
            descendants: &finality.descendants,
            certificate: &finality.certificate,
        }
    }
}
