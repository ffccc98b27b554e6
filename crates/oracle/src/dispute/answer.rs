//! What a coordinator opens when it is challenged (DIS-5). Who is selected, the ledger says.

use llmnet_types::{
    codec::List,
    contract::{Assign, SEATS_MAX, Strategy, Terms, Voucher, contract_id},
    disclosure::ReceiptField,
    dispute::Answer,
    message::{Phase, Reply, Response},
    receipt::{ContractStatus, SeatReceipt, Skip},
    settlement::{Leaf, LeafSeat},
    signature::{Message, PublicKey, Signed},
    units::Slot,
};

use super::{claim::full_price, require_signed};
use crate::{
    Oracle, Refusal,
    mismatch::require,
    money::{money, share},
};

/// The fields of a receipt that an answer opens.
struct Opened {
    voucher: Signed<Voucher>,
    terms: Terms,
    skips: List<Skip, { 2 * SEATS_MAX }>,
    seats: List<SeatReceipt, SEATS_MAX>,
}

fn open(answer: &Answer) -> Option<Opened> {
    let root = &answer.leaf.receipt;
    Some(Opened {
        voucher: answer.voucher.open(ReceiptField::Voucher, root)?,
        terms: answer.terms.open(ReceiptField::Terms, root)?,
        skips: answer.skips.open(ReceiptField::Skips, root)?,
        seats: answer.seats.open(ReceiptField::Seats, root)?,
    })
}

impl Oracle {
    pub(crate) fn answer(&mut self, signer: &PublicKey, answer: &Answer) -> Result<(), Refusal> {
        let of = |challenge: &crate::Challenged| {
            challenge.coordinator == *signer && challenge.slot == answer.slot && !challenge.ended
        };
        let place = self.challenges.iter().position(of);
        let place = place.ok_or_else(|| Refusal("DIS-5: no challenge".to_owned()))?;
        let challenge = &self.challenges[place];
        require(!challenge.answered, "DIS-5: answered already")?;
        require(
            (challenge.epoch..=challenge.epoch + 3).contains(&self.epoch()),
            "WIN-1: outside of the window",
        )?;
        let leaf = &answer.leaf;
        require(*leaf == challenge.leaf, "DIS-5: another leaf")?;
        let opened = open(answer).ok_or_else(|| Refusal("DIS-5: the fields".to_owned()))?;
        self.check_agreement(leaf, &opened)?;
        self.check_pay(signer, answer.slot, leaf, &opened)?;
        require_signed(self, &opened.voucher, &challenge.requester)?;
        self.check_asked(signer, answer.slot, leaf, &opened)?;
        let deposit = challenge.deposit;
        self.challenges[place].answered = true;
        self.give(signer, deposit);
        Ok(())
    }

    /// The receipt says what the leaf says, and both what was ordered.
    fn check_agreement(&self, leaf: &Leaf, opened: &Opened) -> Result<(), Refusal> {
        let (voucher, terms) = (&opened.voucher.body, &opened.terms);
        let policy = self.params_of(self.epoch_of(leaf.height.0)).policy;
        require(
            voucher.line == leaf.line
                && voucher.n == leaf.n
                && voucher.terms == terms.digest()
                && terms.strategy == leaf.strategy
                && terms.filters.is_empty() != leaf.filtered
                && terms.policy == policy,
            "DIS-5: not what was ordered",
        )?;
        let first = leaf.domains.first().map(|(id, _)| usize::from(id.0));
        let first = first.and_then(|id| self.domains.get(id)?.as_ref());
        require(
            terms.domain.is_none() || terms.domain.as_ref() == first,
            "DIS-5: another domain",
        )?;
        let seats: Vec<LeafSeat> = opened.seats.iter().map(LeafSeat::of).collect();
        require(seats == leaf.seats.to_vec(), "DIS-5: other seats")
    }

    /// Nobody is paid more than the terms allow.
    fn check_pay(
        &self,
        coordinator: &PublicKey,
        slot: Slot,
        leaf: &Leaf,
        opened: &Opened,
    ) -> Result<(), Refusal> {
        let terms = &opened.terms;
        let id = contract_id(&self.network, coordinator, slot);
        let mut seats = 0;
        for seat in &opened.seats {
            let part = seat.part.as_ref().map(|part| &part.body);
            let part = part.filter(|part| part.contract == id && seat.output <= part.output);
            let full = part.map_or(0, |part| {
                full_price(terms, &seat.assign.body.price, part.input, seat.output)
            });
            let most = match leaf.status {
                ContractStatus::Concluded => full,
                _ => share(full, terms.split.base.get()),
            };
            require(money(seat.pay) <= most, "DIS-5: more than a seat's price")?;
            seats += money(seat.pay);
        }
        let part = money(leaf.charge) - money(leaf.fee) - seats;
        require(
            part <= share(seats, terms.split.coordinator.get()),
            "DIS-5: more than the coordinator's part",
        )
    }

    /// Each rank up to the last seat's was offered the seat, and is a seat or a skip by its own word; of as
    /// many as seats were wanted the coordinator's word is enough.
    fn check_asked(
        &self,
        coordinator: &PublicKey,
        slot: Slot,
        leaf: &Leaf,
        opened: &Opened,
    ) -> Result<(), Refusal> {
        type Asked<'a> = (&'a Signed<Assign>, Option<&'a Signed<Reply>>, bool);
        let last = leaf.seats.last().map_or(0, |seat| seat.rank);
        let seats = opened
            .seats
            .iter()
            .map(|seat| (&seat.assign, Some(&seat.reply), true));
        let skips = opened
            .skips
            .iter()
            .map(|skip| (&skip.assign, skip.reply.as_ref(), false));
        let mut asked: Vec<Asked<'_>> = seats.chain(skips).collect();
        asked.retain(|(assign, ..)| assign.body.rank <= last);
        asked.sort_by_key(|(assign, ..)| assign.body.rank);
        let ranks: Vec<u8> = asked.iter().map(|(assign, ..)| assign.body.rank).collect();
        // Those asked first come first, and are as many as the terms say unless others were asked (DEB-13).
        let first = match usize::from(opened.terms.first) {
            0 => SEATS_MAX,
            _ if opened.terms.strategy == Strategy::Debate => SEATS_MAX,
            first => first,
        };
        let all = usize::from(opened.terms.seats).clamp(1, SEATS_MAX);
        let further = asked
            .iter()
            .position(|(assign, ..)| assign.body.phase == Phase::Further)
            .unwrap_or(asked.len());
        let in_turn = asked.iter().enumerate().all(|(place, (assign, ..))| {
            let phase = if place < further {
                Phase::Answers
            } else {
                Phase::Further
            };
            assign.body.phase == phase
        });
        require(
            in_turn && (further == asked.len() || first < all),
            "DIS-5: an offer out of turn",
        )?;
        let wanted = if further == asked.len() {
            first.min(all)
        } else {
            all
        };
        let unreached = asked.iter().filter(|(_, reply, _)| reply.is_none()).count();
        require(
            ranks == (0..=last).collect::<Vec<u8>>()
                && ranks.len() <= 2 * wanted
                && unreached <= wanted,
            "DIS-5: a rank that was not asked",
        )?;
        let id = contract_id(&self.network, coordinator, slot);
        for (assign, reply, seated) in asked {
            require(
                assign.body.contract == id
                    && assign.body.slot == slot
                    && assign.body.height == leaf.height
                    && assign.body.voucher == opened.voucher.body.digest()
                    && assign.body.durations == opened.terms.durations,
                "DIS-5: another offer",
            )?;
            require_signed(self, assign, coordinator)?;
            if let Some(reply) = reply {
                let accepted = reply.body.response == Response::Accept;
                require(
                    reply.body.assign == assign.body.digest() && accepted == seated,
                    "DIS-5: another word",
                )?;
                require_signed(self, reply, &assign.body.seat)?;
            }
        }
        for seat in &opened.seats {
            if let Some(part) = &seat.part {
                require_signed(self, part, &seat.assign.body.seat)?;
            }
        }
        Ok(())
    }
}
