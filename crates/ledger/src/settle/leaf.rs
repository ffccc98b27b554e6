//! What a leaf must be by itself: its sums, its seats, its domains (SET-1, SET-3, SET-8).

use std::collections::BTreeMap;

use llmnet_types::{
    id::{DomainId, ProviderId},
    params::Params,
    receipt::{ContractStatus, SeatOutcome},
    rejection::LeafFault,
    settlement::{Leaf, LeafSeat},
    signature::PublicKey,
    units::{Amount, Epoch, Height, Score},
};

use crate::{
    record::{Counters, Provider},
    selection::RANKS_MAX,
    standing,
    state::Key,
    work::Work,
};

/// A void leaf charges nothing, seats nobody and uses no order (SET-8).
pub(super) fn void(leaf: &Leaf) -> Result<(), LeafFault> {
    let empty = leaf.n == 0
        && leaf.charge == Amount::ZERO
        && leaf.fee == Amount::ZERO
        && leaf.seats.is_empty();
    if empty { Ok(()) } else { Err(LeafFault::Void) }
}

/// Everything about a leaf that is not void but its line and its seats. Gives the coordinator's part.
pub(super) fn sums(params: &Params, leaf: &Leaf) -> Result<Amount, LeafFault> {
    let seats = Amount::sum(leaf.seats.iter().map(|seat| seat.pay)).ok_or(LeafFault::Sums)?;
    let earned = leaf.charge.checked_sub(leaf.fee).ok_or(LeafFault::Sums)?;
    let part = earned.checked_sub(seats).ok_or(LeafFault::Sums)?;
    // The fee is the network's share of the rest (SET-3); a failed contract pays its coordinator
    // nothing (CON-9).
    let failed = leaf.status == ContractStatus::Failed;
    if leaf.fee != earned.share(params.network_fee) || (failed && part > Amount::ZERO) {
        return Err(LeafFault::Sums);
    }
    let confidence = leaf.domains.iter().fold(0_u32, |sum, (_, part)| {
        sum.saturating_add(u32::from(part.get()))
    });
    if confidence > u32::from(Score::ONE.get()) {
        return Err(LeafFault::Sums);
    }
    Ok(part)
}

/// Seats stand by rank, none twice, and only who served is paid and scored.
pub(super) fn seats(leaf: &Leaf) -> Result<(), LeafFault> {
    let ascending = leaf.seats.windows(2).all(|pair| match pair {
        [first, second] => first.rank < second.rank,
        _ => true,
    });
    let last = leaf.seats.last().ok_or(LeafFault::Seats)?;
    if !ascending || usize::from(last.rank) >= RANKS_MAX {
        return Err(LeafFault::Seats);
    }
    let twice = |(place, seat): (usize, &LeafSeat)| {
        let others = leaf.seats.iter().skip(place.saturating_add(1));
        others
            .into_iter()
            .any(|other| other.provider == seat.provider)
    };
    if leaf.seats.iter().enumerate().any(twice) {
        return Err(LeafFault::Seats);
    }
    let idle = |seat: &LeafSeat| {
        seat.outcome != SeatOutcome::Served && (seat.pay > Amount::ZERO || seat.score > Score::ZERO)
    };
    if leaf.seats.iter().any(idle) {
        return Err(LeafFault::Outcome);
    }
    Ok(())
}

/// Who serves: what the ledger looks at of a registration at a leaf's height.
#[derive(Debug, Clone, Copy)]
pub(super) struct Server {
    /// Its number among the settlement's providers, as they come.
    pub(super) place: usize,
    pub(super) node: PublicKey,
    pub(super) operator: PublicKey,
}

/// Domains and providers that the leaves of a settlement name, read once.
#[derive(Default)]
pub(super) struct Subjects {
    domains: BTreeMap<DomainId, bool>,
    /// With their numbers, as they come.
    providers: BTreeMap<ProviderId, (usize, Option<Provider>)>,
}

impl Subjects {
    /// Who serves in a leaf, in the order of its seats: known and standing at its height, as its one or
    /// two different domains are known.
    pub(super) fn servers(
        &mut self,
        work: &Work<'_>,
        leaf: &Leaf,
    ) -> Result<Vec<Server>, LeafFault> {
        let twice = matches!(&leaf.domains[..], [(first, _), (second, _)] if first == second);
        let known = |domain: &DomainId| {
            *self.domains.entry(*domain).or_insert_with(|| {
                // Of one that all have left since, too: they were there when it was asked.
                let counters: Counters = work.read(&Key::Counters).unwrap_or_default();
                *domain < counters.domain
            })
        };
        let mut domains = leaf.domains.iter().map(|(domain, _)| domain);
        if leaf.domains.is_empty() || twice || !domains.all(known) {
            return Err(LeafFault::Unknown);
        }
        let mut servers = Vec::with_capacity(leaf.seats.len());
        for seat in &leaf.seats {
            let server = self.server(work, seat.provider, leaf.height);
            servers.push(server.ok_or(LeafFault::Unknown)?);
        }
        Ok(servers)
    }

    /// The keys that a provider the leaves name has had since an epoch began, and has now.
    pub(super) fn keys(&self, work: &Work<'_>, id: ProviderId, epoch: Epoch) -> Vec<PublicKey> {
        let known = self.providers.get(&id);
        let provider = known.and_then(|(_, provider)| provider.as_ref());
        let since = standing::first_height(&work.params, epoch);
        provider.map_or_else(Vec::new, |provider| provider.keys_since(since))
    }

    fn server(&mut self, work: &Work<'_>, id: ProviderId, height: Height) -> Option<Server> {
        let next = self.providers.len();
        let (place, provider) = self
            .providers
            .entry(id)
            .or_insert_with(|| (next, work.read(&Key::Provider(id))));
        let provider = provider.as_ref();
        let provider = provider.filter(|provider| provider.stands_at(height))?;
        let registration = &provider.at(height)?.registration;
        Some(Server {
            place: *place,
            node: registration.node,
            operator: registration.operator,
        })
    }
}
