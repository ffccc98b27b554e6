//! Who takes a role by a bond, and adds to it (BND-1, BND-2).

use llmnet_types::{
    bond::{Enlistment, Role, host_and_port},
    id::NetworkId,
    rejection::{Field, Rejection},
    signature::{PublicKey, Signed},
    units::Amount,
};

use super::listing;
use crate::{
    committee,
    event::EventKind,
    record::{VALIDATORS_MAX, Validators},
    state::Key,
    work::Work,
};

/// Gives a node a role with its own and its operator's signature (BND-1).
pub(crate) fn enlist(
    work: &mut Work<'_>,
    network: &NetworkId,
    signer: &PublicKey,
    signed: &Signed<Enlistment>,
) -> Result<(), Rejection> {
    let Enlistment {
        node,
        operator,
        role,
        address,
        until,
        ..
    } = &signed.body;
    if operator != signer {
        return Err(Rejection::Operator);
    }
    let has_role = super::get(work, node, *role).is_some_and(|bond| bond.enlisted);
    if *role == Role::Respondent || (has_role && !listing::moves(&signed.body)) {
        return Err(Rejection::Enlisted { role: *role });
    }
    if *until < work.clock.epoch {
        return Err(Rejection::Expired);
    }
    if !address.is_empty() && host_and_port(address).is_none() {
        return Err(Rejection::Address);
    }
    if has_role {
        listing::relocate(work, &signed.body)?;
    } else {
        join(work, &signed.body)?;
    }
    if !work.signed(signed, network, node) {
        return Err(Rejection::NodeSignature);
    }
    Ok(())
}

/// Posts the bond and lets it stand.
fn join(work: &mut Work<'_>, enlistment: &Enlistment) -> Result<(), Rejection> {
    let Enlistment {
        node,
        operator,
        role,
        address,
        bond: amount,
        ..
    } = enlistment;
    let needed = super::least(&work.params, *role);
    if *amount < needed {
        return Err(Rejection::Bond {
            needed,
            available: *amount,
        });
    }
    super::post(work, operator, node, *role, *amount)?;
    let mut bond = super::get(work, node, *role).ok_or(Rejection::Overflow)?;
    match role {
        Role::Validator => {
            bond.address = address.clone();
            bond.since = Some(work.clock.epoch);
            super::put(work, node, *role, &bond);
            stand(work, node, *amount)?;
        }
        Role::Coordinator => {
            bond.address = address.clone();
            super::put(work, node, *role, &bond);
            listing::list(work, node);
        }
        Role::Auditor | Role::Respondent => {}
    }
    work.event(EventKind::Enlisted {
        node: *node,
        role: *role,
        operator: *operator,
        bond: *amount,
    });
    Ok(())
}

/// Puts a validator on the list of those who can be elected. Where it is full, the smallest bond that is
/// not in office makes room for a larger one, so that locking others out costs more than they have.
fn stand(work: &mut Work<'_>, node: &PublicKey, bond: Amount) -> Result<(), Rejection> {
    let mut validators: Validators = work.read(&Key::Validators).unwrap_or_default();
    if validators.len() == VALIDATORS_MAX {
        let office = committee::office(work);
        let in_office = |key: &PublicKey| {
            office
                .as_ref()
                .is_some_and(|office| office.committee.keys().contains(key))
        };
        let standing = |key: &PublicKey| {
            super::get(work, key, Role::Validator).map_or(Amount::ZERO, |bond| bond.standing)
        };
        let smallest = validators
            .iter()
            .filter(|key| !in_office(key))
            .map(|key| (standing(key), *key))
            .min()
            .filter(|(smallest, _)| *smallest < bond);
        let (_, smallest) = smallest.ok_or(Rejection::Full {
            field: Field::Validators,
        })?;
        super::end(work, &smallest, Role::Validator)?;
        validators = work.read(&Key::Validators).unwrap_or_default();
    }
    if !validators.push(*node) {
        return Err(Rejection::Full {
            field: Field::Validators,
        });
    }
    work.write(Key::Validators, &validators);
    Ok(())
}

/// Adds to a bond that stands for a role (BND-2).
pub(crate) fn add(
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
    let own =
        super::get(work, node, role).is_some_and(|bond| bond.operator == *signer && bond.enlisted);
    if !own {
        return Err(Rejection::NotEnlisted { role });
    }
    super::post(work, signer, node, role, amount)?;
    if role == Role::Coordinator {
        listing::list(work, node);
    }
    work.event(EventKind::Bonded {
        node: *node,
        role,
        amount,
    });
    Ok(())
}
