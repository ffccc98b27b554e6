//! Coordinators' hash chains (ANC): half of every seed, fixed before it is known.

use llmnet_types::{
    id::Digest,
    signature::PublicKey,
    transaction::{Field, Rejection},
    units::Epoch,
};

use crate::{
    event::EventKind,
    params::SETTLE_EPOCHS,
    record::{Chain, Coordinator},
    state::Key,
    work::Work,
};

/// `c_{i-1} = H(c_i)` (ANC-1).
pub fn chain_step(element: &Digest) -> Digest {
    Digest::tagged("llmnet/chain/1", &[&element.0])
}

/// Element `c_index` of the chain of `length` slots that ends in `secret`, its `c_length`; `c_0` is
/// the tip to anchor. Past the end, the secret itself.
pub fn chain_element(secret: &Digest, length: u32, index: u32) -> Digest {
    (index..length).fold(*secret, |element, _| chain_step(&element))
}

/// Commits a coordinator to a chain from the next epoch on, once an epoch (ANC-2).
pub(crate) fn anchor(
    work: &mut Work<'_>,
    signer: &PublicKey,
    tip: Digest,
    length: u32,
) -> Result<(), Rejection> {
    if length == 0 || length > work.params.anchor_length_max {
        return Err(Rejection::Bounds {
            field: Field::Length,
        });
    }
    let now = work.clock.epoch;
    let key = Key::Coordinator(*signer);
    let mut coordinator: Coordinator = work.read(&key).unwrap_or_default();
    if coordinator.anchored == Some(now) {
        return Err(Rejection::AnchoredAlready);
    }
    let from = now.next().ok_or(Rejection::Overflow)?;
    coordinator.anchored = Some(now);
    coordinator.chains.push(Chain {
        from,
        position: tip,
        left: length,
    });
    forget(&mut coordinator, now);
    work.write(key, &coordinator);
    work.event(EventKind::Anchored {
        coordinator: *signer,
        from,
        length,
    });
    Ok(())
}

/// Drops chains that no slot can use any more: those replaced before the oldest epoch in its window.
/// At most three are left, as there is one anchor per epoch.
fn forget(coordinator: &mut Coordinator, now: Epoch) {
    let oldest = Epoch(now.0.saturating_sub(SETTLE_EPOCHS));
    let replaced = coordinator
        .chains
        .iter()
        .filter(|chain| chain.from <= oldest)
        .count()
        .saturating_sub(1);
    coordinator.chains.drain(..replaced);
}
