//! Settlements: contracts are checked, paid and rated, all of them or none (SET).
//!
//! What many leaves do to one account, line or standing is added up here and written once.

mod conduct;
mod leaf;
mod lines;
mod pay;
mod rate;
mod slots;

use llmnet_types::{
    id::NetworkId,
    params::Params,
    receipt::{Charges, ContractStatus},
    rejection::Rejection,
    settlement::{Leaf, Settlement, SettlementHead},
    signature::PublicKey,
    units::{Amount, Slot},
};

use crate::{
    bond,
    event::EventKind,
    query,
    state::Key,
    work::{Place, Work},
};

pub(crate) use conduct::{active, evidence_counts, slashed};
pub(crate) use pay::{co_sign, release};

/// The charges of a contract whose seats and coordinator earn so much: the fee is the network's share
/// of what they earn, rounded down (SET-3). `None` where a sum does not fit.
pub fn charges(params: &Params, seats: Amount, coordinator: Amount) -> Option<Charges> {
    let earned = seats.checked_add(coordinator)?;
    let fee = earned.share(params.network_fee);
    Some(Charges {
        seats,
        coordinator,
        fee,
        total: earned.checked_add(fee)?,
    })
}

/// A settlement on its way through the rules.
struct Settling<'a> {
    signer: &'a PublicKey,
    /// Those in force when the contracts were made (VOT-3).
    params: Params,
    subjects: leaf::Subjects,
    lines: lines::Lines,
    tally: pay::Tally,
    ratings: rate::Ratings,
    voids: u32,
    charge: Amount,
    coordinator_part: Amount,
    fee: Amount,
}

/// Settles all contracts of a settlement. A fault in any leaves the work to be thrown away whole.
pub(crate) fn settle(
    work: &mut Work<'_>,
    network: &NetworkId,
    signer: &PublicKey,
    settlement: &Settlement,
) -> Result<SettlementHead, Rejection> {
    bond::require_coordinator(work, signer)?;
    let mut slots = slots::check(work, signer, settlement)?;
    let mut settling = Settling {
        signer,
        params: query::params_of(work, slots.epoch),
        subjects: leaf::Subjects::default(),
        lines: lines::Lines::default(),
        tally: pay::Tally::default(),
        ratings: rate::Ratings::new(work, signer),
        voids: 0,
        charge: Amount::ZERO,
        coordinator_part: Amount::ZERO,
        fee: Amount::ZERO,
    };
    for (slot, leaf) in slots.numbers.iter().zip(&settlement.leaves) {
        settling.contract(work, *slot, leaf)?;
    }
    settling.lines.cover(settlement)?;
    let summary = settlement.summary();
    let root = summary.root();
    let mut earnings = settling.tally.earnings();
    earnings.agree(&summary, settlement)?;
    // Signatures come last, as they cost most.
    settling.lines.signed(work, network, settlement)?;
    let keys = |provider| settling.subjects.keys(work, provider, slots.epoch);
    earnings.signed(work, network, settlement, keys)?;

    settling.lines.keep(work);
    // Money leaves the lines here; that they cover it was checked above.
    work.credit(signer, settling.coordinator_part, Place::Lines)?;
    work.split_fee(settling.fee, Place::Lines)?;
    let contracts = u32::try_from(settlement.leaves.len()).unwrap_or(u32::MAX);
    work.event(EventKind::Settled {
        coordinator: *signer,
        first_slot: settlement.first_slot,
        contracts,
        voids: settling.voids,
        root,
        charge: settling.charge,
        coordinator_part: settling.coordinator_part,
        fee: settling.fee,
    });
    earnings.pay(work, signer, settlement, root, slots.epoch)?;
    conduct::count(work, &mut slots.coordinator, contracts, settling.voids);
    work.write(Key::Coordinator(*signer), &slots.coordinator);
    settling.ratings.keep(work, &settling.lines);
    Ok(SettlementHead {
        coordinator: *signer,
        first_slot: settlement.first_slot,
        root,
    })
}

impl Settling<'_> {
    fn contract(&mut self, work: &mut Work<'_>, slot: Slot, leaf: &Leaf) -> Result<(), Rejection> {
        let fault = |reason| Rejection::Leaf { slot, reason };
        if leaf.status == ContractStatus::Void {
            self.voids = self.voids.saturating_add(1);
            return leaf::void(leaf).map_err(fault);
        }
        leaf::seats(leaf).map_err(fault)?;
        let part = leaf::sums(&self.params, leaf).map_err(fault)?;
        let servers = self.subjects.servers(work, leaf).map_err(fault)?;
        let requester = self.lines.draw(work, self.signer, slot, leaf)?;
        for (seat, server) in leaf.seats.iter().zip(&servers) {
            self.tally.add(seat.provider, server, seat.pay)?;
        }
        let add = |sum: Amount, more| sum.checked_add(more).ok_or(Rejection::Overflow);
        self.charge = add(self.charge, leaf.charge)?;
        self.coordinator_part = add(self.coordinator_part, part)?;
        self.fee = add(self.fee, leaf.fee)?;
        self.ratings
            .contract(&self.params, &requester, leaf, &servers);
        Ok(())
    }
}
