//! Which element of which hash chain a slot opens (ANC-3).
//!
//! ```text
//! slots     ... 41 42 43 | 44 45 46 ...        a slot's chain is the one in force in the epoch of its height,
//! chain      of epoch 3  |  of epoch 9         and its place there how many slots of that chain came before it
//! ```
//!
//! An order needs its element before its slot is settled, the ledger asks for it when it is. Both count alike, but for
//! one case: a slot too old to be settled at its own height is void at a later one, perhaps of the next chain, and all
//! of that chain moves by one. What was ordered by the old count then is void, too.

use std::collections::{BTreeMap, BTreeSet};

use llmnet_ledger::record;
use llmnet_types::{
    id::Digest,
    units::{Epoch, Height, Slot},
};

use crate::anchor::Chain;

/// The chains that the ledger has, as far as slots may still need them.
#[derive(Debug)]
pub(super) struct Chains {
    length: u32,
    held: BTreeMap<Epoch, Held>,
    /// Those of another seed: nothing can be opened of them.
    foreign: BTreeSet<Epoch>,
}

#[derive(Debug)]
struct Held {
    chain: Chain,
    /// The slot that opens its first element, once one does.
    first: Option<Slot>,
    /// Slots below this one may have been ordered by another count.
    certain_from: Slot,
}

/// What a slot that is to be settled opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opening {
    pub(super) element: Digest,
    /// Whether it certainly is what the slot was ordered with.
    pub(super) certain: bool,
}

/// Why a slot has no element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoElement {
    #[error("the coordinator has no hash chain in force that is made from its seed")]
    Unknown,
    #[error("the coordinator's hash chain is used up, and the next not in force yet")]
    UsedUp,
}

impl Chains {
    pub(super) const fn new(length: u32) -> Self {
        Self {
            length,
            held: BTreeMap::new(),
            foreign: BTreeSet::new(),
        }
    }

    /// Those of the ledger's chains that are not known yet.
    pub(super) fn missing(&self, recorded: &record::Chains) -> Vec<record::Chain> {
        let is_missing = |chain: &&record::Chain| {
            !self.held.contains_key(&chain.from) && !self.foreign.contains(&chain.from)
        };
        let missing = recorded.chains.iter().filter(is_missing);
        missing.copied().collect()
    }

    /// Holds a chain, which the ledger records like this while `settled` is the next slot that it settles, and `next`
    /// is the next to be ordered.
    pub(super) fn hold(&mut self, record: &record::Chain, chain: Chain, settled: Slot, next: Slot) {
        let opened = u64::from(self.length.saturating_sub(record.left));
        let held = Held {
            chain,
            first: (opened > 0).then(|| Slot(settled.0.saturating_sub(opened))),
            certain_from: next,
        };
        self.held.insert(record.from, held);
    }

    /// Does without a chain.
    pub(super) fn shun(&mut self, from: Epoch) {
        self.foreign.insert(from);
    }

    /// Lets go of chains that the ledger has let go of.
    pub(super) fn keep(&mut self, recorded: &record::Chains) {
        let is_recorded = |from: Epoch| recorded.chains.iter().any(|chain| chain.from == from);
        self.held.retain(|from, _| is_recorded(*from));
        self.foreign.retain(|from| is_recorded(*from));
    }

    /// What the next slot opens, in the chain that is in force from an epoch on.
    pub(super) fn open(&mut self, from: Option<Epoch>, slot: Slot) -> Result<Digest, NoElement> {
        let held = from.and_then(|from| self.held.get_mut(&from));
        let held = held.ok_or(NoElement::Unknown)?;
        let first = *held.first.get_or_insert(slot);
        let before = u32::try_from(slot.0.saturating_sub(first.0));
        let element = before.ok().and_then(|before| held.chain.element(before));
        element.ok_or(NoElement::UsedUp)
    }

    /// How many slots the chain that is in force from an epoch on still serves.
    pub(super) fn rest(&self, from: Epoch, next: Slot) -> u32 {
        let Some(held) = self.held.get(&from) else {
            return 0;
        };
        let opened = held.first.map_or(0, |first| next.0.saturating_sub(first.0));
        let opened = u32::try_from(opened).unwrap_or(u32::MAX);
        self.length.saturating_sub(opened)
    }

    /// What a slot opens when it is settled: `place` is where the ledger will look for it, `next` the next slot to be
    /// ordered. From then on orders count as the ledger does. `None` where there is no such element.
    pub(super) fn settle(&mut self, place: Place, slot: Slot, next: Slot) -> Option<Opening> {
        let held = self.held.get_mut(&place.from)?;
        let first = Some(Slot(slot.0.checked_sub(u64::from(place.before))?));
        if held.first != first {
            held.first = first;
            held.certain_from = next;
        }
        Some(Opening {
            element: held.chain.element(place.before)?,
            certain: slot >= held.certain_from,
        })
    }
}

/// Where the ledger looks for a slot's element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The chain in force from this epoch on.
    pub(super) from: Epoch,
    /// Slots of this chain before this one.
    pub(super) before: u32,
}

/// Goes through slots as the ledger will, from the next that it settles.
#[derive(Debug)]
pub(super) struct Walk {
    recorded: record::Chains,
    /// Slots gone through, by chain.
    gone: BTreeMap<Epoch, u32>,
    length: u32,
    epoch_length: u64,
}

impl Walk {
    pub(super) const fn new(recorded: record::Chains, length: u32, epoch_length: u64) -> Self {
        Self {
            recorded,
            gone: BTreeMap::new(),
            length,
            epoch_length,
        }
    }

    /// The place of the next slot, which has this height; `None` where no chain was in force then.
    pub(super) fn next(&mut self, height: Height) -> Option<Place> {
        let chain = self.recorded.of(height.epoch(self.epoch_length))?;
        let gone = self.gone.entry(chain.from).or_default();
        let opened = self.length.checked_sub(chain.left)?;
        let before = opened.checked_add(*gone)?;
        *gone = gone.saturating_add(1);
        Some(Place {
            from: chain.from,
            before,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{anchor::Anchors, keys::Keys};
    use llmnet_types::transaction::Instruction;

    const LENGTH: u32 = 8;
    const EPOCH: u64 = 10;

    /// The ledger's record of a chain of ours of which nothing is opened.
    fn anchored(anchors: &Anchors, from: u64) -> record::Chain {
        let Instruction::Anchor { tip, length, .. } = anchors.commit(Epoch(from)) else {
            panic!("no anchor");
        };
        record::Chain {
            from: Epoch(from),
            position: tip,
            left: length,
        }
    }

    struct World {
        chains: Chains,
        recorded: record::Chains,
        anchors: Anchors,
    }

    /// Two chains, the second in force from epoch 3 on.
    fn world(next: u64) -> World {
        let anchors = Anchors::of_length(Keys::new([5; 32]), LENGTH);
        let mut chains = Chains::new(LENGTH);
        let recorded = record::Chains {
            chains: vec![anchored(&anchors, 0), anchored(&anchors, 3)],
            anchored: None,
        };
        for chain in chains.missing(&recorded) {
            let found = anchors.find(&chain).unwrap();
            chains.hold(&chain, found, Slot(0), Slot(next));
        }
        World {
            chains,
            recorded,
            anchors,
        }
    }

    impl World {
        fn element(&self, from: u64, before: u32) -> Digest {
            let mut chain = self.anchors.find(&anchored(&self.anchors, from)).unwrap();
            chain.element(before).unwrap()
        }

        /// What slots of these heights open when they are settled.
        fn settle(&mut self, heights: &[u64], next: u64) -> Vec<Opening> {
            let mut walk = Walk::new(self.recorded.clone(), LENGTH, EPOCH);
            let slots = (0..).zip(heights).map(|(slot, height)| {
                let place = walk.next(Height(*height)).unwrap();
                self.chains.settle(place, Slot(slot), Slot(next)).unwrap()
            });
            slots.collect()
        }
    }

    #[test]
    fn anc_3_orders_and_settlements_count_alike_over_a_change_of_chains() {
        let mut world = world(0);
        let heights = [5, 5, 29, 30, 31];
        let ordered: Vec<_> = (0..)
            .zip(heights)
            .map(|(slot, height)| {
                let chain = world.recorded.of(Height(height).epoch(EPOCH));
                let from = chain.map(|chain| chain.from);
                world.chains.open(from, Slot(slot)).unwrap()
            })
            .collect();
        assert_eq!(ordered[2], world.element(0, 2));
        assert_eq!(ordered[3], world.element(3, 0));
        for (opening, element) in world.settle(&heights, 5).into_iter().zip(ordered) {
            assert_eq!((opening.element, opening.certain), (element, true));
        }
        assert_eq!(world.chains.rest(Epoch(0), Slot(3)), LENGTH - 3);
        assert_eq!(world.chains.rest(Epoch(3), Slot(5)), LENGTH - 2);
    }

    #[test]
    fn a_slot_that_is_void_in_the_next_chain_moves_what_follows_and_says_so() {
        let mut world = world(0);
        world.chains.open(Some(Epoch(0)), Slot(0)).unwrap();
        let ordered = world.chains.open(Some(Epoch(3)), Slot(1)).unwrap();
        // Slot 0 came too late, and is void at height 30.
        let settled = world.settle(&[30, 31], 2);
        assert_eq!(settled[0].element, world.element(3, 0));
        assert_eq!(settled[1].element, world.element(3, 1));
        assert_ne!(settled[1].element, ordered);
        assert!(!settled[1].certain, "slot 1 was ordered by another count");
        // From then on orders count as the ledger does.
        let next = world.chains.open(Some(Epoch(3)), Slot(2)).unwrap();
        assert_eq!(next, world.element(3, 2));
        assert!(world.settle(&[30, 31, 32], 3)[2].certain);
    }

    #[test]
    fn a_start_goes_on_where_the_ledger_is_and_trusts_nothing_of_before() {
        let mut world = world(4);
        let settled = world.settle(&[5, 29, 30, 30], 4);
        assert!(settled.iter().all(|opening| !opening.certain));
        let next = world.chains.open(Some(Epoch(3)), Slot(4)).unwrap();
        assert_eq!(next, world.element(3, 2));
        // The ledger is five slots on in the second chain.
        let mut record = anchored(&world.anchors, 3);
        record.left = LENGTH - 5;
        record.position = world.element(3, 4);
        let mut chains = Chains::new(LENGTH);
        let found = world.anchors.find(&record).unwrap();
        chains.hold(&record, found, Slot(100), Slot(100));
        let next = chains.open(Some(Epoch(3)), Slot(100)).unwrap();
        assert_eq!(next, world.element(3, 5));
    }

    #[test]
    fn without_a_chain_there_is_no_order() {
        let mut world = world(0);
        for slot in 0..u64::from(LENGTH) {
            world.chains.open(Some(Epoch(0)), Slot(slot)).unwrap();
        }
        let past = Slot(u64::from(LENGTH));
        let used_up = world.chains.open(Some(Epoch(0)), past);
        assert_eq!(used_up, Err(NoElement::UsedUp));
        assert_eq!(world.chains.rest(Epoch(0), past), 0);
        let unknown = world.chains.open(Some(Epoch(9)), past);
        assert_eq!(unknown, Err(NoElement::Unknown));
        assert_eq!(world.chains.open(None, past), Err(NoElement::Unknown));
        // The ledger let go of the first, and nobody knows whose the third is.
        world.recorded.chains.remove(0);
        world.chains.keep(&world.recorded);
        let unknown = world.chains.open(Some(Epoch(0)), past);
        assert_eq!(unknown, Err(NoElement::Unknown));
        let other = Anchors::of_length(Keys::new([6; 32]), LENGTH);
        world.recorded.chains.push(anchored(&other, 7));
        assert_eq!(world.chains.missing(&world.recorded).len(), 1);
        world.chains.shun(Epoch(7));
        assert!(world.chains.missing(&world.recorded).is_empty());
        assert_eq!(world.chains.rest(Epoch(7), past), 0);
    }
}
