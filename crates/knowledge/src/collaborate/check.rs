//! Whether an expert's scores are what they should be.

use crate::{
    analysis::Query,
    bm25::{self, Counts, Statistics},
    store::{direction, dot},
};

use super::message::Scored;

/// How far a lexical score may be from ours, as a share of it: sums in another order.
const LEXICAL_TOLERANCE: f64 = 1e-6;
/// How far a cosine may be from ours: the same model on another machine, or in fewer bits.
const DENSE_TOLERANCE: f32 = 0.02;
/// One wrong score in so many that were computed again is one too many.
const WRONG_PER_CHECKED: u64 = 20;

/// What computing a score again showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// It is what it should be.
    Right,
    /// It is not.
    Wrong,
    /// It cannot be computed: the passage is not shown.
    Hidden,
}

/// Computes a passage's BM25 score again, from nothing but what it carries and what was asked.
pub fn lexical(query: &Query, statistics: &Statistics, scored: &Scored) -> Check {
    let Some(evidence) = scored.evidence() else {
        return Check::Hidden;
    };
    let ours = bm25::score(query, &Counts::of(&evidence.passage), statistics);
    let far = (ours - scored.lexical).abs() > LEXICAL_TOLERANCE * ours.abs().max(1.0);
    // What is no number is no score either.
    if far || !scored.lexical.is_finite() {
        Check::Wrong
    } else {
        Check::Right
    }
}

/// Compares a passage's cosine with that of a vector we had made of it.
pub fn dense(question: &[f32], passage: &[f32], scored: &Scored) -> Check {
    let Some(claimed) = scored.dense else {
        return Check::Hidden;
    };
    let (Some(question), Some(passage)) = (direction(question), direction(passage)) else {
        return Check::Hidden;
    };
    if question.len() != passage.len() {
        return Check::Hidden;
    }
    let near = (dot(&question, &passage) - claimed).abs() <= DENSE_TOLERANCE;
    if near { Check::Right } else { Check::Wrong }
}

/// How an expert's scores were found so far, by one who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Record {
    /// Scores that were computed again.
    pub checked: u64,
    /// How many of them were wrong.
    pub wrong: u64,
}

impl Record {
    /// Notes a check.
    pub const fn note(&mut self, check: Check) {
        match check {
            Check::Right => self.checked = self.checked.saturating_add(1),
            Check::Wrong => {
                self.checked = self.checked.saturating_add(1);
                self.wrong = self.wrong.saturating_add(1);
            }
            Check::Hidden => {}
        }
    }

    /// Whether it is asked again. A wrong score is no accident: everybody computes the same. Yet an expert in the
    /// middle of an update may be off once, so a share is allowed.
    pub const fn trusted(&self) -> bool {
        self.wrong.saturating_mul(WRONG_PER_CHECKED) <= self.checked
    }
}

/// Which passages of a list are computed again: every one of the `used` first, and so many of the rest, by a number
/// that nobody could know before.
pub fn sample(length: usize, used: usize, others: usize, chance: u64) -> Vec<usize> {
    let used = used.min(length);
    let rest = length - used;
    let mut places: Vec<usize> = (0..used).collect();
    let mut state = chance;
    for _ in 0..others.min(rest) {
        // SplitMix64: spreads whatever the caller's chance is over all of the rest.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        places.push(used + (mixed % rest as u64) as usize);
    }
    places.sort_unstable();
    places.dedup();
    places
}
