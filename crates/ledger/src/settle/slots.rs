//! Which slots a settlement is about, and that their secrets are the anchored ones (SET-2, ANC-1).

use llmnet_types::{
    rejection::{Field, LeafFault, Rejection},
    settlement::Settlement,
    signature::PublicKey,
    units::{Epoch, Slot},
};

use crate::{anchor::chain_step, record::Coordinator, standing, state::Key, work::Work};

/// A settlement whose slots follow and whose opening leads to the anchored chain.
pub(super) struct Slots {
    /// The coordinator's record as it will be.
    pub(super) coordinator: Coordinator,
    /// For each leaf, its slot.
    pub(super) numbers: Vec<Slot>,
    /// The epoch of all of them.
    pub(super) epoch: Epoch,
}

pub(super) fn check(
    work: &Work<'_>,
    signer: &PublicKey,
    settlement: &Settlement,
) -> Result<Slots, Rejection> {
    let coordinator: Option<Coordinator> = work.read(&Key::Coordinator(*signer));
    let mut coordinator = coordinator.ok_or(Rejection::NoAnchor)?;
    if settlement.leaves.is_empty() {
        return Err(Rejection::Bounds {
            field: Field::Leaves,
        });
    }
    if settlement.first_slot != coordinator.next_slot {
        return Err(Rejection::Slot {
            expected: coordinator.next_slot,
            found: settlement.first_slot,
        });
    }
    let slots = number(settlement)?;
    heights(work, &mut coordinator, settlement, &slots)?;
    let epoch = epoch(work, settlement)?;
    open(&mut coordinator, settlement, epoch)?;
    coordinator.next_slot = slots
        .last()
        .and_then(|slot| slot.next())
        .ok_or(Rejection::Overflow)?;
    Ok(Slots {
        coordinator,
        numbers: slots,
        epoch,
    })
}

fn number(settlement: &Settlement) -> Result<Vec<Slot>, Rejection> {
    let first = settlement.first_slot.0;
    (0_u64..)
        .zip(&settlement.leaves)
        .map(|(index, _)| {
            first
                .checked_add(index)
                .map(Slot)
                .ok_or(Rejection::Overflow)
        })
        .collect()
}

/// The epoch of all contracts (SET-9).
fn epoch(work: &Work<'_>, settlement: &Settlement) -> Result<Epoch, Rejection> {
    let length = work.params.epoch_length();
    let mut epochs = settlement
        .leaves
        .iter()
        .map(|leaf| leaf.height.epoch(length));
    let first = epochs.next().ok_or(Rejection::Epochs)?;
    if epochs.all(|epoch| epoch == first) {
        Ok(first)
    } else {
        Err(Rejection::Epochs)
    }
}

/// Heights never decrease, are final before this block and young enough to recompute (SEL-1, SEL-8).
fn heights(
    work: &Work<'_>,
    coordinator: &mut Coordinator,
    settlement: &Settlement,
    slots: &[Slot],
) -> Result<(), Rejection> {
    for (leaf, slot) in settlement.leaves.iter().zip(slots) {
        let in_turn = leaf.height >= coordinator.height && leaf.height < work.clock.height;
        if !in_turn || !standing::can_settle(&work.params, &work.clock, leaf.height) {
            return Err(Rejection::Leaf {
                slot: *slot,
                reason: LeafFault::Height,
            });
        }
        coordinator.height = leaf.height;
    }
    Ok(())
}

/// Hashes the opening down to the last opened element of the chain in force in the slots' epoch (ANC-1,
/// ANC-3).
fn open(
    coordinator: &mut Coordinator,
    settlement: &Settlement,
    epoch: Epoch,
) -> Result<(), Rejection> {
    let chains = &mut coordinator.chains.chains;
    let place = chains.iter().rposition(|chain| chain.from <= epoch);
    let place = place.ok_or(Rejection::NoAnchor)?;
    let chain = chains.get_mut(place).ok_or(Rejection::NoAnchor)?;
    let count = u32::try_from(settlement.leaves.len()).map_err(|_| Rejection::Overflow)?;
    let left = chain.left.checked_sub(count).ok_or(Rejection::Opening)?;
    let tip = (0..count).fold(settlement.opening, |element, _| chain_step(&element));
    if tip != chain.position {
        return Err(Rejection::Opening);
    }
    chain.position = settlement.opening;
    chain.left = left;
    // Heights never decrease, so no later slot uses an earlier chain.
    chains.drain(..place);
    Ok(())
}
