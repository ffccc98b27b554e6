//! Which block settled a slot.
//!
//! The ledger remembers settlements only for their windows, and not their blocks. So blocks are looked
//! through: from the newest back as far as is needed, once.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use llmnet_chain::client::ChainClient;
use llmnet_gateway::port::ledger::LedgerError;
use llmnet_types::{
    id::Digest,
    merkle,
    signature::PublicKey,
    units::{Height, Slot},
};

use super::{RETRY_AFTER, unavailable};
use crate::proof::Settlements;

/// How long one request looks through blocks; the next goes on from there.
const PATIENCE: Duration = Duration::from_secs(2);

/// Settlements found so far, and in which blocks was looked for them.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// By coordinator and first slot: how many slots, and the block.
    settled: BTreeMap<(PublicKey, Slot), (u64, Height)>,
    /// The first and the last block that was looked at.
    seen: Option<(Height, Height)>,
}

impl Index {
    /// The block that settled a slot that is known to be settled.
    pub(super) async fn find(
        &mut self,
        chain: &dyn ChainClient,
        kept_from: Height,
        coordinator: &PublicKey,
        slot: Slot,
    ) -> Result<Height, LedgerError> {
        let deadline = Instant::now() + PATIENCE;
        let newest = chain.tip().borrow().height();
        let (mut first, mut last) = match self.seen {
            Some(seen) => seen,
            None => {
                self.look(chain, newest).await?;
                (newest, newest)
            }
        };
        self.seen = Some((first, last));
        while last < newest {
            last = Height(last.0.saturating_add(1));
            self.look(chain, last).await?;
            self.seen = Some((first, last));
            patient(deadline, last, newest)?;
        }
        loop {
            if let Some(height) = self.known(coordinator, slot) {
                return Ok(height);
            }
            if first <= kept_from {
                return Err(LedgerError::Pruned { kept_from });
            }
            first = Height(first.0.saturating_sub(1));
            self.look(chain, first).await?;
            self.seen = Some((first, last));
            patient(deadline, kept_from, first)?;
        }
    }

    fn known(&self, coordinator: &PublicKey, slot: Slot) -> Option<Height> {
        let up_to = ..=(*coordinator, slot);
        let (place, (count, height)) = self.settled.range(up_to).next_back()?;
        let (owner, first_slot) = place;
        let within = owner == coordinator && slot.0 - first_slot.0 < *count;
        within.then_some(*height)
    }

    async fn look(&mut self, chain: &dyn ChainClient, height: Height) -> Result<(), LedgerError> {
        let Some(block) = chain.block(height).await.map_err(unavailable)? else {
            // Dropped a moment ago: the next request starts from where blocks are kept then.
            return Ok(());
        };
        if block.header.settlements == nothing_settled() {
            return Ok(());
        }
        let settlements = Settlements::of(&block).ok_or(LedgerError::Unrecorded { height })?;
        for (head, leaves) in settlements.list() {
            let count = u64::try_from(leaves).unwrap_or(u64::MAX);
            let place = (head.coordinator, head.first_slot);
            self.settled.insert(place, (count, height));
        }
        Ok(())
    }
}

fn patient(deadline: Instant, from: Height, to: Height) -> Result<(), LedgerError> {
    if Instant::now() < deadline {
        return Ok(());
    }
    let left = to.0.saturating_sub(from.0);
    Err(LedgerError::NotReady {
        message: format!("still looking for the block that settled it, {left} to go; ask again"),
        retry_after: RETRY_AFTER,
    })
}

/// The root of a block in which nothing was settled.
fn nothing_settled() -> Digest {
    merkle::root(std::iter::empty::<[u8; 0]>())
}
