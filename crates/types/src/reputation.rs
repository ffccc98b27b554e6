//! How well a provider did in a domain, as evidence for and against.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::units::Score;

/// Evidence of one unit weight, in millionths.
pub const EVIDENCE_UNIT: u64 = 1_000_000;

/// Evidence about one provider in one domain: a Beta distribution's counts, in millionths (REP-1).
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
pub struct Reputation {
    /// Evidence for: `a`.
    pub positive: u64,
    /// Evidence against: `b`.
    pub negative: u64,
    /// How many ratings ever counted, undecayed.
    pub samples: u32,
    /// Smoothed time to an answer, in milliseconds; 0 before the first.
    pub latency_ms: u32,
}

/// The doubt every provider starts with. It never decays: neither idling nor a new key helps (REP-2).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Prior {
    /// `a0`, in millionths.
    pub positive: u64,
    /// `b0`, in millionths.
    pub negative: u64,
}

impl Reputation {
    fn sums(&self, prior: &Prior) -> (u64, u64) {
        let positive = self.positive.saturating_add(prior.positive);
        (
            positive,
            positive.saturating_add(self.negative.saturating_add(prior.negative)),
        )
    }

    /// `(a + a0) / (a + b + a0 + b0)` (REP-3).
    pub fn mean(&self, prior: &Prior) -> Score {
        let (positive, total) = self.sums(prior);
        Score::ratio(positive, total)
    }

    /// Standard deviation of the Beta distribution, in basis points, rounded up (REP-3).
    pub fn deviation(&self, prior: &Prior) -> Score {
        let (_, total) = self.sums(prior);
        let mean = u128::from(self.mean(prior).get());
        let one = u128::from(Score::ONE.get());
        // sqrt(m (1 - m) / (n + 1)), with n in units of evidence, over basis points squared.
        let weight = u128::from(total) + u128::from(EVIDENCE_UNIT);
        let variance = mean * (one - mean) * u128::from(EVIDENCE_UNIT) / weight.max(1);
        let root = variance.isqrt();
        let rounded = root + u128::from(root * root < variance);
        Score::clamped(u64::try_from(rounded).unwrap_or(u64::MAX))
    }

    /// The mean less two deviations: what one can count on (REP-3).
    pub fn lower_bound(&self, prior: &Prior) -> Score {
        let doubt = 2 * u64::from(self.deviation(prior).get());
        Score::clamped(u64::from(self.mean(prior).get()).saturating_sub(doubt))
    }
}
