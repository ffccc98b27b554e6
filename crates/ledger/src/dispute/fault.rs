//! Proofs of fault (DIS-1): what an honest node never does, whatever others do to it.
//!
//! An honest coordinator writes a slot down with its order before it offers a seat, never uses it for
//! another, and signs one receipt. An honest seat tells of what it bound as it is. An honest validator
//! votes once for each step of a round. So each of these is shown by what the culprit itself signed, and
//! no crash, delay or message from others makes one of an honest node's words.

use borsh::BorshSerialize;
use llmnet_types::{
    bond::Role,
    certificate::EngineVote,
    codec::{List, encode},
    contract::{Assign, Filters, SEATS_MAX, contract_id},
    disclosure::{Disclosure, ReceiptField},
    dispute::{FaultProof, SettledLeaf},
    id::{ContractId, Digest, NetworkId, ReceiptRoot},
    message::Part,
    params::DISPUTE_EPOCHS,
    receipt::{Charges, ContractStatus, SeatReceipt},
    rejection::{LeafFault, ProofPart, Rejection},
    signature::{PublicKey, Signed},
    units::{Amount, Slot, Term},
};

use super::{broken, element, in_window, settlement, signed};
use crate::{bond, record::Coordinator, selection, state::Key, work::Work};

/// What was done, by whom, and where: punished once, however it is shown (BND-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize)]
enum Offence {
    Assigns(PublicKey, Slot),
    Panel(PublicKey, Slot),
    Totals(PublicKey, ReceiptRoot),
    Parts(PublicKey, ContractId),
    Votes(PublicKey, Term, u64),
}

impl Offence {
    fn key(&self) -> Key {
        Key::Offence(Digest::tagged("llmnet/offence/1", &[&encode(self)]))
    }

    const fn culprit(&self) -> (PublicKey, Role) {
        match self {
            Self::Assigns(coordinator, _)
            | Self::Panel(coordinator, _)
            | Self::Totals(coordinator, _) => (*coordinator, Role::Coordinator),
            Self::Parts(node, _) => (*node, Role::Respondent),
            Self::Votes(validator, ..) => (*validator, Role::Validator),
        }
    }
}

/// What a proof would show, if it holds.
fn named(proof: &FaultProof) -> Result<Offence, Rejection> {
    Ok(match proof {
        FaultProof::Assigns {
            coordinator, first, ..
        } => Offence::Assigns(*coordinator, first.body.slot),
        FaultProof::Panel(shown) => {
            let slot = shown.slot().ok_or(broken(ProofPart::Leaf))?;
            Offence::Panel(shown.coordinator, slot)
        }
        FaultProof::Totals {
            coordinator,
            receipt,
            ..
        } => Offence::Totals(*coordinator, receipt.body),
        FaultProof::Parts { node, first, .. } => Offence::Parts(*node, first.body.contract),
        FaultProof::Votes {
            validator, first, ..
        } => Offence::Votes(*validator, first.term, first.view),
    })
}

/// Checks a proof and punishes what it shows (DIS-1, BND-5). Who shows it gets nothing.
pub(crate) fn fault(
    work: &mut Work<'_>,
    network: &NetworkId,
    proof: &FaultProof,
) -> Result<(), Rejection> {
    let offence = named(proof)?;
    if work.read::<()>(&offence.key()).is_some() {
        return Err(Rejection::Already);
    }
    let (culprit, role) = offence.culprit();
    if !punishable(work, &culprit, role) {
        return Err(Rejection::NotEnlisted { role });
    }
    match proof {
        FaultProof::Assigns {
            coordinator,
            first,
            second,
        } => assigns(work, network, coordinator, first, second)?,
        FaultProof::Panel(shown) => panel(work, network, shown)?,
        FaultProof::Totals {
            coordinator,
            receipt,
            seats,
            charges,
        } => totals(work, network, coordinator, receipt, seats, charges)?,
        FaultProof::Parts {
            node,
            first,
            second,
        } => parts(work, network, node, first, second)?,
        FaultProof::Votes {
            validator,
            first,
            second,
        } => votes(network, validator, first, second)?,
    }
    work.write(offence.key(), &());
    bond::slash(work, &culprit, role, None)?;
    Ok(())
}

/// Whether there is anything to punish: a bond, or a coordinator's evidence (REP-6). Else a record would
/// be kept for ever of a key that stands for nothing.
fn punishable(work: &Work<'_>, culprit: &PublicKey, role: Role) -> bool {
    let bonded = bond::total(work, culprit, role) > Amount::ZERO;
    let known = || {
        work.read::<Coordinator>(&Key::Coordinator(*culprit))
            .is_some()
    };
    bonded || (role == Role::Coordinator && known())
}

/// One slot binds one order at one height (CON-1): an honest coordinator has written both down before the
/// first offer.
fn assigns(
    work: &Work<'_>,
    network: &NetworkId,
    coordinator: &PublicKey,
    first: &Signed<Assign>,
    second: &Signed<Assign>,
) -> Result<(), Rejection> {
    let of_slot = |assign: &Assign| {
        assign.slot == first.body.slot
            && assign.contract == contract_id(network, coordinator, assign.slot)
    };
    if !of_slot(&first.body) || !of_slot(&second.body) {
        return Err(broken(ProofPart::Contract));
    }
    let bound = |assign: &Assign| (assign.voucher, assign.height);
    if bound(&first.body) == bound(&second.body) {
        return Err(Rejection::NoFault);
    }
    signed(work, first, network, coordinator)?;
    signed(work, second, network, coordinator)
}

/// Seats of an unfiltered leaf stand where the order puts them (SEL-8). Ranks may be left out, as the
/// skipped are on the receipt: that they were, a challenge asks (DIS-5).
fn panel(work: &Work<'_>, network: &NetworkId, shown: &SettledLeaf) -> Result<(), Rejection> {
    let leaf = &shown.leaf;
    if leaf.filtered || leaf.status == ContractStatus::Void {
        return Err(Rejection::NoFault);
    }
    let (slot, settled) = settlement(work, shown)?;
    in_window(work, settled.epoch, DISPUTE_EPOCHS)?;
    let element = element(&settled, shown.first_slot, slot).ok_or(broken(ProofPart::Leaf))?;
    let order = selection::again(
        work,
        network,
        &shown.coordinator,
        (slot, element),
        leaf,
        &Filters::default(),
    )
    .map_err(|reason| match reason {
        LeafFault::Height => Rejection::Window,
        reason => Rejection::Leaf { slot, reason },
    })?;
    let in_place = leaf
        .seats
        .iter()
        .all(|seat| order.get(usize::from(seat.rank)) == Some(&seat.provider));
    if in_place {
        return Err(Rejection::NoFault);
    }
    Ok(())
}

/// What seats earn is what they charge, and the charges are their total. The network's share is not
/// looked at: it may have been another when the receipt was signed, and settlements are held to it.
fn totals(
    work: &Work<'_>,
    network: &NetworkId,
    coordinator: &PublicKey,
    receipt: &Signed<ReceiptRoot>,
    seats: &Disclosure,
    charges: &Disclosure,
) -> Result<(), Rejection> {
    let fault = broken(ProofPart::Disclosure);
    let root = &receipt.body;
    let charges: Charges = charges
        .open(ReceiptField::Charges, root)
        .ok_or(fault.clone())?;
    let seats: List<SeatReceipt, SEATS_MAX> = seats.open(ReceiptField::Seats, root).ok_or(fault)?;
    let earned = Amount::sum(seats.iter().map(|seat| seat.pay));
    let total = Amount::sum([charges.seats, charges.coordinator, charges.fee]);
    if earned == Some(charges.seats) && total == Some(charges.total) {
        return Err(Rejection::NoFault);
    }
    signed(work, receipt, network, coordinator)
}

/// Two accounts of the same words that differ in what these words bind (CON-6).
///
/// What follows from a seat's first commitment is the first class, as it accounts for nothing unless that
/// was opened. What it binds in a debate counts only if it arrived, and a coordinator may let a seat work
/// for a contract twice, and keep back in one run what it showed in the other: so of longer accounts the
/// last class, tokens and citations prove nothing, and of ballots only two that were given. Program and
/// tokens received are never bound; and who had to begin anew with another answer bound other words.
fn parts(
    work: &Work<'_>,
    network: &NetworkId,
    node: &PublicKey,
    first: &Signed<Part>,
    second: &Signed<Part>,
) -> Result<(), Rejection> {
    let (one, other) = (&first.body, &second.body);
    if one.contract != other.contract {
        return Err(broken(ProofPart::Contract));
    }
    if !contradict(one, other) {
        return Err(Rejection::NoFault);
    }
    signed(work, first, network, node)?;
    signed(work, second, network, node)
}

fn contradict(one: &Part, other: &Part) -> bool {
    let (Some(bound), Some(again)) = (one.commitments.first(), other.commitments.first()) else {
        return false;
    };
    if bound != again {
        return false;
    }
    let same = one.commitments == other.commitments;
    let alone = same && one.commitments.len() == 1;
    let judged = !one.ballot.is_empty() && !other.ballot.is_empty();
    one.first_class != other.first_class
        || (same && judged && one.ballot != other.ballot)
        || (alone
            && (one.last_class != other.last_class
                || one.output != other.output
                || one.citations != other.citations))
}

/// Two votes of which consensus allows one.
fn votes(
    network: &NetworkId,
    validator: &PublicKey,
    first: &EngineVote,
    second: &EngineVote,
) -> Result<(), Rejection> {
    if !first.contradicts(second) {
        return Err(Rejection::NoFault);
    }
    for vote in [first, second] {
        if !validator.verify(&vote.signed_bytes(network), &vote.signature) {
            return Err(broken(ProofPart::Signature));
        }
    }
    Ok(())
}
