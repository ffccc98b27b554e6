//! Why a receipt should be believed: the way from it to a committee's signatures, checked offline.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    block::Header,
    certificate::{CertificateError, FinalityCertificate},
    codec::{List, encode},
    id::ReceiptRoot,
    merkle::Path,
    network::Electorate,
    receipt::Receipt,
    settlement::{Leaf, SettlementHead},
    units::Slot,
};

/// The most blocks between the one that settled and the one that was certified.
pub const DESCENDANTS_MAX: usize = 16;

/// Receipt root, leaf, settlement, header, certificate (PRF-3). All headers are of one term, whose
/// committee is known from genesis or by a [`Succession`](crate::succession::Succession).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptProof {
    /// What the ledger was told of the contract.
    pub leaf: Leaf,
    /// From the leaf to the settlement's root.
    pub leaf_path: Path,
    /// The settlement.
    pub settlement: SettlementHead,
    /// From the settlement to the header's.
    pub settlement_path: Path,
    /// The block that settled it.
    pub header: Header,
    /// Its descendants up to the certified one, where it has no certificate of its own.
    pub descendants: List<Header, DESCENDANTS_MAX>,
    /// The committee's votes on the last of these.
    pub certificate: FinalityCertificate,
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf is of another receipt.
    #[error("the settled leaf stands for another receipt")]
    Receipt,
    /// The leaf says other than the receipt does.
    #[error("the settled leaf and the receipt disagree")]
    Disagrees,
    /// The leaf is not in the settlement at this slot.
    #[error("slot {0} is not in this settlement")]
    Leaf(Slot),
    /// The settlement is not in the block.
    #[error("the settlement is not in the block it names")]
    Settlement,
    /// A descendant is not the child of the block before it, or of another term.
    #[error("the headers do not form a chain within one term")]
    Headers,
    /// The certificate does not hold.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

impl ReceiptProof {
    /// Checks that the network settled exactly this receipt and that this is final, by the committee of
    /// the header's term.
    ///
    /// # Errors
    /// The first link that does not hold.
    pub fn verify(
        &self,
        electorate: &Electorate,
        receipt: &Receipt,
        root: &ReceiptRoot,
    ) -> Result<(), ProofError> {
        if self.leaf.receipt != *root {
            return Err(ProofError::Receipt);
        }
        // Every number the ledger acted on must be the receipt's own.
        if self.leaf != Leaf::of(receipt, *root) {
            return Err(ProofError::Disagrees);
        }
        let slot = u64::from(self.leaf_path.index)
            .checked_add(self.settlement.first_slot.0)
            .map(Slot);
        let settled = slot == Some(receipt.slot)
            && self.settlement.coordinator == receipt.coordinator
            && self
                .leaf_path
                .holds(&encode(&self.leaf), &self.settlement.root);
        if !settled {
            return Err(ProofError::Leaf(receipt.slot));
        }
        if !self
            .settlement_path
            .holds(&encode(&self.settlement), &self.header.settlements)
        {
            return Err(ProofError::Settlement);
        }
        let mut certified = &self.header;
        for descendant in &self.descendants {
            let follows =
                descendant.parent == certified.digest() && descendant.term == certified.term;
            if !follows {
                return Err(ProofError::Headers);
            }
            certified = descendant;
        }
        Ok(self.certificate.verify(electorate, certified)?)
    }
}
