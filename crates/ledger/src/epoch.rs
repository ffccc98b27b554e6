//! Epochs, their beacons, and what their first blocks do (EPO, WIN-2).

use llmnet_types::{id::Digest, signature::PublicKey, units::Epoch};

use crate::{
    BlockFault, anchor, due, event::EventKind, execute::BlockInfo, pool, record::Clock, state::Key,
    vote, work::Work,
};

/// `B_e = H(B_{e-1}, mix, e)` (EPO-2).
fn next_beacon(before: &Digest, mix: &Digest, epoch: Epoch) -> Digest {
    Digest::tagged(
        "llmnet/beacon/1",
        &[&before.0, &mix.0, &epoch.0.to_le_bytes()],
    )
}

/// Moves the clock to a block, does what is due, and takes its leader's reveal.
pub(crate) fn begin(work: &mut Work<'_>, block: &BlockInfo) -> Result<(), BlockFault> {
    let epoch = block.height.epoch(work.params.epoch_length());
    let mut clock = work.clock;
    let began = clock.epoch;
    while clock.epoch < epoch {
        let Some(next) = clock.epoch.next() else {
            break;
        };
        let [first, second, third, _] = clock.beacons;
        clock = Clock {
            height: block.height,
            epoch: next,
            beacons: [next_beacon(&first, &clock.mix, next), first, second, third],
            mix: Digest::ZERO,
        };
        work.event(EventKind::EpochStarted {
            epoch: next,
            beacon: clock.beacon(),
        });
    }
    clock.height = block.height;
    work.clock = clock;
    if clock.epoch > began {
        vote::enact(work);
        pool::pay(work);
    }
    due::release(work);
    pool::count(work, &block.leader);
    let taken = mix(work, &block.leader, block.reveal);
    let clock = work.clock;
    work.write(Key::Clock, &clock);
    taken
}

fn mix(work: &mut Work<'_>, leader: &PublicKey, reveal: Option<Digest>) -> Result<(), BlockFault> {
    let element = anchor::reveal(work, leader, reveal).ok_or(BlockFault::Reveal)?;
    if let Some(element) = element {
        let mix = work.clock.mix;
        work.clock.mix = Digest::tagged("llmnet/mix/1", &[&mix.0, &element.0]);
    }
    Ok(())
}
