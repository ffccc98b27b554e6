//! What audits are worth: findings merged, records that fade, the ceiling (AUD-4). Pure arithmetic.

use std::cmp::Reverse;

use llmnet_types::{
    reputation::{self, Audited, EVIDENCE_UNIT, Prior, Reputation},
    units::{Amount, Epoch, Score},
};

use crate::record::{Audits, Finding};

/// Without audits, all is possible.
const GIVEN: Prior = Prior::ONE_EACH;
/// Audited answers that count as evidence in a domain, in millionths: more would leave peers little to say.
const EVIDENCE_MAX: u64 = 40 * EVIDENCE_UNIT;
/// Audited answers that tell who is behind whom, in millionths: an expert's own domain is to fill them.
const COMPARED_MAX: u64 = 80 * EVIDENCE_UNIT;
/// The fewest auditors among which one can be told from the others.
const MANY: usize = 3;

fn answers(right: u64, wrong: u64) -> Reputation {
    Reputation::default().with(right, wrong)
}

impl Audits {
    /// Both records as they are in an epoch: the long one decays as reputation does, the short one halves.
    #[must_use]
    pub fn faded(&self, decay: Score, epoch: Epoch) -> Self {
        let epochs = epoch.0.saturating_sub(self.epoch.0);
        let long = |evidence| reputation::faded(evidence, decay, epochs);
        let halvings = u32::try_from(epochs).unwrap_or(u32::MAX);
        let short = |evidence: u64| evidence.checked_shr(halvings).unwrap_or(0);
        Self {
            long_right: long(self.long_right),
            long_wrong: long(self.long_wrong),
            short_right: short(self.short_right),
            short_wrong: short(self.short_wrong),
            epoch,
        }
    }

    /// With more answers in both records, right and wrong, in millionths.
    #[must_use]
    pub const fn with(&self, right: u64, wrong: u64) -> Self {
        Self {
            long_right: self.long_right.saturating_add(right),
            long_wrong: self.long_wrong.saturating_add(wrong),
            short_right: self.short_right.saturating_add(right),
            short_wrong: self.short_wrong.saturating_add(wrong),
            ..*self
        }
    }
}

/// The records of several domains of a provider together, all of one epoch.
pub(crate) fn together(one: &Audits, other: &Audits) -> Audits {
    Audits {
        long_right: one.long_right.saturating_add(other.long_right),
        long_wrong: one.long_wrong.saturating_add(other.long_wrong),
        short_right: one.short_right.saturating_add(other.short_right),
        short_wrong: one.short_wrong.saturating_add(other.short_wrong),
        epoch: one.epoch.max(other.epoch),
    }
}

fn long(audits: &Audits) -> Reputation {
    answers(audits.long_right, audits.long_wrong)
}

fn short(audits: &Audits) -> Reputation {
    answers(audits.short_right, audits.short_wrong)
}

/// What peers' praise counts up to in a domain: the lowest of what its two records leave possible, and of
/// what the short ones of all domains together do.
///
/// A domain has an answer or two of an epoch, too few to tell who turned. All domains together tell; how
/// far a provider is better in this one than elsewhere is left to it, by the long records.
pub(crate) fn ceiling(own: &Audits, all: &Audits) -> Score {
    let better = long(own).mean(&GIVEN).get();
    let better = better.saturating_sub(long(all).mean(&GIVEN).get());
    let lately = u64::from(short(all).upper_bound(&GIVEN).get()).saturating_add(better.into());
    long(own)
        .upper_bound(&GIVEN)
        .min(short(own).upper_bound(&GIVEN))
        .min(Score::clamped(lately))
}

/// What of audits is evidence in a domain, right and wrong (AUD-5).
pub(crate) fn evidence(own: &Audits, elsewhere: &Audits) -> (u64, u64) {
    own_first(own, elsewhere, EVIDENCE_MAX)
}

/// What audits alone say in a domain (AUD-6).
pub(crate) fn compared(own: &Audits, elsewhere: &Audits) -> Audited {
    let (right, wrong) = own_first(own, elsewhere, COMPARED_MAX);
    Audited::of(right, wrong)
}

/// Right and wrong answers of a domain, then those elsewhere, as many as there is room for.
fn own_first(own: &Audits, elsewhere: &Audits, most: u64) -> (u64, u64) {
    let (right, wrong, counted) = at_most(own, most);
    let room = most.saturating_sub(counted);
    let (more_right, more_wrong, _) = at_most(elsewhere, room);
    (
        right.saturating_add(more_right),
        wrong.saturating_add(more_wrong),
    )
}

/// Right and wrong answers of the long record, and both together, scaled down to so many.
fn at_most(audits: &Audits, most: u64) -> (u64, u64, u64) {
    let all = answered(audits);
    let counted = u64::try_from(all).map_or(most, |all| all.min(most));
    let scaled = |answers: u64| {
        let product = u128::from(answers).saturating_mul(counted.into());
        let scaled = product.checked_div(all).unwrap_or(0);
        u64::try_from(scaled).unwrap_or(answers)
    };
    (
        scaled(audits.long_right),
        scaled(audits.long_wrong),
        counted,
    )
}

/// All answers of the long record, in millionths.
pub(crate) fn answered(audits: &Audits) -> u128 {
    u128::from(audits.long_right).saturating_add(audits.long_wrong.into())
}

/// What auditors found together, right and wrong, in millionths of an answer.
///
/// Where three or more found something, one of them is held to the others: neither many answers nor
/// shares that the others' results speak against help it. A share is allowed by who found it within two
/// deviations, and not only by who found as much: an auditor has an answer or two of a provider in an
/// epoch, and one wrong answer in one does not say that the others' right ones were lies.
pub(super) fn merged(findings: &[Finding]) -> (u64, u64) {
    let many = findings.len() >= MANY;
    let total = findings
        .iter()
        .fold(0_u64, |sum, finding| sum.saturating_add(count(finding)));
    let most = allowed(findings, many, |finding| {
        Reverse(found(finding).upper_bound(&GIVEN))
    });
    let least = allowed(findings, many, |finding| found(finding).lower_bound(&GIVEN));
    let most = most.map_or(Score::ONE, |Reverse(most)| most);
    let least = least.unwrap_or(Score::ZERO);
    findings.iter().fold((0, 0), |(right, wrong), finding| {
        let own = count(finding);
        let counted = match many {
            true => own.min(total.saturating_sub(own)),
            false => own,
        };
        let counted_right = found(finding)
            .positive
            .saturating_mul(counted)
            .checked_div(own)
            .unwrap_or(0);
        let counted = Amount(counted.saturating_mul(EVIDENCE_UNIT));
        let counted_right = counted_right
            .max(counted.share(least).0)
            .min(counted.share(most).0);
        (
            right.saturating_add(counted_right),
            wrong.saturating_add(counted.0.saturating_sub(counted_right)),
        )
    })
}

fn count(finding: &Finding) -> u64 {
    u64::from(finding.right).saturating_add(u64::from(finding.wrong))
}

fn found(finding: &Finding) -> Reputation {
    let unit = |answers: u16| u64::from(answers).saturating_mul(EVIDENCE_UNIT);
    answers(unit(finding.right), unit(finding.wrong))
}

/// The first bound, in their order, that auditors with half of the bonds allow.
fn allowed<B: Ord + Copy>(
    findings: &[Finding],
    many: bool,
    bound: impl Fn(&Finding) -> B,
) -> Option<B> {
    let weight = |finding: &Finding| u128::from(finding.weight.0);
    let total: u128 = findings.iter().map(weight).sum();
    let mut bounds: Vec<_> = findings
        .iter()
        .filter(|_| many)
        .map(|finding| (bound(finding), weight(finding)))
        .collect();
    bounds.sort_unstable();
    let mut support = 0_u128;
    let first = bounds.into_iter().find(|(_, weight)| {
        support = support.saturating_add(*weight);
        support.saturating_mul(2) >= total
    });
    first.map(|(bound, _)| bound)
}

#[cfg(test)]
mod tests;
