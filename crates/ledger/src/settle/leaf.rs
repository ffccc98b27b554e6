//! What a leaf must be by itself: its sums, its seats, its panel (SET-1, SET-3, SET-8, SEL-8).

use std::collections::BTreeMap;

use llmnet_types::{
    contract::Filters,
    id::{Digest, DomainId, ProviderId},
    receipt::{ContractStatus, SeatOutcome},
    selection::SelectionInputs,
    transaction::{Leaf, LeafFault},
    units::{Amount, Height, Score},
};

use crate::{
    params::Params,
    record::Provider,
    selection::{RANKS_MAX, candidates, order},
    state::Key,
    work::Work,
};

/// Selections of one settlement: leaves of one height and subject share their inputs.
type Subject = (Height, Vec<(DomainId, Score)>);

/// Selection inputs read so far.
#[derive(Default)]
pub(super) struct Panels(BTreeMap<Subject, SelectionInputs>);

/// Who serves in a leaf, in the order of its seats.
pub(super) type Providers = Vec<(ProviderId, Provider)>;

/// A void leaf charges nothing, seats nobody and uses no order (SET-8).
pub(super) fn void(leaf: &Leaf) -> Result<(), LeafFault> {
    let empty = leaf.n == 0
        && leaf.charge == Amount::ZERO
        && leaf.fee == Amount::ZERO
        && leaf.seats.is_empty();
    if empty { Ok(()) } else { Err(LeafFault::Void) }
}

/// Everything about a leaf that is not void but its line and its panel. Gives the coordinator's part.
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

/// Seats stand by rank, and only who served is paid and scored.
pub(super) fn seats(leaf: &Leaf) -> Result<(), LeafFault> {
    let ascending = leaf.seats.windows(2).all(|pair| match pair {
        [first, second] => first.rank < second.rank,
        _ => true,
    });
    let last = leaf.seats.last().ok_or(LeafFault::Seats)?;
    if !ascending || usize::from(last.rank) >= RANKS_MAX {
        return Err(LeafFault::Seats);
    }
    let idle = |seat: &llmnet_types::transaction::LeafSeat| {
        seat.outcome != SeatOutcome::Served && (seat.pay > Amount::ZERO || seat.score > Score::ZERO)
    };
    if leaf.seats.iter().any(idle) {
        return Err(LeafFault::Outcome);
    }
    Ok(())
}

/// Domains and providers that the ledger knew at the leaf's height, none twice.
pub(super) fn providers(work: &Work<'_>, leaf: &Leaf) -> Result<Providers, LeafFault> {
    let mut domains: Vec<DomainId> = leaf.domains.iter().map(|(domain, _)| *domain).collect();
    domains.sort_unstable();
    domains.dedup();
    let known = |domain: &DomainId| {
        let entry: Option<crate::record::DomainEntry> = work.read(&Key::Domain(*domain));
        entry.is_some()
    };
    if leaf.domains.is_empty() || domains.len() != leaf.domains.len() || !domains.iter().all(known)
    {
        return Err(LeafFault::Unknown);
    }
    let mut providers = Providers::new();
    for seat in &leaf.seats {
        if providers
            .iter()
            .any(|(provider, _)| *provider == seat.provider)
        {
            return Err(LeafFault::Seats);
        }
        let provider: Option<Provider> = work.read(&Key::Provider(seat.provider));
        let provider = provider
            .filter(|provider| provider.stands_at(leaf.height))
            .ok_or(LeafFault::Unknown)?;
        providers.push((seat.provider, provider));
    }
    Ok(providers)
}

impl Panels {
    /// Every seat of an unfiltered leaf is where the order puts it (SEL-8).
    pub(super) fn check(
        &mut self,
        work: &Work<'_>,
        leaf: &Leaf,
        seed: impl FnOnce(&Digest) -> Digest,
    ) -> Result<(), LeafFault> {
        if leaf.filtered {
            return Ok(());
        }
        let subject = (leaf.height, leaf.domains.to_vec());
        let inputs = match self.0.entry(subject) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => {
                new.insert(candidates(work, leaf.height, &leaf.domains)?)
            }
        };
        let seed = seed(&inputs.beacon);
        let order = order(inputs, &seed, &work.params.rule(), &Filters::default());
        let in_place = leaf
            .seats
            .iter()
            .all(|seat| order.get(usize::from(seat.rank)) == Some(&seat.provider));
        if in_place {
            Ok(())
        } else {
            Err(LeafFault::Panel)
        }
    }
}
