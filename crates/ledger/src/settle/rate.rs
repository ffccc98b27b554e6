//! What contracts say about their seats (REP-1, REP-4), added up over a settlement.

use std::collections::BTreeMap;

use llmnet_types::{
    bond::Role,
    id::{DomainId, ProviderId},
    params::Params,
    receipt::{ContractStatus, SeatOutcome},
    reputation::EVIDENCE_UNIT,
    settlement::{Leaf, LeafSeat},
    signature::PublicKey,
    units::{Amount, Score},
};

use super::leaf::Server;
use crate::{
    bond,
    standing::{self, Evidence},
    work::Work,
};

/// Evidence of a settlement, by provider and domain.
pub(super) struct Ratings {
    coordinator: PublicKey,
    operator: PublicKey,
    evidence: BTreeMap<(ProviderId, DomainId), Evidence>,
}

impl Ratings {
    pub(super) fn new(work: &Work<'_>, coordinator: &PublicKey) -> Self {
        Self {
            coordinator: *coordinator,
            operator: bond::operator(work, coordinator, Role::Coordinator),
            evidence: BTreeMap::new(),
        }
    }

    /// Adds evidence about the seats of a concluded, unfiltered contract.
    pub(super) fn contract(
        &mut self,
        params: &Params,
        requester: &PublicKey,
        leaf: &Leaf,
        servers: &[Server],
    ) {
        if leaf.filtered || leaf.status != ContractStatus::Concluded {
            return;
        }
        let weight = weight(params, leaf);
        for (seat, server) in leaf.seats.iter().zip(servers) {
            if !params.waive_operator && self.related(server, requester) {
                continue;
            }
            for (domain, confidence) in &leaf.domains {
                let weight = share(weight, *confidence);
                if weight == 0 {
                    continue;
                }
                let evidence = self.evidence.entry((seat.provider, *domain)).or_default();
                add(evidence, requester, seat, weight);
            }
        }
    }

    /// Whether requester or coordinator is the seat's own operator (REP-4).
    fn related(&self, server: &Server, requester: &PublicKey) -> bool {
        let asking = [requester, &self.coordinator, &self.operator];
        [&server.operator, &server.node]
            .iter()
            .any(|own| asking.contains(own))
    }

    /// Hands all of it to the standings.
    pub(super) fn keep(self, work: &mut Work<'_>) {
        for ((provider, domain), evidence) in self.evidence {
            standing::gather(work, provider, domain, &self.coordinator, evidence);
        }
    }
}

/// A seat's weight before confidence: at most one unit, and all seats together at most what the
/// contract's fee pays for (REP-4).
fn weight(params: &Params, leaf: &Leaf) -> u64 {
    let seats = u128::try_from(leaf.seats.len()).unwrap_or(u128::MAX);
    let price = u128::from(params.evidence_fee.0).saturating_mul(seats);
    let paid = u128::from(leaf.fee.0)
        .saturating_mul(u128::from(EVIDENCE_UNIT))
        .checked_div(price)
        .unwrap_or(0);
    u64::try_from(paid).map_or(EVIDENCE_UNIT, |paid| paid.min(EVIDENCE_UNIT))
}

fn share(weight: u64, share: Score) -> u64 {
    Amount(weight).share(share).0
}

/// `w y` for, `w (1 - y)` against (REP-1). The latency of who served is told.
fn add(evidence: &mut Evidence, requester: &PublicKey, seat: &LeafSeat, weight: u64) {
    let positive = share(weight, seat.score);
    let negative = weight.saturating_sub(positive);
    let sum = evidence.requesters.entry(*requester).or_default();
    sum.0 = sum.0.saturating_add(positive);
    sum.1 = sum.1.saturating_add(negative);
    evidence.samples = evidence.samples.saturating_add(1);
    if seat.outcome == SeatOutcome::Served {
        evidence.latencies_ms.push(seat.latency_ms);
    }
}
