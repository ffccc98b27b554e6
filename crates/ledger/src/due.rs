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
const PAGE: u32 = 64;
/// The most entries one block looks at; what remains is the next block's.
const ENTRIES_PER_BLOCK: u32 = 512;
/// The most epochs one block walks through.
const EPOCHS_PER_BLOCK: u32 = 64;

const fn page(index: u32) -> u32 {
    index / PAGE
}

/// Puts an entry on an epoch's list. The epoch must lie ahead.
pub(crate) fn push(work: &mut Work<'_>, epoch: Epoch, due: Due) {
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
    let mut entries_left = ENTRIES_PER_BLOCK;
    let mut epochs_left = EPOCHS_PER_BLOCK;
    while cursor.epoch <= work.clock.epoch && entries_left > 0 && epochs_left > 0 {
        let epoch = cursor.epoch;
        let count: u32 = work.read(&Key::DueCount(epoch)).unwrap_or(0);
        if cursor.index >= count {
            if count > 0 {
                work.remove(Key::DueCount(epoch));
            }
            let Some(next) = epoch.next() else { break };
            cursor = DueCursor {
                epoch: next,
                index: 0,
            };
            epochs_left = epochs_left.saturating_sub(1);
            continue;
        }
        // A page at a time: pages end where the index is a multiple of their size.
        let page = page(cursor.index);
        let key = Key::Due { epoch, page };
        let entries: Vec<Due> = work.read(&key).unwrap_or_default();
        for due in entries {
            free(work, due);
        }
        work.remove(key);
        entries_left = entries_left.saturating_sub(PAGE);
        cursor.index = page.saturating_add(1).saturating_mul(PAGE).min(count);
    }
    work.write(Key::DueCursor, &cursor);
}

fn free(work: &mut Work<'_>, due: Due) {
    match due {
        Due::Line(line) => free_line(work, line),
        Due::Settlement {
            coordinator,
            first_slot,
        } => settle::release(work, &coordinator, first_slot),
        Due::Bond { node, role } => bond::free(work, &node, role),
        Due::Standing(provider, domain) => standing::close(work, provider, domain),
        Due::Challenge { coordinator, slot } => dispute::end(work, &coordinator, slot),
        Due::Claims { coordinator, epoch } => dispute::forget(work, &coordinator, epoch),
        Due::Audit { auditor, epoch } => audit::close(work, &auditor, epoch),
        Due::Findings(provider, domain) => audit::merge(work, provider, domain),
        Due::Retired(provider) => registry::forget(work, provider),
    }
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
