//! Slots and the line: what each new order takes, in one step, so that neither is used twice.

use llmnet_ledger::{chain_element, chain_step};
use llmnet_protocol::quote::{LineExhausted, Purse, worst_case};
use llmnet_types::{
    contract::{Terms, Voucher},
    id::{Digest, NetworkId},
    signature::{PrivateKey, Signed},
    units::{Amount, Epoch, Height, Score, Slot},
};

/// Epochs that a line must go on for: an order may take some, and is settled after it.
pub(super) const LINE_EPOCHS_MIN: u64 = 8;
/// How many elements of the hash chain are kept at a time.
const WINDOW: u32 = 1_024;

/// The coordinator's hash chain, opened one element per slot (ANC-1).
#[derive(Debug)]
pub(super) struct Chain {
    length: u32,
    /// Every `WINDOW`th element, from the first.
    marks: Vec<Digest>,
    /// Elements of the window in use.
    window: (u32, Vec<Digest>),
}

impl Chain {
    pub(super) fn new(secret: Digest, length: u32) -> Self {
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
            length,
            marks,
            window: (u32::MAX, Vec::new()),
        }
    }

    /// The element that a slot opens: `c_{slot + 1}`; `None` when the chain is used up.
    pub(super) fn element(&mut self, slot: Slot) -> Option<Digest> {
        let index = u32::try_from(slot.0)
            .ok()
            .filter(|index| *index < self.length)?;
        let window = index / WINDOW;
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
        self.window.1.get((index % WINDOW) as usize).copied()
    }
}

/// What the coordinator hands out.
#[derive(Debug)]
pub(super) struct Accounts {
    pub(super) chain: Chain,
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
    /// No more slots.
    #[error("the coordinator's hash chain is used up")]
    ChainUsedUp,
    /// The price is out of range.
    #[error("the worst case of the request is out of range")]
    Price,
}

impl Accounts {
    /// Takes the next slot and signs the order for it.
    pub(super) fn order(
        &mut self,
        (height, epoch): (Height, Epoch),
        terms: &Terms,
        fee: Score,
        network: &NetworkId,
        requester: &PrivateKey,
    ) -> Result<Ordered, OrderError> {
        if height < self.height {
            return Err(OrderError::Stale);
        }
        if epoch.0.saturating_add(LINE_EPOCHS_MIN) > self.line_ends.0 {
            return Err(OrderError::LineEnding(self.line_ends));
        }
        let slot = self.next_slot;
        if slot >= self.reserved {
            return Err(OrderError::NoneAside);
        }
        let next = slot.next().ok_or(OrderError::ChainUsedUp)?;
        let secret = self.chain.element(slot).ok_or(OrderError::ChainUsedUp)?;
        let worst = worst_case(terms, fee).ok_or(OrderError::Price)?;
        let voucher = self.purse.order(terms, worst, network, requester)?;
        self.next_slot = next;
        self.height = height;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_gives_the_elements_of_the_chain() {
        let secret = Digest([7; 32]);
        let length = 2 * WINDOW + 10;
        let mut chain = Chain::new(secret, length);
        for index in [
            0,
            1,
            WINDOW - 1,
            WINDOW,
            2 * WINDOW - 1,
            2 * WINDOW,
            length - 1,
            5,
        ] {
            let expected = chain_element(&secret, length, index + 1);
            assert_eq!(
                chain.element(Slot(u64::from(index))),
                Some(expected),
                "slot {index}"
            );
        }
        assert_eq!(chain.element(Slot(u64::from(length))), None);
    }
}
