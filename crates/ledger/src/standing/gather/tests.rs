//! Evidence that is closed late: blocks release a bounded number (WIN-2), so that an epoch may still be open
//! when evidence of the next comes, and its sources may be forgotten.

use llmnet_types::{
    id::Digest,
    params::Params,
    units::{Epoch, Height},
};

use super::*;
use crate::{
    record::{Activity, BEACONS, Clock, Conduct, Coordinator},
    state::MemoryState,
    work::Signatures,
};

const PROVIDER: ProviderId = ProviderId(3);
const DOMAIN: DomainId = DomainId(1);
const UNIT: u64 = 1_000_000;

fn key(number: u8) -> PublicKey {
    PublicKey([number; 32])
}

fn in_epoch(state: &MemoryState, epoch: u64) -> Work<'_> {
    let params = Params::local();
    let clock = Clock {
        height: Height(epoch * params.epoch_length() + 5),
        epoch: Epoch(epoch),
        beacons: [Digest::ZERO; BEACONS],
        mix: Digest::ZERO,
    };
    Work::new(state, &Signatures::Checked, params, clock)
}

fn kept(state: &mut MemoryState, run: impl FnOnce(&MemoryState) -> crate::state::Writes) {
    let writes = run(state);
    state.apply(&writes);
}

/// A coordinator says so many units for the provider in an epoch in which it settled.
fn said(state: &mut MemoryState, epoch: u64, coordinator: u8, units: u64) {
    kept(state, |state| {
        let mut work = in_epoch(state, epoch);
        let mut record: Coordinator = work
            .read(&Key::Coordinator(key(coordinator)))
            .unwrap_or_default();
        record.conduct.push(Conduct {
            epoch: Epoch(epoch),
            slots: 1,
            ..Conduct::default()
        });
        let surplus = record
            .conduct
            .len()
            .saturating_sub(crate::record::CONDUCT_EPOCHS);
        record.conduct.drain(..surplus);
        work.write(Key::Coordinator(key(coordinator)), &record);
        work.write(
            Key::Activity,
            &Activity {
                epoch: Epoch(epoch),
                coordinators: 1,
                requesters: 1,
                before: (1, 1),
            },
        );
        let evidence = Evidence {
            requesters: vec![(key(9), (units * UNIT, 0))],
            samples: 1,
            latencies_ms: vec![100],
        };
        gather(&mut work, PROVIDER, DOMAIN, &key(coordinator), evidence);
        work.into_changes().writes
    });
}

fn standing(state: &MemoryState, epoch: u64) -> Standing {
    let work = in_epoch(state, epoch);
    work.read(&Key::Standing(PROVIDER, DOMAIN)).unwrap()
}

fn positive(state: &MemoryState, epoch: u64) -> u64 {
    let standing = standing(state, epoch);
    history::newest(&standing, &Params::local(), Epoch(epoch))
        .reputation
        .positive
}

#[test]
fn rep_8_evidence_of_the_next_epoch_closes_that_of_the_last_if_nothing_else_did() {
    let mut state = MemoryState::default();
    said(&mut state, 1, 1, 5);
    assert_eq!(positive(&state, 1), 5 * UNIT);
    said(&mut state, 2, 1, 1);
    let gathering = standing(&state, 2).gathering.unwrap();
    assert_eq!(
        (gathering.epoch, gathering.before.positive),
        (Epoch(2), 4_900_000)
    );
    assert_eq!(positive(&state, 2), 5_900_000);
    // The late closing of the first leaves the second alone, and that of the second is on its own list.
    kept(&mut state, |state| {
        let mut work = in_epoch(state, 2);
        close(&mut work, PROVIDER, DOMAIN);
        work.into_changes().writes
    });
    assert!(standing(&state, 2).gathering.is_some());
    kept(&mut state, |state| {
        let mut work = in_epoch(state, 3);
        close(&mut work, PROVIDER, DOMAIN);
        work.into_changes().writes
    });
    assert_eq!(standing(&state, 3).gathering, None);
    assert_eq!(positive(&state, 3), 5_782_000);
}

/// REP-5, REP-6: what is not known any more is held against the evidence, not for it.
#[test]
fn rep_8_evidence_closed_after_its_sources_are_forgotten_is_cut() {
    let closed_in = |epoch: u64, settles_on: bool| {
        let mut state = MemoryState::default();
        said(&mut state, 1, 1, 5);
        for later in 2..=epoch {
            if settles_on {
                // About others: the coordinator goes on, and this standing waits.
                let before = standing(&state, 1);
                said(&mut state, later, 1, 1);
                kept(&mut state, |state| {
                    let mut work = in_epoch(state, later);
                    work.write(Key::Standing(PROVIDER, DOMAIN), &before);
                    work.into_changes().writes
                });
            }
        }
        kept(&mut state, |state| {
            let mut work = in_epoch(state, epoch);
            close(&mut work, PROVIDER, DOMAIN);
            work.into_changes().writes
        });
        positive(&state, epoch)
    };
    assert_eq!(closed_in(2, true), 4_900_000);
    // Nobody was active since: it is known who was before.
    assert_eq!(closed_in(3, false), 4_802_000);
    // How many were active is forgotten: as with many, one source gives a unit.
    assert_eq!(closed_in(4, true), 941_192);
    // How the coordinator did is forgotten too: nothing counts.
    assert_eq!(closed_in(5, true), 0);
}

#[test]
fn rep_7_a_version_of_the_next_epoch_closes_first() {
    let mut state = MemoryState::default();
    said(&mut state, 1, 1, 5);
    kept(&mut state, |state| {
        let mut work = in_epoch(state, 2);
        shrink(&mut work, PROVIDER, &[DOMAIN, DomainId(7)], Score::HALF);
        work.into_changes().writes
    });
    assert_eq!(positive(&state, 2), 2_450_000);
    assert_eq!(standing(&state, 2).gathering, None);
    let unknown = Key::Standing(PROVIDER, DomainId(7));
    assert!(crate::state::read::<Standing>(&state, &unknown).is_none());
}

/// REP-1: in the last epoch there can be nothing is gathered, as nothing would close it.
#[test]
fn rep_8_the_end_of_time_gathers_nothing() {
    let state = MemoryState::default();
    let mut work = in_epoch(&state, 0);
    work.clock.epoch = Epoch(u64::MAX);
    gather(&mut work, PROVIDER, DOMAIN, &key(1), Evidence::default());
    assert!(work.into_changes().writes.is_empty());
}

#[test]
fn latency_is_smoothed_over_about_eight_answers() {
    assert_eq!(smoothed(0, 400), 400);
    assert_eq!(smoothed(400, 1_200), 500);
    let settled = (0..64).fold(10_000, |before, _| smoothed(before, 100));
    assert!((100..110).contains(&settled), "{settled}");
    assert_eq!(smoothed(u32::MAX, u32::MAX), u32::MAX);
}
