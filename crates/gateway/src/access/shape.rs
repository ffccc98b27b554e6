//! `GET /v1/key`: what a key may do, and what is left of its budget. The same shape tells an operator of all keys.

use std::collections::BTreeSet;

use axum::{Extension, http::StatusCode, response::Response};
use serde::Serialize;

use crate::{
    access::holder::Holder,
    error::ApiError,
    json,
    limits::Call,
    port::keys::{KeyName, Scope},
};

pub(crate) async fn key(Extension(call): Extension<Call>) -> Result<Response, ApiError> {
    let Some(holder) = &call.allowance.0 else {
        let message = "this gateway asks for no key: whoever reaches it asks at its expense";
        return Err(ApiError::new(StatusCode::NOT_FOUND, "no_keys", message));
    };
    Ok(json::object(&KeyShape::of(holder)))
}

/// A key, all but the key itself.
#[derive(Serialize)]
pub(crate) struct KeyShape<'a> {
    object: &'static str,
    name: &'a KeyName,
    scopes: &'a BTreeSet<Scope>,
    requests_per_minute: Option<u32>,
    budget: Option<BudgetShape>,
    spent: String,
    reserved: String,
    available: Option<String>,
}

#[derive(Serialize)]
struct BudgetShape {
    credits: String,
    days: Option<u16>,
}

impl<'a> KeyShape<'a> {
    pub(crate) fn of(holder: &'a Holder) -> Self {
        let key = &holder.key;
        let balance = holder.balance();
        Self {
            object: "key",
            name: &key.name,
            scopes: &key.scopes,
            requests_per_minute: key.requests_per_minute.map(Into::into),
            budget: key.budget.map(|budget| BudgetShape {
                credits: budget.amount.credits(),
                days: budget.days.map(Into::into),
            }),
            spent: balance.spent.credits(),
            reserved: balance.reserved.credits(),
            available: balance.available.map(|amount| amount.credits()),
        }
    }
}
