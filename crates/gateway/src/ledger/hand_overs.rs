//! `GET /v1/ledger/hand-overs/{term}`: how a term ended, for who follows committees from one that is known.
//! The JSON is an entry of a file of hand-overs.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, RawQuery, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use llmnet_types::units::Term;

use super::{
    error::refused,
    parameters::{Parameters, number, path},
};
use crate::{error::ApiError, gateway::Gateway, json, lasting, limits::Call};

/// `GET /v1/ledger/hand-overs/{term}`
pub(crate) async fn one(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    term: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let parameters = Parameters::read(&gateway, query.as_deref(), &[])?;
    let term = Term(number("term", &path(term, "term")?)?);
    let found = call.look_up(gateway.ledger.hand_over(term)).await?;
    let found = found.map_err(refused("term", &call, &gateway))?;
    let hand_over = found.ok_or_else(|| {
        let message = format!(
            "this node has no hand-over at the end of term {term}: it did not end yet, or before \
             this node knew the network; see GET /v1/ledger/status"
        );
        ApiError::new(StatusCode::NOT_FOUND, "hand_over_not_found", message).at("term")
    })?;
    Ok(lasting::body(
        &headers,
        parameters.address(),
        json::text(&hand_over),
    ))
}
