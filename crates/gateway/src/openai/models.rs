//! Models: ways to ask the network, by OpenAI's word for them.

use std::{fmt, sync::Arc};

use axum::{
    Extension,
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
    response::Response,
};
use llmnet_types::{
    contract::Strategy, domain::Domain, registration::Price, request::REQUEST_LENGTH_MAX,
    units::Amount,
};
use serde::Serialize;

use crate::{
    gateway::Gateway,
    json,
    limits::Call,
    llmnet::account::StandingShape,
    openai::error::ApiError,
    port::{Offer, Standing},
};

const EXPERT: &str = "llmnet/expert:";

/// A model's name, valid by being; whether its domain is on offer is another question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ModelName {
    /// The panel debates where it disagrees.
    Auto,
    /// One respondent, no panel.
    Single,
    /// Answers and a vote.
    Vote,
    /// A debate in any case.
    Debate,
    /// One answer, written from all where they disagree.
    Mixture,
    /// Only respondents of this domain.
    Expert(Domain),
}

impl ModelName {
    pub(crate) fn parse(name: &str) -> Result<Self, ApiError> {
        match name {
            "llmnet/auto" => Ok(Self::Auto),
            "llmnet/single" => Ok(Self::Single),
            "llmnet/vote" => Ok(Self::Vote),
            "llmnet/debate" => Ok(Self::Debate),
            "llmnet/mixture" => Ok(Self::Mixture),
            other => other
                .strip_prefix(EXPERT)
                .and_then(|domain| Domain::new(domain).ok())
                .map(Self::Expert)
                .ok_or_else(|| not_found(other)),
        }
    }

    pub(crate) fn strategy(&self) -> Strategy {
        match self {
            Self::Auto | Self::Expert(_) => Strategy::Auto,
            Self::Single => Strategy::Single,
            Self::Vote => Strategy::Vote,
            Self::Debate => Strategy::Debate,
            Self::Mixture => Strategy::Mixture,
        }
    }

    pub(crate) fn domain(&self) -> Option<&Domain> {
        match self {
            Self::Expert(domain) => Some(domain),
            _ => None,
        }
    }

    /// Whether it can be asked now.
    pub(crate) fn offered(&self, offers: &[Offer]) -> Result<(), ApiError> {
        match self.domain() {
            Some(domain) if !offers.iter().any(|offer| offer.domain == *domain) => {
                Err(not_found(&self.to_string()))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("llmnet/auto"),
            Self::Single => f.write_str("llmnet/single"),
            Self::Vote => f.write_str("llmnet/vote"),
            Self::Debate => f.write_str("llmnet/debate"),
            Self::Mixture => f.write_str("llmnet/mixture"),
            Self::Expert(domain) => write!(f, "{EXPERT}{domain}"),
        }
    }
}

fn not_found(name: &str) -> ApiError {
    let shown: String = name.chars().take(80).collect();
    let message = format!(
        "there is no model {shown:?}; use llmnet/auto, llmnet/single, llmnet/vote, llmnet/debate, \
         llmnet/mixture or llmnet/expert:<domain> with a domain of GET /v1/models"
    );
    ApiError::new(StatusCode::NOT_FOUND, "model_not_found", message).at("model")
}

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
    let data = names.iter().map(|name| Row::of(name, &offers)).collect();
    Ok(json::object(&Rows {
        object: "list",
        data,
    }))
}

/// `GET /v1/models/{id}`
pub(crate) async fn one(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path(id) = id.map_err(|_| not_found("of bytes that are not UTF-8"))?;
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
    context_length: usize,
    domains: Vec<&'a Domain>,
    respondents: u32,
    pricing: Option<Pricing>,
    reputation: Option<StandingShape>,
}

impl<'a> Row<'a> {
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
            context_length: REQUEST_LENGTH_MAX / 4,
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
