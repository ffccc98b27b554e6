//! How a coordinator does, epoch by epoch, and who is active at all (REP-5, REP-6).

use llmnet_types::{
    signature::PublicKey,
    units::{Epoch, Score},
};

use crate::{
    record::{Account, Activity, CONDUCT_EPOCHS, Conduct, Coordinator},
    state::Key,
    work::Work,
};

/// Slots from which a share of void ones says something (REP-6).
const SLOTS_MIN: u32 = 50;

/// Adds a settlement to its coordinator's record of the epoch. Void contracts make nobody active: two
/// idle keys must not put an honest third one under the bounds of REP-5.
pub(super) fn count(work: &mut Work<'_>, coordinator: &mut Coordinator, slots: u32, voids: u32) {
    let mut begins = false;
    of_epoch(coordinator, work.clock.epoch, |conduct| {
        let was_active = conduct.slots > conduct.voids;
        conduct.slots = conduct.slots.saturating_add(slots);
        conduct.voids = conduct.voids.saturating_add(voids);
        begins = !was_active && conduct.slots > conduct.voids;
    });
    if begins {
        let mut activity = activity(work);
        activity.coordinators = activity.coordinators.saturating_add(1);
        work.write(Key::Activity, &activity);
    }
}

/// Notes that a coordinator was slashed in the clock's epoch (REP-6).
pub(crate) fn slashed(work: &mut Work<'_>, coordinator: &PublicKey) {
    let key = Key::Coordinator(*coordinator);
    let Some(mut record) = work.read::<Coordinator>(&key) else {
        return;
    };
    of_epoch(&mut record, work.clock.epoch, |conduct| {
        conduct.slashed = true;
    });
    work.write(key, &record);
}

/// Changes the record of the clock's epoch, the newest there is; only a few are kept.
fn of_epoch(coordinator: &mut Coordinator, epoch: Epoch, change: impl FnOnce(&mut Conduct)) {
    let all = &mut coordinator.conduct;
    let known = all.pop_if(|conduct| conduct.epoch == epoch);
    let mut conduct = known.unwrap_or(Conduct {
        epoch,
        ..Conduct::default()
    });
    change(&mut conduct);
    all.push(conduct);
    let surplus = all.len().saturating_sub(CONDUCT_EPOCHS);
    all.drain(..surplus);
}

/// Whether a coordinator's evidence of an epoch counts (REP-6). What is not remembered any more, as
/// evidence was closed very late, does not.
pub(crate) fn evidence_counts(
    work: &Work<'_>,
    coordinator: &PublicKey,
    epoch: Epoch,
    void_max: Score,
) -> bool {
    let record: Option<Coordinator> = work.read(&Key::Coordinator(*coordinator));
    let conduct = record.and_then(|record| {
        let mut conduct = record.conduct.into_iter();
        conduct.find(|conduct| conduct.epoch == epoch)
    });
    conduct.is_some_and(|conduct| {
        let most = u64::from(conduct.slots).saturating_mul(u64::from(void_max.get()));
        let voids = u64::from(conduct.voids).saturating_mul(u64::from(Score::ONE.get()));
        !conduct.slashed && (conduct.slots < SLOTS_MIN || voids <= most)
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

/// How many coordinators and requesters were active in an epoch (REP-5); many where that is not known
/// any more, as evidence was closed very late: it is then cut rather than not.
pub(crate) fn active(work: &Work<'_>, epoch: Epoch) -> (u32, u32) {
    let activity: Activity = work.read(&Key::Activity).unwrap_or_default();
    if activity.epoch == epoch {
        (activity.coordinators, activity.requesters)
    } else if epoch.next() == Some(activity.epoch) {
        activity.before
    } else {
        (u32::MAX, u32::MAX)
    }
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
