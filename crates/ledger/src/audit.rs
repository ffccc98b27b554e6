//! Audits: questions with known answers, committed before they are asked (AUD).
//!
//! ```text
//! epoch e-1  commit   a root of salted items for e
//! e to e+2   open     an item with the settled contract that answered it
//! e+3        close    the root counts if all its items are open, else the bond is slashed
//! e+4        merge    what all auditors found: a long and a short record, and by them the ceiling
//! ```

mod close;
mod open;
mod record;

use llmnet_types::{
    audit::AUDIT_ITEMS_MAX,
    bond::Role,
    codec::List,
    id::Digest,
    params::ANSWER_EPOCHS,
    rejection::{Field, Rejection},
    signature::PublicKey,
};

use crate::{
    bond, committee, due,
    event::EventKind,
    record::{Audit, Due},
    state::Key,
    work::Work,
};

pub(crate) use close::{close, merge};
pub(crate) use open::open;
pub(crate) use record::{answered, ceiling, compared, evidence, together};

/// Commits an auditor to items for the next epoch, one root for each epoch (AUD-1).
pub(crate) fn commit(
    work: &mut Work<'_>,
    signer: &PublicKey,
    root: Digest,
    items: u16,
) -> Result<(), Rejection> {
    if items == 0 || items > AUDIT_ITEMS_MAX {
        return Err(Rejection::Bounds {
            field: Field::Items,
        });
    }
    let role = role(work, signer)?;
    let epoch = work.clock.epoch.next().ok_or(Rejection::Overflow)?;
    let closes = epoch.after(ANSWER_EPOCHS).ok_or(Rejection::Overflow)?;
    let key = Key::Audit(*signer, epoch);
    if work.read::<Audit>(&key).is_some() {
        return Err(Rejection::Already);
    }
    let audit = Audit {
        root,
        items,
        opened: [0; AUDIT_ITEMS_MAX as usize / 8],
        role,
        results: List::new(),
        contracts: List::new(),
    };
    work.write(key, &audit);
    let due = Due::Audit {
        auditor: *signer,
        epoch,
    };
    due::push(work, closes, due);
    work.event(EventKind::AuditRooted {
        auditor: *signer,
        epoch,
        items,
    });
    Ok(())
}

/// As what somebody may audit: a validator in office, or an auditor with its least bond (AUD-1).
fn role(work: &Work<'_>, signer: &PublicKey) -> Result<Role, Rejection> {
    let office = committee::office(work);
    if office.is_some_and(|office| office.committee.keys().contains(signer)) {
        return Ok(Role::Validator);
    }
    bond::require(work, signer, Role::Auditor)?;
    Ok(Role::Auditor)
}
