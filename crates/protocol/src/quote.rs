//! What an order may cost at the most, and the requester's purse that reserves it before work starts.

use std::collections::BTreeMap;

use llmnet_types::{
    contract::{ROUNDS_MAX, SEATS_MAX, Strategy, Terms, Voucher},
    id::LineId,
    signature::{PrivateKey, Signed},
    units::{Amount, Score, Tokens},
};

/// The worst case of a contract: every seat at its cap, the coordinator's part, the fee (CON-2).
///
/// `None` where it does not fit in 64 bits.
pub fn worst_case(terms: &Terms, fee: Score) -> Option<Amount> {
    // As many as a session seats, whatever the terms say.
    let seats = usize::from(terms.seats).clamp(1, SEATS_MAX);
    let seats = terms
        .caps
        .seat_charge
        .0
        .checked_mul(u64::try_from(seats).ok()?)
        .map(Amount)?;
    let served = seats.checked_add(seats.share(terms.split.coordinator))?;
    // A share is rounded down; one more for each of the two keeps the bound a bound.
    served
        .checked_add(served.share(fee))?
        .checked_add(Amount(2))
}

/// The most that a contract may ask of its seats, known before any of them is asked (CON-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// First answers, those of replaced seats included.
    pub answers: u32,
    /// Revisions in all rounds.
    pub revisions: u32,
    /// Answers written from all answers.
    pub syntheses: u32,
    /// Ballots.
    pub ballots: u32,
    /// Comparisons in all ballots; a model is asked twice for each, once in each order.
    pub comparisons: u32,
    /// Tokens sent to all seats, as billed.
    pub input: u64,
    /// Tokens delivered by all seats, as billed.
    pub output: u64,
}

/// What a contract may come to by its terms, whatever its seats do.
pub fn budget(terms: &Terms) -> Budget {
    let seats = u32::from(terms.seats).clamp(1, SEATS_MAX as u32);
    let rounds = u32::from(terms.rounds.min(ROUNDS_MAX));
    let talks = seats > 1 && !matches!(terms.strategy, Strategy::Single | Strategy::Vote);
    let (revisions, syntheses) = match terms.strategy {
        Strategy::Auto | Strategy::Debate if talks => (rounds * seats, 0),
        Strategy::Mixture if talks && rounds > 0 => (0, 1),
        _ => (0, 0),
    };
    let ballots = if talks { seats } else { 0 };
    // Each seat leaves out its own answer.
    let pairs = seats.saturating_sub(1) * seats.saturating_sub(2) / 2;
    let billed = |cap: Tokens| u64::from(cap.0) * u64::from(seats);
    Budget {
        answers: 2 * seats,
        revisions,
        syntheses,
        ballots,
        comparisons: ballots * pairs,
        input: billed(terms.caps.input_tokens),
        output: billed(terms.caps.output_tokens),
    }
}

/// A requester's side of one line: which orders are open and how far it has promised (LIN-3, LIN-4).
#[derive(Debug, Clone)]
pub struct Purse {
    line: LineId,
    deposit: Amount,
    last: u32,
    charged: Amount,
    open: BTreeMap<u32, Amount>,
}

/// The line cannot cover another order now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the line covers {free} more and the order may need {needed}: top up or wait for open orders"
)]
pub struct LineExhausted {
    /// The worst case of the order.
    pub needed: Amount,
    /// What the line has left beyond open orders.
    pub free: Amount,
}

impl Purse {
    /// A purse for a line whose orders up to `last` came to `charged` in all.
    pub const fn new(line: LineId, deposit: Amount, last: u32, charged: Amount) -> Self {
        Self {
            line,
            deposit,
            last,
            charged,
            open: BTreeMap::new(),
        }
    }

    /// The line.
    pub const fn line(&self) -> LineId {
        self.line
    }

    /// The number of the last order that was signed on it.
    pub const fn last(&self) -> u32 {
        self.last
    }

    fn reserved(&self) -> Option<Amount> {
        Amount::sum(self.open.values().copied()).and_then(|sum| sum.checked_add(self.charged))
    }

    /// What no order has drawn or reserved.
    pub fn free(&self) -> Amount {
        self.reserved().map_or(Amount::ZERO, |reserved| {
            self.deposit.saturating_sub(reserved)
        })
    }

    /// Signs the next order, reserving its worst case.
    ///
    /// # Errors
    /// The line does not cover it.
    pub fn order(
        &mut self,
        terms: &Terms,
        worst_case: Amount,
        network: &llmnet_types::id::NetworkId,
        key: &PrivateKey,
    ) -> Result<Signed<Voucher>, LineExhausted> {
        let exhausted = LineExhausted {
            needed: worst_case,
            free: self.free(),
        };
        let limit = self
            .reserved()
            .and_then(|reserved| reserved.checked_add(worst_case))
            .filter(|limit| *limit <= self.deposit)
            .ok_or(exhausted)?;
        let n = self.last.checked_add(1).ok_or(exhausted)?;
        self.last = n;
        self.open.insert(n, worst_case);
        let voucher = Voucher {
            line: self.line,
            n,
            limit,
            terms: terms.digest(),
        };
        Ok(Signed::new(voucher, network, key))
    }

    /// Notes what an order came to; frees the rest of its reserve.
    pub fn charge(&mut self, n: u32, charge: Amount) {
        if self.open.remove(&n).is_some() {
            self.charged = Amount(self.charged.0.saturating_add(charge.0));
        }
    }
}
