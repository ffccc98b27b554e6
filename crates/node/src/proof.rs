//! Cutting proofs of settled contracts from blocks (PRF-2, PRF-3).

use llmnet_chain::client::{Finality, FinalizedBlock};
use llmnet_types::{
    codec::{List, encode},
    merkle::Tree,
    proof::ReceiptProof,
    settlement::{Settlement, SettlementHead},
    signature::PublicKey,
    transaction::{Instruction, Outcome},
    units::Slot,
};

/// All settlements that a block applied, in order: the leaves of its header's tree.
#[derive(Debug)]
pub(crate) struct Settlements<'a> {
    heads: Vec<SettlementHead>,
    settled: Vec<&'a Settlement>,
}

impl<'a> Settlements<'a> {
    /// A block's settlements; none where it is not known what became of its transactions.
    pub(crate) fn of(block: &'a FinalizedBlock) -> Option<Self> {
        let mut settlements = Self {
            heads: Vec::new(),
            settled: Vec::new(),
        };
        for (index, transaction) in block.transactions.iter().enumerate() {
            let Instruction::Settle(settled) = &transaction.body.instruction else {
                continue;
            };
            let outcome = block.outcomes.as_ref()?.get(index)?;
            if matches!(outcome, Outcome::Applied { .. }) {
                settlements.heads.push(SettlementHead {
                    coordinator: transaction.body.signer,
                    first_slot: settled.first_slot,
                    root: settled.root(),
                });
                settlements.settled.push(settled);
            }
        }
        Some(settlements)
    }

    /// The settlements with how many leaves each has.
    pub(crate) fn list(&self) -> impl Iterator<Item = (&SettlementHead, usize)> {
        let leaves = self.settled.iter().map(|settled| settled.leaves.len());
        self.heads.iter().zip(leaves)
    }

    /// The proof of a coordinator's slot; none where it is not settled here.
    pub(crate) fn prove(
        &self,
        finality: &Finality,
        coordinator: &PublicKey,
        slot: Slot,
    ) -> Option<ReceiptProof> {
        let (place, index) = self.place(coordinator, slot)?;
        let settled = self.settled.get(place)?;
        let leaves = Tree::new(settled.leaves.iter().map(encode));
        let settlements = Tree::new(self.heads.iter().map(encode));
        Some(ReceiptProof {
            leaf: settled.leaves.get(index)?.clone(),
            leaf_path: leaves.path(index)?,
            settlement: self.heads.get(place)?.clone(),
            settlement_path: settlements.path(place)?,
            header: finality.header.clone(),
            descendants: List::truncated(finality.descendants.iter().cloned()),
            certificate: finality.certificate.clone(),
        })
    }

    /// Which settlement holds a slot, and at which place.
    fn place(&self, coordinator: &PublicKey, slot: Slot) -> Option<(usize, usize)> {
        self.list().enumerate().find_map(|(place, (head, leaves))| {
            let index = usize::try_from(slot.0.checked_sub(head.first_slot.0)?).ok()?;
            (head.coordinator == *coordinator && index < leaves).then_some((place, index))
        })
    }
}
