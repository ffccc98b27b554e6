//! Hash chains that a coordinator anchors (ANC-1): made from its seed and numbered, so that nothing but the seed need be
//! kept, and the ledger's record tells which one it is.

use llmnet_ledger::{GenesisAnchor, chain_element, chain_step, record};
use llmnet_types::{
    bond::ChainUse, id::Digest, signature::PublicKey, transaction::Instruction, units::Epoch,
};

use crate::keys::Keys;

/// How many slots a chain serves.
pub const LENGTH: u32 = 1 << 18;
/// How many elements of a chain are kept at a time.
const WINDOW: u32 = 1_024;
/// Epochs that an anchor may have taken from its making to its block.
const DELAY_MAX: u64 = 16;

/// What a coordinator's chains are made from.
#[derive(Debug, Clone)]
pub struct Anchors {
    keys: Keys,
    length: u32,
}

impl Anchors {
    /// The chains of the coordinator with these keys.
    pub const fn new(keys: Keys) -> Self {
        Self::of_length(keys, LENGTH)
    }

    /// Chains that serve another number of slots, at least one.
    pub const fn of_length(keys: Keys, length: u32) -> Self {
        Self { keys, length }
    }

    pub(crate) const fn length(&self) -> u32 {
        self.length
    }

    fn tip(&self, number: Epoch) -> Digest {
        chain_element(&self.keys.chain(number), self.length, 0)
    }

    /// The first chain of a coordinator, in force from the genesis on.
    pub fn first(&self, coordinator: PublicKey) -> GenesisAnchor {
        GenesisAnchor {
            coordinator,
            tip: self.tip(Epoch(0)),
            length: self.length,
        }
    }

    /// Commits to the chain that is in force from this epoch on, if a block takes it in the one before. Hashes for
    /// some hundredths of a second.
    pub fn commit(&self, from: Epoch) -> Instruction {
        Instruction::Anchor {
            purpose: ChainUse::Slots,
            tip: self.tip(from),
            length: self.length,
        }
    }

    /// The chain that the ledger's record is of, if it is one of these. Hashes as [`Anchors::commit`] does, longer where
    /// the anchor was late.
    pub(crate) fn find(&self, record: &record::Chain) -> Option<Chain> {
        let opened = self.length.checked_sub(record.left)?;
        let numbers = (record.from.0.saturating_sub(DELAY_MAX)..=record.from.0).rev();
        let mut chains =
            numbers.map(|number| Chain::new(self.keys.chain(Epoch(number)), self.length));
        chains.find(|chain| chain.at(opened) == Some(record.position))
    }
}

/// One chain, opened element by element.
#[derive(Debug)]
pub(crate) struct Chain {
    tip: Digest,
    length: u32,
    /// Every `WINDOW`th element, from the first.
    marks: Vec<Digest>,
    /// Elements of the window in use.
    window: (u32, Vec<Digest>),
}

impl Chain {
    fn new(secret: Digest, length: u32) -> Self {
        let windows = length.div_ceil(WINDOW);
        let mut element = secret;
        let mut at = length;
        let mut marks = vec![Digest::ZERO; windows as usize];
        for window in (0..windows).rev() {
            let end = ((window + 1) * WINDOW).min(length);
            element = chain_element(&element, at, end);
            at = end;
            marks[window as usize] = element;
        }
        Self {
            tip: chain_element(&element, at, 0),
            length,
            marks,
            window: (u32::MAX, Vec::new()),
        }
    }

    /// `c_position`, where the ledger is with so many opened.
    fn at(&self, opened: u32) -> Option<Digest> {
        let Some(index) = opened.checked_sub(1) else {
            return Some(self.tip);
        };
        let window = index / WINDOW;
        let last = ((window + 1) * WINDOW).min(self.length);
        let mark = self.marks.get(window as usize)?;
        Some(chain_element(mark, last, opened))
    }

    /// What the slot opens that has so many of this chain before it; `None` when the chain is used up.
    pub(crate) fn element(&mut self, before: u32) -> Option<Digest> {
        if before >= self.length {
            return None;
        }
        let window = before / WINDOW;
        if self.window.0 != window {
            let first = window * WINDOW + 1;
            let last = ((window + 1) * WINDOW).min(self.length);
            let mut elements = vec![*self.marks.get(window as usize)?];
            for _ in first..last {
                elements.push(chain_step(elements.last()?));
            }
            elements.reverse();
            self.window = (window, elements);
        }
        self.window.1.get((before % WINDOW) as usize).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: u32 = 2 * WINDOW + 10;

    #[test]
    fn the_window_gives_the_elements_of_the_chain() {
        let secret = Digest([7; 32]);
        let mut chain = Chain::new(secret, SHORT);
        for before in [
            0,
            1,
            WINDOW - 1,
            WINDOW,
            2 * WINDOW - 1,
            2 * WINDOW,
            SHORT - 1,
            5,
        ] {
            let expected = Some(chain_element(&secret, SHORT, before + 1));
            assert_eq!(chain.element(before), expected, "slot {before}");
            assert_eq!(chain.at(before + 1), expected, "slot {before}");
        }
        assert_eq!(chain.element(SHORT), None);
        assert_eq!(chain.at(0), Some(chain_element(&secret, SHORT, 0)));
    }

    #[test]
    fn the_ledgers_record_tells_which_chain_it_is_of() {
        let anchors = Anchors::of_length(Keys::new([3; 32]), SHORT);
        let Instruction::Anchor { tip, length, .. } = anchors.commit(Epoch(40)) else {
            panic!("not an anchor");
        };
        // It came a little late, and five slots are settled.
        let mut chain = Chain::new(anchors.keys.chain(Epoch(40)), SHORT);
        let mut record = record::Chain {
            from: Epoch(42),
            position: tip,
            left: length,
        };
        assert!(anchors.find(&record).is_some());
        record.left -= 5;
        assert!(anchors.find(&record).is_none());
        record.position = chain.element(4).unwrap();
        let mut found = anchors.find(&record).unwrap();
        assert_eq!(found.element(5), chain.element(5));
        let other = Anchors::of_length(Keys::new([4; 32]), SHORT);
        assert!(other.find(&record).is_none());
    }
}
