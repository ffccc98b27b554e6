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

use super::{
    leaf::Server,
    lines::{Lines, Requester},
};
use crate::{
    bond,
    standing::{self, Evidence},
    work::Work,
};

/// Evidence of a settlement, as leaves are added.
pub(super) struct Ratings {
    coordinator: PublicKey,
    operator: PublicKey,
    /// By the number of the provider in the settlement.
    rated: Vec<Rated>,
}

/// Evidence about a provider, by domain.
#[derive(Default)]
struct Rated {
    provider: ProviderId,
    domains: Vec<(DomainId, Told)>,
}

/// Evidence about a provider in a domain.
#[derive(Default)]
struct Told {
    /// For and against, by the number of the requester in the settlement.
    requesters: Vec<(u64, u64)>,
    samples: u32,
    latencies_ms: Vec<u32>,
}

impl Ratings {
    pub(super) fn new(work: &Work<'_>, coordinator: &PublicKey) -> Self {
        Self {
            coordinator: *coordinator,
            operator: bond::operator(work, coordinator, Role::Coordinator),
            rated: Vec::new(),
        }
    }

    /// Adds evidence about the seats of a concluded, unfiltered contract.
    pub(super) fn contract(
        &mut self,
        params: &Params,
        requester: &Requester,
        leaf: &Leaf,
        servers: &[Server],
    ) {
        if leaf.filtered || leaf.status != ContractStatus::Concluded {
            return;
        }
        let weight = weight(params, leaf);
        for (seat, server) in leaf.seats.iter().zip(servers) {
            let related = !params.waive_operator && self.related(server, &requester.key);
            // Who was excused had no chance to show anything (RAT-2).
            if related || seat.outcome == SeatOutcome::Excused {
                continue;
            }
            let rated = entry(&mut self.rated, server.place);
            rated.provider = seat.provider;
            for (domain, confidence) in &leaf.domains {
                let weight = share(weight, *confidence);
                if weight > 0 {
                    add(rated.told(*domain), requester, seat, weight);
                }
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

    /// Hands all of it to the standings, in the order of providers and domains.
    pub(super) fn keep(self, work: &mut Work<'_>, lines: &Lines) {
        let mut all: BTreeMap<(ProviderId, DomainId), Told> = BTreeMap::new();
        for rated in self.rated {
            let provider = rated.provider;
            let domains = rated.domains.into_iter();
            all.extend(domains.map(|(domain, told)| ((provider, domain), told)));
        }
        for ((provider, domain), told) in all {
            let requesters = lines.requesters().filter_map(|requester| {
                let said = told.requesters.get(requester.place).copied();
                let said = said.filter(|said| *said != (0, 0))?;
                Some((requester.key, said))
            });
            let evidence = Evidence {
                requesters: requesters.collect(),
                samples: told.samples,
                latencies_ms: told.latencies_ms,
            };
            standing::gather(work, provider, domain, &self.coordinator, evidence);
        }
    }
}

impl Rated {
    fn told(&mut self, domain: DomainId) -> &mut Told {
        // A leaf names two domains at most, and leaves of a settlement few.
        let known = self.domains.iter().position(|(other, _)| *other == domain);
        let place = known.unwrap_or(self.domains.len());
        let (known, told) = entry(&mut self.domains, place);
        *known = domain;
        told
    }
}

/// The entry of a number. Numbers are given as things come, so they are few.
///
/// # Panics
/// Never: what is missing is made.
fn entry<T: Default>(entries: &mut Vec<T>, place: usize) -> &mut T {
    if entries.len() <= place {
        entries.resize_with(place.saturating_add(1), T::default);
    }
    entries.get_mut(place).expect("what is missing is made")
}

/// A seat's weight before confidence: at most one unit, and all seats together at most what the
/// contract's fee pays for (REP-4).
fn weight(params: &Params, leaf: &Leaf) -> u64 {
    let seats = u128::try_from(leaf.seats.len()).unwrap_or(u128::MAX);
    let price = u128::from(params.evidence_fee.0).saturating_mul(seats);
    let fee = u128::from(leaf.fee.0);
    // A fee that pays for all of it spares us the division.
    if fee >= price {
        return EVIDENCE_UNIT;
    }
    let paid = fee
        .saturating_mul(u128::from(EVIDENCE_UNIT))
        .checked_div(price);
    u64::try_from(paid.unwrap_or(0)).map_or(EVIDENCE_UNIT, |paid| paid.min(EVIDENCE_UNIT))
}

fn share(weight: u64, share: Score) -> u64 {
    Amount(weight).share(share).0
}

/// `w y` for, `w (1 - y)` against (REP-1). The latency of who served is told.
fn add(told: &mut Told, requester: &Requester, seat: &LeafSeat, weight: u64) {
    let positive = share(weight, seat.score);
    let negative = weight.saturating_sub(positive);
    let sum = entry(&mut told.requesters, requester.place);
    sum.0 = sum.0.saturating_add(positive);
    sum.1 = sum.1.saturating_add(negative);
    told.samples = told.samples.saturating_add(1);
    if seat.outcome == SeatOutcome::Served {
        told.latencies_ms.push(seat.latency_ms);
    }
}
