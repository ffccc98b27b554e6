//! Committees: who is in office, and who is next (COM).

use std::cmp::Reverse;

use llmnet_types::{
    bond::Role,
    network::Committee,
    params::Params,
    signature::PublicKey,
    units::{Amount, Epoch, Height},
};

use crate::{
    event::EventKind,
    record::{Bond, Office, Validators},
    state::{Key, State, read},
    work::Work,
};

/// Whether this is the last block of a term.
fn is_last(params: &Params, height: Height) -> bool {
    let next = height.0.checked_add(1);
    next.and_then(|next| next.checked_rem(params.term_length().max(1))) == Some(0)
}

/// In a term's last block, elects the next committee and puts it in office (COM-2, COM-3).
pub(crate) fn succeed(work: &mut Work<'_>, height: Height) -> Option<Committee> {
    if !is_last(&work.params, height) {
        return None;
    }
    let office: Office = work.read(&Key::Office)?;
    let term = office.term.next()?;
    let committee = elect(work).unwrap_or(office.committee);
    work.write(
        Key::Office,
        &Office {
            term,
            committee: committee.clone(),
        },
    );
    work.event(EventKind::Elected {
        term,
        committee: committee.digest(),
        validators: u32::try_from(committee.keys().len()).unwrap_or(u32::MAX),
    });
    Some(committee)
}

/// The largest bonds among those enlisted before this epoch, ties by key; `None` without any (COM-3).
///
/// Who enlists now may not follow the chain yet, and would be missed in office.
fn elect(work: &Work<'_>) -> Option<Committee> {
    let enlisted: Validators = work.read(&Key::Validators).unwrap_or_default();
    let mut able: Vec<(Reverse<Amount>, PublicKey)> = enlisted
        .iter()
        .filter_map(|node| {
            let bond: Bond = work.read(&Key::Bond(*node, Role::Validator))?;
            let enough = bond.standing >= work.params.validator_bond_min;
            let is_ready = bond.since.is_none_or(|since| since < work.clock.epoch);
            (bond.enlisted && enough && is_ready).then_some((Reverse(bond.standing), *node))
        })
        .collect();
    able.sort_unstable();
    able.truncate(usize::try_from(work.params.committee_max).unwrap_or(usize::MAX));
    Committee::new(able.into_iter().map(|(_, node)| node).collect()).ok()
}

/// Who is in office after the state's block.
pub(crate) fn office(state: &dyn State) -> Option<Office> {
    read(state, &Key::Office)
}

/// The last epoch in which a validator that is in office orders and checks; `None` for any other.
pub(crate) fn last_epoch_in_office(work: &Work<'_>, node: &PublicKey) -> Option<Epoch> {
    let office = office(work)?;
    office.committee.keys().binary_search(node).ok()?;
    let length = u64::from(work.params.term_epochs);
    let next = office.term.0.saturating_add(1);
    Some(Epoch(next.saturating_mul(length).saturating_sub(1)))
}
