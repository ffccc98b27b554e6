//! Slots and the line: what each new order takes, in one step, so that neither is used twice.

use llmnet_protocol::quote::{LineExhausted, Purse, worst_case};
use llmnet_types::{
    contract::{Terms, Voucher},
    id::{Digest, NetworkId},
    signature::{PrivateKey, Signed},
    units::{Amount, Epoch, Height, Score, Slot},
};

use super::chains::{Chains, NoElement};

/// Epochs that a line must go on for: an order may take some, and is settled after it.
pub(super) const LINE_EPOCHS_MIN: u64 = 8;
/// What the coordinator hands out.
#[derive(Debug)]
pub(super) struct Accounts {
    pub(super) chains: Chains,
    pub(super) next_slot: Slot,
    /// The first slot that is not set aside in the journal, so that it must not be used yet.
    pub(super) reserved: Slot,
    /// Whether the program stops: no more orders.
    pub(super) closed: bool,
    /// The height of the last slot: later slots are never of an earlier one (SEL-1).
    pub(super) height: Height,
    pub(super) purse: Purse,
    /// The last epoch whose orders the line pays for.
    pub(super) line_ends: Epoch,
}

/// When an order is taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    pub(super) height: Height,
    pub(super) epoch: Epoch,
    /// Since when the hash chain in force is that.
    pub(super) chain: Option<Epoch>,
}

/// A slot with its order.
#[derive(Debug)]
pub(super) struct Ordered {
    pub(super) slot: Slot,
    pub(super) secret: Digest,
    pub(super) voucher: Signed<Voucher>,
}

/// Why there is no order.
#[derive(Debug, thiserror::Error)]
pub(super) enum OrderError {
    /// The inputs are older than those of an earlier slot: read them again.
    #[error("the selection's inputs are older than the last slot's")]
    Stale,
    /// The line does not cover it.
    #[error(transparent)]
    Line(#[from] LineExhausted),
    /// The line ends too soon to settle against it.
    #[error("the line ends in epoch {0}")]
    LineEnding(Epoch),
    /// Slots have to be set aside first.
    #[error("no slot is set aside")]
    NoneAside,
    /// No hash chain serves it.
    #[error(transparent)]
    Chain(#[from] NoElement),
    /// There are no more slots at all.
    #[error("the coordinator has no slots left")]
    Slots,
    /// The price is out of range.
    #[error("the worst case of the request is out of range")]
    Price,
}

impl Accounts {
    /// Takes the next slot and signs the order for it.
    pub(super) fn order(
        &mut self,
        at: At,
        terms: &Terms,
        fee: Score,
        network: &NetworkId,
        requester: &PrivateKey,
    ) -> Result<Ordered, OrderError> {
        if at.height < self.height {
            return Err(OrderError::Stale);
        }
        if at.epoch.0.saturating_add(LINE_EPOCHS_MIN) > self.line_ends.0 {
            return Err(OrderError::LineEnding(self.line_ends));
        }
        let slot = self.next_slot;
        if slot >= self.reserved {
            return Err(OrderError::NoneAside);
        }
        let next = slot.next().ok_or(OrderError::Slots)?;
        let secret = self.chains.open(at.chain, slot)?;
        let worst = worst_case(terms, fee).ok_or(OrderError::Price)?;
        let voucher = self.purse.order(terms, worst, network, requester)?;
        self.next_slot = next;
        self.height = at.height;
        Ok(Ordered {
            slot,
            secret,
            voucher,
        })
    }

    /// Notes what an order came to. Those of an earlier line are none of this purse's.
    pub(super) fn charge(&mut self, voucher: &Signed<Voucher>, total: Amount) {
        if voucher.body.line == self.purse.line() {
            self.purse.charge(voucher.body.n, total);
        }
    }
}
