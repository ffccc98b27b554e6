//! The receipt of an answer: who served, how they were chosen and rated, what is owed.
//!
//! ```text
//! Receipt --fields--> ReceiptRoot --signed by--> coordinator
//!                        |
//!                        `-- stands in a Leaf -- under a settlement -- under a Header (see `proof`)
//! ```

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    codec::{List, encode},
    contract::{Assign, SEATS_MAX, Terms, Voucher, contract_id},
    disclosure::{Disclosure, ReceiptField},
    id::{ContractId, Digest, NetworkId, ProviderId, ReceiptRoot, Salt},
    merkle,
    message::{Close, PHASES_MAX, Part, Reply},
    selection::SelectionInputs,
    signature::{Message, PublicKey, Signed},
    units::{Amount, Score, Slot, Tokens},
};

/// How a contract ended.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ContractStatus {
    /// Concluded; base, bonus and fees are owed.
    Concluded = 0,
    /// Criteria missed, cancelled or no quorum; base pay is owed for opened answers.
    Failed = 1,
    /// Nobody worked on it; nothing is owed.
    Void = 2,
}

/// What became of a seat.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum SeatOutcome {
    /// Answered in time.
    Served = 0,
    /// Accepted and bound nothing in time.
    NoShow = 1,
    /// Bound an answer and never opened it, or opened another.
    Withheld = 2,
    /// What it opened breaks the rules.
    Invalid = 3,
    /// Accepted, and was let go before its time was over: the requester hung up (CON-9), or a quorum had
    /// answered and the terms have little patience (CON-7).
    Excused = 4,
    /// Accepted, and said in time that it would bind nothing (CON-11).
    GaveUp = 5,
}

impl SeatOutcome {
    /// Whether it holds one of the panel's seats; who binds nothing leaves its own to somebody else (CON-8).
    pub const fn took_part(self) -> bool {
        !matches!(self, Self::NoShow | Self::GaveUp)
    }
}

/// Why a candidate of a better rank did not get the seat (SEL-7).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skip {
    /// The candidate.
    pub provider: ProviderId,
    /// Its rank in the order.
    pub rank: u8,
    /// The offer it was made.
    pub assign: Signed<Assign>,
    /// Its own word; `None` where it could not be reached, on the coordinator's word.
    pub reply: Option<Signed<Reply>>,
}

/// A seat that accepted.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeatReceipt {
    /// Its registration.
    pub provider: ProviderId,
    /// The offer it accepted.
    pub assign: Signed<Assign>,
    /// Its acceptance.
    pub reply: Signed<Reply>,
    /// What became of it.
    pub outcome: SeatOutcome,
    /// Its own account; absent if it never gave one.
    pub part: Option<Signed<Part>>,
    /// The class of its last answer, numbered by first appearance over the seats; 0 without an answer.
    pub class: u8,
    /// How good its answer was found.
    pub score: Score,
    /// From offer to bound answer on the coordinator's clock.
    pub latency_ms: u32,
    /// What it delivered, as billed.
    pub output: Tokens,
    /// What it earns.
    pub pay: Amount,
}

/// By which rule the panel concluded.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Conclusion {
    /// No answer.
    None = 0,
    /// All answers were of one class.
    Unanimous = 1,
    /// Weighted vote over classes.
    Vote = 2,
    /// Weighted Bradley-Terry over the ballots.
    Ballots = 3,
}

/// What the panel decided. Who holds the transcript can compute it again (DEB-6).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The rule that decided.
    pub conclusion: Conclusion,
    /// Rounds of debate held.
    pub rounds: u8,
    /// Whose answer was taken, by place in `Receipt::seats`.
    pub winner: Option<u8>,
    /// The share of all weight behind the winner.
    pub agreement: Score,
    /// Each seat's strength in the decision, in the order of `Receipt::seats`.
    pub strengths: List<Score, SEATS_MAX>,
    /// Places of seats whose last answer is of another class: they are told of, never dropped.
    pub minority: List<u8, SEATS_MAX>,
    /// Places of seats that changed their answer in the debate.
    pub changed: List<u8, SEATS_MAX>,
}

/// Who gets what.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Charges {
    /// The seats together.
    pub seats: Amount,
    /// The coordinator.
    pub coordinator: Amount,
    /// The network: half burnt, half to validators and audits.
    pub fee: Amount,
    /// All of it, as drawn from the line.
    pub total: Amount,
}

/// The whole account of one contract, as its coordinator signs it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The network.
    pub network: NetworkId,
    /// Who conducted it.
    pub coordinator: PublicKey,
    /// Its slot, from which the contract's id follows.
    pub slot: Slot,
    /// Who ordered it.
    pub requester: PublicKey,
    /// What was promised for it.
    pub voucher: Signed<Voucher>,
    /// On what terms.
    pub terms: Terms,
    /// The slot's element of the coordinator's hash chain: half of the seed.
    pub slot_secret: Digest,
    /// What the panel was selected from.
    pub selection: SelectionInputs,
    /// Better ranks that did not serve.
    pub skips: List<Skip, { 2 * SEATS_MAX }>,
    /// Who served, by rank.
    pub seats: List<SeatReceipt, SEATS_MAX>,
    /// How each phase ended.
    pub closes: List<Signed<Close>, PHASES_MAX>,
    /// How it ended.
    pub status: ContractStatus,
    /// What was decided.
    pub verdict: Verdict,
    /// What is owed.
    pub charges: Charges,
    /// SHA-256 of the answer's bytes, exactly as delivered; of nothing where there is none.
    pub response: Digest,
}

impl Message for ReceiptRoot {
    const KIND: &'static str = "llmnet/receipt/2";
}

impl Receipt {
    /// The contract it is about, which is also the receipt's own name.
    pub fn contract(&self) -> ContractId {
        contract_id(&self.network, &self.coordinator, self.slot)
    }

    /// The canonical bytes of a field.
    fn field(&self, field: ReceiptField) -> Vec<u8> {
        match field {
            ReceiptField::Network => encode(&self.network),
            ReceiptField::Coordinator => encode(&self.coordinator),
            ReceiptField::Slot => encode(&self.slot),
            ReceiptField::Requester => encode(&self.requester),
            ReceiptField::Voucher => encode(&self.voucher),
            ReceiptField::Terms => encode(&self.terms),
            ReceiptField::SlotSecret => encode(&self.slot_secret),
            ReceiptField::Selection => encode(&self.selection),
            ReceiptField::Skips => encode(&self.skips),
            ReceiptField::Seats => encode(&self.seats),
            ReceiptField::Closes => encode(&self.closes),
            ReceiptField::Status => encode(&self.status),
            ReceiptField::Verdict => encode(&self.verdict),
            ReceiptField::Charges => encode(&self.charges),
            ReceiptField::Response => encode(&self.response),
        }
    }

    fn tree(&self, salt: &Salt) -> merkle::Tree {
        merkle::Tree::new(
            ReceiptField::ALL.map(|field| salt.field(field.name()).digest(&self.field(field)).0),
        )
    }

    /// The root that the coordinator signs and the ledger keeps: salted field by field, so that one
    /// field can be shown alone (REC-1).
    pub fn root(&self, salt: &Salt) -> ReceiptRoot {
        ReceiptRoot(self.tree(salt).root().0)
    }

    /// Shows one field and nothing of the others; `None` where it is too long to be shown.
    pub fn disclose(&self, salt: &Salt, field: ReceiptField) -> Option<Disclosure> {
        Some(Disclosure {
            value: List::from_vec(self.field(field)).ok()?,
            salt: salt.field(field.name()),
            path: self.tree(salt).path(usize::from(field as u8))?,
        })
    }
}
