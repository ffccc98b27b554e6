//! What seats say of each other, bound before anybody sees another's word.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    codec::List,
    contract::SEATS_MAX,
    id::{Digest, Salt},
};

/// The most pairs a ballot judges: each pair of peers' answers once.
pub const PAIRS_MAX: usize = SEATS_MAX * (SEATS_MAX - 1) / 2;

/// Which of two answers is better.
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
pub enum Preference {
    /// Neither, or the two orders of showing them disagreed.
    Tie = 0,
    /// The first named.
    First = 1,
    /// The second named.
    Second = 2,
}

/// One judgement between two answers, named by their place among those shown.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// Place of the first answer.
    pub first: u8,
    /// Place of the second; larger than `first`.
    pub second: u8,
    /// Which is better.
    pub better: Preference,
}

/// A seat's judgement of its peers' answers, both orders seen, its own left out (RAT-1).
pub type Ballot = List<Comparison, PAIRS_MAX>;

/// What binds a seat to a payload before it is opened (CON-5).
///
/// It covers what the seat had been shown: an answer cannot be moved to another question or round.
pub fn commitment(salt: &Salt, payload: &[u8], shown: &Digest) -> Digest {
    Digest::tagged("llmnet/commit/1", &[&salt.0, &shown.0, payload])
}
