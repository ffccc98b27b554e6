//! `GET /v1/ledger/reputation`: how good providers were found, with the evidence it is reckoned from, so
//! that anybody can reckon it again.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{RawQuery, State},
    response::Response,
};
use llmnet_types::{
    domain::Domain,
    id::{DomainId, ProviderId},
    reputation::{Prior, Reputation},
    signature::PublicKey,
    units::Height,
};
use serde::Serialize;

use super::{error::refused, parameters::Parameters};
use crate::{
    error::ApiError,
    gateway::Gateway,
    json,
    limits::Call,
    llmnet::account::ratio,
    port::ledger::{Audits, LedgerError, Profile, Remembered, ReputationQuery, ReputationRow},
};

/// `GET /v1/ledger/reputation`
pub(crate) async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let known = ["provider", "domain", "at", "cursor", "limit"];
    let parameters = Parameters::read(&gateway, query.as_deref(), &known)?;
    let query = ReputationQuery {
        provider: parameters.provider("provider")?,
        domain: parameters.domain("domain")?,
        at: parameters.height("at")?,
    };
    let page = parameters.page()?;
    let found = gateway.ledger.reputation(&query, page);
    let found = call.look_up(found).await?;
    let found = found.map_err(|error| {
        let unknown = matches!(error, LedgerError::UnknownProvider);
        let param = if unknown { "provider" } else { "at" };
        refused(param, &call, &gateway)(error)
    })?;
    Ok(json::object(&Reputations {
        object: "list",
        height: found.listed.height,
        at: query.at,
        prior: found.params.prior,
        decay: ratio(found.params.decay),
        data: found.listed.items.iter().map(RowShape::of).collect(),
        next: found.listed.next,
    }))
}

#[derive(Serialize)]
struct Reputations<'a> {
    object: &'static str,
    height: Height,
    at: Option<Height>,
    prior: Prior,
    decay: f64,
    data: Vec<RowShape<'a>>,
    next: Option<u64>,
}

#[derive(Serialize)]
struct RowShape<'a> {
    provider: ProviderId,
    node: PublicKey,
    name: &'a str,
    domain_id: DomainId,
    domain: &'a Domain,
    #[serde(flatten)]
    profile: ProfileShape,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<RememberedShape>>,
}

impl<'a> RowShape<'a> {
    fn of(row: &'a ReputationRow) -> Self {
        let history = row.history.as_ref();
        Self {
            provider: row.provider,
            node: row.node,
            name: &row.name,
            domain_id: row.domain_id,
            domain: &row.domain,
            profile: ProfileShape::of(&row.profile),
            history: history.map(|entries| entries.iter().map(RememberedShape::of).collect()),
        }
    }
}

/// How good a provider is found in a domain.
#[derive(Serialize)]
pub(super) struct ProfileShape {
    mean: f64,
    lower_bound: f64,
    deviation: f64,
    samples: u32,
    latency_ms: u32,
    /// What audits allow at most.
    ceiling: f64,
    evidence: EvidenceShape,
}

/// Evidence for and against, in millionths.
#[derive(Serialize)]
struct EvidenceShape {
    positive: u64,
    negative: u64,
}

impl ProfileShape {
    pub(super) fn of(profile: &Profile) -> Self {
        Self {
            mean: ratio(profile.mean),
            lower_bound: ratio(profile.lower_bound),
            deviation: ratio(profile.deviation),
            samples: profile.evidence.samples,
            latency_ms: profile.evidence.latency_ms,
            ceiling: ratio(profile.ceiling),
            evidence: EvidenceShape::of(&profile.evidence),
        }
    }
}

impl EvidenceShape {
    const fn of(evidence: &Reputation) -> Self {
        Self {
            positive: evidence.positive,
            negative: evidence.negative,
        }
    }
}

#[derive(Serialize)]
struct RememberedShape {
    height: Height,
    samples: u32,
    latency_ms: u32,
    evidence: EvidenceShape,
    audits: AuditsShape,
}

#[derive(Serialize)]
struct AuditsShape {
    long_right: u64,
    long_wrong: u64,
    short_right: u64,
    short_wrong: u64,
}

impl RememberedShape {
    const fn of(entry: &Remembered) -> Self {
        Self {
            height: entry.height,
            samples: entry.evidence.samples,
            latency_ms: entry.evidence.latency_ms,
            evidence: EvidenceShape::of(&entry.evidence),
            audits: AuditsShape::of(&entry.audits),
        }
    }
}

impl AuditsShape {
    const fn of(audits: &Audits) -> Self {
        Self {
            long_right: audits.long_right,
            long_wrong: audits.long_wrong,
            short_right: audits.short_right,
            short_wrong: audits.short_wrong,
        }
    }
}
