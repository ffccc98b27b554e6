//! Which coordinators respondents find by their address (BND-6), and how a node moves (BND-7).

use llmnet_types::{
    bond::{Enlistment, Role},
    rejection::Rejection,
    signature::PublicKey,
    units::Amount,
};

use crate::{
    event::EventKind,
    record::{Bond, LISTED_MAX, Listed},
    state::Key,
    work::Work,
};

/// Whether an enlistment is one of a node that has the role already, and only says where it is now.
pub(super) fn moves(enlistment: &Enlistment) -> bool {
    enlistment.bond == Amount::ZERO
        && matches!(enlistment.role, Role::Coordinator | Role::Validator)
}

/// A node that has the role is reached elsewhere from now on, or nowhere (BND-7).
pub(super) fn relocate(work: &mut Work<'_>, enlistment: &Enlistment) -> Result<(), Rejection> {
    let Enlistment {
        node,
        operator,
        role,
        address,
        ..
    } = enlistment;
    let mut bond = super::get(work, node, *role).ok_or(Rejection::NotEnlisted { role: *role })?;
    if bond.operator != *operator {
        return Err(Rejection::Operator);
    }
    bond.address = address.clone();
    super::put(work, node, *role, &bond);
    if *role == Role::Coordinator {
        list(work, node);
    }
    work.event(EventKind::Moved {
        node: *node,
        role: *role,
        address: address.clone(),
    });
    Ok(())
}

/// Lists a coordinator that can be reached and is not listed. Where the list is full, the smallest bond on it
/// makes room for a larger one; there is no other effect, so nobody loses a role by it.
pub(super) fn list(work: &mut Work<'_>, node: &PublicKey) {
    let bond = super::get(work, node, Role::Coordinator).filter(is_reached);
    let mut listed: Listed = work.read(&Key::Listed).unwrap_or_default();
    let Some(bond) = bond.filter(|_| place(&listed, node).is_none()) else {
        return;
    };
    if listed.len() == LISTED_MAX {
        let smallest = listed.iter().map(|(key, standing)| (*standing, *key)).min();
        let smaller = smallest.filter(|(smallest, _)| *smallest < bond.standing);
        let Some((_, smallest)) = smaller else {
            return;
        };
        let others = listed.iter().filter(|(key, _)| *key != smallest).copied();
        listed = Listed::truncated(others);
        work.event(EventKind::Unlisted { node: smallest });
    }
    if listed.push((*node, bond.standing)) {
        work.write(Key::Listed, &listed);
    }
}

/// Keeps the list true to the bond of a coordinator on it: what stands for it, and whether it is still there.
/// What stands is on the list too, as looking up so many bonds for the smallest is more than a transaction
/// pays for.
pub(super) fn keep(work: &mut Work<'_>, node: &PublicKey, bond: &Bond) {
    let listed: Listed = work.read(&Key::Listed).unwrap_or_default();
    let Some(place) = place(&listed, node) else {
        return;
    };
    let mut listed = listed.into_vec();
    match listed.get_mut(place).filter(|_| is_reached(bond)) {
        Some((_, standing)) => *standing = bond.standing,
        None => {
            listed.remove(place);
        }
    }
    work.write(Key::Listed, &Listed::truncated(listed));
}

fn place(listed: &Listed, node: &PublicKey) -> Option<usize> {
    listed.iter().position(|(key, _)| key == node)
}

fn is_reached(bond: &Bond) -> bool {
    bond.enlisted && !bond.address.is_empty()
}
