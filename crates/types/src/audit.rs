//! Questions whose answers the asker knows, committed before they are asked (AUD).

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    codec::encode,
    disclosure::Disclosure,
    dispute::SettledLeaf,
    id::{Digest, Salt},
    merkle::Path,
    units::Epoch,
};

/// The most items of one root.
pub const AUDIT_ITEMS_MAX: u16 = 256;

/// A question with its answer, as digests.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct AuditItem {
    /// SHA-256 of the request's canonical bytes, unsalted.
    pub request: Digest,
    /// The key of the right answer's class (DEB-2).
    pub class: Digest,
}

impl AuditItem {
    /// The leaf that stands for it under an auditor's root.
    pub fn leaf(&self, salt: &Salt) -> [u8; 32] {
        salt.digest(&encode(self)).0
    }
}

/// An item with the contract that answered it (AUD-2).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditOpening {
    /// The epoch the auditor's root is for.
    pub epoch: Epoch,
    /// The item.
    pub item: AuditItem,
    /// Its salt.
    pub salt: Salt,
    /// From the item to the auditor's root.
    pub path: Path,
    /// The contract, selected in that epoch and settled.
    pub settled: SettledLeaf,
    /// Its receipt's field `terms`, which names the request's salted digest.
    pub terms: Disclosure,
    /// The sub-salt of that digest.
    pub request_salt: Salt,
    /// Its receipt's field `seats`, which has each seat's class.
    pub seats: Disclosure,
}
