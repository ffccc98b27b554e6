//! From where on blocks are kept.

use std::sync::atomic::{AtomicU64, Ordering};

use llmnet_chain::client::{ChainClient, ChainError};
use llmnet_types::units::Height;

/// The oldest kept block as it was last seen: it only ever goes up.
#[derive(Debug, Default)]
pub(super) struct Kept(AtomicU64);

impl Kept {
    /// The oldest block that is kept, up to the newest. What is kept has no gap, so that few reads find it.
    pub(super) async fn from(
        &self,
        chain: &dyn ChainClient,
        newest: Height,
    ) -> Result<Height, ChainError> {
        let mut low = self.0.load(Ordering::Relaxed);
        if chain.block(Height(low)).await?.is_some() {
            return Ok(Height(low));
        }
        let mut high = newest.0;
        while low < high {
            let middle = low + (high - low) / 2;
            if chain.block(Height(middle)).await?.is_some() {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        self.0.fetch_max(low, Ordering::Relaxed);
        Ok(Height(low))
    }
}

#[cfg(test)]
mod tests;
