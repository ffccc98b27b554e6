//! Chance from a seed: the same everywhere, and different for each purpose.

use llmnet_protocol::policy::number::mixed;

/// A stream of bits.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// For a purpose: streams of one seed and different purposes have nothing in common.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let purpose = purpose
            .bytes()
            .fold(0, |state, byte| mixed(state ^ u64::from(byte)));
        Self(mixed(seed ^ purpose))
    }

    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mixed(self.0)
    }

    /// A number under `bound`, 0 where that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        // The bias is under one in 2^32 for any bound that occurs.
        let product = u128::from(self.bits()) * bound as u128;
        usize::try_from(product >> 64).unwrap_or(0)
    }

    /// Shuffles in place.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for place in (1..items.len()).rev() {
            let other = self.below(place + 1);
            items.swap(place, other);
        }
    }
}
