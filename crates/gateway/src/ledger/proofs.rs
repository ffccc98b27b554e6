//! `GET /v1/ledger/proofs/{coordinator}/{slot}`: that the network settled what stands in a slot, for who
//! has the receipt and not its proof. The JSON is a receipt file's `proof`.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, RawQuery, State, rejection::PathRejection},
    http::HeaderMap,
    response::Response,
};
use llmnet_types::{signature::PublicKey, units::Slot};

use super::{
    error::refused,
    parameters::{Parameters, hex, number, path},
};
use crate::{error::ApiError, gateway::Gateway, json, lasting, limits::Call};

pub(crate) async fn one(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    place: Result<Path<(String, String)>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let parameters = Parameters::read(&gateway, query.as_deref(), &[])?;
    let (coordinator, slot) = path(place, "coordinator")?;
    let coordinator: PublicKey = hex("coordinator", &coordinator)?;
    let slot = Slot(number("slot", &slot)?);
    let proof = gateway.ledger.proof(&coordinator, slot);
    let proof = call.look_up(proof).await?;
    let proof = proof.map_err(refused("slot", &call, &gateway))?;
    let proof = json::text(&proof);
    Ok(lasting::body(&headers, parameters.address(), proof))
}
