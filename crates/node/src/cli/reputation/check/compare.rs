//! What a node says, beside what its blocks give.

use std::fmt;

use anyhow::Context;
use llmnet_gateway::port::ledger::{Page, ProviderRef, ReputationQuery};
use llmnet_ledger::State;
use llmnet_types::{id::ProviderId, network::Committee, units::Height};
use serde::Serialize;
use serde_json::{Value, json};

use super::super::{Query, Row};
use crate::explorer::view;

/// Something that a node says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Difference {
    what: String,
    network: Value,
    recomputed: Value,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            network,
            recomputed,
        } = self;
        write!(
            f,
            "{what}: the network says {network}, the blocks give {recomputed}"
        )
    }
}

/// A page of rows as a state gives it.
pub(super) fn rows(
    state: &dyn State,
    query: &Query,
    cursor: u64,
    limit: usize,
) -> anyhow::Result<Vec<Row>> {
    let query = ReputationQuery {
        provider: query.provider.map(|id| ProviderRef::Id(ProviderId(id))),
        domain: query.domain.clone(),
        at: query.at.map(Height),
    };
    let found = view::reputation(state, &query, Page { cursor, limit })
        .context("the blocks do not give what the network shows")?;
    let rows = found.at(Height(0)).items;
    Ok(rows.iter().map(Row::of).collect())
}

/// Notes where two pages differ.
pub(super) fn page(ours: &[Row], theirs: &[Row], differences: &mut Vec<Difference>) {
    for row in ours.iter().chain(theirs) {
        let is = |other: &&Row| other.provider == row.provider && other.domain == row.domain;
        let (our, their) = (ours.iter().find(is), theirs.iter().find(is));
        let what = format!("provider {} in {}", row.provider, row.domain);
        if our.map(exact) == their.map(exact)
            || differences.iter().any(|difference| difference.what == what)
        {
            continue;
        }
        differences.push(Difference {
            what,
            network: their.map_or(Value::Null, exact),
            recomputed: our.map_or(Value::Null, exact),
        });
    }
}

/// All of a row in whole numbers: shares have come through text.
fn exact(row: &Row) -> Value {
    let points = |share: f64| (share * 10_000.0).round();
    json!({
        "node": row.node,
        "mean": points(row.mean),
        "lower_bound": points(row.lower_bound),
        "deviation": points(row.deviation),
        "ceiling": points(row.ceiling),
        "samples": row.samples,
        "latency_ms": row.latency_ms,
        "evidence": row.evidence,
        "history": row.history,
    })
}

/// Notes where a node's status differs from what a state gives.
pub(super) fn status(state: &dyn State, theirs: &Value, differences: &mut Vec<Difference>) {
    let ours = view::standing(state);
    let totals = &ours.totals;
    let counters = &ours.counters;
    let committee = ours.office.as_ref().map(|office| &office.committee);
    let expected = [
        ("epoch", json!(ours.clock.epoch)),
        ("beacon", json!(ours.clock.beacon())),
        ("committee.digest", json!(committee.map(Committee::digest))),
        ("totals.supply", json!(totals.supply.credits())),
        ("totals.accounts", json!(totals.accounts.credits())),
        ("totals.lines", json!(totals.lines.credits())),
        ("totals.bonds", json!(totals.bonds.credits())),
        ("totals.held", json!(totals.held.credits())),
        ("totals.deposits", json!(totals.deposits.credits())),
        ("totals.pool", json!(totals.pool.credits())),
        ("totals.burnt", json!(totals.burnt.credits())),
        ("counts.providers", json!(counters.provider)),
        ("counts.lines", json!(counters.line)),
        ("counts.domains", json!(counters.domain)),
    ];
    for (what, recomputed) in expected {
        let path = format!("/{}", what.replace('.', "/"));
        let network = theirs.pointer(&path).cloned().unwrap_or_default();
        if network != recomputed {
            differences.push(Difference {
                what: what.to_owned(),
                network,
                recomputed,
            });
        }
    }
}
