//! What a seat checks before it works for anybody (CON-3).

use llmnet_types::{
    contract::{Terms, contract_id},
    id::{LineId, NetworkId},
    message::{DeclineReason, Phase},
    passage::shared_tokens,
    registration::{Price, Tokenizer},
    signature::{Message, PublicKey, Signed},
    units::Amount,
};

use crate::message::Offer;

/// What a respondent knows, from the ledger and its own books, about who wants its work.
#[derive(Debug, Clone)]
pub struct Account {
    /// The network.
    pub network: NetworkId,
    /// Who conducts the contract.
    pub coordinator: PublicKey,
    /// The line's owner.
    pub requester: PublicKey,
    /// The line.
    pub line: LineId,
    /// What the line has locked in all, drawn or not.
    pub deposit: Amount,
    /// One's own key.
    pub seat: PublicKey,
    /// One's own registration nonce.
    pub nonce: u32,
    /// One's own registered price.
    pub price: Price,
    /// What this coordinator has not settled yet.
    pub owed: Amount,
    /// How much that may be.
    pub credit_limit: Amount,
    /// Whether one's own program is the coordinator, with its keys and the requester's: then signatures say nothing
    /// that is not known, and are not checked.
    pub own: bool,
}

impl Account {
    fn signed<M: Message>(&self, word: &Signed<M>, by: &PublicKey) -> bool {
        self.own || word.verify(&self.network, by).is_ok()
    }

    /// Whether to work on an offer.
    ///
    /// # Errors
    /// The reason to decline, or `None` where the offer is not even the coordinator's.
    pub fn check(&self, offer: &Offer) -> Result<(), Option<DeclineReason>> {
        let assign = &offer.assign.body;
        let signed = self.signed(&offer.assign, &self.coordinator)
            && assign.contract == contract_id(&self.network, &self.coordinator, assign.slot)
            && assign.seat == self.seat;
        if !signed {
            return Err(None);
        }
        let agreed = assign.nonce == self.nonce
            && assign.price == self.price
            && assign.durations == offer.terms.durations
            && is_asked_in(assign.phase, &offer.terms)
            && offer.voucher.body.terms == offer.terms.digest()
            && offer.terms.request == offer.request.digest(&offer.request_salt);
        if !agreed {
            return Err(Some(DeclineReason::Terms));
        }
        if !shown_well(offer) {
            return Err(Some(DeclineReason::Terms));
        }
        let funded = self.signed(&offer.voucher, &self.requester)
            && offer.voucher.body.digest() == assign.voucher
            && offer.voucher.body.line == self.line
            && offer.voucher.body.limit <= self.deposit;
        if !funded {
            return Err(Some(DeclineReason::Unfunded));
        }
        if self.owed > self.credit_limit {
            return Err(Some(DeclineReason::CreditLimit));
        }
        Ok(())
    }
}

/// Whether the terms have first answers in this phase (DEB-13).
fn is_asked_in(phase: Phase, terms: &Terms) -> bool {
    match phase {
        Phase::Answers => true,
        Phase::Further => terms.asks_further(),
        Phase::Round(_) | Phase::Ballots => false,
    }
}

/// Whether each passage stands under the root it names, none is there twice, and all of them are within what the terms
/// let be sent (COR-5, CON-10).
fn shown_well(offer: &Offer) -> bool {
    let shared = &offer.shared;
    if shared.is_empty() {
        return true;
    }
    let holds = shared.iter().enumerate().all(|(place, one)| {
        one.evidence.holds() && shared[..place].iter().all(|other| other != one)
    });
    let asked = offer.request.read();
    let asked = asked.map(|text| Tokenizer::Bytes4.count(text).0);
    let sent = asked.fold(shared_tokens(shared).0, u32::saturating_add);
    holds && sent <= offer.terms.caps.input_tokens.0
}
