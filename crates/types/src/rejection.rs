//! Why the ledger refuses a transaction, by codes that never change their meaning (TXN-3).

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    bond::Role,
    id::{LineId, ProviderId},
    units::{Amount, Slot},
};

/// Why the ledger refuses a transaction (TXN-3). Codes never change their meaning.
#[derive(
    Debug,
    Clone,
    PartialEq,
    Eq,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
    thiserror::Error,
)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum Rejection {
    /// For another network.
    #[error("the transaction is for another network")]
    Network,
    /// The signature does not hold.
    #[error("the transaction's signature does not hold")]
    Signature,
    /// Out of turn.
    #[error("nonce {found} where {expected} is next")]
    Nonce {
        /// The signer's next nonce.
        expected: u64,
        /// The transaction's.
        found: u64,
    },
    /// Longer than a transaction may be.
    #[error("the transaction is too large")]
    TooLarge,
    /// Not enough free money.
    #[error("{needed} needed, {available} available")]
    Balance {
        /// What it takes, fee included.
        needed: Amount,
        /// What is there.
        available: Amount,
    },
    /// A sum does not fit in 64 bits.
    #[error("an amount is out of range")]
    Overflow,
    /// An amount, length or expiry outside the bounds of the parameters.
    #[error("{field} is outside the bounds of the parameters")]
    Bounds {
        /// Which.
        field: Field,
    },
    /// No such line, or not the signer's.
    #[error("line {line} is not the signer's")]
    Line {
        /// Which.
        line: LineId,
    },
    /// The line was closed or has expired.
    #[error("line {line} takes no more orders")]
    LineClosed {
        /// Which.
        line: LineId,
    },
    /// The node did not sign its registration.
    #[error("the node's signature on its registration does not hold")]
    NodeSignature,
    /// The registration names another operator than the signer.
    #[error("the registration names another operator")]
    Operator,
    /// The node registered before with another count.
    #[error("registration nonce {found} where {expected} is next")]
    RegistrationNonce {
        /// The node's next.
        expected: u32,
        /// The registration's.
        found: u32,
    },
    /// The node has a registration that still stands.
    #[error("the node is registered already, as provider {provider}")]
    Registered {
        /// As whom.
        provider: ProviderId,
    },
    /// A coordinator without a hash chain cannot settle.
    #[error("the coordinator has no anchor")]
    NoAnchor,
    /// One anchor per epoch.
    #[error("the coordinator has anchored in this epoch already")]
    AnchoredAlready,
    /// Slots must follow one another.
    #[error("slot {found} where {expected} is next")]
    Slot {
        /// The next slot to settle.
        expected: Slot,
        /// The settlement's first.
        found: Slot,
    },
    /// The opening does not lead to the anchor.
    #[error("the opening does not hash to the anchored chain")]
    Opening,
    /// A leaf breaks a rule of its own.
    #[error("slot {slot}: {reason}")]
    Leaf {
        /// The contract's slot.
        slot: Slot,
        /// Which rule.
        reason: LeafFault,
    },
    /// A voucher is missing, forged, out of order, or does not cover what is drawn.
    #[error("line {line}: the voucher does not cover what is drawn")]
    Voucher {
        /// Which line.
        line: LineId,
    },
    /// A co-signature is forged, out of order, or of somebody the leaves do not name.
    #[error("the co-signature of provider {provider} does not hold")]
    LineOk {
        /// Whose.
        provider: ProviderId,
    },
    /// No such provider, one that does not stand, or one that is not the signer's.
    #[error("provider {provider} does not stand, or is not the signer's")]
    Provider {
        /// Which.
        provider: ProviderId,
    },
    /// The node has this role already, or the role is joined otherwise.
    #[error("the node cannot join as {role}, or is one already")]
    Enlisted {
        /// Which role.
        role: Role,
    },
    /// The node does not have this role, or its bond is not the signer's.
    #[error("the node is no {role} of the signer's")]
    NotEnlisted {
        /// Which role.
        role: Role,
    },
    /// A bond is smaller than the role needs.
    #[error("a bond of {needed} is needed, {available} is there")]
    Bond {
        /// What the role needs.
        needed: Amount,
        /// What is there.
        available: Amount,
    },
    /// The consent of a node is too old.
    #[error("the node's consent has expired")]
    Expired,
    /// No settlement begins at this slot, or its windows are closed.
    #[error("no settlement that begins at slot {slot} is remembered")]
    Settlement {
        /// Which slot.
        slot: Slot,
    },
    /// A settlement's contracts are of more than one epoch (SET-9).
    #[error("the contracts of a settlement must be of one epoch")]
    Epochs,
    /// A Merkle path, disclosure or signature in a proof does not hold.
    #[error("the proof does not hold: {part}")]
    Proof {
        /// What of it.
        part: ProofPart,
    },
    /// What is shown is no offence, or owes the signer nothing.
    #[error("what is shown is no fault")]
    NoFault,
    /// The same offence, claim or challenge was dealt with.
    #[error("this was dealt with already")]
    Already,
    /// Too early or too late: windows are counted in epochs from the contract's.
    #[error("outside of the window for this")]
    Window,
    /// Nobody challenged this slot.
    #[error("slot {slot} is not challenged")]
    NoChallenge {
        /// Which slot.
        slot: Slot,
    },
    /// The signer is neither a party to the contract nor is its slot drawn.
    #[error("only a party may do this")]
    NoParty,
    /// No root of this auditor for this epoch.
    #[error("no audit root of the signer's for this epoch")]
    NoAuditRoot,
    /// The signer is no validator of this term's committee.
    #[error("only a validator in office may vote")]
    NoVote,
    /// Parameters out of their bounds, or a change of what never changes.
    #[error("the proposed parameters are out of bounds")]
    Params,
    /// A list of the ledger's is full.
    #[error("{field} is full")]
    Full {
        /// Which.
        field: Field,
    },
    /// The address of an enlistment leads nowhere (BND-1).
    #[error("the address is not host:port")]
    Address,
}

/// Which part of a proof does not hold.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ProofPart {
    /// The path of a leaf to its settlement.
    Leaf = 0,
    /// A field of a receipt.
    Disclosure = 1,
    /// A signature.
    Signature = 2,
    /// The parts are not about the same contract.
    Contract = 3,
    /// The path of an audit's item, or its salted request.
    Item = 4,
    /// The panel shown is not the one the terms and the seed select.
    Panel = 5,
}

impl std::fmt::Display for ProofPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Leaf => "the leaf's path",
            Self::Disclosure => "a field of the receipt",
            Self::Signature => "a signature",
            Self::Contract => "its parts are about different contracts",
            Self::Item => "the audit's item",
            Self::Panel => "the panel",
        })
    }
}

/// A bounded field of an instruction.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Field {
    /// An amount of money.
    Amount = 0,
    /// A line's expiry.
    Expiry = 1,
    /// A registration's domains.
    Domains = 2,
    /// A registration's bond.
    Bond = 3,
    /// A chain's length.
    Length = 4,
    /// A settlement's leaves.
    Leaves = 5,
    /// An auditor's items, or what came of them.
    Items = 6,
    /// The list of validators.
    Validators = 7,
    /// The list of claims of an epoch.
    Claims = 8,
    /// What is announced.
    Novelty = 9,
    /// The remembered versions of a registration.
    Versions = 10,
    /// The list of proposals.
    Proposals = 11,
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Amount => "the amount",
            Self::Expiry => "the line's expiry",
            Self::Domains => "the list of domains",
            Self::Bond => "the bond",
            Self::Length => "the chain's length",
            Self::Leaves => "the number of leaves",
            Self::Items => "the number of items",
            Self::Validators => "the list of validators",
            Self::Claims => "the list of claims",
            Self::Novelty => "what is announced",
            Self::Versions => "the list of versions",
            Self::Proposals => "the list of proposals",
        })
    }
}

/// Which rule a leaf breaks.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum LeafFault {
    /// The height of selection is not final yet, too old, or lower than an earlier slot's.
    Height = 0,
    /// The order's number does not follow the line's last.
    Order = 1,
    /// Charge, fee and pay do not add up.
    Sums = 2,
    /// A void contract charges, seats or orders something.
    Void = 3,
    /// A domain or provider the ledger does not know.
    Unknown = 4,
    /// Seats out of order, or more of them than the rules allow.
    Seats = 5,
    /// The panel is not the one that the seed and the ledger give (SEL-8).
    Panel = 6,
    /// A seat that did not serve is paid or scored.
    Outcome = 7,
}

impl std::fmt::Display for LeafFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Height => "the height of selection is out of range",
            Self::Order => "the order does not follow the line's last",
            Self::Sums => "charge, fee and pay do not add up",
            Self::Void => "a void contract must be empty",
            Self::Unknown => "names a domain or provider the ledger does not know",
            Self::Seats => "seats are out of order or too many",
            Self::Panel => "the panel is not the one the seed selects",
            Self::Outcome => "pays or scores a seat that did not serve",
        })
    }
}
