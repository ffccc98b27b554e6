//! How far one source of evidence may go (REP-5): pure arithmetic over what sources said.

use std::cmp::Reverse;

use llmnet_types::{codec::List, reputation::EVIDENCE_UNIT, signature::PublicKey};

use crate::record::{SOURCES_MAX, Source};

/// The fewest sources among which one can be told from the others.
pub(super) const MANY: u32 = 3;

fn weight(source: &Source) -> u64 {
    source.positive.saturating_add(source.negative)
}

/// Adds what a source says, largest first, ties by key. Where there is no room, a further source takes
/// the place of the smallest and inherits its sum, so that no large one can hide (Space-Saving).
pub(super) fn add(
    sources: List<Source, SOURCES_MAX>,
    key: &PublicKey,
    (positive, negative): (u64, u64),
) -> List<Source, SOURCES_MAX> {
    let mut sources = sources.into_vec();
    let known = sources.iter().position(|source| source.key == *key);
    let full = sources.len() >= SOURCES_MAX;
    let place = known.or_else(|| sources.len().checked_sub(1).filter(|_| full));
    let said = match place {
        Some(place) => sources.remove(place),
        None => Source {
            key: *key,
            positive: 0,
            negative: 0,
        },
    };
    let said = Source {
        key: *key,
        positive: said.positive.saturating_add(positive),
        negative: said.negative.saturating_add(negative),
    };
    // The others stand in order already.
    let before = |source: &Source| (Reverse(weight(source)), source.key);
    let place = sources.partition_point(|source| before(source) < before(&said));
    sources.insert(place, said);
    List::from_vec(sources).unwrap_or_default()
}

/// `part / whole` of an amount, rounded down; all of it where `part` is not less than `whole`.
fn scaled(amount: u64, part: u128, whole: u128) -> u64 {
    let product = u128::from(amount).saturating_mul(part.min(whole));
    let share = product.checked_div(whole).unwrap_or(0);
    u64::try_from(share).unwrap_or(amount)
}

/// Each source at most as much as all others together, or one unit.
pub(super) fn halved(sources: &[Source]) -> Vec<Source> {
    let total: u128 = sources
        .iter()
        .map(|source| u128::from(weight(source)))
        .sum();
    sources
        .iter()
        .map(|source| {
            let own = u128::from(weight(source));
            let most = total.saturating_sub(own).max(u128::from(EVIDENCE_UNIT));
            Source {
                positive: scaled(source.positive, most, own),
                negative: scaled(source.negative, most, own),
                ..*source
            }
        })
        .collect()
}

/// What each source says for a provider counts up to the largest share that half of the weight supports:
/// at least so much says at least that.
///
/// Whoever [`halved`] cut is not asked. It has half of the weight by itself, and would decide alone: by
/// praise that nothing is clipped, by blame that all is.
pub(super) fn clipped(sources: &[Source], halved: &[Source]) -> Vec<Source> {
    let uncut = sources.iter().zip(halved);
    let asked = uncut.filter(|(source, halved)| source == halved);
    let Some((positive, whole)) = supported(asked.map(|(source, _)| source)) else {
        return halved.to_vec();
    };
    halved
        .iter()
        .map(|source| Source {
            positive: source.positive.min(scaled(weight(source), positive, whole)),
            ..*source
        })
        .collect()
}

/// The largest share that half of all weight supports, as a fraction.
fn supported<'a>(sources: impl Iterator<Item = &'a Source>) -> Option<(u128, u128)> {
    let mut shares: Vec<(u128, u128)> = sources
        .map(|source| (u128::from(source.positive), u128::from(weight(source))))
        .filter(|(_, whole)| *whole > 0)
        .collect();
    let total: u128 = shares.iter().map(|(_, whole)| whole).sum();
    // Largest first, compared without rounding; the products fit, as their factors have 64 bits.
    shares.sort_by(|(one, of_one), (other, of_other)| {
        other
            .saturating_mul(*of_one)
            .cmp(&one.saturating_mul(*of_other))
    });
    let mut support = 0_u128;
    shares.into_iter().find(|(_, whole)| {
        support = support.saturating_add(*whole);
        support.saturating_mul(2) >= total
    })
}

/// The sums for and against.
pub(super) fn sums(sources: &[Source]) -> (u64, u64) {
    sources.iter().fold((0, 0), |(positive, negative), source| {
        (
            positive.saturating_add(source.positive),
            negative.saturating_add(source.negative),
        )
    })
}

#[cfg(test)]
mod tests;
