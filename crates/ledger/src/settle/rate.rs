//! What a contract says about its seats (REP-1, REP-4).

use llmnet_types::{
    receipt::{ContractStatus, SeatOutcome},
    reputation::{EVIDENCE_UNIT, Reputation},
    signature::PublicKey,
    transaction::{Leaf, LeafSeat},
    units::{Score, Slot},
};

use super::leaf::Providers;
use crate::{event::EventKind, params::Params, record::Provider, standing, work::Work};

/// Adds evidence about the seats of a concluded, unfiltered contract.
pub(super) fn rate(
    work: &mut Work<'_>,
    coordinator: &PublicKey,
    requester: &PublicKey,
    slot: Slot,
    leaf: &Leaf,
    providers: &Providers,
) {
    if leaf.filtered || leaf.status != ContractStatus::Concluded {
        return;
    }
    let weight = weight(&work.params, leaf);
    for (seat, (id, provider)) in leaf.seats.iter().zip(providers) {
        if !work.params.waive_operator && related(provider, coordinator, requester) {
            continue;
        }
        for (domain, confidence) in &leaf.domains {
            let weight = share(weight, *confidence);
            if weight == 0 {
                continue;
            }
            let before = standing::now(work, &work.params, work.clock.epoch, *id, *domain);
            let reputation = with_evidence(before, seat, weight);
            standing::update(work, *id, *domain, reputation);
            work.event(EventKind::ReputationChanged {
                provider: *id,
                domain: *domain,
                slot,
                reputation,
            });
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

/// Whether requester or coordinator is the seat's own operator (REP-4).
fn related(provider: &Provider, coordinator: &PublicKey, requester: &PublicKey) -> bool {
    let registration = &provider.registration;
    [registration.operator, registration.node]
        .iter()
        .any(|own| own == coordinator || own == requester)
}

fn share(weight: u64, share: Score) -> u64 {
    llmnet_types::units::Amount(weight).share(share).0
}

/// `a + w y`, `b + w (1 - y)` (REP-1). The latency of who served is smoothed over about eight answers.
fn with_evidence(before: Reputation, seat: &LeafSeat, weight: u64) -> Reputation {
    let positive = share(weight, seat.score);
    let negative = weight.saturating_sub(positive);
    let latency_ms = match (seat.outcome, before.latency_ms) {
        (SeatOutcome::Served, 0) => seat.latency_ms,
        (SeatOutcome::Served, smoothed) => {
            let sum = u64::from(smoothed)
                .saturating_mul(7)
                .saturating_add(u64::from(seat.latency_ms));
            u32::try_from(sum >> 3).unwrap_or(u32::MAX)
        }
        (_, smoothed) => smoothed,
    };
    Reputation {
        positive: before.positive.saturating_add(positive),
        negative: before.negative.saturating_add(negative),
        samples: before.samples.saturating_add(1),
        latency_ms,
    }
}
