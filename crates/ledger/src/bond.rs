//! Bonds: who stands for a node with money, and what an offence costs (BND).

use llmnet_types::{
    bond::{Enlistment, Role},
    codec::Text,
    id::NetworkId,
    rejection::Rejection,
    signature::{PublicKey, Signed},
    units::Amount,
};

use crate::{
    record::Bond,
    state::Key,
    work::{Place, Work},
};

pub(crate) fn enlist(
    _work: &mut Work<'_>,
    _network: &NetworkId,
    _signer: &PublicKey,
    _signed: &Signed<Enlistment>,
) -> Result<(), Rejection> {
    Err(Rejection::NoFault)
}

pub(crate) fn delist(
    _work: &mut Work<'_>,
    _signer: &PublicKey,
    _node: &PublicKey,
    _role: Role,
) -> Result<(), Rejection> {
    Err(Rejection::NoFault)
}

pub(crate) fn add(
    _work: &mut Work<'_>,
    _signer: &PublicKey,
    _node: &PublicKey,
    _role: Role,
    _amount: Amount,
) -> Result<(), Rejection> {
    Err(Rejection::NoFault)
}

pub(crate) fn take(
    _work: &mut Work<'_>,
    _signer: &PublicKey,
    _node: &PublicKey,
    _role: Role,
    _amount: Amount,
) -> Result<(), Rejection> {
    Err(Rejection::NoFault)
}

/// Who posted a node's bond in a role; the node itself where nobody did.
pub(crate) fn operator(_work: &Work<'_>, node: &PublicKey, _role: Role) -> PublicKey {
    *node
}

/// Punishes an offence (BND-5): the parameters' share of the bond goes, at most half of it to the victim
/// and at most its loss; ends the role where too little is left. Gives what the victim got.
pub(crate) fn slash(
    _work: &mut Work<'_>,
    _node: &PublicKey,
    _role: Role,
    _victim: Option<(PublicKey, Amount)>,
) -> Result<Amount, Rejection> {
    Err(Rejection::NoFault)
}

/// Frees what has left by the clock's epoch (BND-3).
pub(crate) fn free(_work: &mut Work<'_>, _node: &PublicKey, _role: Role) {}

/// Refuses who has not the role with at least its least bond (BND-4).
pub(crate) fn require(_work: &Work<'_>, _node: &PublicKey, role: Role) -> Result<(), Rejection> {
    Err(Rejection::NotEnlisted { role })
}

/// Takes a bond from its operator's balance and lets it stand for a node in a role.
pub(crate) fn post(
    work: &mut Work<'_>,
    operator: &PublicKey,
    node: &PublicKey,
    role: Role,
    amount: Amount,
) -> Result<(), Rejection> {
    work.debit(operator, amount, Place::Bonds)?;
    let key = Key::Bond(*node, role);
    let mut bond: Bond = work.read(&key).unwrap_or_else(|| Bond {
        operator: *operator,
        standing: Amount::ZERO,
        leaving: Vec::new(),
        enlisted: true,
        address: Text::empty(),
    });
    bond.standing = bond
        .standing
        .checked_add(amount)
        .ok_or(Rejection::Overflow)?;
    bond.enlisted = true;
    work.write(key, &bond);
    Ok(())
}
