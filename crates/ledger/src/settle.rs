//! Settlements: contracts are checked, paid and rated, all of them or none (SET).

mod leaf;
mod lines;
mod pay;
mod rate;
mod slots;

use llmnet_types::{
    id::NetworkId,
    receipt::{Charges, ContractStatus},
    signature::PublicKey,
    transaction::{Leaf, Rejection, Settlement, SettlementHead},
    units::{Amount, Slot},
};

use crate::{
    event::EventKind,
    params::Params,
    selection,
    state::Key,
    work::{Place, Work},
};

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
    network: &'a NetworkId,
    signer: &'a PublicKey,
    panels: leaf::Panels,
    lines: lines::Lines,
    earnings: pay::Earnings,
}

/// Settles all contracts of a settlement. A fault in any leaves the work to be thrown away whole.
pub(crate) fn settle(
    work: &mut Work<'_>,
    network: &NetworkId,
    signer: &PublicKey,
    settlement: &Settlement,
) -> Result<SettlementHead, Rejection> {
    let slots = slots::check(work, signer, settlement)?;
    let head = SettlementHead {
        coordinator: *signer,
        first_slot: settlement.first_slot,
        root: settlement.root(),
    };
    work.event(EventKind::Settled {
        coordinator: *signer,
        first_slot: settlement.first_slot,
        contracts: u32::try_from(settlement.leaves.len()).unwrap_or(u32::MAX),
        root: head.root,
    });
    let mut settling = Settling {
        network,
        signer,
        panels: leaf::Panels::default(),
        lines: lines::Lines::default(),
        earnings: pay::Earnings::default(),
    };
    for (leaf, (slot, element)) in settlement.leaves.iter().zip(&slots.elements) {
        if leaf.status == ContractStatus::Void {
            settling.void(work, *slot, leaf)?;
        } else {
            settling.contract(work, *slot, element, leaf)?;
        }
    }
    settling.lines.cover(network, settlement)?;
    settling.lines.keep(work);
    settling.earnings.pay(work, network, settlement)?;
    work.write(Key::Coordinator(*signer), &slots.coordinator);
    Ok(head)
}

impl Settling<'_> {
    fn void(&self, work: &mut Work<'_>, slot: Slot, leaf: &Leaf) -> Result<(), Rejection> {
        leaf::void(leaf).map_err(|reason| Rejection::Leaf { slot, reason })?;
        work.event(self.settled(slot, leaf, None, Amount::ZERO));
        Ok(())
    }

    fn contract(
        &mut self,
        work: &mut Work<'_>,
        slot: Slot,
        element: &llmnet_types::id::Digest,
        leaf: &Leaf,
    ) -> Result<(), Rejection> {
        let fault = |reason| Rejection::Leaf { slot, reason };
        leaf::seats(leaf).map_err(fault)?;
        let part = leaf::sums(&work.params, leaf).map_err(fault)?;
        let providers = leaf::providers(work, leaf).map_err(fault)?;
        let requester = self.lines.draw(work, self.signer, slot, leaf)?;
        self.panels
            .check(work, leaf, |beacon| {
                selection::seed(self.network, beacon, self.signer, slot, element)
            })
            .map_err(fault)?;

        let epoch = leaf.height.epoch(work.params.epoch_length());
        for (seat, (id, provider)) in leaf.seats.iter().zip(&providers) {
            self.earnings.add(*id, provider, epoch, seat.pay)?;
        }
        // Money leaves the lines here; that they cover it is checked over all leaves, before anything
        // of this is kept.
        work.credit(self.signer, part, Place::Lines)?;
        work.split_fee(leaf.fee, Place::Lines)?;
        work.event(self.settled(slot, leaf, Some(leaf.line), part));
        rate::rate(work, self.signer, &requester, slot, leaf, &providers);
        Ok(())
    }

    const fn settled(
        &self,
        slot: Slot,
        leaf: &Leaf,
        line: Option<llmnet_types::id::LineId>,
        coordinator_part: Amount,
    ) -> EventKind {
        EventKind::ContractSettled {
            coordinator: *self.signer,
            slot,
            status: leaf.status,
            line,
            charge: leaf.charge,
            coordinator_part,
            fee: leaf.fee,
        }
    }
}
