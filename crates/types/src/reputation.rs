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

impl Prior {
    /// One right and one wrong answer: what is given to an audit record before its first.
    pub const ONE_EACH: Self = Self {
        positive: EVIDENCE_UNIT,
        negative: EVIDENCE_UNIT,
    };
}

/// What audits alone say of a provider: the share of right answers, and how sure that is (AUD-6).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Audited {
    /// The mean, with one right and one wrong answer given before.
    pub mean: Score,
    /// Its deviation.
    pub deviation: Score,
}

impl Audited {
    /// Of so many right and wrong answers, in millionths.
    pub fn of(right: u64, wrong: u64) -> Self {
        let answers = Reputation::default().with(right, wrong);
        Self {
            mean: answers.mean(&Prior::ONE_EACH),
            deviation: answers.deviation(&Prior::ONE_EACH),
        }
    }

    /// Whether it lies behind another by more than two deviations of the difference (DEB-5). Who was never
    /// audited does not.
    pub fn is_far_behind(&self, other: &Self) -> bool {
        let square = |score: u16| u64::from(score).saturating_mul(score.into());
        let gap = other.mean.get().saturating_sub(self.mean.get());
        let doubt = square(self.deviation.get()).saturating_add(square(other.deviation.get()));
        square(gap) > doubt.saturating_mul(4)
    }
}

impl Default for Audited {
    /// Of a provider that no audit looked at.
    fn default() -> Self {
        Self::of(0, 0)
    }
}

/// How far a seat is believed in a verdict (DEB-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credence {
    /// Its reputation in the request's domains, audited answers included.
    pub mean: Score,
    /// What audits alone say of it there.
    pub audited: Audited,
}

impl Default for Credence {
    /// Of nobody: no reputation.
    fn default() -> Self {
        Self {
            mean: Score::ZERO,
            audited: Audited::default(),
        }
    }
}

/// Scale of powers of the decay: 12 decimals.
const SCALE: u128 = 1_000_000_000_000;
/// A basis point in that scale.
const POINT: u128 = 100_000_000;

/// `decay^epochs` in [`SCALE`], rounded down at each multiplication: first of the result, then of the
/// square, from the lowest bit of `epochs` up.
fn power(decay: Score, mut epochs: u64) -> u128 {
    let mut base = u128::from(decay.get()) * POINT;
    let mut result = SCALE;
    while epochs > 0 {
        if epochs & 1 == 1 {
            result = result * base / SCALE;
        }
        base = base * base / SCALE;
        epochs >>= 1;
    }
    result
}

/// What is left of evidence after so many epochs, rounded down (REP-1, REP-2).
pub fn faded(evidence: u64, decay: Score, epochs: u64) -> u64 {
    let product = u128::from(evidence) * power(decay, epochs) / SCALE;
    u64::try_from(product).expect("a share is at most the whole")
}

impl Reputation {
    /// With more evidence for and against, `w y` and `w (1 - y)` (REP-1).
    #[must_use]
    pub const fn with(self, positive: u64, negative: u64) -> Self {
        Self {
            positive: self.positive.saturating_add(positive),
            negative: self.negative.saturating_add(negative),
            ..self
        }
    }

    /// What is left of it after so many epochs (REP-2). Samples and latency do not fade.
    #[must_use]
    pub fn decayed(self, decay: Score, epochs: u64) -> Self {
        Self {
            positive: faded(self.positive, decay, epochs),
            negative: faded(self.negative, decay, epochs),
            ..self
        }
    }

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

    /// The mean and two deviations, at most one: what it can be at best.
    pub fn upper_bound(&self, prior: &Prior) -> Score {
        let doubt = 2 * u64::from(self.deviation(prior).get());
        Score::clamped(u64::from(self.mean(prior).get()).saturating_add(doubt))
    }
}
