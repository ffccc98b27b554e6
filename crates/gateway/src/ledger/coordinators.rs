//! `GET /v1/ledger/coordinators`: whom respondents can dial.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{RawQuery, State},
    response::Response,
};
use llmnet_types::signature::PublicKey;
use serde::Serialize;

use super::{error::refused, list::List, parameters::Parameters};
use crate::{
    error::ApiError, gateway::Gateway, json, limits::Call, port::ledger::ListedCoordinator,
};

/// `GET /v1/ledger/coordinators`
pub(crate) async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let parameters = Parameters::read(&gateway, query.as_deref(), &["cursor", "limit"])?;
    let page = parameters.page()?;
    let listed = call.look_up(gateway.ledger.coordinators(page)).await?;
    let listed = listed.map_err(refused("", &call, &gateway))?;
    Ok(json::object(&List {
        object: "list",
        height: listed.height,
        data: listed.items.iter().map(ListedShape::of).collect(),
        next: listed.next,
    }))
}

#[derive(Serialize)]
struct ListedShape<'a> {
    key: PublicKey,
    address: &'a str,
    bond: String,
}

impl<'a> ListedShape<'a> {
    fn of(listed: &'a ListedCoordinator) -> Self {
        Self {
            key: listed.key,
            address: &listed.address,
            bond: listed.bond.credits(),
        }
    }
}
