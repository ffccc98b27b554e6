//! Epochs and their beacons (EPO-1, EPO-2).

use llmnet_types::{
    id::Digest,
    units::{Epoch, Height},
};

use crate::{due, event::EventKind, record::Clock, state::Key, work::Work};

/// `B_e = H(B_{e-1}, e)` (EPO-2).
pub(crate) fn next_beacon(before: &Digest, epoch: Epoch) -> Digest {
    Digest::tagged("llmnet/beacon/1", &[&before.0, &epoch.0.to_le_bytes()])
}

/// Moves the clock to a block, and sets free what is due.
pub(crate) fn begin(work: &mut Work<'_>, height: Height) {
    let epoch = height.epoch(work.params.epoch_length());
    let mut clock = work.clock;
    while clock.epoch < epoch {
        let Some(next) = clock.epoch.next() else {
            break;
        };
        clock = Clock {
            height,
            epoch: next,
            beacon: next_beacon(&clock.beacon, next),
            beacon_before: clock.beacon,
        };
        work.event(EventKind::EpochStarted {
            epoch: next,
            beacon: clock.beacon,
        });
    }
    clock.height = height;
    work.clock = clock;
    work.write(Key::Clock, &clock);
    due::release(work);
}
