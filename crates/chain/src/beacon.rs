//! A validator's part of the beacon: the secret hash chain whose elements its blocks reveal (EPO-2).

use llmnet_ledger::{Key, State as _, chain_step, query};
use llmnet_types::{
    id::Digest,
    signature::{PrivateKey, PublicKey},
    units::Epoch,
};

use crate::query::StateView;

/// Elements of one chain: reveals for days of blocks.
const LENGTH: u32 = 1 << 16;
/// Every so manieth element is kept; those between are hashed anew.
const STRIDE: u32 = 256;

/// A validator's hash chain.
#[derive(Debug)]
pub(crate) struct Beacon {
    key: PublicKey,
    /// Elements `LENGTH`, `LENGTH - STRIDE`, and so on down to 0, which is the tip.
    kept: Vec<Digest>,
}

/// The tip and length of a validator's first chain, for a genesis.
pub fn beacon_anchor(seed: [u8; 32]) -> (Digest, u32) {
    let beacon = Beacon::new(seed);
    (beacon.element(0).unwrap_or(Digest::ZERO), LENGTH)
}

impl Beacon {
    /// The first chain of the validator with this seed.
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        let key = PrivateKey::from_seed(seed);
        let secret = Digest(key.derive("llmnet/beacon-chain/1", 0));
        let down = |element: &Digest| {
            let element = *element;
            Some((0..STRIDE).fold(element, |element, _| chain_step(&element)))
        };
        let kept = std::iter::successors(Some(secret), down);
        Self {
            key: key.public_key(),
            kept: kept.take((LENGTH / STRIDE + 1) as usize).collect(),
        }
    }

    /// Element `c_index`.
    fn element(&self, index: u32) -> Option<Digest> {
        let above = LENGTH.checked_sub(index)?;
        let kept = self.kept.get((above / STRIDE) as usize)?;
        Some((0..above % STRIDE).fold(*kept, |element, _| chain_step(&element)))
    }

    /// The keys that [`Beacon::next`] reads.
    pub(crate) fn key(&self) -> Key {
        Key::Beacon(self.key)
    }

    /// What a block of this epoch on this state reveals; nothing where no chain of ours is in force.
    pub(crate) fn next(&self, state: &StateView<'_>, epoch: Epoch) -> Option<Digest> {
        // Named so that the state loads it.
        state.get(&self.key())?;
        let chains = query::beacon_chains(state, &self.key);
        let chain = chains.of(epoch).filter(|chain| chain.left > 0)?;
        let element = self.element(LENGTH.checked_sub(chain.left)?.checked_add(1)?)?;
        (chain_step(&element) == chain.position).then_some(element)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_hash_down_to_the_tip() {
        let beacon = Beacon::new([7; 32]);
        let (tip, length) = beacon_anchor([7; 32]);
        assert_eq!(beacon.element(0), Some(tip));
        for index in [1, 2, STRIDE - 1, STRIDE, STRIDE + 1, length - 1, length] {
            let element = beacon.element(index).expect("within the chain");
            let before = beacon.element(index - 1).expect("within the chain");
            assert_eq!(chain_step(&element), before, "element {index}");
        }
        assert_eq!(beacon.element(length + 1), None);
    }
}
