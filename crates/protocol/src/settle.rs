//! What a contract comes to, and how many receipts become one settlement (SET-1 to SET-6).

use std::collections::BTreeMap;

use llmnet_ledger::chain_step;
use llmnet_types::{
    codec::{List, TooMany},
    contract::Terms,
    id::{Digest, LineId, ReceiptRoot},
    receipt::{Charges, ContractStatus, SeatOutcome},
    registration::Price,
    settlement::{LEAVES_MAX, Leaf, Settlement, VOUCHERS_MAX},
    signature::Signed,
    units::{Amount, Score, Slot, Tokens},
};

/// What a seat earns: base for an opened answer, the rest of its price by its score (SET-4, CON-9).
pub fn pay(
    status: ContractStatus,
    terms: &Terms,
    price: &Price,
    input: Tokens,
    output: Tokens,
    score: Score,
) -> Amount {
    let cap = terms.caps.seat_charge;
    let full = price.of(input, output).map_or(cap, |price| price.min(cap));
    let base = full.share(terms.split.base);
    match status {
        ContractStatus::Concluded => {
            let rest = full.saturating_sub(base).share(score);
            base.checked_add(rest).unwrap_or(full)
        }
        ContractStatus::Failed => base,
        ContractStatus::Void => Amount::ZERO,
    }
}

/// Adds the coordinator's part and the network's fee to what the seats earn (SET-3).
pub fn charges(
    status: ContractStatus,
    terms: &Terms,
    seats: Amount,
    fee: Score,
) -> Option<Charges> {
    let coordinator = match status {
        ContractStatus::Concluded => seats.share(terms.split.coordinator),
        ContractStatus::Failed | ContractStatus::Void => Amount::ZERO,
    };
    let served = seats.checked_add(coordinator)?;
    let fee = served.share(fee);
    Some(Charges {
        seats,
        coordinator,
        fee,
        total: served.checked_add(fee)?,
    })
}

/// A leaf for a slot whose order was lost before any seat accepted: nothing is owed (SET-8).
pub fn void_leaf(height: llmnet_types::units::Height, line: LineId) -> Leaf {
    Leaf {
        line,
        n: 0,
        height,
        domains: List::new(),
        strategy: llmnet_types::contract::Strategy::Auto,
        status: ContractStatus::Void,
        filtered: false,
        charge: Amount::ZERO,
        fee: Amount::ZERO,
        receipt: ReceiptRoot([0; 32]),
        seats: List::new(),
    }
}

/// A leaf that waits for its settlement, with the voucher that pays for it.
#[derive(Debug, Clone)]
pub struct Unsettled {
    /// Its slot.
    pub slot: Slot,
    /// The slot's element of the hash chain.
    pub slot_secret: Digest,
    /// The leaf.
    pub leaf: Leaf,
    /// Its order's voucher; absent for a void leaf.
    pub voucher: Option<Signed<llmnet_types::contract::Voucher>>,
}

/// Puts leaves of consecutive slots, one epoch and one hash chain into one settlement, as many as fit;
/// co-signatures are added later (SET-2, SET-9, ANC-3, LIN-3). `None` without a leaf for `first`. An epoch
/// has `epoch_length` blocks.
///
/// # Errors
/// Never for lists that respect their bounds.
pub fn settlement(
    first: Slot,
    waiting: &BTreeMap<Slot, Unsettled>,
    leaves_max: usize,
    epoch_length: u64,
) -> Result<Option<Settlement>, TooMany> {
    let mut leaves = Vec::new();
    let mut vouchers: BTreeMap<LineId, Signed<llmnet_types::contract::Voucher>> = BTreeMap::new();
    let mut opening = None;
    let mut slot = first;
    while let Some(unsettled) = waiting.get(&slot) {
        let new_line = unsettled
            .voucher
            .as_ref()
            .is_some_and(|voucher| !vouchers.contains_key(&voucher.body.line));
        let epoch = |leaf: &Leaf| leaf.height.epoch(epoch_length);
        let later = leaves
            .first()
            .is_some_and(|first: &Leaf| epoch(first) != epoch(&unsettled.leaf));
        // The opening stands for all slots before it: the element of another chain would not.
        let other_chain =
            opening.is_some_and(|before| chain_step(&unsettled.slot_secret) != before);
        let full = later
            || other_chain
            || leaves.len() >= leaves_max.min(LEAVES_MAX)
            || (new_line && vouchers.len() >= VOUCHERS_MAX);
        if full {
            break;
        }
        if let Some(voucher) = &unsettled.voucher {
            vouchers
                .entry(voucher.body.line)
                .and_modify(|highest| {
                    if voucher.body.n > highest.body.n {
                        *highest = voucher.clone();
                    }
                })
                .or_insert_with(|| voucher.clone());
        }
        leaves.push(unsettled.leaf.clone());
        opening = Some(unsettled.slot_secret);
        let Some(next) = slot.next() else { break };
        slot = next;
    }
    let Some(opening) = opening else {
        return Ok(None);
    };
    Ok(Some(Settlement {
        first_slot: first,
        opening,
        leaves: List::from_vec(leaves)?,
        vouchers: List::from_vec(vouchers.into_values().collect())?,
        line_oks: List::new(),
    }))
}

/// Whether a seat of this outcome is owed anything.
pub const fn is_owed(outcome: SeatOutcome) -> bool {
    matches!(outcome, SeatOutcome::Served)
}
