//! What requester, coordinator and seats agree on before work starts.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    codec::{List, encode},
    domain::Domain,
    id::{ContractId, Digest, LineId, NetworkId},
    message::Phase,
    registration::{Assurance, Price},
    signature::{Message, PublicKey},
    units::{Amount, Height, Score, Slot, Tokens},
};

/// The most seats of a panel, replacements included.
pub const SEATS_MAX: usize = 7;
/// The most rounds of debate.
pub const ROUNDS_MAX: u8 = 4;

/// How a panel works.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Strategy {
    /// The gate decides: unanimity stops, disagreement opens a debate.
    #[default]
    Auto = 0,
    /// One seat.
    Single = 1,
    /// Answers and a vote, no debate.
    Vote = 2,
    /// A debate, also where the answers agree.
    Debate = 3,
    /// A synthesis of all answers.
    Mixture = 4,
}

/// How long each state may last, in milliseconds on the waiting side's own clock (CON-7).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Durations {
    /// For the coordinator to take or decline an order.
    pub offer_ms: u32,
    /// For a seat to accept.
    pub accept_ms: u32,
    /// For an answer.
    pub answer_ms: u32,
    /// For the slow, once a quorum has answered; [a little](Self::grace_after) they have at any rate.
    pub grace_ms: u32,
    /// For opening a commitment.
    pub open_ms: u32,
    /// For a round of debate.
    pub round_ms: u32,
    /// For a ballot.
    pub ballot_ms: u32,
}

impl Durations {
    /// More than this need not be waited after a quorum, and less is fair to nobody.
    const LEAST_GRACE_MS: u32 = 200;
    /// As this part of the quorum's time is waited at least: who is as fast as they are is not left out by chance.
    const LEAST_GRACE_PART: u32 = 32;

    /// How long the slow are waited for after a quorum that took so long (CON-7).
    pub fn grace_after(&self, quorum_ms: u32) -> u32 {
        let least = (quorum_ms / Self::LEAST_GRACE_PART).min(Self::LEAST_GRACE_MS);
        self.grace_ms.max(least)
    }

    /// Whether who is not there after that had at least twice the quorum's time, and 200 ms, and so is a no-show;
    /// else it is excused (CON-7).
    pub fn is_fair_after(&self, quorum_ms: u32) -> bool {
        self.grace_ms >= quorum_ms.max(Self::LEAST_GRACE_MS)
    }
}

/// The most a contract may use.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Caps {
    /// Tokens sent to one seat, all phases together.
    pub input_tokens: Tokens,
    /// Tokens delivered by one seat, all phases together.
    pub output_tokens: Tokens,
    /// What a seat's price may come to.
    pub seat_charge: Amount,
}

/// How a charge is divided (SET-4).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct PaySplit {
    /// The part of a seat's price owed for an opened answer; the rest is earned by its score.
    pub base: Score,
    /// The coordinator's part, on top of what the seats earn.
    pub coordinator: Score,
}

/// What makes an answer good enough to be paid in full.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Criteria {
    /// Answers that must have been opened.
    pub seats: u8,
    /// Least weight behind the conclusion.
    pub agreement: Score,
    /// Least assurance of each model.
    pub assurance: Assurance,
}

/// Whom the requester wants to keep out. Any filter at all is flagged on the leaf.
#[derive(
    Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Filters {
    /// Only these nodes; all where empty.
    pub only: List<PublicKey, 16>,
    /// Not these nodes.
    pub ignore: List<PublicKey, 16>,
    /// Least mean reputation.
    pub reputation_min: Score,
}

impl Filters {
    /// Whether anybody is kept out at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// All that a contract is about, besides the request itself (CON-2).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Salted digest of the request.
    pub request: Digest,
    /// The domain, where the requester names it.
    pub domain: Option<Domain>,
    /// Whom the requester keeps out.
    pub filters: Filters,
    /// How the panel works.
    pub strategy: Strategy,
    /// Seats wanted: k.
    pub seats: u8,
    /// Seats asked first, all others only where these settle nothing (DEB-13); 0 for all at once.
    pub first: u8,
    /// Answers needed, of those asked.
    pub quorum: u8,
    /// The most rounds of debate: R.
    pub rounds: u8,
    /// Limits on time.
    pub durations: Durations,
    /// Limits on work.
    pub caps: Caps,
    /// Division of the charge.
    pub split: PaySplit,
    /// Quality for which full pay is owed.
    pub criteria: Criteria,
    /// Version of the rules for selection, debate and conclusion.
    pub policy: u16,
}

impl Terms {
    /// The digest a voucher names.
    pub fn digest(&self) -> Digest {
        Digest::tagged("llmnet/terms/2", &[&encode(self)])
    }

    /// The most seats there will be: 1 to [`SEATS_MAX`].
    pub fn seats_max(&self) -> usize {
        usize::from(self.seats).clamp(1, SEATS_MAX)
    }

    /// The seats that are asked first: all of them where no others follow (DEB-13).
    pub fn seats_first(&self) -> usize {
        match usize::from(self.first) {
            // Whoever orders a debate wants one also where answers agree.
            first if first > 0 && self.strategy != Strategy::Debate => first.min(self.seats_max()),
            _ => self.seats_max(),
        }
    }

    /// Whether others are asked where the first seats settle nothing (DEB-13).
    pub fn asks_further(&self) -> bool {
        self.seats_first() < self.seats_max()
    }

    /// The seats wanted in the end, where seats were asked in these phases: the first ones, or all.
    pub fn seats_wanted(&self, mut asked: impl Iterator<Item = Phase>) -> usize {
        if asked.any(|phase| phase == Phase::Further) {
            self.seats_max()
        } else {
            self.seats_first()
        }
    }

    /// Whether seats may be asked in these phases, by rank: to answer alone, the first ones first, and further
    /// ones where the terms have any (DEB-13).
    pub fn asks_in_turn(&self, mut asked: impl Iterator<Item = Phase>) -> bool {
        let mut has_further = false;
        asked.all(|phase| {
            has_further |= phase == Phase::Further;
            phase.is_alone() && (phase == Phase::Further) == has_further
        }) && (!has_further || self.asks_further())
    }

    /// The seats that answer in a phase in which each answers alone.
    pub fn seats_in(&self, phase: Phase) -> usize {
        match phase {
            Phase::Further => self.seats_max() - self.seats_first(),
            _ => self.seats_first(),
        }
    }

    /// The answers that one of these phases waits for before the slow have only their grace left (CON-7).
    pub fn quorum_in(&self, phase: Phase) -> usize {
        usize::from(self.quorum).clamp(1, self.seats_in(phase).max(1))
    }
}

/// A requester's promise on its line: all charges of orders 1..=n stay within `limit` (LIN-3).
///
/// The highest n counts; replaying a lower one gains nothing.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Voucher {
    /// The line it draws on, and by that its coordinator.
    pub line: LineId,
    /// The number of the order, from 1.
    pub n: u32,
    /// The most that may be drawn from the line up to this order, since it was opened.
    pub limit: Amount,
    /// What is ordered.
    pub terms: Digest,
}

impl Message for Voucher {
    const KIND: &'static str = "llmnet/order/1";
}

/// The name of a coordinator's contract (CON-1).
pub fn contract_id(network: &NetworkId, coordinator: &PublicKey, slot: Slot) -> ContractId {
    let digest = Digest::tagged(
        "llmnet/contract/1",
        &[&network.0, &coordinator.0, &slot.0.to_le_bytes()],
    );
    ContractId(digest.0)
}

/// A coordinator's offer of a seat. Two for one slot with different vouchers are a proof of fault (CON-3).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assign {
    /// The contract.
    pub contract: ContractId,
    /// Its slot, from which the id follows.
    pub slot: Slot,
    /// The finalized height at which the panel was selected.
    pub height: Height,
    /// The voucher that pays for it.
    pub voucher: Digest,
    /// The seat.
    pub seat: PublicKey,
    /// The seat's registration nonce.
    pub nonce: u32,
    /// Its place in the selected order, from 0.
    pub rank: u8,
    /// When it answers: with the first, or with those asked further (DEB-13).
    pub phase: Phase,
    /// At the price it registered.
    pub price: Price,
    /// Within these times.
    pub durations: Durations,
}

impl Message for Assign {
    const KIND: &'static str = "llmnet/assign/2";
}
