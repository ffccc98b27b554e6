//! `GET /v1/ledger/status`, `/params`, `/genesis`: what the network is and where it stands.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{RawQuery, State},
    http::HeaderMap,
    response::Response,
};
use llmnet_types::{
    id::{Digest, NetworkId},
    network::{Committee, NetworkRoot},
    params::Params,
    units::{Epoch, Height, Term},
};
use serde::Serialize;

use super::{error::refused, parameters::Parameters};
use crate::{
    error::ApiError,
    gateway::Gateway,
    json, lasting,
    limits::Call,
    port::ledger::{Status, Totals},
};

/// `GET /v1/ledger/status`
pub(crate) async fn status(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    Parameters::read(&gateway, query.as_deref(), &[])?;
    let status = call.look_up(gateway.ledger.status()).await?;
    let status = status.map_err(refused("", &call, &gateway))?;
    Ok(json::object(&StatusShape::of(&status)))
}

/// `GET /v1/ledger/params`
pub(crate) async fn params(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    Parameters::read(&gateway, query.as_deref(), &[])?;
    let found = call.look_up(gateway.ledger.params()).await?;
    let (height, params) = found.map_err(refused("", &call, &gateway))?;
    Ok(json::object(&ParamsShape {
        height,
        params: &params,
    }))
}

/// `GET /v1/ledger/genesis`: the file, byte for byte, as its digest is the network's name.
pub(crate) async fn genesis(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let parameters = Parameters::read(&gateway, query.as_deref(), &[])?;
    let genesis = call.look_up(gateway.ledger.genesis()).await?;
    let genesis = genesis.map_err(refused("", &call, &gateway))?;
    Ok(lasting::body(&headers, parameters.address(), genesis))
}

#[derive(Serialize)]
struct ParamsShape<'a> {
    height: Height,
    params: &'a Params,
}

#[derive(Serialize)]
struct StatusShape<'a> {
    network: NetworkId,
    name: &'a str,
    height: Height,
    digest: Digest,
    timestamp_ms: u64,
    kept_from: Height,
    epoch: Epoch,
    beacon: Digest,
    committee: CommitteeShape<'a>,
    root: &'a NetworkRoot,
    totals: TotalsShape,
    counts: Counts,
}

#[derive(Serialize)]
struct CommitteeShape<'a> {
    term: Term,
    digest: Digest,
    quorum: usize,
    validators: &'a Committee,
}

#[derive(Serialize)]
struct TotalsShape {
    supply: String,
    accounts: String,
    lines: String,
    bonds: String,
    held: String,
    deposits: String,
    pool: String,
    burnt: String,
}

#[derive(Serialize)]
struct Counts {
    providers: u32,
    lines: u32,
    domains: u32,
}

impl<'a> StatusShape<'a> {
    fn of(status: &'a Status) -> Self {
        Self {
            network: status.network,
            name: &status.name,
            height: status.header.height,
            digest: status.header.digest(),
            timestamp_ms: status.header.timestamp_ms,
            kept_from: status.kept_from,
            epoch: status.epoch,
            beacon: status.beacon,
            committee: CommitteeShape {
                term: status.term,
                digest: status.committee.digest(),
                quorum: status.committee.quorum(),
                validators: &status.committee,
            },
            root: &status.root,
            totals: TotalsShape::of(&status.totals),
            counts: Counts {
                providers: status.providers,
                lines: status.lines,
                domains: status.domains,
            },
        }
    }
}

impl TotalsShape {
    fn of(totals: &Totals) -> Self {
        Self {
            supply: totals.supply.credits(),
            accounts: totals.accounts.credits(),
            lines: totals.lines.credits(),
            bonds: totals.bonds.credits(),
            held: totals.held.credits(),
            deposits: totals.deposits.credits(),
            pool: totals.pool.credits(),
            burnt: totals.burnt.credits(),
        }
    }
}
