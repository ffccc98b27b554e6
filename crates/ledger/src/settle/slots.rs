//! Which slots a settlement is about, and that their secrets are the anchored ones (SET-2, ANC-1).

use llmnet_types::{
    id::Digest,
    signature::PublicKey,
    transaction::{Field, Leaf, LeafFault, Rejection, Settlement},
    units::Slot,
};

use crate::{anchor::chain_step, record::Coordinator, standing, state::Key, work::Work};

/// A settlement whose slots follow and whose opening leads to the anchored chain.
pub(super) struct Slots {
    /// The coordinator's record as it will be.
    pub(super) coordinator: Coordinator,
    /// For each leaf, its slot and element.
    pub(super) elements: Vec<(Slot, Digest)>,
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
    let opened = open(work, &mut coordinator, settlement)?;
    coordinator.next_slot = slots
        .last()
        .and_then(|slot| slot.next())
        .ok_or(Rejection::Overflow)?;
    Ok(Slots {
        coordinator,
        elements: slots.into_iter().zip(opened).collect(),
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

/// Heights never decrease, are final before this block and young enough to recompute (SEL-1, SEL-8).
fn heights(
    work: &Work<'_>,
    coordinator: &mut Coordinator,
    settlement: &Settlement,
    slots: &[Slot],
) -> Result<(), Rejection> {
    for (leaf, slot) in settlement.leaves.iter().zip(slots) {
        let in_turn = leaf.height >= coordinator.height && leaf.height < work.clock.height;
        if !in_turn || !standing::in_window(&work.params, &work.clock, leaf.height) {
            return Err(Rejection::Leaf {
                slot: *slot,
                reason: LeafFault::Height,
            });
        }
        coordinator.height = leaf.height;
    }
    Ok(())
}

/// Hashes the opening down to the last opened element of the chain in force in the slots' epoch (ANC-1).
/// A settlement keeps to one chain, so that a slot has one possible element (ANC-3). Gives each leaf's.
fn open(
    work: &Work<'_>,
    coordinator: &mut Coordinator,
    settlement: &Settlement,
) -> Result<Vec<Digest>, Rejection> {
    let chain_of = |leaf: &Leaf| {
        let epoch = leaf.height.epoch(work.params.epoch_length());
        let chains = &coordinator.chains;
        chains.iter().rposition(|chain| chain.from <= epoch)
    };
    let place = settlement.leaves.first().and_then(chain_of);
    let place = place.ok_or(Rejection::NoAnchor)?;
    if settlement
        .leaves
        .iter()
        .any(|leaf| chain_of(leaf) != Some(place))
    {
        return Err(Rejection::Opening);
    }
    let chain = coordinator
        .chains
        .get_mut(place)
        .ok_or(Rejection::NoAnchor)?;
    let count = u32::try_from(settlement.leaves.len()).map_err(|_| Rejection::Overflow)?;
    let left = chain.left.checked_sub(count).ok_or(Rejection::Opening)?;

    let mut elements: Vec<Digest> = std::iter::successors(Some(settlement.opening), |element| {
        Some(chain_step(element))
    })
    .take(settlement.leaves.len())
    .collect();
    elements.reverse();
    if elements.first().map(chain_step) != Some(chain.position) {
        return Err(Rejection::Opening);
    }
    chain.position = settlement.opening;
    chain.left = left;
    // Heights never decrease, so no later slot uses an earlier chain.
    coordinator.chains.drain(..place);
    Ok(elements)
}
