//! Disputes: faults, claims and challenges (DIS). What a coordinator opens is in [`answer`].

mod answer;
mod claim;

use llmnet_types::{
    bond::Role,
    codec::List,
    contract::{Assign, SEATS_MAX, contract_id},
    disclosure::ReceiptField,
    dispute::{Challenge, FaultProof, SettledLeaf},
    id::{ContractId, Digest, ProviderId, ReceiptRoot},
    message::Part,
    receipt::{Charges, ContractStatus, SeatReceipt},
    settlement::Leaf,
    signature::{Message, PublicKey, Signed},
    units::Slot,
};

use crate::{Oracle, Promise, Refusal, mismatch::require, money::money};

/// What was done, by whom, where: punished once (BND-5).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Offence {
    /// Two offers of a slot.
    Assigns(PublicKey, Slot),
    /// A panel that the seed does not select.
    Panel(PublicKey, Slot),
    /// A receipt that does not add up.
    Totals(PublicKey, ReceiptRoot),
    /// Two accounts of a contract.
    Parts(PublicKey, ContractId),
    /// Two votes of a round.
    Votes(PublicKey, u64, u64),
}

/// A claim that was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Against whom.
    pub coordinator: PublicKey,
    /// About a contract of which epoch.
    pub epoch: u64,
    /// About which slot.
    pub slot: Slot,
    /// Whose: a seat's, or the requester's.
    pub claimant: Option<ProviderId>,
}

/// A challenge, over or not.
#[derive(Debug, Clone)]
pub struct Challenged {
    /// Who is asked.
    pub coordinator: PublicKey,
    /// About which slot.
    pub slot: Slot,
    /// Who asks.
    pub challenger: PublicKey,
    /// What was deposited.
    pub deposit: u128,
    /// The contract's epoch.
    pub epoch: u64,
    /// Whose money paid.
    pub requester: PublicKey,
    /// The leaf.
    pub leaf: Leaf,
    /// Whether it was answered.
    pub answered: bool,
    /// Whether its windows are over.
    pub ended: bool,
}

/// Refuses what somebody did not sign.
fn require_signed<T: Message>(
    oracle: &Oracle,
    signed: &Signed<T>,
    signer: &PublicKey,
) -> Result<(), Refusal> {
    let holds = signed.verify(&oracle.network, signer).is_ok();
    require(holds, "DIS: a signature does not hold")
}

impl Oracle {
    /// A settled leaf as it is shown: its settlement, which is not over, and its slot.
    pub(crate) fn shown(&self, shown: &SettledLeaf) -> Result<(usize, Slot), Refusal> {
        let of = |settled: &crate::Settled| {
            !settled.released
                && settled.coordinator == shown.coordinator
                && settled.settlement.first_slot == shown.first_slot
        };
        let place = self.settled.iter().position(of);
        let place = place.ok_or_else(|| Refusal("DIS: no such settlement".to_owned()))?;
        require(
            shown.holds(&self.settled[place].root),
            "DIS: the leaf's path",
        )?;
        let slot = shown.slot();
        slot.map(|slot| (place, slot))
            .ok_or_else(|| Refusal("DIS: no such slot".to_owned()))
    }

    /// WIN-1: until the end of the second epoch after that of the contract.
    fn require_open(&self, epoch: u64) -> Result<(), Refusal> {
        let now = self.epoch();
        require(
            (epoch..=epoch + 2).contains(&now),
            "WIN-1: outside of the window",
        )
    }

    /// Who acts for a provider: its key at a height, its key now, its operator.
    fn party(&self, id: ProviderId, height: u64) -> Option<[PublicKey; 3]> {
        let provider = self.provider(id)?;
        let then = provider.at(height).registration.node;
        let newest = provider.newest().registration.node;
        Some([then, newest, provider.operator()])
    }

    /// The same for a seat as an offer names it.
    fn offered(&self, id: ProviderId, assign: &Assign) -> Option<[PublicKey; 3]> {
        let provider = self.provider(id)?;
        let mut said = provider.versions.iter().map(|it| &it.registration);
        if !said.any(|said| said.node == assign.seat && said.nonce == assign.nonce) {
            return None;
        }
        let newest = provider.newest().registration.node;
        Some([assign.seat, newest, provider.operator()])
    }

    /// DIS-1
    pub(crate) fn fault(&mut self, proof: &FaultProof) -> Result<(), Refusal> {
        let (offence, culprit, role) = match proof {
            FaultProof::Assigns {
                coordinator, first, ..
            } => {
                let offence = Offence::Assigns(*coordinator, first.body.slot);
                (offence, *coordinator, Role::Coordinator)
            }
            FaultProof::Panel(shown) => {
                let slot = shown.slot();
                let slot = slot.ok_or_else(|| Refusal("DIS: no such slot".to_owned()))?;
                let offence = Offence::Panel(shown.coordinator, slot);
                (offence, shown.coordinator, Role::Coordinator)
            }
            FaultProof::Totals {
                coordinator,
                receipt,
                ..
            } => {
                let offence = Offence::Totals(*coordinator, receipt.body);
                (offence, *coordinator, Role::Coordinator)
            }
            FaultProof::Parts { node, first, .. } => {
                let offence = Offence::Parts(*node, first.body.contract);
                (offence, *node, Role::Respondent)
            }
            FaultProof::Votes {
                validator, first, ..
            } => {
                let offence = Offence::Votes(*validator, first.term.0, first.view);
                (offence, *validator, Role::Validator)
            }
        };
        require(
            self.offences.insert(offence),
            "DIS-1: it was punished already",
        )?;
        let known = role == Role::Coordinator && self.slot_chains.contains_key(&culprit);
        require(
            known || self.at_stake(&culprit, role) > 0,
            "DIS-1: nothing can be punished",
        )?;
        self.check_fault(proof)?;
        self.slash(&culprit, role, None);
        Ok(())
    }

    fn check_fault(&self, proof: &FaultProof) -> Result<(), Refusal> {
        match proof {
            FaultProof::Assigns {
                coordinator,
                first,
                second,
            } => {
                let (one, other) = (&first.body, &second.body);
                let id = contract_id(&self.network, coordinator, one.slot);
                require(
                    one.slot == other.slot && [one.contract, other.contract] == [id, id],
                    "DIS-1: offers of different slots",
                )?;
                require(
                    one.voucher != other.voucher || one.height != other.height,
                    "DIS-1: offers that agree",
                )?;
                require_signed(self, first, coordinator)?;
                require_signed(self, second, coordinator)
            }
            FaultProof::Panel(shown) => {
                let (place, _) = self.shown(shown)?;
                self.require_open(self.settled[place].epoch)?;
                // Whether the seats are in order, the ledger says.
                require(
                    !shown.leaf.filtered && shown.leaf.status != ContractStatus::Void,
                    "DIS-1: no order to keep",
                )
            }
            FaultProof::Totals {
                coordinator,
                receipt,
                seats,
                charges,
            } => {
                let seats: Option<List<SeatReceipt, SEATS_MAX>> =
                    seats.open(ReceiptField::Seats, &receipt.body);
                let charges: Option<Charges> = charges.open(ReceiptField::Charges, &receipt.body);
                let (Some(seats), Some(charges)) = (seats, charges) else {
                    return Err(Refusal("DIS-1: no fields of the receipt".to_owned()));
                };
                let earned: u128 = seats.iter().map(|seat| money(seat.pay)).sum();
                let parts = [charges.seats, charges.coordinator, charges.fee].map(money);
                require(
                    earned != money(charges.seats)
                        || parts.iter().sum::<u128>() != money(charges.total),
                    "DIS-1: it adds up",
                )?;
                require_signed(self, receipt, coordinator)
            }
            FaultProof::Parts {
                node,
                first,
                second,
            } => {
                require(
                    differ(&first.body, &second.body),
                    "DIS-1: accounts that agree",
                )?;
                require_signed(self, first, node)?;
                require_signed(self, second, node)
            }
            FaultProof::Votes {
                validator,
                first,
                second,
            } => {
                require(first.contradicts(second), "DIS-1: votes that agree")?;
                let signed = [first, second].into_iter().all(|vote| {
                    validator.verify(&vote.signed_bytes(&self.network), &vote.signature)
                });
                require(signed, "DIS-1: a vote's signature")
            }
        }
    }

    /// DIS-4
    pub(crate) fn challenge(
        &mut self,
        signer: &PublicKey,
        challenge: &Challenge,
    ) -> Result<(), Refusal> {
        let shown = &challenge.settled;
        let leaf = &shown.leaf;
        require(leaf.status != ContractStatus::Void, "DIS-4: void")?;
        let (place, slot) = self.shown(shown)?;
        let (coordinator, epoch) = (shown.coordinator, self.settled[place].epoch);
        self.require_open(epoch)?;
        let same = |other: &Challenged| other.coordinator == coordinator && other.slot == slot;
        require(
            !self.challenges.iter().any(same),
            "DIS-4: challenged already",
        )?;
        let requester =
            self.lines[usize::try_from(leaf.line.0).expect("it was drawn on")].requester;
        let seated = leaf.seats.iter().any(|seat| {
            let party = self.party(seat.provider, leaf.height.0);
            party.is_some_and(|party| party.contains(signer))
        });
        require(
            requester == *signer || seated || self.is_drawn(epoch, &coordinator, slot),
            "DIS-4: no party",
        )?;
        let deposit = money(self.params.deposit);
        self.take(signer, deposit)?;
        self.challenges.push(Challenged {
            coordinator,
            slot,
            challenger: *signer,
            deposit,
            epoch,
            requester,
            leaf: leaf.clone(),
            answered: false,
            ended: false,
        });
        self.promise(epoch + 4, Promise::Challenge(self.challenges.len() - 1));
        Ok(())
    }

    /// DIS-4: one slot in so many is anybody's to challenge, by the beacon of e+2.
    fn is_drawn(&self, epoch: u64, coordinator: &PublicKey, slot: Slot) -> bool {
        if self.epoch() != epoch + 2 {
            return false;
        }
        let beacon = self.beacons.last().expect("genesis has one");
        let parts: [&[u8]; 3] = [&beacon.0, &coordinator.0, &slot.0.to_le_bytes()];
        let Digest(drawn) = Digest::tagged("llmnet/spot-check/1", &parts);
        let mut first = [0; 8];
        first.copy_from_slice(&drawn[..8]);
        u64::from_le_bytes(first).is_multiple_of(u64::from(self.params.spot_check_one_in))
    }

    /// DIS-6
    pub(crate) fn end_challenge(&mut self, place: usize) {
        let challenge = &mut self.challenges[place];
        challenge.ended = true;
        if challenge.answered {
            return;
        }
        let (challenger, deposit) = (challenge.challenger, challenge.deposit);
        let (coordinator, requester) = (challenge.coordinator, challenge.requester);
        let loss = money(challenge.leaf.charge);
        self.give(&challenger, deposit);
        self.slash(&coordinator, Role::Coordinator, Some((requester, loss)));
    }
}

/// DIS-1: whether two accounts of what was bound the same tell of it differently.
fn differ(one: &Part, other: &Part) -> bool {
    let bound = |part: &Part| part.commitments.first().copied();
    if one.contract != other.contract || bound(one).is_none() || bound(one) != bound(other) {
        return false;
    }
    if one.first_class != other.first_class {
        return true;
    }
    if one.commitments != other.commitments {
        return false;
    }
    let ballots = [&one.ballot, &other.ballot];
    if ballots.iter().all(|ballot| !ballot.is_empty()) && ballots[0] != ballots[1] {
        return true;
    }
    let told = |part: &Part| (part.last_class, part.output, part.citations.clone());
    one.commitments.len() == 1 && told(one) != told(other)
}
