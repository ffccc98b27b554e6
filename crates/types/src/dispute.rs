//! What one party shows the ledger against another: proofs of fault, filings, challenges (DIS).
//!
//! Everything in here is checked by the ledger itself, from signatures and Merkle paths; nobody is
//! punished on anybody's word.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    certificate::EngineVote,
    codec::encode,
    contract::{Assign, Terms, Voucher},
    disclosure::Disclosure,
    id::{Digest, ProviderId, ReceiptRoot},
    merkle::Path,
    message::{Close, Part},
    settlement::Leaf,
    signature::{PublicKey, Signed},
    units::Slot,
};

/// A settled contract, shown by its path to the settlement that the ledger remembers.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettledLeaf {
    /// Who settled it.
    pub coordinator: PublicKey,
    /// The first slot of its settlement.
    pub first_slot: Slot,
    /// The leaf.
    pub leaf: Leaf,
    /// From the leaf to the settlement's root.
    pub path: Path,
}

impl SettledLeaf {
    /// The contract's slot, by its place in the settlement; `None` where that is past the last slot.
    pub fn slot(&self) -> Option<Slot> {
        let index = u64::from(self.path.index);
        self.first_slot.0.checked_add(index).map(Slot)
    }

    /// Whether it stands under this settlement's root.
    pub fn holds(&self, root: &Digest) -> bool {
        self.path.holds(&encode(&self.leaf), root)
    }
}

/// Proof that somebody did what only a cheat does (DIS-1). Each names its culprit by a signature or by
/// what the ledger remembers.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultProof {
    /// A coordinator offered one slot under two vouchers, or at two heights of selection.
    Assigns {
        /// Who signed both.
        coordinator: PublicKey,
        /// One offer.
        first: Signed<Assign>,
        /// Another of the same slot.
        second: Signed<Assign>,
    },
    /// A coordinator settled an unfiltered panel that the seed does not select (SEL-8).
    Panel(SettledLeaf),
    /// A coordinator signed a receipt whose charges do not add up to their total, or whose seats do not
    /// earn what they charge.
    Totals {
        /// Who signed it.
        coordinator: PublicKey,
        /// The receipt.
        receipt: Signed<ReceiptRoot>,
        /// Its field `seats`.
        seats: Disclosure,
        /// Its field `charges`.
        charges: Disclosure,
    },
    /// A respondent gave two accounts of one contract that name the same commitments and tell of them
    /// differently.
    Parts {
        /// Who signed both.
        node: PublicKey,
        /// One account.
        first: Signed<Part>,
        /// Another of the same contract.
        second: Signed<Part>,
    },
    /// A validator voted for two things where consensus allows one.
    Votes {
        /// Who signed both.
        validator: PublicKey,
        /// One vote.
        first: EngineVote,
        /// A vote that contradicts it.
        second: EngineVote,
    },
}

/// A party was not paid what a contract owes it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "an instruction keeps it in a box"
)]
pub enum Filing {
    /// The coordinator signed another receipt for the slot than it settled (DIS-2).
    Contradiction {
        /// What it settled.
        settled: SettledLeaf,
        /// What it signed before.
        receipt: Signed<ReceiptRoot>,
        /// The signed receipt's field `slot`.
        slot: Disclosure,
        /// What of it is worth more to whoever files.
        claim: Claim,
    },
    /// The slot was not settled in time, or settled as void, though the seat worked (DIS-3).
    Unpaid {
        /// Whose seat: its key may have registered again since.
        provider: ProviderId,
        /// Whose slot.
        coordinator: PublicKey,
        /// The void leaf, where there is one.
        void: Option<SettledLeaf>,
        /// What was to pay for it.
        voucher: Signed<Voucher>,
        /// On what terms.
        terms: Terms,
        /// The offer to the seat.
        assign: Signed<Assign>,
        /// The close of round 0, which lists the seat's commitment.
        close: Signed<Close>,
        /// The seat's own account.
        part: Signed<Part>,
    },
}

/// What a signed receipt promises and its leaf does not keep (DIS-2).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "an instruction keeps it in a box"
)]
pub enum Claim {
    /// A seat was to earn more.
    Seat {
        /// Which.
        provider: ProviderId,
        /// The receipt's field `seats`.
        seats: Disclosure,
        /// What was to pay for it: the one that the seat's offer names.
        voucher: Signed<Voucher>,
        /// On what terms: a seat gets at most their cap from the line.
        terms: Terms,
    },
    /// The requester was to be charged less.
    Requester {
        /// The receipt's field `charges`.
        charges: Disclosure,
    },
}

/// Asks for a contract to be opened: by its requester, by a seat in it, or by anybody where the beacon
/// drew its slot (DIS-4).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// The contract.
    pub settled: SettledLeaf,
}

/// A coordinator opens a challenged contract: the fields of its receipt that the panel rests on (DIS-5).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Which.
    pub slot: Slot,
    /// Its leaf, as settled.
    pub leaf: Leaf,
    /// The field `voucher`.
    pub voucher: Disclosure,
    /// The field `terms`.
    pub terms: Disclosure,
    /// The field `skips`.
    pub skips: Disclosure,
    /// The field `seats`.
    pub seats: Disclosure,
}
