//! The pool: what fees bring in goes to validators and auditors (POL).
//!
//! Who earned is written down as it happens, on two lists with bounds, so that a payout looks at nothing
//! else. What nobody earned, and what rounding leaves, stays for the next.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use llmnet_types::{bond::Role, signature::PublicKey, units::Amount};

use crate::{
    bond,
    event::EventKind,
    record::{Audited, Totals, Turns},
    state::Key,
    work::{Place, Work},
};

/// Counts a block for its leader (POL-2).
///
/// Terms are whole epochs (COM-1), so the leaders of an epoch are of one committee and fit on the list.
pub(crate) fn count(work: &mut Work<'_>, leader: &PublicKey) {
    let turns: Turns = work.read(&Key::Turns).unwrap_or_default();
    let mut turns = turns.into_vec();
    match turns.iter_mut().find(|(known, _)| known == leader) {
        Some((_, blocks)) => *blocks = blocks.saturating_add(1),
        None => turns.push((*leader, 1)),
    }
    work.write(Key::Turns, &Turns::truncated(turns));
}

/// Counts the items of a root that became complete for who posted its auditor's bond (POL-2). On a full
/// list the fewest items make room for more.
pub(crate) fn audited(work: &mut Work<'_>, operator: &PublicKey, items: u16) {
    let audited: Audited = work.read(&Key::Audited).unwrap_or_default();
    let mut audited = audited.into_vec();
    match audited.iter_mut().find(|(known, _)| known == operator) {
        Some((_, sum)) => *sum = sum.saturating_add(u32::from(items)),
        None => audited.push((*operator, u32::from(items))),
    }
    if audited.len() > Audited::MAX {
        let fewest = (0_usize..)
            .zip(&audited)
            .min_by_key(|(place, (_, items))| (*items, std::cmp::Reverse(*place)));
        if let Some((place, _)) = fewest {
            audited.remove(place);
        }
    }
    work.write(Key::Audited, &Audited::truncated(audited));
}

/// Pays out what the epochs before brought in (POL-1).
pub(crate) fn pay(work: &mut Work<'_>) {
    let totals: Totals = work.read(&Key::Totals).unwrap_or_default();
    let audits = totals.pool.share(work.params.audit_share);
    let blocks = totals.pool.saturating_sub(audits);
    let turns: Turns = work.read(&Key::Turns).unwrap_or_default();
    let leaders: Vec<_> = turns
        .iter()
        .map(|(leader, blocks)| (bond::operator(work, leader, Role::Validator), *blocks))
        .collect();
    let auditors: Audited = work.read(&Key::Audited).unwrap_or_default();
    let mut shares: BTreeMap<PublicKey, Amount> = BTreeMap::new();
    divide(blocks, &leaders, &mut shares);
    divide(audits, &auditors, &mut shares);
    for (operator, amount) in shares {
        // Shares are rounded down, so the pool has them all.
        if amount > Amount::ZERO && work.credit(&operator, amount, Place::Pool).is_ok() {
            work.event(EventKind::PoolPaid { operator, amount });
        }
    }
    work.remove(Key::Turns);
    work.remove(Key::Audited);
}

/// Adds to each its part by count, rounded down (POL-2).
fn divide(amount: Amount, counts: &[(PublicKey, u32)], shares: &mut BTreeMap<PublicKey, Amount>) {
    let total: u128 = counts
        .iter()
        .fold(0, |sum, (_, count)| sum.saturating_add(u128::from(*count)));
    for (operator, count) in counts {
        let part = u128::from(amount.0)
            .saturating_mul(u128::from(*count))
            .checked_div(total)
            .and_then(|part| u64::try_from(part).ok())
            .unwrap_or(0);
        let sum = shares.entry(*operator).or_default();
        *sum = Amount(sum.0.saturating_add(part));
    }
}
