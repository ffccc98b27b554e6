//! Lines: a requester's money locked for one coordinator (LIN).

use llmnet_types::{
    id::LineId,
    params::RELEASE_EPOCHS,
    rejection::{Field, Rejection},
    signature::PublicKey,
    units::{Amount, Epoch},
};

use crate::{
    due,
    event::EventKind,
    record::{Counters, Due, Line},
    state::Key,
    work::{Place, Work},
};

fn after(epoch: Epoch, epochs: u64) -> Result<Epoch, Rejection> {
    epoch.after(epochs).ok_or(Rejection::Overflow)
}

/// Locks money (LIN-1) and puts its return on the list of the epoch in which it is due (LIN-2).
pub(crate) fn open(
    work: &mut Work<'_>,
    requester: &PublicKey,
    coordinator: &PublicKey,
    amount: Amount,
    expires: Epoch,
) -> Result<(), Rejection> {
    if amount == Amount::ZERO {
        return Err(Rejection::Bounds {
            field: Field::Amount,
        });
    }
    let now = work.clock.epoch;
    let latest = after(now, u64::from(work.params.line_epochs_max))?;
    if expires < now || expires > latest {
        return Err(Rejection::Bounds {
            field: Field::Expiry,
        });
    }
    work.debit(requester, amount, Place::Lines)?;
    let mut counters: Counters = work.read(&Key::Counters).unwrap_or_default();
    let id = counters.line;
    counters.line = id.next().ok_or(Rejection::Overflow)?;
    work.write(Key::Counters, &counters);
    let line = Line {
        requester: *requester,
        coordinator: *coordinator,
        locked: amount,
        drawn: Amount::ZERO,
        n: 0,
        ends: expires,
        closed: false,
        active: None,
    };
    work.write(Key::Line(id), &line);
    let newest = Key::LineOf {
        requester: *requester,
        coordinator: *coordinator,
    };
    work.write(newest, &id);
    let due = after(expires, RELEASE_EPOCHS)?;
    due::push(work, due, Due::Line(id));
    work.event(EventKind::LineOpened {
        line: id,
        requester: *requester,
        coordinator: *coordinator,
        amount,
        expires,
    });
    Ok(())
}

/// Locks more on a line that takes orders (LIN-5).
pub(crate) fn top_up(
    work: &mut Work<'_>,
    signer: &PublicKey,
    id: LineId,
    amount: Amount,
) -> Result<(), Rejection> {
    if amount == Amount::ZERO {
        return Err(Rejection::Bounds {
            field: Field::Amount,
        });
    }
    let line: Option<Line> = work.read(&Key::Line(id));
    let Some(mut line) = line.filter(|line| line.requester == *signer) else {
        return Err(Rejection::Line { line: id });
    };
    if line.closed || line.ends < work.clock.epoch {
        return Err(Rejection::LineClosed { line: id });
    }
    work.debit(signer, amount, Place::Lines)?;
    line.locked = line.locked.checked_add(amount).ok_or(Rejection::Overflow)?;
    work.write(Key::Line(id), &line);
    work.event(EventKind::LineToppedUp { line: id, amount });
    Ok(())
}

/// Ends a line with this epoch (LIN-2). What was ordered before can be settled for one more.
pub(crate) fn close(work: &mut Work<'_>, signer: &PublicKey, id: LineId) -> Result<(), Rejection> {
    let line: Option<Line> = work.read(&Key::Line(id));
    let Some(mut line) = line.filter(|line| line.requester == *signer) else {
        return Err(Rejection::Line { line: id });
    };
    let now = work.clock.epoch;
    if line.closed || line.ends < now {
        return Err(Rejection::LineClosed { line: id });
    }
    line.closed = true;
    line.ends = now;
    work.write(Key::Line(id), &line);
    let due = after(now, RELEASE_EPOCHS)?;
    due::push(work, due, Due::Line(id));
    work.event(EventKind::LineClosed { line: id });
    Ok(())
}
