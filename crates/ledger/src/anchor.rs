//! Hash chains of coordinators and validators (ANC): their part of every seed, fixed before it is known.

use llmnet_types::{
    bond::{ChainUse, Role},
    id::Digest,
    params::ANSWER_EPOCHS,
    rejection::{Field, Rejection},
    signature::PublicKey,
    units::Epoch,
};

use crate::{
    bond,
    event::EventKind,
    record::{Chain, Chains, Coordinator},
    state::Key,
    work::Work,
};

/// `c_{i-1} = H(c_i)` (ANC-1).
pub fn chain_step(element: &Digest) -> Digest {
    Digest::tagged("llmnet/chain/1", &[&element.0])
}

/// Element `c_index` of the chain of `length` elements that ends in `secret`, its `c_length`; `c_0` is
/// the tip to anchor. Past the end, the secret itself.
pub fn chain_element(secret: &Digest, length: u32, index: u32) -> Digest {
    (index..length).fold(*secret, |element, _| chain_step(&element))
}

/// Commits to a chain from the next epoch on, once an epoch for each use (ANC-2).
pub(crate) fn anchor(
    work: &mut Work<'_>,
    signer: &PublicKey,
    purpose: ChainUse,
    tip: Digest,
    length: u32,
) -> Result<(), Rejection> {
    if length == 0 || length > work.params.anchor_length_max {
        return Err(Rejection::Bounds {
            field: Field::Length,
        });
    }
    let from = work.clock.epoch.next().ok_or(Rejection::Overflow)?;
    let chain = Chain {
        from,
        position: tip,
        left: length,
    };
    let now = work.clock.epoch;
    match purpose {
        ChainUse::Slots => {
            bond::require_coordinator(work, signer)?;
            let key = Key::Coordinator(*signer);
            let mut coordinator: Coordinator = work.read(&key).unwrap_or_default();
            add(&mut coordinator.chains, chain, now)?;
            work.write(key, &coordinator);
        }
        ChainUse::Beacon => {
            bond::require(work, signer, Role::Validator)?;
            let key = Key::Beacon(*signer);
            let mut chains: Chains = work.read(&key).unwrap_or_default();
            add(&mut chains, chain, now)?;
            work.write(key, &chains);
        }
    }
    work.event(EventKind::Anchored {
        node: *signer,
        purpose,
        from,
        length,
    });
    Ok(())
}

fn add(chains: &mut Chains, chain: Chain, now: Epoch) -> Result<(), Rejection> {
    if chains.anchored == Some(now) {
        return Err(Rejection::AnchoredAlready);
    }
    chains.anchored = Some(now);
    chains.chains.push(chain);
    // Chains replaced before the oldest epoch that still counts serve nothing any more. At most five
    // are left, as there is one anchor per epoch.
    let oldest = now.before(ANSWER_EPOCHS);
    let replaced = chains
        .chains
        .iter()
        .filter(|chain| chain.from <= oldest)
        .count()
        .saturating_sub(1);
    chains.chains.drain(..replaced);
    Ok(())
}

/// Takes a leader's reveal: the next element of its chain in force, or nothing where there is none (EPO-2).
/// Gives the element, or `None` if the reveal is wrong.
pub(crate) fn reveal(
    work: &mut Work<'_>,
    leader: &PublicKey,
    reveal: Option<Digest>,
) -> Option<Option<Digest>> {
    let key = Key::Beacon(*leader);
    let mut chains: Chains = work.read(&key).unwrap_or_default();
    let epoch = work.clock.epoch;
    let chain = chains
        .chains
        .iter_mut()
        .rev()
        .find(|chain| chain.from <= epoch)
        .filter(|chain| chain.left > 0);
    match (chain, reveal) {
        (None, None) => Some(None),
        (Some(chain), Some(element)) if chain_step(&element) == chain.position => {
            chain.position = element;
            chain.left = chain.left.saturating_sub(1);
            work.write(key, &chains);
            Some(Some(element))
        }
        _ => None,
    }
}
