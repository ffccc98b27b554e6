//! `GET /v1/ledger/providers`, `/providers/{id}`: registrations, standing or ended.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, RawQuery, State, rejection::PathRejection},
    response::Response,
};
use llmnet_types::{
    domain::Domain,
    id::{DomainId, ProviderId},
    registration::{Adapter, Model, Tokenizer},
    signature::PublicKey,
    units::Height,
};
use serde::Serialize;

use super::{
    error::refused,
    list::List,
    parameters::{Parameters, path, provider},
    reputation::ProfileShape,
};
use crate::{
    error::ApiError,
    gateway::Gateway,
    json,
    limits::Call,
    llmnet::experts::{CorpusShape, PriceShape},
    port::ledger::{LedgerError, Provider},
};

/// `GET /v1/ledger/providers`
pub(crate) async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let parameters = Parameters::read(&gateway, query.as_deref(), &["domain", "cursor", "limit"])?;
    let domain = parameters.domain("domain")?;
    let page = parameters.page()?;
    let listed = gateway.ledger.providers(domain.as_ref(), page);
    let listed = call.look_up(listed).await?;
    let listed = listed.map_err(refused("domain", &call, &gateway))?;
    Ok(json::object(&List {
        object: "list",
        height: listed.height,
        data: listed.items.iter().map(ProviderShape::of).collect(),
        next: listed.next,
    }))
}

/// `GET /v1/ledger/providers/{id}`: by number or by key.
pub(crate) async fn one(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    Parameters::read(&gateway, query.as_deref(), &[])?;
    let id = provider("id", &path(id, "id")?)?;
    let found = call.look_up(gateway.ledger.provider(&id)).await?;
    let found = found
        .and_then(|found| found.ok_or(LedgerError::UnknownProvider))
        .map_err(refused("id", &call, &gateway))?;
    Ok(json::object(&ProviderShape::of(&found)))
}

#[derive(Serialize)]
struct ProviderShape<'a> {
    id: ProviderId,
    name: &'a str,
    node: PublicKey,
    operator: PublicKey,
    nonce: u32,
    registered_at: Height,
    retired_at: Option<Height>,
    /// From which height on it says what follows.
    from: Height,
    domains: Vec<DomainShape<'a>>,
    model: &'a Model,
    corpus: Option<CorpusShape>,
    adapter: Option<&'a Adapter>,
    price: PriceShape,
    tokenizer: Tokenizer,
    bond: String,
}

#[derive(Serialize)]
struct DomainShape<'a> {
    id: DomainId,
    domain: &'a Domain,
    reputation: ProfileShape,
}

impl<'a> ProviderShape<'a> {
    fn of(provider: &'a Provider) -> Self {
        let registration = &provider.registration;
        let domains = provider
            .domains
            .iter()
            .map(|(id, domain, profile)| DomainShape {
                id: *id,
                domain,
                reputation: ProfileShape::of(profile),
            });
        Self {
            id: provider.id,
            name: &provider.name,
            node: registration.node,
            operator: registration.operator,
            nonce: registration.nonce,
            registered_at: provider.registered_at,
            retired_at: provider.retired_at,
            from: provider.from,
            domains: domains.collect(),
            model: &registration.model,
            corpus: registration.corpus.as_ref().map(CorpusShape::of),
            adapter: provider.adapter.as_ref(),
            price: PriceShape::of(&registration.price),
            tokenizer: registration.tokenizer,
            bond: registration.bond.credits(),
        }
    }
}
