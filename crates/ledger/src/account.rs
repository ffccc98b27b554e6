//! Balances.

use llmnet_types::{
    rejection::{Field, Rejection},
    signature::PublicKey,
    units::Amount,
};

use crate::{
    event::EventKind,
    work::{Place, Work},
};

/// Moves free money to another account.
pub(crate) fn transfer(
    work: &mut Work<'_>,
    from: &PublicKey,
    to: &PublicKey,
    amount: Amount,
) -> Result<(), Rejection> {
    if amount == Amount::ZERO {
        return Err(Rejection::Bounds {
            field: Field::Amount,
        });
    }
    // By way of the pool, so that a transfer to oneself is like any other.
    work.debit(from, amount, Place::Pool)?;
    work.credit(to, amount, Place::Pool)?;
    work.event(EventKind::Transferred {
        from: *from,
        to: *to,
        amount,
    });
    Ok(())
}
