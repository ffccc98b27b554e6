//! `GET /v1/models`: the ways to ask that there are now, and what makes vectors, if anything does.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State, rejection::PathRejection},
    response::Response,
};
use llmnet_types::{
    domain::Domain, registration::Price, request::REQUEST_LENGTH_MAX, units::Amount,
};
use serde::Serialize;

use crate::{
    conversation::{ModelName, not_found},
    error::ApiError,
    gateway::Gateway,
    json,
    limits::Call,
    llmnet::account::StandingShape,
    port::{Offer, Standing},
};

/// `GET /v1/models`
pub(crate) async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
) -> Result<Response, ApiError> {
    let offers = call.look_up(gateway.coordinator.models()).await?;
    let mut names = vec![
        ModelName::Auto,
        ModelName::Single,
        ModelName::Vote,
        ModelName::Debate,
        ModelName::Mixture,
    ];
    names.extend(
        offers
            .iter()
            .map(|offer| ModelName::Expert(offer.domain.clone())),
    );
    let ways = names.iter().map(|name| Row::of(name, &offers));
    let vectors = gateway
        .embedder
        .iter()
        .map(|embedder| Row::embedder(embedder.model()));
    Ok(json::object(&Rows {
        object: "list",
        data: ways.chain(vectors).collect(),
    }))
}

/// `GET /v1/models/{id}`
pub(crate) async fn one(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path(id) = id.map_err(|_| not_found("of bytes that are not UTF-8"))?;
    if let Some(embedder) = gateway
        .embedder
        .as_ref()
        .filter(|embedder| embedder.model() == id)
    {
        return Ok(json::object(&Row::embedder(embedder.model())));
    }
    let name = ModelName::parse(&id)?;
    let offers = call.look_up(gateway.coordinator.models()).await?;
    name.offered(&offers)?;
    Ok(json::object(&Row::of(&name, &offers)))
}

#[derive(Serialize)]
struct Rows<'a> {
    object: &'static str,
    data: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    id: String,
    object: &'static str,
    /// Clients want a number; a way of asking was never created.
    created: u64,
    owned_by: &'static str,
    /// Null where only the model's own server knows.
    context_length: Option<usize>,
    domains: Vec<&'a Domain>,
    respondents: u32,
    pricing: Option<Pricing>,
    reputation: Option<StandingShape>,
}

impl<'a> Row<'a> {
    /// What makes vectors: the operator's, and none of the network's.
    fn embedder(name: &str) -> Self {
        Self {
            id: name.to_owned(),
            object: "model",
            created: 0,
            owned_by: "operator",
            context_length: None,
            domains: Vec::new(),
            respondents: 0,
            pricing: None,
            reputation: None,
        }
    }

    fn of(name: &ModelName, offers: &'a [Offer]) -> Self {
        let asked = |offer: &&Offer| name.domain().is_none_or(|domain| offer.domain == *domain);
        let offers: Vec<&Offer> = offers.iter().filter(asked).collect();
        let best: Option<Standing> = offers
            .iter()
            .map(|offer| offer.reputation)
            .max_by_key(|standing| standing.lower_bound);
        Self {
            id: name.to_string(),
            object: "model",
            created: 0,
            owned_by: "llmnet",
            // As our tokenizer counts: four bytes each.
            context_length: Some(REQUEST_LENGTH_MAX / 4),
            domains: offers.iter().map(|offer| &offer.domain).collect(),
            // Respondents of several domains stand in several offers: no sum, but the largest.
            respondents: offers
                .iter()
                .map(|offer| offer.respondents)
                .max()
                .unwrap_or(0),
            pricing: Pricing::of(&offers),
            reputation: best.map(StandingShape::of),
        }
    }
}

/// What a seat of the panel costs, in credits.
#[derive(Serialize)]
struct Pricing {
    unit: &'static str,
    per: &'static str,
    call: Range,
    input_per_1k: Range,
    output_per_1k: Range,
}

#[derive(Serialize)]
struct Range {
    min: String,
    max: String,
}

impl Pricing {
    fn of(offers: &[&Offer]) -> Option<Self> {
        let range = |part: fn(&Price) -> Amount| {
            let min = offers.iter().map(|offer| part(&offer.price_min)).min()?;
            let max = offers.iter().map(|offer| part(&offer.price_max)).max()?;
            Some(Range {
                min: min.credits(),
                max: max.credits(),
            })
        };
        Some(Self {
            unit: "credit",
            per: "seat",
            call: range(|price| price.call)?,
            input_per_1k: range(|price| price.input_kilo)?,
            output_per_1k: range(|price| price.output_kilo)?,
        })
    }
}
