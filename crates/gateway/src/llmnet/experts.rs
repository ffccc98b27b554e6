//! `GET /v1/experts`: who is registered, for what, and how good they were found.

use std::sync::Arc;

use axum::{Extension, extract::State, response::Response};
use llmnet_types::{
    domain::Domain,
    id::Digest,
    registration::{Corpus, Model, Price},
    signature::PublicKey,
};
use serde::Serialize;

use crate::{
    error::ApiError,
    gateway::Gateway,
    json,
    limits::Call,
    llmnet::account::{StandingShape, date},
    port::Expert,
};

pub(crate) async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
) -> Result<Response, ApiError> {
    let experts = call.look_up(gateway.coordinator.experts()).await?;
    Ok(json::object(&Experts {
        object: "list",
        data: experts.iter().map(Row::of).collect(),
    }))
}

#[derive(Serialize)]
struct Experts<'a> {
    object: &'static str,
    data: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    object: &'static str,
    provider: &'a str,
    name: &'a str,
    node: PublicKey,
    operator: PublicKey,
    reachable: bool,
    domains: Vec<DomainShape<'a>>,
    model: &'a Model,
    corpus: Option<CorpusShape>,
    price: PriceShape,
    bond: String,
}

impl<'a> Row<'a> {
    fn of(expert: &'a Expert) -> Self {
        let domains = expert.domains.iter().map(|(domain, standing)| DomainShape {
            domain,
            reputation: StandingShape::of(*standing),
        });
        Self {
            object: "expert",
            provider: &expert.provider,
            name: &expert.name,
            node: expert.node,
            operator: expert.operator,
            reachable: expert.reachable,
            domains: domains.collect(),
            model: &expert.model,
            corpus: expert.corpus.as_ref().map(CorpusShape::of),
            price: PriceShape::of(&expert.price),
            bond: expert.bond.credits(),
        }
    }
}

#[derive(Serialize)]
struct DomainShape<'a> {
    domain: &'a Domain,
    reputation: StandingShape,
}

/// A corpus as announced.
#[derive(Serialize)]
pub(crate) struct CorpusShape {
    root: Digest,
    as_of: String,
    passages: u32,
}

impl CorpusShape {
    pub(crate) fn of(corpus: &Corpus) -> Self {
        Self {
            root: corpus.root,
            as_of: date(corpus.as_of_day),
            passages: corpus.passages,
        }
    }
}

/// A price, in credits.
#[derive(Serialize)]
pub(crate) struct PriceShape {
    unit: &'static str,
    call: String,
    input_per_1k: String,
    output_per_1k: String,
}

impl PriceShape {
    pub(crate) fn of(price: &Price) -> Self {
        Self {
            unit: "credit",
            call: price.call.credits(),
            input_per_1k: price.input_kilo.credits(),
            output_per_1k: price.output_kilo.credits(),
        }
    }
}
