//! What coordinator and seats sign while they work on a contract (CON-4).
//!
//! Every phase runs commit, close, open: nobody sees another's text before its own is bound, and the
//! coordinator cannot alter it. Payloads travel unsigned, since they must match what was committed.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    codec::{List, Text},
    contract::{ROUNDS_MAX, SEATS_MAX},
    id::{ContractId, Digest, Salt},
    passage::Evidence,
    rating::Ballot,
    signature::Message,
    units::Tokens,
};

/// The most bytes of an answer.
pub const ANSWER_LENGTH_MAX: usize = 24_000;
/// The most passages cited by one answer.
pub const EVIDENCE_MAX: usize = 4;
/// The most bytes of an opened payload.
pub const PAYLOAD_LENGTH_MAX: usize = 48_000;
/// The most phases of a contract: first answers, further ones, rounds, ballots.
pub const PHASES_MAX: usize = ROUNDS_MAX as usize + 3;

/// Why a seat will not do it. Counted, and told to the requester.
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
pub enum DeclineReason {
    /// Nothing in its documents bears on the question.
    NothingFound = 0,
    /// The domain is not one of its own.
    WrongDomain = 1,
    /// The price or a duration is not as registered.
    Terms = 2,
    /// The voucher or line does not cover the contract.
    Unfunded = 3,
    /// The coordinator owes it too much already.
    CreditLimit = 4,
    /// Its model cannot be reached.
    ModelUnavailable = 5,
    /// The request breaks its policy.
    Policy = 6,
}

/// A seat's word on an offer.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// It will answer in time or be rated for it.
    Accept,
    /// Not now; costs it nothing.
    Busy,
    /// Not this.
    Decline(DeclineReason),
}

/// A seat's signed word on an offer.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The digest of the Assign.
    pub assign: Digest,
    /// The word.
    pub response: Response,
}

impl Message for Reply {
    const KIND: &'static str = "llmnet/reply/1";
}

/// A seat that accepted says that it will bind no first answer, so that nobody waits for one (CON-11).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct GiveUp {
    /// The contract.
    pub contract: ContractId,
    /// Why, as far as it says.
    pub reason: DeclineReason,
}

impl Message for GiveUp {
    const KIND: &'static str = "llmnet/give-up/1";
}

/// A step of the work.
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
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Round 0: each alone.
    Answers,
    /// A round of debate, from 1.
    Round(u8),
    /// Seats judge each other.
    Ballots,
    /// Round 0 of those that are asked where the first answers settle nothing: each alone as well (DEB-13).
    Further,
}

impl Phase {
    /// Whether seats answer alone in it, having seen nobody's answer.
    pub const fn is_alone(self) -> bool {
        matches!(self, Self::Answers | Self::Further)
    }
}

/// A seat binds itself to a payload it does not show yet.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// The contract.
    pub contract: ContractId,
    /// The step.
    pub phase: Phase,
    /// [`commitment`](crate::rating::commitment) of salt, payload and what the seat was shown.
    pub commitment: Digest,
}

impl Message for Commit {
    const KIND: &'static str = "llmnet/commit/1";
}

/// A coordinator ends a step: these commitments count, in this shuffled order, and no others.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Close {
    /// The contract.
    pub contract: ContractId,
    /// The step.
    pub phase: Phase,
    /// The commitments.
    pub commitments: List<Digest, SEATS_MAX>,
}

impl Message for Close {
    const KIND: &'static str = "llmnet/close/1";
}

/// A payload with the salt that it was committed under.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// The seat's salt for this phase.
    pub salt: Salt,
    /// What was bound.
    pub payload: Payload,
}

/// What seats hand in.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payload {
    /// A first answer.
    Answer(Answer),
    /// An answer after seeing the others'.
    Revision(Revision),
    /// A judgement of the others' answers.
    Ballot(Ballot),
}

/// A seat's answer.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The text as the requester would read it.
    pub text: Text<ANSWER_LENGTH_MAX>,
    /// What it rests on.
    pub evidence: List<Evidence, EVIDENCE_MAX>,
    /// Equal for answers that say the same, within one contract.
    pub class: Digest,
}

/// A seat's answer after a round of debate.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revision {
    /// The answer as it stands now.
    pub answer: Answer,
    /// Whose answer changed its mind, by place among those shown; `None` where it stays.
    pub convinced_by: Option<u8>,
    /// Why, in a sentence; a change must give one (DEB-3).
    pub reason: Text<512>,
}

/// The class of an answer: digests are equal within a contract where the keys are, and say nothing
/// across contracts (DEB-2).
///
/// The key is a digest of what makes answers equal, so that audits can name it (AUD-1).
pub fn answer_class(contract: &ContractId, key: &[u8]) -> Digest {
    Digest::tagged("llmnet/class/1", &[&contract.0, key])
}

/// A seat's signed account of all it did (CON-6). Its pay rests on this.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The contract.
    pub contract: ContractId,
    /// What it committed to, phase by phase.
    pub commitments: List<Digest, PHASES_MAX>,
    /// The class of its first answer.
    pub first_class: Digest,
    /// The class it ended with.
    pub last_class: Digest,
    /// How it judged the others.
    pub ballot: Ballot,
    /// What did the work: program, model, version.
    pub version: Text<96>,
    /// Tokens it was sent.
    pub input: Tokens,
    /// Tokens it delivered.
    pub output: Tokens,
    /// Digests of the passages it cited.
    pub citations: List<Digest, EVIDENCE_MAX>,
}

impl Message for Part {
    const KIND: &'static str = "llmnet/part/1";
}

/// A seat agrees to what a settlement says of it, and is paid at once for it (SET-6).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineOk {
    /// The root of the settlement it is about.
    pub settlement: Digest,
    /// Digest of the digests of the leaves that name the seat, in order, as they stand in that tree.
    pub leaves: Digest,
    /// What they pay it in all.
    pub total: crate::units::Amount,
}

impl Message for LineOk {
    const KIND: &'static str = "llmnet/line-ok/1";
}
