//! How money leaves a bond: six epochs later, and not before its validator is out of office (BND-3).

use llmnet_types::{
    bond::Role,
    params::UNBOND_EPOCHS,
    rejection::{Field, Rejection},
    signature::PublicKey,
    units::{Amount, Epoch},
};

use crate::{
    committee, due,
    event::EventKind,
    record::{Bond, Due, Validators},
    state::Key,
    work::{Place, Work},
};

/// Ends a role by its operator's word (BND-3). A respondent leaves by retiring (REG-7).
pub(crate) fn delist(
    work: &mut Work<'_>,
    signer: &PublicKey,
    node: &PublicKey,
    role: Role,
) -> Result<(), Rejection> {
    let own = super::get(work, node, role)
        .is_some_and(|bond| bond.operator == *signer && bond.enlisted && role != Role::Respondent);
    if !own {
        return Err(Rejection::NotEnlisted { role });
    }
    end(work, node, role)
}

/// Ends a role: the node is out of the next election, and all of its bond leaves.
pub(crate) fn end(work: &mut Work<'_>, node: &PublicKey, role: Role) -> Result<(), Rejection> {
    let Some(mut bond) = super::get(work, node, role) else {
        return Ok(());
    };
    bond.enlisted = false;
    let standing = bond.standing;
    leave(work, node, role, &mut bond, standing)?;
    super::put(work, node, role, &bond);
    if role == Role::Validator {
        let validators: Validators = work.read(&Key::Validators).unwrap_or_default();
        let others = validators.iter().filter(|key| *key != node).copied();
        work.write(Key::Validators, &Validators::truncated(others));
    }
    if role != Role::Respondent {
        work.event(EventKind::Delisted { node: *node, role });
    }
    Ok(())
}

/// Takes from a bond what its role does not need (BND-2).
pub(crate) fn take(
    work: &mut Work<'_>,
    signer: &PublicKey,
    node: &PublicKey,
    role: Role,
    amount: Amount,
) -> Result<(), Rejection> {
    if amount == Amount::ZERO {
        return Err(Rejection::Bounds {
            field: Field::Amount,
        });
    }
    let bond =
        super::get(work, node, role).filter(|bond| bond.operator == *signer && bond.enlisted);
    let mut bond = bond.ok_or(Rejection::NotEnlisted { role })?;
    let kept = super::needed(work, node, role);
    let needed = kept.checked_add(amount).ok_or(Rejection::Overflow)?;
    if bond.standing < needed {
        return Err(Rejection::Bond {
            needed,
            available: bond.standing,
        });
    }
    leave(work, node, role, &mut bond, amount)?;
    super::put(work, node, role, &bond);
    Ok(())
}

/// Lets a part of what stands leave. The caller keeps the bond.
pub(crate) fn leave(
    work: &mut Work<'_>,
    node: &PublicKey,
    role: Role,
    bond: &mut Bond,
    amount: Amount,
) -> Result<(), Rejection> {
    if amount == Amount::ZERO {
        return Ok(());
    }
    let free = freedom(work, node, role).ok_or(Rejection::Overflow)?;
    bond.standing = bond
        .standing
        .checked_sub(amount)
        .ok_or(Rejection::Overflow)?;
    gather_overdue(&mut bond.leaving, work.clock.epoch);
    match bond
        .leaving
        .binary_search_by_key(&free, |(epoch, _)| *epoch)
    {
        Ok(place) => {
            if let Some((_, leaving)) = bond.leaving.get_mut(place) {
                *leaving = leaving.checked_add(amount).ok_or(Rejection::Overflow)?;
            }
        }
        Err(place) => {
            bond.leaving.insert(place, (free, amount));
            due::push(work, free, Due::Bond { node: *node, role });
        }
    }
    work.event(EventKind::Unbonding {
        node: *node,
        role,
        amount,
        free,
    });
    Ok(())
}

/// When what leaves now is free. A validator's bond answers for all its votes, so while it is in office
/// the count begins with its term's last epoch.
fn freedom(work: &Work<'_>, node: &PublicKey, role: Role) -> Option<Epoch> {
    let now = work.clock.epoch;
    let last = match role {
        Role::Validator => committee::last_epoch_in_office(work, node).unwrap_or(now),
        _ => now,
    };
    last.max(now).after(UNBOND_EPOCHS)
}

/// What is free but was not released yet becomes one entry: so there are at most as many as there are
/// epochs and terms to wait for.
fn gather_overdue(leaving: &mut Vec<(Epoch, Amount)>, now: Epoch) {
    let count = leaving.iter().filter(|(epoch, _)| *epoch <= now).count();
    if count < 2 {
        return;
    }
    let overdue: Vec<_> = leaving.drain(..count).collect();
    let amount = overdue.iter().fold(Amount::ZERO, |sum, (_, amount)| {
        Amount(sum.0.saturating_add(amount.0))
    });
    if let Some((epoch, _)) = overdue.last() {
        leaving.insert(0, (*epoch, amount));
    }
}

/// Frees what has left by the clock's epoch (BND-3).
pub(crate) fn free(work: &mut Work<'_>, node: &PublicKey, role: Role) {
    let Some(mut bond) = super::get(work, node, role) else {
        return;
    };
    let now = work.clock.epoch;
    let (freed, left): (Vec<_>, Vec<_>) = bond.leaving.iter().partition(|(epoch, _)| *epoch <= now);
    let freed = freed.iter().fold(Amount::ZERO, |sum, (_, amount)| {
        Amount(sum.0.saturating_add(amount.0))
    });
    // All money together fits in 64 bits (TXN-4), so this cannot fail.
    if freed == Amount::ZERO || work.credit(&bond.operator, freed, Place::Bonds).is_err() {
        return;
    }
    bond.leaving = left;
    super::put(work, node, role, &bond);
    work.event(EventKind::Unbonded {
        node: *node,
        operator: bond.operator,
        amount: freed,
    });
}

/// Gives a respondent's bond, with all that leaves it, to its next key (REG-6).
pub(crate) fn hand_over(work: &mut Work<'_>, old: &PublicKey, new: &PublicKey) {
    let role = Role::Respondent;
    // What should be free by now is on no list that is still ahead.
    free(work, old, role);
    let Some(bond) = super::get(work, old, role) else {
        return;
    };
    for (epoch, _) in &bond.leaving {
        due::push(work, *epoch, Due::Bond { node: *new, role });
    }
    super::put(work, new, role, &bond);
    work.remove(Key::Bond(*old, role));
}
