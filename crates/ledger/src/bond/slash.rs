//! What a proven offence costs (BND-5).

use llmnet_types::{
    bond::Role,
    rejection::Rejection,
    signature::PublicKey,
    units::{Amount, Score},
};

use crate::{
    event::EventKind,
    record::Bond,
    registry, settle,
    work::{Place, Work},
};

/// Punishes an offence (BND-5): the parameters' share of the bond goes, at most half of it to the victim
/// and at most its loss; ends the role where too little is left. Gives what the victim got.
///
/// Without a bond nothing is burnt, but the conduct of a coordinator is marked all the same (REP-6).
/// That an offence is punished once is its caller's to see to.
pub(crate) fn slash(
    work: &mut Work<'_>,
    node: &PublicKey,
    role: Role,
    victim: Option<(PublicKey, Amount)>,
) -> Result<Amount, Rejection> {
    let node = super::holder(work, node, role);
    let mut cost = Amount::ZERO;
    if let Some(mut bond) = super::get(work, &node, role) {
        cost = cost_of(bond.total(), work.params.slash);
        withdraw(&mut bond, cost);
        super::put(work, &node, role, &bond);
    }
    // Half or more is burnt, so that nobody gains by being one's own victim.
    let half = Amount(cost.0 >> 1);
    let restored = victim.map_or(Amount::ZERO, |(_, loss)| loss.min(half));
    let burnt = cost.saturating_sub(restored);
    if let Some((victim, _)) = victim.filter(|_| restored > Amount::ZERO) {
        work.credit(&victim, restored, Place::Bonds)?;
    }
    work.shift(Place::Bonds, Place::Burnt, burnt)?;
    work.event(EventKind::Slashed {
        node,
        role,
        burnt,
        restored,
    });
    match role {
        Role::Respondent => registry::slashed(work, &node),
        // Its evidence of this epoch does not count.
        Role::Coordinator => settle::slashed(work, &node),
        // Who has too little left is not elected (COM-3) and commits no root (AUD-1).
        Role::Validator | Role::Auditor => {}
    }
    Ok(restored)
}

/// Rounded up: no bond is so small that an offence is free.
fn cost_of(bond: Amount, share: Score) -> Amount {
    let kept = Score::clamped(u64::from(Score::ONE.get().saturating_sub(share.get())));
    bond.saturating_sub(bond.share(kept))
}

/// First of what stands, then of what leaves, soonest first.
fn withdraw(bond: &mut Bond, cost: Amount) {
    let mut left = cost;
    let leaving = bond.leaving.iter_mut().map(|(_, amount)| amount);
    for part in std::iter::once(&mut bond.standing).chain(leaving) {
        let taken = left.min(*part);
        *part = part.saturating_sub(taken);
        left = left.saturating_sub(taken);
    }
    bond.leaving.retain(|(_, amount)| *amount > Amount::ZERO);
}
