//! How a coordinator does, epoch by epoch, and who is active at all (REP-5, REP-6).

use llmnet_types::{
    signature::PublicKey,
    units::{Epoch, Score},
};

use crate::{
    record::{Account, Activity, Conduct, Coordinator},
    state::Key,
    work::Work,
};

/// Epochs of which a coordinator's conduct is remembered: this one, the one before, which is closed in this
/// one (REP-8), and one more, as closings may lag behind (WIN-2).
const EPOCHS_KEPT: usize = 3;
/// Slots from which a share of void ones says something (REP-6).
const SLOTS_MIN: u32 = 50;

/// Adds a settlement to its coordinator's record of the epoch.
pub(super) fn count(work: &mut Work<'_>, coordinator: &mut Coordinator, slots: u32, voids: u32) {
    let epoch = work.clock.epoch;
    let conduct = of_epoch(coordinator, epoch);
    let first = conduct.slots == 0;
    conduct.slots = conduct.slots.saturating_add(slots);
    conduct.voids = conduct.voids.saturating_add(voids);
    if first {
        let mut activity = activity(work);
        activity.coordinators = activity.coordinators.saturating_add(1);
        work.write(Key::Activity, &activity);
    }
}

/// The record of an epoch, new if need be; the newest are kept.
///
/// # Panics
/// Never: a record that is not there is made.
pub(crate) fn of_epoch(coordinator: &mut Coordinator, epoch: Epoch) -> &mut Conduct {
    let conduct = &mut coordinator.conduct;
    if conduct.iter().all(|conduct| conduct.epoch != epoch) {
        let surplus = conduct.len().saturating_add(1).saturating_sub(EPOCHS_KEPT);
        conduct.drain(..surplus);
        conduct.push(Conduct {
            epoch,
            ..Conduct::default()
        });
    }
    conduct
        .iter_mut()
        .rev()
        .find(|conduct| conduct.epoch == epoch)
        .expect("a record that is not there is made")
}

/// Whether evidence of this coordinator of an epoch counts (REP-6).
pub(crate) fn counts(coordinator: &Coordinator, epoch: Epoch, void_max: Score) -> bool {
    coordinator
        .conduct
        .iter()
        .filter(|conduct| conduct.epoch == epoch)
        .all(|conduct| {
            let share = Score::ratio(u64::from(conduct.voids), u64::from(conduct.slots));
            !conduct.slashed && (conduct.slots < SLOTS_MIN || share <= void_max)
        })
}

/// Counts a requester's first payment of the epoch.
pub(super) fn asked(work: &mut Work<'_>, requester: &PublicKey) {
    let epoch = work.clock.epoch;
    let mut account: Account = work.account(requester);
    if account.asked == Some(epoch) {
        return;
    }
    account.asked = Some(epoch);
    work.write(Key::Account(*requester), &account);
    let mut activity = activity(work);
    activity.requesters = activity.requesters.saturating_add(1);
    work.write(Key::Activity, &activity);
}

/// Who was active in the clock's epoch.
fn activity(work: &Work<'_>) -> Activity {
    let epoch = work.clock.epoch;
    let activity: Activity = work.read(&Key::Activity).unwrap_or_default();
    if activity.epoch == epoch {
        return activity;
    }
    let consecutive = activity.epoch.next() == Some(epoch);
    Activity {
        epoch,
        before: if consecutive {
            (activity.coordinators, activity.requesters)
        } else {
            (0, 0)
        },
        ..Activity::default()
    }
}
