//! Answers: a coordinator opens a challenged contract, and what it opens is held to the ledger (DIS-5).

use llmnet_types::{
    codec::List,
    contract::{Assign, Filters, SEATS_MAX, Terms, Voucher, contract_id},
    disclosure::ReceiptField,
    dispute::Answer,
    id::{NetworkId, ProviderId},
    message::{Part, Phase, Reply, Response},
    params::ANSWER_EPOCHS,
    receipt::{ContractStatus, SeatReceipt, Skip},
    rejection::{LeafFault, ProofPart, Rejection},
    settlement::{Leaf, LeafSeat},
    signature::{Message, PublicKey, Signed},
    units::{Amount, Slot},
};

use super::{broken, challenge, element, full_price, in_window, registration, signed};
use crate::{
    event::EventKind,
    query,
    record::{Challenged, Settled},
    selection::{self, RANKS_MAX},
    state::Key,
    work::{Place, Work},
};

/// Takes an answer: the deposit is the coordinator's, for its bytes.
pub(crate) fn answer(
    work: &mut Work<'_>,
    network: &NetworkId,
    signer: &PublicKey,
    answer: &Answer,
) -> Result<(), Rejection> {
    let slot = answer.slot;
    let key = Key::Challenge(*signer, slot);
    let challenged: Option<Challenged> = work.read(&key);
    let mut challenged = challenged.ok_or(Rejection::NoChallenge { slot })?;
    if challenged.answered {
        return Err(Rejection::Already);
    }
    in_window(work, challenged.epoch, ANSWER_EPOCHS)?;
    if challenge::digest(&answer.leaf) != challenged.leaf {
        return Err(broken(ProofPart::Leaf));
    }
    let opened = Opened {
        network,
        coordinator: signer,
        slot,
        leaf: &answer.leaf,
        receipt: Fields::read(answer).ok_or(broken(ProofPart::Disclosure))?,
    };
    opened.agrees(work)?;
    let order = order(work, &challenged, &opened)?;
    let asked = opened.asked();
    if !opened.panel(work, &asked, &order) {
        return Err(broken(ProofPart::Panel));
    }
    opened.signatures(work, &challenged.requester, &asked)?;

    work.credit(signer, challenged.deposit, Place::Deposits)?;
    challenged.deposit = Amount::ZERO;
    challenged.answered = true;
    work.write(key, &challenged);
    work.event(EventKind::Answered {
        coordinator: *signer,
        slot,
    });
    Ok(())
}

/// The order for the slot, under the terms' own filters.
fn order(
    work: &Work<'_>,
    challenged: &Challenged,
    opened: &Opened<'_>,
) -> Result<Vec<ProviderId>, Rejection> {
    let (slot, first_slot) = (opened.slot, challenged.first_slot);
    // It is forgotten when the challenge is (WIN-1).
    let settled: Option<Settled> = work.read(&Key::Settlement(*opened.coordinator, first_slot));
    let settled = settled.ok_or(Rejection::Settlement { slot: first_slot })?;
    let element = element(&settled, first_slot, slot).ok_or(broken(ProofPart::Leaf))?;
    let filters: &Filters = &opened.receipt.terms.filters;
    selection::again(
        work,
        opened.network,
        opened.coordinator,
        (slot, element),
        opened.leaf,
        filters,
    )
    .map_err(|reason| Rejection::Leaf { slot, reason })
}

/// What an answer shows of the receipt that the leaf stands for.
struct Fields {
    voucher: Signed<Voucher>,
    terms: Terms,
    skips: List<Skip, RANKS_MAX>,
    seats: List<SeatReceipt, SEATS_MAX>,
}

impl Fields {
    fn read(answer: &Answer) -> Option<Self> {
        let root = &answer.leaf.receipt;
        Some(Self {
            voucher: answer.voucher.open(ReceiptField::Voucher, root)?,
            terms: answer.terms.open(ReceiptField::Terms, root)?,
            skips: answer.skips.open(ReceiptField::Skips, root)?,
            seats: answer.seats.open(ReceiptField::Seats, root)?,
        })
    }
}

/// A settled contract, opened.
struct Opened<'a> {
    network: &'a NetworkId,
    coordinator: &'a PublicKey,
    slot: Slot,
    leaf: &'a Leaf,
    receipt: Fields,
}

impl Opened<'_> {
    /// The receipt says what the leaf says, and both what the requester ordered.
    fn agrees(&self, work: &Work<'_>) -> Result<(), Rejection> {
        let (leaf, terms) = (self.leaf, &self.receipt.terms);
        let voucher = &self.receipt.voucher.body;
        let epoch = leaf.height.epoch(work.params.epoch_length());
        let ordered = voucher.line == leaf.line
            && voucher.n == leaf.n
            && voucher.terms == terms.digest()
            && terms.strategy == leaf.strategy
            && terms.filters.is_empty() != leaf.filtered
            && terms.policy == query::params_of(work, epoch).policy;
        // A domain that the requester names is what its request is about.
        let named = terms.domain.as_ref().is_none_or(|domain| {
            let id = query::domain_id(work, domain);
            id.is_some() && id == leaf.domains.first().map(|(id, _)| *id)
        });
        let seats = self.receipt.seats.iter().map(LeafSeat::of);
        if !ordered || !named || !seats.eq(leaf.seats.iter().copied()) {
            return Err(broken(ProofPart::Contract));
        }
        if !self.pays_as_agreed() {
            return Err(Rejection::Leaf {
                slot: self.slot,
                reason: LeafFault::Sums,
            });
        }
        Ok(())
    }

    /// Whether nobody is paid more than the terms allow: a seat what its own account comes to at most,
    /// the coordinator its part of that.
    fn pays_as_agreed(&self) -> bool {
        let leaf = self.leaf;
        let seats = Amount::sum(leaf.seats.iter().map(|seat| seat.pay)).unwrap_or_default();
        let part = leaf.charge.saturating_sub(leaf.fee).saturating_sub(seats);
        part <= seats.share(self.receipt.terms.split.coordinator)
            && self
                .receipt
                .seats
                .iter()
                .all(|seat| seat.pay <= self.owed_at_most(seat))
    }

    fn owed_at_most(&self, seat: &SeatReceipt) -> Amount {
        let terms = &self.receipt.terms;
        let Some(part) = seat.part.as_ref().map(|part| &part.body) else {
            return Amount::ZERO;
        };
        let of_this = part.contract == contract_id(self.network, self.coordinator, self.slot);
        if !of_this || seat.output > part.output {
            return Amount::ZERO;
        }
        let full = full_price(terms, &seat.assign.body.price, part.input, seat.output);
        match self.leaf.status {
            ContractStatus::Concluded => full,
            // No more than base for what failed (CON-9).
            ContractStatus::Failed => full.share(terms.split.base),
            ContractStatus::Void => Amount::ZERO,
        }
    }

    /// Everybody who was asked up to the last seat's rank, by rank.
    fn asked(&self) -> Vec<Asked<'_>> {
        let seats = self.receipt.seats.iter().map(|seat| Asked {
            provider: seat.provider,
            assign: &seat.assign,
            reply: Some(&seat.reply),
            part: seat.part.as_ref(),
            seated: true,
        });
        let skips = self.receipt.skips.iter().map(|skip| Asked {
            provider: skip.provider,
            assign: &skip.assign,
            reply: skip.reply.as_ref(),
            part: None,
            seated: false,
        });
        let last = self.leaf.seats.last().map_or(0, |seat| seat.rank);
        let mut asked: Vec<_> = seats
            .chain(skips)
            .filter(|asked| asked.assign.body.rank <= last)
            .collect();
        asked.sort_by_key(|asked| asked.assign.body.rank);
        asked
    }

    /// Seats sit where the order under the terms' filters puts them, and each better rank was offered the
    /// seat first: it declined, or was not reached, which is believed of as many as seats were wanted.
    fn panel(&self, work: &Work<'_>, asked: &[Asked<'_>], order: &[ProviderId]) -> bool {
        let terms = &self.receipt.terms;
        let phases = || asked.iter().map(|asked| asked.assign.body.phase);
        let wanted = terms.seats_wanted(phases());
        let ranks = self
            .leaf
            .seats
            .last()
            .map_or(0, |seat| usize::from(seat.rank).saturating_add(1));
        let unreached = asked.iter().filter(|asked| asked.reply.is_none()).count();
        let places = asked.iter().zip(order).zip(0_u8..);
        let in_place = |((asked, provider), rank): ((&Asked<'_>, &ProviderId), u8)| {
            asked.provider == *provider
                && self
                    .offer(work, *provider, rank, asked.assign.body.phase)
                    .as_ref()
                    == Some(&asked.assign.body)
                && asked.said()
        };
        // One for each rank, and at most 2k are asked (CON-8), first ones first (DEB-13).
        asked.len() == ranks
            && terms.asks_in_turn(phases())
            && ranks <= order.len()
            && ranks <= wanted.saturating_mul(2)
            && unreached <= wanted
            && places.into_iter().all(in_place)
    }

    /// Everybody's own word, and the requester's order.
    fn signatures(
        &self,
        work: &Work<'_>,
        requester: &PublicKey,
        asked: &[Asked<'_>],
    ) -> Result<(), Rejection> {
        signed(work, &self.receipt.voucher, self.network, requester)?;
        for asked in asked {
            signed(work, asked.assign, self.network, self.coordinator)?;
            let candidate = &asked.assign.body.seat;
            if let Some(reply) = asked.reply {
                signed(work, reply, self.network, candidate)?;
            }
            if let Some(part) = asked.part {
                signed(work, part, self.network, candidate)?;
            }
        }
        Ok(())
    }

    /// The offer that a provider had to be made: to its key and at its price of that height (CON-3).
    fn offer(
        &self,
        work: &Work<'_>,
        provider: ProviderId,
        rank: u8,
        phase: Phase,
    ) -> Option<Assign> {
        let registration = registration(work, provider, self.leaf.height)?;
        Some(Assign {
            contract: contract_id(self.network, self.coordinator, self.slot),
            slot: self.slot,
            height: self.leaf.height,
            voucher: self.receipt.voucher.body.digest(),
            seat: registration.node,
            nonce: registration.nonce,
            rank,
            phase,
            price: registration.price,
            durations: self.receipt.terms.durations,
        })
    }
}

/// A candidate that was asked, seated or skipped.
struct Asked<'a> {
    provider: ProviderId,
    assign: &'a Signed<Assign>,
    reply: Option<&'a Signed<Reply>>,
    part: Option<&'a Signed<Part>>,
    seated: bool,
}

impl Asked<'_> {
    /// Whether what it said of this offer made it a seat, or a skip. No word at all makes a skip.
    fn said(&self) -> bool {
        let Some(reply) = self.reply.map(|reply| &reply.body) else {
            return !self.seated;
        };
        let accepted = reply.response == Response::Accept;
        reply.assign == self.assign.body.digest() && accepted == self.seated
    }
}
