//! A respondent's books: what coordinators owe it, and whether a settlement pays that (SET-6).

use std::collections::{BTreeMap, btree_map::Entry};

use llmnet_types::{
    id::{NetworkId, ProviderId, ReceiptRoot},
    message::LineOk,
    settlement::Settlement,
    signature::{PrivateKey, PublicKey, Signed},
    units::{Amount, Height, Slot},
};

use crate::message::Statement;

/// The most unsettled contracts that are remembered for one coordinator; the oldest are forgotten, and
/// then paid without a co-signature when the windows close.
pub const OWED_MAX: usize = 4_096;

/// What one contract came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed {
    /// The receipt that its coordinator signed.
    pub receipt: ReceiptRoot,
    /// The height at which its panel was selected: its windows are counted from that one's epoch (WIN-1).
    pub height: Height,
    /// What it says is owed.
    pub pay: Amount,
    /// Whether a settlement that pays it was agreed to.
    pub agreed: bool,
}

/// A debt that was noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noted {
    /// Whose slot.
    pub slot: Slot,
    /// What it came to.
    pub owed: Owed,
    /// The slot that is forgotten for it, as there were too many.
    pub forgotten: Option<Slot>,
}

/// Slots whose settlement was agreed to, and the word that is given for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// The slots that name this respondent.
    pub slots: Vec<Slot>,
    /// Its word.
    pub line_ok: Signed<LineOk>,
}

/// What is no debt of a coordinator's any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settled {
    /// What was agreed to, and so is free at once.
    pub agreed: Amount,
    /// What was settled otherwise: free when the windows close.
    pub later: Amount,
}

/// What one coordinator owes one respondent.
///
/// A debt stays until the ledger has settled its slot: agreeing to be paid is not being paid, and a settlement that
/// was agreed to may be made anew and asked about again, also after a restart.
#[derive(Debug, Clone, Default)]
pub struct Books {
    owed: BTreeMap<Slot, Owed>,
    /// Of all of them, kept beside them as every offer asks for it: thousands may wait at a time. Wider than an
    /// amount, so that it is exact whatever coordinators sign for.
    sum: u128,
    /// Of those that were not agreed to.
    open: u128,
}

impl Books {
    /// What is not settled yet, in all.
    pub fn total(&self) -> Amount {
        Amount(u64::try_from(self.sum).unwrap_or(u64::MAX))
    }

    /// What of that no settlement was agreed to for.
    pub fn open(&self) -> Amount {
        Amount(u64::try_from(self.open).unwrap_or(u64::MAX))
    }

    /// Whether nothing is owed.
    pub fn is_empty(&self) -> bool {
        self.owed.is_empty()
    }

    /// Notes what a contract came to, if its coordinator signed for it; of one's `own` program's word that is known.
    /// Nothing where that is noted already, or not this respondent's.
    pub fn note(
        &mut self,
        network: &NetworkId,
        coordinator: &PublicKey,
        provider: ProviderId,
        statement: &Statement,
        own: bool,
    ) -> Option<Noted> {
        let receipt = &statement.receipt;
        let root = receipt.root(&statement.salt);
        let signed = root == statement.signed.body
            && receipt.coordinator == *coordinator
            && (own || statement.signed.verify(network, coordinator).is_ok());
        let seat = receipt.seats.iter().find(|seat| seat.provider == provider);
        let seat = seat.filter(|_| signed)?;
        let owed = Owed {
            receipt: root,
            height: receipt.selection.height,
            pay: seat.pay,
            agreed: false,
        };
        self.restore(receipt.slot, owed)
    }

    /// Takes in what was noted before, as in another run. The first word on a slot counts: a coordinator must not
    /// shrink its debt with a second receipt.
    pub fn restore(&mut self, slot: Slot, owed: Owed) -> Option<Noted> {
        let Entry::Vacant(place) = self.owed.entry(slot) else {
            return None;
        };
        place.insert(owed);
        self.sum += u128::from(owed.pay.0);
        if !owed.agreed {
            self.open += u128::from(owed.pay.0);
        }
        let oldest = (self.owed.len() > OWED_MAX)
            .then(|| self.owed.keys().next().copied())
            .flatten();
        if let Some(oldest) = oldest {
            self.forget(oldest);
        }
        Some(Noted {
            slot,
            owed,
            forgotten: oldest,
        })
    }

    /// Agrees to a settlement if every leaf that names this respondent is as its coordinator signed.
    pub fn agree(
        &mut self,
        network: &NetworkId,
        key: &PrivateKey,
        provider: ProviderId,
        settlement: &Settlement,
    ) -> Option<Agreed> {
        let mut slot = settlement.first_slot;
        let mut slots = Vec::new();
        for leaf in &settlement.leaves {
            if let Some(seat) = leaf.seats.iter().find(|seat| seat.provider == provider) {
                let owed = self.owed.get(&slot)?;
                if (owed.receipt, owed.pay) != (leaf.receipt, seat.pay) {
                    return None;
                }
                slots.push(slot);
            }
            slot = slot.next()?;
        }
        if slots.is_empty() {
            return None;
        }
        let line_ok = Signed::new(settlement.line_ok(provider)?, network, key);
        for slot in &slots {
            if let Some(owed) = self.owed.get_mut(slot).filter(|owed| !owed.agreed) {
                owed.agreed = true;
                self.open -= u128::from(owed.pay.0);
            }
        }
        Some(Agreed { slots, line_ok })
    }

    /// The ledger has settled all slots before this one: nothing is owed for them any more.
    pub fn settle(&mut self, next: Slot) -> Settled {
        let mut settled = Settled::default();
        while let Some((&slot, _)) = self
            .owed
            .first_key_value()
            .filter(|(slot, _)| **slot < next)
        {
            let Some(owed) = self.forget(slot) else { break };
            let sum = match owed.agreed {
                true => &mut settled.agreed,
                false => &mut settled.later,
            };
            *sum = Amount(sum.0.saturating_add(owed.pay.0));
        }
        settled
    }

    /// Forgets contracts of before a height, whose windows are closed: nobody can be made to pay for them. Tells what
    /// they came to.
    pub fn expire(&mut self, oldest: Height) -> Amount {
        let old = self.owed.iter().filter(|(_, owed)| owed.height < oldest);
        let old: Vec<Slot> = old.map(|(slot, _)| *slot).collect();
        let lost = old.into_iter().filter_map(|slot| self.forget(slot));
        Amount(lost.fold(0, |sum, owed| sum.saturating_add(owed.pay.0)))
    }

    fn forget(&mut self, slot: Slot) -> Option<Owed> {
        let owed = self.owed.remove(&slot)?;
        self.sum -= u128::from(owed.pay.0);
        if !owed.agreed {
            self.open -= u128::from(owed.pay.0);
        }
        Some(owed)
    }
}
