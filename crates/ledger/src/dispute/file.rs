//! Filings: a party is paid what a contract owes it and its coordinator did not settle (DIS-2, DIS-3).
//!
//! A seat's loss is the requester's debt first: it comes from the line, as far as voucher and line allow.
//! The rest, and whatever a requester lost, comes from the coordinator's bond.

use llmnet_types::{
    bond::Role,
    codec::List,
    contract::{Assign, SEATS_MAX, Terms, Voucher, contract_id},
    disclosure::{Disclosure, ReceiptField},
    dispute::{Claim, Filing, SettledLeaf},
    id::{LineId, NetworkId, ProviderId, ReceiptRoot},
    message::{Close, Part},
    params::{DISPUTE_EPOCHS, RELEASE_EPOCHS},
    receipt::{Charges, ContractStatus, SeatReceipt},
    rejection::{Field, ProofPart, Rejection},
    signature::{Message, PublicKey, Signed},
    units::{Amount, Epoch, Slot},
};

use super::{Party, broken, full_price, in_window, settlement, signed};
use crate::{
    bond, due,
    event::EventKind,
    record::{Claimant, Claims, Coordinator, Due, Line},
    state::Key,
    work::{Place, Work},
};

/// What a filing shows to be owed.
struct Owed {
    coordinator: PublicKey,
    slot: Slot,
    /// The contract's epoch.
    epoch: Epoch,
    /// Whose claim it is.
    claimant: Claimant,
    /// Its key: a seat's when it was selected.
    key: PublicKey,
    /// Who is paid.
    payee: PublicKey,
    loss: Amount,
    /// The line that pays first, and at most how much of it.
    line: Option<(LineId, Amount)>,
}

/// Pays what a filing shows to be owed, once.
pub(crate) fn file(
    work: &mut Work<'_>,
    network: &NetworkId,
    signer: &PublicKey,
    filing: &Filing,
) -> Result<(), Rejection> {
    let owed = match filing {
        Filing::Contradiction {
            settled,
            receipt,
            slot,
            claim,
        } => contradiction(work, network, signer, (settled, receipt, slot), claim)?,
        Filing::Unpaid {
            provider,
            coordinator,
            void,
            voucher,
            terms,
            assign,
            close,
            part,
        } => {
            let claim = Unpaid {
                provider: *provider,
                coordinator,
                void: void.as_ref(),
                voucher,
                terms,
                assign,
                close,
                part,
            };
            claim.check(work, network, signer)?
        }
    };
    pay(work, &owed)
}

/// Whose money a voucher promises to this coordinator, and how much of it is left for a claim.
fn drawable(
    work: &Work<'_>,
    coordinator: &PublicKey,
    voucher: &Voucher,
) -> Result<(PublicKey, Amount), Rejection> {
    let fault = Rejection::Line { line: voucher.line };
    let line: Line = work.read(&Key::Line(voucher.line)).ok_or(fault.clone())?;
    if line.coordinator != *coordinator {
        return Err(fault);
    }
    let promised = voucher.limit.saturating_sub(line.drawn);
    Ok((line.requester, promised.min(line.rest())))
}

/// Refuses what owes nothing, and what was claimed before.
fn new(work: &Work<'_>, owed: Owed) -> Result<Owed, Rejection> {
    if owed.loss == Amount::ZERO {
        return Err(Rejection::NoFault);
    }
    let claim = (owed.slot, owed.claimant);
    if remembered(work, &owed.coordinator).contains(&claim) {
        return Err(Rejection::Already);
    }
    Ok(owed)
}

/// All claims against a coordinator that are not forgotten yet. The requester's are of the epoch of the leaf,
/// seats' of that of their offers, and a coordinator may have signed several of these.
fn remembered(work: &Work<'_>, coordinator: &PublicKey) -> Vec<(Slot, Claimant)> {
    let now = work.clock.epoch.0;
    let epochs = (0..=RELEASE_EPOCHS).filter_map(|age| now.checked_sub(age).map(Epoch));
    epochs
        .filter_map(|epoch| work.read::<Claims>(&Key::Claims(*coordinator, epoch)))
        .flat_map(List::into_vec)
        .collect()
}

/// A receipt signed by the coordinator that promises more than its leaf keeps (DIS-2).
fn contradiction(
    work: &Work<'_>,
    network: &NetworkId,
    signer: &PublicKey,
    (shown, receipt, disclosed): (&SettledLeaf, &Signed<ReceiptRoot>, &Disclosure),
    claim: &Claim,
) -> Result<Owed, Rejection> {
    let coordinator = shown.coordinator;
    let (slot, settled) = settlement(work, shown)?;
    in_window(work, settled.epoch, DISPUTE_EPOCHS)?;
    let root = &receipt.body;
    let unread = broken(ProofPart::Disclosure);
    let of: Slot = disclosed
        .open(ReceiptField::Slot, root)
        .ok_or(unread.clone())?;
    if of != slot {
        return Err(broken(ProofPart::Contract));
    }
    let owed = match claim {
        Claim::Seat {
            provider,
            seats,
            voucher,
            terms,
        } => {
            let seats: List<SeatReceipt, SEATS_MAX> =
                seats.open(ReceiptField::Seats, root).ok_or(unread)?;
            let seat = seats.iter().find(|seat| seat.provider == *provider);
            let seat = seat.ok_or(Rejection::NoFault)?;
            // A slot may be voided when its contract's time is over, under a height of then (SEL-8).
            let epoch = seat.assign.body.height.epoch(work.params.epoch_length());
            in_window(work, epoch, DISPUTE_EPOCHS)?;
            let party = Party::of(work, *provider, shown.leaf.height)
                .filter(|party| party.includes(signer))
                .ok_or(Rejection::NoParty)?;
            let of_voucher = seat.assign.body.voucher == voucher.body.digest();
            if !of_voucher || voucher.body.terms != terms.digest() {
                return Err(broken(ProofPart::Contract));
            }
            let (requester, left) = drawable(work, &coordinator, &voucher.body)?;
            let kept = kept(shown, *provider);
            // The requester agreed to the cap, and to no more.
            let cap = terms.caps.seat_charge.saturating_sub(kept);
            let owed = new(
                work,
                Owed {
                    coordinator,
                    slot,
                    epoch,
                    claimant: Claimant::Seat(*provider),
                    key: party.node,
                    payee: party.operator,
                    loss: seat.pay.saturating_sub(kept),
                    line: Some((voucher.body.line, left.min(cap))),
                },
            )?;
            signed(work, voucher, network, &requester)?;
            owed
        }
        Claim::Requester { charges } => {
            let charges: Charges = charges.open(ReceiptField::Charges, root).ok_or(unread)?;
            let line: Option<Line> = work.read(&Key::Line(shown.leaf.line));
            if line.is_none_or(|line| line.requester != *signer) {
                return Err(Rejection::NoParty);
            }
            new(
                work,
                Owed {
                    coordinator,
                    slot,
                    epoch: settled.epoch,
                    claimant: Claimant::Requester,
                    key: *signer,
                    payee: *signer,
                    loss: shown.leaf.charge.saturating_sub(charges.total),
                    line: None,
                },
            )?
        }
    };
    signed(work, receipt, network, &coordinator)?;
    Ok(owed)
}

/// What a leaf pays a provider.
fn kept(shown: &SettledLeaf, provider: ProviderId) -> Amount {
    let mut seats = shown.leaf.seats.iter();
    seats
        .find(|seat| seat.provider == provider)
        .map_or(Amount::ZERO, |seat| seat.pay)
}

/// Work that no leaf pays (DIS-3).
struct Unpaid<'a> {
    provider: ProviderId,
    coordinator: &'a PublicKey,
    void: Option<&'a SettledLeaf>,
    voucher: &'a Signed<Voucher>,
    terms: &'a Terms,
    assign: &'a Signed<Assign>,
    close: &'a Signed<Close>,
    part: &'a Signed<Part>,
}

impl Unpaid<'_> {
    fn check(
        &self,
        work: &Work<'_>,
        network: &NetworkId,
        signer: &PublicKey,
    ) -> Result<Owed, Rejection> {
        let (voucher, assign) = (&self.voucher.body, &self.assign.body);
        if !self.is_one_contract(network) {
            return Err(broken(ProofPart::Contract));
        }
        let epoch = assign.height.epoch(work.params.epoch_length());
        in_window(work, epoch, DISPUTE_EPOCHS)?;
        self.unsettled(work, epoch)?;
        let party = Party::offered(work, self.provider, assign)
            .filter(|party| party.includes(signer))
            .ok_or(Rejection::NoParty)?;
        let (requester, left) = drawable(work, self.coordinator, voucher)?;
        let part = &self.part.body;
        let full = full_price(self.terms, &assign.price, part.input, part.output);
        let owed = new(
            work,
            Owed {
                coordinator: *self.coordinator,
                slot: assign.slot,
                epoch,
                claimant: Claimant::Seat(self.provider),
                key: party.node,
                payee: party.operator,
                loss: full.share(self.terms.split.base),
                line: Some((voucher.line, left)),
            },
        )?;
        signed(work, self.voucher, network, &requester)?;
        signed(work, self.assign, network, self.coordinator)?;
        signed(work, self.close, network, self.coordinator)?;
        signed(work, self.part, network, &assign.seat)?;
        Ok(owed)
    }

    /// Whether all parts are about one contract, under one order, and the seat bound an answer in time.
    fn is_one_contract(&self, network: &NetworkId) -> bool {
        let assign = &self.assign.body;
        let (close, part) = (&self.close.body, &self.part.body);
        let contract = contract_id(network, self.coordinator, assign.slot);
        let bound = part.commitments.first();
        [assign.contract, close.contract, part.contract] == [contract; 3]
            && assign.voucher == self.voucher.body.digest()
            && self.voucher.body.terms == self.terms.digest()
            && close.phase.is_alone()
            && bound.is_some_and(|bound| close.commitments.contains(bound))
    }

    /// The slot was settled as void, or was not settled while it could be.
    fn unsettled(&self, work: &Work<'_>, epoch: Epoch) -> Result<(), Rejection> {
        let slot = self.assign.body.slot;
        let Some(shown) = self.void else {
            if epoch.after(DISPUTE_EPOCHS) != Some(work.clock.epoch) {
                return Err(Rejection::Window);
            }
            let coordinator: Option<Coordinator> = work.read(&Key::Coordinator(*self.coordinator));
            let settled = coordinator.is_some_and(|coordinator| slot < coordinator.next_slot);
            return if settled {
                Err(Rejection::NoFault)
            } else {
                Ok(())
            };
        };
        let (of, _) = settlement(work, shown)?;
        if of != slot || shown.coordinator != *self.coordinator {
            return Err(broken(ProofPart::Contract));
        }
        if shown.leaf.status != ContractStatus::Void {
            return Err(Rejection::NoFault);
        }
        Ok(())
    }
}

/// Pays from the line, then from the bond. The coordinator is slashed once for a slot, and again where the
/// line leaves a further claim short, so that all are made whole as far as the bond goes (BND-5).
fn pay(work: &mut Work<'_>, owed: &Owed) -> Result<(), Rejection> {
    let before = remembered(work, &owed.coordinator);
    let punished = before.iter().any(|(slot, _)| *slot == owed.slot);
    let key = Key::Claims(owed.coordinator, owed.epoch);
    let mut claims: Claims = work.read(&key).unwrap_or_default();
    let first = claims.is_empty();
    if !claims.push((owed.slot, owed.claimant)) {
        return Err(Rejection::Full {
            field: Field::Claims,
        });
    }
    work.write(key, &claims);
    if first {
        let due = owed.epoch.after(RELEASE_EPOCHS);
        let entry = Due::Claims {
            coordinator: owed.coordinator,
            epoch: owed.epoch,
        };
        due::push(work, due.ok_or(Rejection::Overflow)?, entry);
    }
    let drawn = draw(work, owed)?;
    let short = owed.loss.saturating_sub(drawn);
    let mut restored = Amount::ZERO;
    if short > Amount::ZERO || !punished {
        let victim = (short > Amount::ZERO).then_some((owed.payee, short));
        restored = bond::slash(work, &owed.coordinator, Role::Coordinator, victim)?;
    }
    work.event(EventKind::Filed {
        coordinator: owed.coordinator,
        slot: owed.slot,
        claimant: owed.key,
        amount: drawn.checked_add(restored).ok_or(Rejection::Overflow)?,
    });
    Ok(())
}

/// Takes from the line what it gives. Gives how much that is.
fn draw(work: &mut Work<'_>, owed: &Owed) -> Result<Amount, Rejection> {
    let Some((id, most)) = owed.line else {
        return Ok(Amount::ZERO);
    };
    let drawn = owed.loss.min(most);
    let key = Key::Line(id);
    let mut line: Line = work.read(&key).ok_or(Rejection::Line { line: id })?;
    line.drawn = line.drawn.checked_add(drawn).ok_or(Rejection::Overflow)?;
    work.write(key, &line);
    work.credit(&owed.payee, drawn, Place::Lines)?;
    Ok(drawn)
}

/// Forgets claims about contracts of an epoch (WIN-1).
pub(crate) fn forget(work: &mut Work<'_>, coordinator: &PublicKey, epoch: Epoch) {
    work.remove(Key::Claims(*coordinator, epoch));
}
