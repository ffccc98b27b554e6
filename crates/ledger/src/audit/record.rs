//! What audits are worth: findings merged, records that fade, the ceiling (AUD-4). Pure arithmetic.

use std::cmp::Reverse;

use llmnet_types::{
    reputation::{self, EVIDENCE_UNIT, Prior, Reputation},
    units::{Amount, Epoch, Score},
};

use crate::record::{Audits, Finding};

/// One right and one wrong answer given before: without audits, all is possible.
const GIVEN: Prior = Prior {
    positive: EVIDENCE_UNIT,
    negative: EVIDENCE_UNIT,
};
/// The fewest auditors among which one can be told from the others.
const MANY: usize = 3;

fn answers(right: u64, wrong: u64) -> Reputation {
    Reputation::default().with(right, wrong)
}

/// Both records as they are in an epoch: the long one decays as reputation does, the short one halves.
pub(crate) fn faded(audits: &Audits, decay: Score, epoch: Epoch) -> Audits {
    let epochs = epoch.0.saturating_sub(audits.epoch.0);
    let long = |evidence| reputation::faded(evidence, decay, epochs);
    let halvings = u32::try_from(epochs).unwrap_or(u32::MAX);
    let short = |evidence: u64| evidence.checked_shr(halvings).unwrap_or(0);
    Audits {
        long_right: long(audits.long_right),
        long_wrong: long(audits.long_wrong),
        short_right: short(audits.short_right),
        short_wrong: short(audits.short_wrong),
        epoch,
    }
}

/// With more answers in both records, right and wrong.
pub(super) fn with(audits: &Audits, (right, wrong): (u64, u64)) -> Audits {
    Audits {
        long_right: audits.long_right.saturating_add(right),
        long_wrong: audits.long_wrong.saturating_add(wrong),
        short_right: audits.short_right.saturating_add(right),
        short_wrong: audits.short_wrong.saturating_add(wrong),
        ..*audits
    }
}

/// What peers' praise counts up to: the lower of what both records leave possible.
pub(crate) fn ceiling(audits: &Audits) -> Score {
    let long = answers(audits.long_right, audits.long_wrong);
    let short = answers(audits.short_right, audits.short_wrong);
    long.upper_bound(&GIVEN).min(short.upper_bound(&GIVEN))
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
