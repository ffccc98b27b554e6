//! Hash chains of coordinators and validators (ANC, EPO-2).

use llmnet_types::{
    bond::{ChainUse, Role},
    id::Digest,
    signature::PublicKey,
};

use crate::{Oracle, Refusal, mismatch::require};

/// A hash chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    /// The first epoch that uses it.
    pub from: u64,
    /// The last opened element; the tip before the first.
    pub position: Digest,
    /// How many elements are left.
    pub left: u32,
}

/// All chains of a node for one use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chains {
    /// In the order in which they came.
    pub all: Vec<Chain>,
    /// The epoch of the last anchor.
    pub anchored: Option<u64>,
}

/// ANC-1: an element's successor towards the tip.
pub(crate) fn chain_step(element: &Digest) -> Digest {
    Digest::tagged("llmnet/chain/1", &[&element.0])
}

impl Chains {
    /// The chain in force in an epoch (ANC-2).
    pub fn of(&self, epoch: u64) -> Option<&Chain> {
        self.all.iter().rev().find(|chain| chain.from <= epoch)
    }

    /// Opens so many elements, the last of which is given; whether it is of the chain (ANC-3).
    pub(crate) fn open(&mut self, epoch: u64, count: u32, opening: Digest) -> bool {
        let Some(chain) = self.all.iter_mut().rev().find(|chain| chain.from <= epoch) else {
            return false;
        };
        let down = (0..count).fold(opening, |element, _| chain_step(&element));
        if chain.left < count || down != chain.position {
            return false;
        }
        chain.position = opening;
        chain.left -= count;
        true
    }
}

impl Oracle {
    pub(crate) fn anchor(
        &mut self,
        signer: &PublicKey,
        purpose: ChainUse,
        tip: Digest,
        length: u32,
    ) -> Result<(), Refusal> {
        let epoch = self.epoch();
        let longest = self.params.anchor_length_max;
        require((1..=longest).contains(&length), "ANC-1: the length")?;
        let chains = match purpose {
            ChainUse::Slots => {
                self.require_coordinator_bond(signer)?;
                self.slot_chains.entry(*signer).or_default()
            }
            ChainUse::Beacon => {
                let needed = self.role_min(Role::Validator);
                let bond = self.bonds.get(&(*signer, Role::Validator));
                require(
                    bond.is_some_and(|bond| bond.enlisted && bond.standing >= needed),
                    "BND-4: no validator with its bond",
                )?;
                self.beacon_chains.entry(*signer).or_default()
            }
        };
        require(chains.anchored != Some(epoch), "ANC-2: anchored already")?;
        chains.anchored = Some(epoch);
        chains.all.push(Chain {
            from: epoch + 1,
            position: tip,
            left: length,
        });
        Ok(())
    }

    /// BND-4: where the parameters ask for a coordinator's bond, it must stand.
    pub(crate) fn require_coordinator_bond(&self, coordinator: &PublicKey) -> Result<(), Refusal> {
        let needed = self.role_min(Role::Coordinator);
        let bond = self.bonds.get(&(*coordinator, Role::Coordinator));
        let stands = bond.is_some_and(|bond| bond.enlisted && bond.standing >= needed);
        require(needed == 0 || stands, "BND-4: the coordinator's bond")
    }
}
