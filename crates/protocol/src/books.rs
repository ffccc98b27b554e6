//! A respondent's books: what coordinators owe it, and whether a settlement pays that (SET-6).

use std::collections::{BTreeMap, btree_map::Entry};

use llmnet_types::{
    id::{NetworkId, ProviderId, ReceiptRoot},
    message::LineOk,
    settlement::Settlement,
    signature::{PrivateKey, PublicKey, Signed},
    units::{Amount, Slot},
};

use crate::message::Statement;

/// The most unsettled contracts that are remembered for one coordinator; the oldest are forgotten, and
/// then paid without a co-signature when the windows close.
pub const OWED_MAX: usize = 4_096;

/// What one coordinator owes one respondent.
#[derive(Debug, Clone, Default)]
pub struct Books {
    owed: BTreeMap<Slot, (ReceiptRoot, Amount)>,
    /// Of all of them, kept beside them as every offer asks for it: thousands may wait at a time. Wider than an
    /// amount, so that it is exact whatever coordinators sign for.
    sum: u128,
}

impl Books {
    /// What is not settled yet, in all.
    pub fn total(&self) -> Amount {
        Amount(u64::try_from(self.sum).unwrap_or(u64::MAX))
    }

    /// Notes what a contract came to, if its coordinator signed for it; of one's own program's word that is known.
    pub fn note(
        &mut self,
        network: &NetworkId,
        coordinator: &PublicKey,
        provider: ProviderId,
        statement: &Statement,
        own: bool,
    ) {
        let receipt = &statement.receipt;
        let root = receipt.root(&statement.salt);
        let signed = root == statement.signed.body
            && receipt.coordinator == *coordinator
            && (own || statement.signed.verify(network, coordinator).is_ok());
        let seat = receipt.seats.iter().find(|seat| seat.provider == provider);
        if let Some(seat) = seat.filter(|_| signed) {
            // The first counts: a coordinator must not shrink its debt with a second receipt.
            if let Entry::Vacant(place) = self.owed.entry(receipt.slot) {
                place.insert((root, seat.pay));
                self.sum += u128::from(seat.pay.0);
            }
            if self.owed.len() > OWED_MAX
                && let Some((_, (_, pay))) = self.owed.pop_first()
            {
                self.sum -= u128::from(pay.0);
            }
        }
    }

    /// Agrees to a settlement if every leaf that names this respondent is as its coordinator signed.
    pub fn agree(
        &mut self,
        network: &NetworkId,
        key: &PrivateKey,
        provider: ProviderId,
        settlement: &Settlement,
    ) -> Option<Signed<LineOk>> {
        let mut slot = settlement.first_slot;
        let mut settled = Vec::new();
        for leaf in &settlement.leaves {
            if let Some(seat) = leaf.seats.iter().find(|seat| seat.provider == provider) {
                if self.owed.get(&slot) != Some(&(leaf.receipt, seat.pay)) {
                    return None;
                }
                settled.push(slot);
            }
            slot = slot.next()?;
        }
        if settled.is_empty() {
            return None;
        }
        for slot in settled {
            if let Some((_, pay)) = self.owed.remove(&slot) {
                self.sum -= u128::from(pay.0);
            }
        }
        Some(Signed::new(settlement.line_ok(provider)?, network, key))
    }
}
