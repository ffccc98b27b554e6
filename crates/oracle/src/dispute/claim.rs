//! What a contract owes its parties and its coordinator did not settle (DIS-2, DIS-3).

use llmnet_types::{
    bond::Role,
    codec::List,
    contract::{SEATS_MAX, Terms, Voucher, contract_id},
    disclosure::{Disclosure, ReceiptField},
    dispute::{self, Filing, SettledLeaf},
    id::ReceiptRoot,
    receipt::{Charges, ContractStatus, SeatReceipt},
    registration::Price,
    signature::{Message, PublicKey, Signed},
    units::{Slot, Tokens},
};

use super::{Claim, require_signed};
use crate::{
    Oracle, Refusal,
    mismatch::require,
    money::{money, share},
};

/// What is owed, and which line pays first.
struct Owed {
    claim: Claim,
    payee: PublicKey,
    loss: u128,
    /// The line, and the most that it pays.
    line: Option<(usize, u128)>,
}

/// What a seat's work comes to at full score (SET-4).
pub(super) fn full_price(terms: &Terms, price: &Price, input: Tokens, output: Tokens) -> u128 {
    let cap = money(terms.caps.seat_charge);
    price
        .of(input, output)
        .map_or(cap, |price| money(price).min(cap))
}

impl Oracle {
    pub(crate) fn file(&mut self, signer: &PublicKey, filing: &Filing) -> Result<(), Refusal> {
        let owed = match filing {
            Filing::Contradiction {
                settled,
                receipt,
                slot,
                claim,
            } => self.contradiction(signer, (settled, receipt, slot), claim)?,
            Filing::Unpaid { .. } => self.unpaid(signer, filing)?,
        };
        require(owed.loss > 0, "DIS-2: nothing is owed")?;
        let Claim {
            coordinator,
            slot,
            claimant,
            ..
        } = owed.claim;
        // WIN-1: after its windows all about a contract is forgotten.
        let now = self.epoch();
        let of_slot = |other: &&Claim| {
            other.coordinator == coordinator && other.slot == slot && now < other.epoch + 4
        };
        let mut earlier = self.claims.iter().filter(of_slot);
        let punished = earlier.clone().next().is_some();
        require(
            !earlier.any(|other| other.claimant == claimant),
            "DIS-2: it was claimed already",
        )?;
        self.claims.push(owed.claim);
        let mut short = owed.loss;
        if let Some((line, most)) = owed.line {
            let drawn = owed.loss.min(most);
            self.lines[line].drawn += drawn;
            self.give(&owed.payee, drawn);
            short -= drawn;
        }
        if short > 0 || !punished {
            self.slash(&coordinator, Role::Coordinator, Some((owed.payee, short)));
        }
        Ok(())
    }

    /// What is left of a line to this coordinator for a claim under a voucher of it.
    fn drawable(
        &self,
        coordinator: &PublicKey,
        voucher: &Voucher,
    ) -> Result<(usize, u128), Refusal> {
        let place = usize::try_from(voucher.line.0).expect("numbers are small");
        let line = self.lines.get(place);
        let line = line.filter(|line| !line.released && line.coordinator == *coordinator);
        let line = line.ok_or_else(|| Refusal("DIS-2: no line to the coordinator".to_owned()))?;
        let promised = money(voucher.limit).saturating_sub(line.drawn);
        Ok((place, promised.min(line.locked - line.drawn)))
    }

    /// DIS-2: a receipt that promised more than its leaf keeps.
    fn contradiction(
        &self,
        signer: &PublicKey,
        (shown, receipt, slot): (&SettledLeaf, &Signed<ReceiptRoot>, &Disclosure),
        claim: &dispute::Claim,
    ) -> Result<Owed, Refusal> {
        let coordinator = shown.coordinator;
        let (place, settled_slot) = self.shown(shown)?;
        let epoch = self.settled[place].epoch;
        self.require_open(epoch)?;
        require_signed(self, receipt, &coordinator)?;
        let root = &receipt.body;
        let slot: Option<Slot> = slot.open(ReceiptField::Slot, root);
        require(slot == Some(settled_slot), "DIS-2: of another slot")?;
        let claim_of = |epoch, claimant| Claim {
            coordinator,
            epoch,
            slot: settled_slot,
            claimant,
        };
        match claim {
            dispute::Claim::Seat {
                provider,
                seats,
                voucher,
                terms,
            } => {
                let seats: Option<List<SeatReceipt, SEATS_MAX>> =
                    seats.open(ReceiptField::Seats, root);
                let seats = seats.ok_or_else(|| Refusal("DIS-2: the seats".to_owned()))?;
                let seat = seats.iter().find(|seat| seat.provider == *provider);
                let seat = seat.ok_or_else(|| Refusal("DIS-2: no such seat".to_owned()))?;
                let epoch = self.epoch_of(seat.assign.body.height.0);
                self.require_open(epoch)?;
                let party = self.party(*provider, shown.leaf.height.0);
                let party = party.filter(|party| party.contains(signer));
                let [.., operator] =
                    party.ok_or_else(|| Refusal("DIS-2: not the seat's".to_owned()))?;
                require(
                    seat.assign.body.voucher == voucher.body.digest()
                        && voucher.body.terms == terms.digest(),
                    "DIS-2: another voucher or terms",
                )?;
                let (line, left) = self.drawable(&coordinator, &voucher.body)?;
                require_signed(self, voucher, &self.lines[line].requester)?;
                let settled = shown.leaf.seats.iter();
                let kept = settled.filter(|seat| seat.provider == *provider);
                let kept: u128 = kept.map(|seat| money(seat.pay)).sum();
                let cap = money(terms.caps.seat_charge).saturating_sub(kept);
                Ok(Owed {
                    claim: claim_of(epoch, Some(*provider)),
                    payee: operator,
                    loss: money(seat.pay).saturating_sub(kept),
                    line: Some((line, left.min(cap))),
                })
            }
            dispute::Claim::Requester { charges } => {
                let charges: Option<Charges> = charges.open(ReceiptField::Charges, root);
                let charges = charges.ok_or_else(|| Refusal("DIS-2: the charges".to_owned()))?;
                let line = usize::try_from(shown.leaf.line.0).expect("numbers are small");
                let line = self.lines.get(line).filter(|line| !line.released);
                require(
                    line.is_some_and(|line| line.requester == *signer),
                    "DIS-2: not the requester's",
                )?;
                let charged = money(shown.leaf.charge);
                Ok(Owed {
                    claim: claim_of(epoch, None),
                    payee: *signer,
                    loss: charged.saturating_sub(money(charges.total)),
                    line: None,
                })
            }
        }
    }

    /// DIS-3: work that no leaf pays.
    fn unpaid(&self, signer: &PublicKey, filing: &Filing) -> Result<Owed, Refusal> {
        let Filing::Unpaid {
            provider,
            coordinator,
            void,
            voucher,
            terms,
            assign,
            close,
            part,
        } = filing
        else {
            return Err(Refusal("DIS-3: another filing".to_owned()));
        };
        let offer = &assign.body;
        let id = contract_id(&self.network, coordinator, offer.slot);
        let bound = part.body.commitments.first();
        require(
            [offer.contract, close.body.contract, part.body.contract] == [id; 3]
                && offer.voucher == voucher.body.digest()
                && voucher.body.terms == terms.digest()
                && close.body.phase.is_alone()
                && bound.is_some_and(|bound| close.body.commitments.contains(bound)),
            "DIS-3: not of one contract",
        )?;
        let epoch = self.epoch_of(offer.height.0);
        self.require_open(epoch)?;
        match void {
            Some(shown) => {
                let (_, slot) = self.shown(shown)?;
                require(
                    slot == offer.slot
                        && shown.coordinator == *coordinator
                        && shown.leaf.status == ContractStatus::Void,
                    "DIS-3: the slot was not void",
                )?;
            }
            None => {
                let next = self
                    .coordinators
                    .get(coordinator)
                    .map_or(0, |it| it.next_slot);
                require(
                    self.epoch() == epoch + 2 && offer.slot.0 >= next,
                    "DIS-3: it was settled, or still can be",
                )?;
            }
        }
        let party = self.offered(*provider, offer);
        let party = party.filter(|party| party.contains(signer));
        let [.., operator] = party.ok_or_else(|| Refusal("DIS-3: not the seat's".to_owned()))?;
        let (line, left) = self.drawable(coordinator, &voucher.body)?;
        require_signed(self, voucher, &self.lines[line].requester)?;
        require_signed(self, assign, coordinator)?;
        require_signed(self, close, coordinator)?;
        require_signed(self, part, &offer.seat)?;
        let full = full_price(terms, &offer.price, part.body.input, part.body.output);
        Ok(Owed {
            claim: Claim {
                coordinator: *coordinator,
                epoch,
                slot: offer.slot,
                claimant: Some(*provider),
            },
            payee: operator,
            loss: share(full, terms.split.base.get()),
            line: Some((line, left)),
        })
    }
}
