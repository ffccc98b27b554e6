//! Challenges: asking a coordinator to open a settled contract, and what becomes of it (DIS-4, DIS-6).

use llmnet_types::{
    bond::Role,
    codec::encode,
    dispute::Challenge,
    id::Digest,
    params::{DISPUTE_EPOCHS, RELEASE_EPOCHS},
    receipt::ContractStatus,
    rejection::Rejection,
    settlement::Leaf,
    signature::PublicKey,
    units::{Amount, Epoch, Slot},
};

use super::{Party, in_window, settlement};
use crate::{
    bond, due,
    event::EventKind,
    record::{Challenged, Due, Line},
    state::Key,
    work::{Place, Work},
};

/// Takes a challenge with its deposit. A slot is challenged once (DIS-4).
pub(crate) fn challenge(
    work: &mut Work<'_>,
    signer: &PublicKey,
    challenge: &Challenge,
) -> Result<(), Rejection> {
    let shown = &challenge.settled;
    let leaf = &shown.leaf;
    // There is nothing to open of what nobody worked on; who did nevertheless files (DIS-3).
    if leaf.status == ContractStatus::Void {
        return Err(Rejection::NoFault);
    }
    let (slot, settled) = settlement(work, shown)?;
    in_window(work, settled.epoch, DISPUTE_EPOCHS)?;
    let coordinator = shown.coordinator;
    let key = Key::Challenge(coordinator, slot);
    if work.read::<Challenged>(&key).is_some() {
        return Err(Rejection::Already);
    }
    // A line outlives the windows of what it paid for (LIN-2).
    let line: Line = work
        .read(&Key::Line(leaf.line))
        .ok_or(Rejection::Line { line: leaf.line })?;
    let may = line.requester == *signer
        || is_seat(work, leaf, signer)
        || is_drawn(work, settled.epoch, &coordinator, slot);
    if !may {
        return Err(Rejection::NoParty);
    }
    let deposit = work.params.deposit;
    work.debit(signer, deposit, Place::Deposits)?;
    let challenged = Challenged {
        challenger: *signer,
        deposit,
        epoch: settled.epoch,
        requester: line.requester,
        charge: leaf.charge,
        first_slot: shown.first_slot,
        leaf: digest(leaf),
        answered: false,
    };
    work.write(key, &challenged);
    let due = settled
        .epoch
        .after(RELEASE_EPOCHS)
        .ok_or(Rejection::Overflow)?;
    due::push(work, due, Due::Challenge { coordinator, slot });
    work.event(EventKind::Challenged {
        coordinator,
        slot,
        challenger: *signer,
    });
    Ok(())
}

/// The leaf that a challenge is about.
pub(super) fn digest(leaf: &Leaf) -> Digest {
    Digest::tagged("llmnet/challenged/1", &[&encode(leaf)])
}

fn is_seat(work: &Work<'_>, leaf: &Leaf, signer: &PublicKey) -> bool {
    leaf.seats.iter().any(|seat| {
        Party::of(work, seat.provider, leaf.height).is_some_and(|party| party.includes(signer))
    })
}

/// Whether chance opens a slot to everybody: drawn by the beacon of e+2, which nobody knew while it could
/// be settled (DIS-4).
fn is_drawn(work: &Work<'_>, contract: Epoch, coordinator: &PublicKey, slot: Slot) -> bool {
    if contract.after(DISPUTE_EPOCHS) != Some(work.clock.epoch) {
        return false;
    }
    let beacon = work.clock.beacon();
    let one_in = u64::from(work.params.spot_check_one_in);
    drawn(&beacon, coordinator, slot).checked_rem(one_in) == Some(0)
}

/// `H(B_{e+2}, coordinator, slot)`, as a number: its first eight bytes.
fn drawn(beacon: &Digest, coordinator: &PublicKey, slot: Slot) -> u64 {
    let parts: [&[u8]; 3] = [&beacon.0, &coordinator.0, &slot.0.to_le_bytes()];
    let digest = Digest::tagged("llmnet/spot-check/1", &parts);
    let (first, _) = digest.0.split_first_chunk().unwrap_or((&[0; 8], &[]));
    u64::from_le_bytes(*first)
}

/// Ends a challenge. Unanswered, the deposit returns, and the coordinator is slashed with the contract's
/// charge as the requester's loss (DIS-6).
pub(crate) fn end(work: &mut Work<'_>, coordinator: &PublicKey, slot: Slot) {
    let key = Key::Challenge(*coordinator, slot);
    let Some(challenged) = work.read::<Challenged>(&key) else {
        return;
    };
    if challenged.answered {
        work.remove(key);
        return;
    }
    let loss = challenged.charge;
    let victim = (loss > Amount::ZERO).then_some((challenged.requester, loss));
    // All money together fits in 64 bits (TXN-4), so neither can fail.
    let done = work
        .credit(&challenged.challenger, challenged.deposit, Place::Deposits)
        .and_then(|()| bond::slash(work, coordinator, Role::Coordinator, victim));
    if done.is_err() {
        return;
    }
    work.remove(key);
    work.event(EventKind::Unanswered {
        coordinator: *coordinator,
        slot,
    });
}
