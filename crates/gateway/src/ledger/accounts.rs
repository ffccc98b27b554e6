//! `GET /v1/ledger/accounts/{key}`, `/lines`, `/lines/{id}`: whose money is where.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, RawQuery, State, rejection::PathRejection},
    http::StatusCode,
    response::Response,
};
use llmnet_types::{
    bond::Role,
    id::{LineId, ProviderId},
    signature::PublicKey,
    units::{Epoch, Height, Slot},
};
use serde::Serialize;

use super::{
    error::refused,
    list::List,
    parameters::{Parameters, hex, path, short_number},
};
use crate::{
    error::ApiError,
    gateway::Gateway,
    json,
    limits::Call,
    port::ledger::{Account, Bond, Coordinator, Line, LineFilter},
};

/// `GET /v1/ledger/accounts/{key}`: nothing of an unknown key, as the ledger sees it.
pub(crate) async fn account(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    key: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    Parameters::read(&gateway, query.as_deref(), &[])?;
    let key: PublicKey = hex("key", &path(key, "key")?)?;
    let account = call.look_up(gateway.ledger.account(&key)).await?;
    let account = account.map_err(refused("key", &call, &gateway))?;
    Ok(json::object(&AccountShape::of(&account)))
}

/// `GET /v1/ledger/lines`
pub(crate) async fn lines(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let known = ["requester", "coordinator", "cursor", "limit"];
    let parameters = Parameters::read(&gateway, query.as_deref(), &known)?;
    let filter = LineFilter {
        requester: parameters.key("requester")?,
        coordinator: parameters.key("coordinator")?,
    };
    let page = parameters.page()?;
    let lines = call.look_up(gateway.ledger.lines(&filter, page)).await?;
    let lines = lines.map_err(refused("key", &call, &gateway))?;
    Ok(json::object(&List {
        object: "list",
        height: lines.height,
        data: lines.items.iter().map(LineShape::of).collect(),
        next: lines.next,
    }))
}

/// `GET /v1/ledger/lines/{id}`
pub(crate) async fn line(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    Parameters::read(&gateway, query.as_deref(), &[])?;
    let id = LineId(short_number("id", &path(id, "id")?)?);
    let line = call.look_up(gateway.ledger.line(id)).await?;
    let line = line.map_err(refused("key", &call, &gateway))?;
    let line = line.ok_or_else(|| {
        let message = format!(
            "there is no line {id}, or what was left of it has returned to its owner: see the \
             events"
        );
        ApiError::new(StatusCode::NOT_FOUND, "line_not_found", message).at("id")
    })?;
    Ok(json::object(&LineShape::of(&line)))
}

#[derive(Serialize)]
struct AccountShape<'a> {
    key: PublicKey,
    height: Height,
    balance: String,
    nonce: u64,
    bonds: Vec<BondShape<'a>>,
    coordinator: Option<CoordinatorShape>,
    registrations: u32,
    provider: Option<ProviderId>,
    lines: Vec<LineShape>,
}

impl<'a> AccountShape<'a> {
    fn of(account: &'a Account) -> Self {
        Self {
            key: account.key,
            height: account.height,
            balance: account.balance.credits(),
            nonce: account.nonce,
            bonds: account.bonds.iter().map(BondShape::of).collect(),
            coordinator: account.coordinator.as_ref().map(CoordinatorShape::of),
            registrations: account.registrations,
            provider: account.provider,
            lines: account.lines.iter().map(LineShape::of).collect(),
        }
    }
}

#[derive(Serialize)]
struct BondShape<'a> {
    role: Role,
    operator: PublicKey,
    standing: String,
    leaving: Vec<Leaving>,
    enlisted: bool,
    address: &'a str,
}

#[derive(Serialize)]
struct Leaving {
    free: Epoch,
    amount: String,
}

impl<'a> BondShape<'a> {
    fn of(bond: &'a Bond) -> Self {
        let leaving = bond.leaving.iter().map(|(free, amount)| Leaving {
            free: *free,
            amount: amount.credits(),
        });
        Self {
            role: bond.role,
            operator: bond.operator,
            standing: bond.standing.credits(),
            leaving: leaving.collect(),
            enlisted: bond.enlisted,
            address: &bond.address,
        }
    }
}

#[derive(Serialize)]
struct CoordinatorShape {
    next_slot: Slot,
    height: Height,
}

impl CoordinatorShape {
    const fn of(coordinator: &Coordinator) -> Self {
        Self {
            next_slot: coordinator.next_slot,
            height: coordinator.height,
        }
    }
}

#[derive(Serialize)]
struct LineShape {
    id: LineId,
    requester: PublicKey,
    coordinator: PublicKey,
    locked: String,
    drawn: String,
    rest: String,
    n: u32,
    ends: Epoch,
    closed: bool,
}

impl LineShape {
    fn of(line: &Line) -> Self {
        Self {
            id: line.id,
            requester: line.requester,
            coordinator: line.coordinator,
            locked: line.locked.credits(),
            drawn: line.drawn.credits(),
            rest: line.locked.saturating_sub(line.drawn).credits(),
            n: line.n,
            ends: line.ends,
            closed: line.closed,
        }
    }
}
