//! Bonds: who stands for a node with money, and what an offence costs (BND).
//!
//! ```text
//!          enlist, register, add            take, delist, retire             six epochs later
//! balance ------------------------> standing -----------------> leaving ---------------------> balance
//!                                      |                           |
//!                                      +------- slash (BND-5) -----+----> burnt, victims
//! ```
//!
//! A bond is kept under a node's key and its role, with one operator as long as anything of it is left:
//! so neither leaving, nor joining again, nor another key takes money away from an offence.

mod enlist;
mod leave;
mod listing;
mod slash;

#[cfg(test)]
mod tests;

use llmnet_types::{
    bond::Role, codec::Text, params::Params, rejection::Rejection, signature::PublicKey,
    units::Amount,
};

use crate::{
    record::Bond,
    registry,
    state::Key,
    work::{Place, Work},
};

pub(crate) use enlist::{add, enlist};
pub(crate) use leave::{delist, end, free, hand_over, take};
pub(crate) use slash::slash;

/// Who posted a node's bond in a role; the node itself where nobody did.
pub(crate) fn operator(work: &Work<'_>, node: &PublicKey, role: Role) -> PublicKey {
    let holder = holder(work, node, role);
    get(work, &holder, role).map_or(holder, |bond| bond.operator)
}

/// Refuses who has not the role with at least its least bond (BND-4).
pub(crate) fn require(work: &Work<'_>, node: &PublicKey, role: Role) -> Result<(), Rejection> {
    let holder = holder(work, node, role);
    let bond = get(work, &holder, role).filter(|bond| bond.enlisted);
    let bond = bond.ok_or(Rejection::NotEnlisted { role })?;
    let needed = needed(work, &holder, role);
    if bond.standing < needed {
        return Err(Rejection::Bond {
            needed,
            available: bond.standing,
        });
    }
    Ok(())
}

/// Refuses a coordinator that has not the bond that the parameters ask for (BND-4).
pub(crate) fn require_coordinator(work: &Work<'_>, node: &PublicKey) -> Result<(), Rejection> {
    if work.params.coordinator_bond_min == Amount::ZERO {
        return Ok(());
    }
    require(work, node, Role::Coordinator)
}

/// All that an offence can cost a node in a role (BND-5).
pub(crate) fn total(work: &Work<'_>, node: &PublicKey, role: Role) -> Amount {
    let holder = holder(work, node, role);
    get(work, &holder, role).map_or(Amount::ZERO, |bond| bond.total())
}

/// The key that a bond is kept under: a respondent's of today, however often it was rotated (REG-6).
fn holder(work: &Work<'_>, node: &PublicKey, role: Role) -> PublicKey {
    match role {
        Role::Respondent => registry::key_of_today(work, node),
        _ => *node,
    }
}

fn get(work: &Work<'_>, holder: &PublicKey, role: Role) -> Option<Bond> {
    work.read(&Key::Bond(*holder, role))
}

/// Keeps a bond, or forgets it once it stands for nothing and nothing of it is left.
fn put(work: &mut Work<'_>, holder: &PublicKey, role: Role, bond: &Bond) {
    let key = Key::Bond(*holder, role);
    if !bond.enlisted && bond.total() == Amount::ZERO {
        work.remove(key);
    } else {
        work.write(key, bond);
    }
    if role == Role::Coordinator {
        listing::keep(work, holder, bond);
    }
}

/// What a role needs while a node has it (BND-1, BND-2): the registered bonds, else the least bond.
fn needed(work: &Work<'_>, holder: &PublicKey, role: Role) -> Amount {
    match role {
        Role::Respondent => registry::registered_bonds(work, holder),
        _ => least(&work.params, role),
    }
}

/// The least bond of a role; of a respondent, for each domain.
const fn least(params: &Params, role: Role) -> Amount {
    match role {
        Role::Respondent => params.bond_min,
        Role::Coordinator => params.coordinator_bond_min,
        Role::Validator => params.validator_bond_min,
        Role::Auditor => params.auditor_bond_min,
    }
}

/// Takes a bond from its operator's balance and lets it stand for a node in a role. Whose money is left
/// of an earlier time in that role stays its operator (BND-1).
pub(crate) fn post(
    work: &mut Work<'_>,
    operator: &PublicKey,
    node: &PublicKey,
    role: Role,
    amount: Amount,
) -> Result<(), Rejection> {
    let mut bond = get(work, node, role).unwrap_or_else(|| Bond {
        operator: *operator,
        standing: Amount::ZERO,
        leaving: Vec::new(),
        enlisted: true,
        since: None,
        address: Text::empty(),
    });
    if bond.operator != *operator {
        return Err(Rejection::Operator);
    }
    work.debit(operator, amount, Place::Bonds)?;
    bond.standing = bond
        .standing
        .checked_add(amount)
        .ok_or(Rejection::Overflow)?;
    bond.enlisted = true;
    put(work, node, role, &bond);
    Ok(())
}
