//! What the chain is told, and what it says to that.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    codec::{List, encode},
    contract::{SEATS_MAX, Strategy, Voucher},
    id::{Digest, DomainId, LineId, NetworkId, ProviderId, ReceiptRoot, TransactionId},
    merkle,
    message::LineOk,
    receipt::{ContractStatus, Receipt, SeatOutcome},
    registration::Registration,
    selection::REQUEST_DOMAINS_MAX,
    signature::{Message, PrivateKey, PublicKey, Signature, Signed},
    units::{Amount, Epoch, Height, Score, Slot, Tokens},
};

/// The most bytes of one transaction.
pub const TRANSACTION_LENGTH_MAX: usize = 64 * 1024;
/// The most contracts settled by one transaction.
pub const LEAVES_MAX: usize = 256;
/// The most lines drawn on by one settlement.
pub const VOUCHERS_MAX: usize = 64;
/// The most co-signatures of one settlement.
pub const LINE_OKS_MAX: usize = 64;

/// A seat's line on a leaf: all the ledger needs to pay and rate it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct LeafSeat {
    /// The registration.
    pub provider: ProviderId,
    /// Its place in the selected order.
    pub rank: u8,
    /// What became of it.
    pub outcome: SeatOutcome,
    /// Its answer's class within the contract.
    pub class: u8,
    /// How good it was found.
    pub score: Score,
    /// Tokens billed.
    pub output: Tokens,
    /// Time to its bound answer.
    pub latency_ms: u32,
    /// What it earns.
    pub pay: Amount,
}

/// A contract as the chain sees it: numbers and one root, never text (SET-1).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// The line that pays.
    pub line: LineId,
    /// The order's number on that line; 0 on a void contract.
    pub n: u32,
    /// The height of selection.
    pub height: Height,
    /// The request's domains with confidence.
    pub domains: List<(DomainId, Score), REQUEST_DOMAINS_MAX>,
    /// How the panel worked.
    pub strategy: Strategy,
    /// How it ended.
    pub status: ContractStatus,
    /// Whether the requester's filters kept candidates out.
    pub filtered: bool,
    /// All that is drawn from the line.
    pub charge: Amount,
    /// The network's part of it.
    pub fee: Amount,
    /// The receipt it stands for.
    pub receipt: ReceiptRoot,
    /// Who accepted, by rank.
    pub seats: List<LeafSeat, SEATS_MAX>,
}

impl Leaf {
    /// The leaf that stands for a receipt with this root: the ledger is told nothing else of it, and a
    /// proof holds for no other (SET-1, PRF-3).
    pub fn of(receipt: &Receipt, root: ReceiptRoot) -> Self {
        let void = receipt.status == ContractStatus::Void;
        let seats = receipt.seats.iter().map(|seat| LeafSeat {
            provider: seat.provider,
            rank: seat.assign.body.rank,
            outcome: seat.outcome,
            class: seat.class,
            score: seat.score,
            output: seat.output,
            latency_ms: seat.latency_ms,
            pay: seat.pay,
        });
        let domains = receipt
            .selection
            .domains
            .iter()
            .map(|choice| (choice.id, choice.confidence));
        Self {
            line: receipt.voucher.body.line,
            n: if void { 0 } else { receipt.voucher.body.n },
            height: receipt.selection.height,
            domains: List::truncated(domains),
            strategy: receipt.terms.strategy,
            status: receipt.status,
            filtered: !receipt.terms.filters.is_empty(),
            charge: receipt.charges.total,
            fee: receipt.charges.fee,
            receipt: root,
            seats: List::truncated(seats),
        }
    }
}

/// Many contracts of one coordinator, in slot order (SET-2).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settlement {
    /// The first leaf's slot; the others follow without a gap.
    pub first_slot: Slot,
    /// The last slot's element of the hash chain; hashing down gives all the others.
    pub opening: Digest,
    /// The contracts.
    pub leaves: List<Leaf, LEAVES_MAX>,
    /// For each line drawn on, its highest voucher; sorted by line.
    pub vouchers: List<Signed<Voucher>, VOUCHERS_MAX>,
    /// Co-signatures by seats, each with its registration; sorted by it.
    pub line_oks: List<(ProviderId, Signed<LineOk>), LINE_OKS_MAX>,
}

/// What of a settlement a proof needs, and a block's tree of settlements holds (PRF-2).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettlementHead {
    /// Whose contracts.
    pub coordinator: PublicKey,
    /// From which slot.
    pub first_slot: Slot,
    /// The root over the leaves.
    pub root: Digest,
}

impl Settlement {
    /// The root over the leaves: what co-signatures and proofs name.
    pub fn root(&self) -> Digest {
        merkle::root(self.leaves.iter().map(encode))
    }

    /// The digest of those leaves that name a provider, and what they pay it: what its [`LineOk`] says.
    pub fn line_ok(&self, provider: ProviderId) -> Option<LineOk> {
        let seats = |leaf: &Leaf| {
            leaf.seats
                .iter()
                .find(|seat| seat.provider == provider)
                .copied()
        };
        let named: Vec<_> = self
            .leaves
            .iter()
            .filter(|leaf| seats(leaf).is_some())
            .collect();
        let total = Amount::sum(
            named
                .iter()
                .filter_map(|leaf| seats(leaf))
                .map(|seat| seat.pay),
        )?;
        let leaves: Vec<u8> = named.into_iter().flat_map(encode).collect();
        Some(LineOk {
            settlement: self.root(),
            leaves: Digest::tagged("llmnet/leaves/1", &[&leaves]),
            total,
        })
    }
}

/// What a signer wants done.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Instruction {
    /// Moves money.
    Transfer {
        /// To whom.
        to: PublicKey,
        /// How much.
        amount: Amount,
    },
    /// Locks money for one coordinator until an epoch.
    OpenLine {
        /// Whose orders it pays for.
        coordinator: PublicKey,
        /// How much.
        amount: Amount,
        /// No orders are settled against it after this epoch's windows.
        expires: Epoch,
    },
    /// Ends a line early; what is left returns by itself when the windows close.
    CloseLine {
        /// The line.
        line: LineId,
    },
    /// Joins as a respondent; signed by the operator as the transaction's signer, and by the node.
    Register(Box<Signed<Registration>>),
    /// Commits a coordinator to a hash chain, from the next epoch on.
    Anchor {
        /// The chain's end: the first slot opens its preimage.
        tip: Digest,
        /// How many slots it serves.
        length: u32,
    },
    /// Settles contracts.
    Settle(Box<Settlement>),
}

/// What is signed of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransactionBody {
    /// On which network; on no other does it hold.
    pub network: NetworkId,
    /// Whose money and standing it is about.
    pub signer: PublicKey,
    /// The signer's count of transactions so far.
    pub nonce: u64,
    /// What is wanted.
    pub instruction: Instruction,
}

impl Message for TransactionBody {
    const KIND: &'static str = "llmnet/transaction/1";
}

/// A signed instruction.
pub type Transaction = Signed<TransactionBody>;

impl Transaction {
    /// Signs an instruction.
    pub fn sign(
        network: NetworkId,
        key: &PrivateKey,
        nonce: u64,
        instruction: Instruction,
    ) -> Self {
        let body = TransactionBody {
            network,
            signer: key.public_key(),
            nonce,
            instruction,
        };
        Self::new(body, &network, key)
    }

    /// Its name: the digest of all its bytes.
    pub fn id(&self) -> TransactionId {
        TransactionId(Digest::tagged("llmnet/transaction-id/1", &[&encode(self)]).0)
    }

    /// Whether its signer signed it for the network it names.
    pub fn is_signed(&self) -> bool {
        self.verify(&self.body.network, &self.body.signer).is_ok()
    }

    /// The signature, for batch checks.
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }
}

/// What became of a transaction in a block.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done, for this fee.
    Applied {
        /// Paid for its bytes.
        fee: Amount,
    },
    /// Refused; where its signer could pay, the fee is kept and the nonce used.
    Rejected {
        /// Paid for its bytes; 0 where nobody could be charged.
        fee: Amount,
        /// Why.
        reason: Rejection,
    },
}

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
