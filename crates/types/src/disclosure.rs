//! One field of a receipt shown alone (REC-1): the others stay secret behind their salts.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    codec::{List, decode},
    id::{ReceiptRoot, Salt},
    merkle::Path,
};

/// The most bytes of a field that can be disclosed: half of a transaction.
pub const DISCLOSURE_LENGTH_MAX: usize = 32 * 1024;

/// A field of a receipt, in the order in which its tree has them.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ReceiptField {
    /// `network`.
    Network = 0,
    /// `coordinator`.
    Coordinator = 1,
    /// `slot`.
    Slot = 2,
    /// `requester`.
    Requester = 3,
    /// `voucher`.
    Voucher = 4,
    /// `terms`.
    Terms = 5,
    /// `slot_secret`.
    SlotSecret = 6,
    /// `selection`.
    Selection = 7,
    /// `skips`.
    Skips = 8,
    /// `seats`.
    Seats = 9,
    /// `closes`.
    Closes = 10,
    /// `status`.
    Status = 11,
    /// `verdict`.
    Verdict = 12,
    /// `charges`.
    Charges = 13,
    /// `response`.
    Response = 14,
}

impl ReceiptField {
    /// All of them, in order.
    pub const ALL: [Self; 15] = [
        Self::Network,
        Self::Coordinator,
        Self::Slot,
        Self::Requester,
        Self::Voucher,
        Self::Terms,
        Self::SlotSecret,
        Self::Selection,
        Self::Skips,
        Self::Seats,
        Self::Closes,
        Self::Status,
        Self::Verdict,
        Self::Charges,
        Self::Response,
    ];

    /// The name its sub-salt is derived from.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Coordinator => "coordinator",
            Self::Slot => "slot",
            Self::Requester => "requester",
            Self::Voucher => "voucher",
            Self::Terms => "terms",
            Self::SlotSecret => "slot_secret",
            Self::Selection => "selection",
            Self::Skips => "skips",
            Self::Seats => "seats",
            Self::Closes => "closes",
            Self::Status => "status",
            Self::Verdict => "verdict",
            Self::Charges => "charges",
            Self::Response => "response",
        }
    }
}

/// A field's bytes, its sub-salt, and its path to the receipt's root.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disclosure {
    /// The canonical encoding of the field.
    pub value: List<u8, DISCLOSURE_LENGTH_MAX>,
    /// The field's own sub-salt; says nothing of the others'.
    pub salt: Salt,
    /// From the field to the root.
    pub path: Path,
}

impl Disclosure {
    /// The field's value, if the disclosure is of this field of a receipt with this root.
    pub fn open<T: BorshDeserialize>(&self, field: ReceiptField, root: &ReceiptRoot) -> Option<T> {
        let leaf = self.salt.digest(&self.value).0;
        let in_place = usize::from(field as u8) == usize::try_from(self.path.index).ok()?
            && self.path.root(&leaf)?.0 == root.0;
        in_place.then(|| decode(&self.value, DISCLOSURE_LENGTH_MAX).ok())?
    }
}
