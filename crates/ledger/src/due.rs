//! Lists of what each epoch does by itself, so that every hold ends (WIN-2, LIN-2, SET-6).

use llmnet_types::{id::LineId, units::Epoch};

use crate::{
    audit, bond, dispute,
    event::EventKind,
    record::{Due, DueCursor, Line},
    registry, settle, standing,
    state::Key,
    work::{Place, Work},
};

/// Entries of a page.
pub(crate) const PAGE: u32 = 64;
/// What one block does at most, in [`units`]; what remains is the next block's (WIN-2). It is as much as the
/// transactions of a full block can put on the lists, so that no flood of small holds makes the lists longer
/// from epoch to epoch and everybody's money late.
const UNITS_PER_BLOCK: u32 = 32_768;
/// The most epochs one block walks through.
const EPOCHS_PER_BLOCK: u32 = 64;

const fn page(index: u32) -> u32 {
    index / PAGE
}

/// What an entry costs, where the payment of one hold is 1. A settlement costs one more for each that it holds.
const fn units(due: &Due) -> u32 {
    match due {
        Due::Line(_)
        | Due::Settlement { .. }
        | Due::Bond { .. }
        | Due::Challenge { .. }
        | Due::Claims { .. } => 1,
        Due::Standing(..) | Due::Findings(..) | Due::Retired(_) => 8,
        // Hands on what was found about all providers it names.
        Due::Audit { .. } => 1_024,
    }
}

/// Puts an entry on an epoch's list; on the next one's where that has begun already, as lists are taken in
/// order and never again.
pub(crate) fn push(work: &mut Work<'_>, epoch: Epoch, due: Due) {
    let ahead = work.clock.epoch.next().unwrap_or(epoch);
    let epoch = epoch.max(ahead);
    let count: u32 = work.read(&Key::DueCount(epoch)).unwrap_or(0);
    let key = Key::Due {
        epoch,
        page: page(count),
    };
    let mut entries: Vec<Due> = work.read(&key).unwrap_or_default();
    entries.push(due);
    work.write(key, &entries);
    work.write(Key::DueCount(epoch), &count.saturating_add(1));
}

/// Sets free what is due up to the clock's epoch, within a block's bounds.
pub(crate) fn release(work: &mut Work<'_>) {
    let mut cursor: DueCursor = work.read(&Key::DueCursor).unwrap_or_default();
    let mut left = UNITS_PER_BLOCK;
    for _ in 0..EPOCHS_PER_BLOCK {
        let epoch = cursor.epoch;
        if epoch > work.clock.epoch || !release_list(work, &mut cursor, &mut left) {
            break;
        }
        work.remove(Key::DueCount(epoch));
        let Some(next) = epoch.next() else { break };
        cursor = DueCursor {
            epoch: next,
            index: 0,
        };
    }
    work.write(Key::DueCursor, &cursor);
}

/// Works on the list of the cursor's epoch. Says whether it is done.
fn release_list(work: &mut Work<'_>, cursor: &mut DueCursor, left: &mut u32) -> bool {
    let epoch = cursor.epoch;
    let count: u32 = work.read(&Key::DueCount(epoch)).unwrap_or(0);
    while cursor.index < count {
        let page = page(cursor.index);
        let key = Key::Due { epoch, page };
        let entries: Vec<Due> = work.read(&key).unwrap_or_default();
        let end = page.saturating_add(1).saturating_mul(PAGE).min(count);
        while cursor.index < end {
            if *left == 0 {
                return false;
            }
            // A page that is not loaded yet is walked through as well, and costs as much.
            let place = usize::try_from(cursor.index % PAGE).unwrap_or(usize::MAX);
            let spent = entries.get(place).map_or(1, |due| free(work, *due));
            *left = left.saturating_sub(spent);
            cursor.index = cursor.index.saturating_add(1);
        }
        work.remove(key);
    }
    true
}

/// Does what is due. Says what it cost, in [`units`].
fn free(work: &mut Work<'_>, due: Due) -> u32 {
    let mut spent = units(&due);
    match due {
        Due::Line(line) => free_line(work, line),
        Due::Settlement {
            coordinator,
            first_slot,
        } => {
            let paid = settle::release(work, &coordinator, first_slot);
            spent = spent.saturating_add(paid);
        }
        Due::Bond { node, role } => bond::free(work, &node, role),
        Due::Standing(provider, domain) => standing::close(work, provider, domain),
        Due::Challenge { coordinator, slot } => dispute::end(work, &coordinator, slot),
        Due::Claims { coordinator, epoch } => dispute::forget(work, &coordinator, epoch),
        Due::Audit { auditor, epoch } => audit::close(work, &auditor, epoch),
        Due::Findings(provider, domain) => audit::merge(work, provider, domain),
        Due::Retired(provider) => registry::forget(work, provider),
    }
    spent
}

/// Returns what is left of a line. One that was closed early is on two lists and gone at the second.
fn free_line(work: &mut Work<'_>, id: LineId) {
    let Some(line) = work.read::<Line>(&Key::Line(id)) else {
        return;
    };
    let rest = line.rest();
    // All money together fits in 64 bits (TXN-4), so this cannot overflow.
    if work.credit(&line.requester, rest, Place::Lines).is_err() {
        return;
    }
    work.remove(Key::Line(id));
    let newest = Key::LineOf {
        requester: line.requester,
        coordinator: line.coordinator,
    };
    if work.read::<LineId>(&newest) == Some(id) {
        work.remove(newest);
    }
    work.event(EventKind::LineReleased {
        line: id,
        requester: line.requester,
        amount: rest,
    });
}
