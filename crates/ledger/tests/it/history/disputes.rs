//! Faults, claims, challenges and their answers (DIS).

use llmnet_ledger::{State, query};
use llmnet_types::{
    certificate::{EngineVote, Proposal, Statement},
    codec::List,
    contract::{Assign, contract_id},
    disclosure::ReceiptField,
    dispute::{Answer, Challenge, Claim, FaultProof, Filing, SettledLeaf},
    id::{Digest, ReceiptRoot},
    message::Phase,
    rating::{Ballot, Comparison, Preference},
    receipt::{ContractStatus, Receipt},
    signature::{Signature, Signed},
    transaction::Instruction,
    units::{Amount, Height, Slot, Tokens},
};

use super::{
    Act, History,
    contracts::{Contract, Job},
    people::{COORDINATORS, VALIDATORS},
};

impl History {
    /// Somebody shows what somebody did; sometimes it is nothing.
    pub(super) fn fault(&mut self, state: &dyn State) -> Option<Act> {
        let innocent = self.random.chance(30);
        let proof = match self.random.below(5) {
            0 => self.two_votes(state, innocent),
            1 => self.two_offers(state, innocent),
            2 => self.two_accounts(state, innocent)?,
            3 => self.false_sums(state, innocent)?,
            _ => {
                let (kept, number) = self.some_contract(state)?;
                FaultProof::Panel(kept.settled(number))
            }
        };
        Some((self.somebody(), Instruction::Fault(Box::new(proof))))
    }

    fn two_votes(&mut self, state: &dyn State, innocent: bool) -> FaultProof {
        let validator = self.one_of("validator", VALIDATORS);
        let term = query::office(state).unwrap().term;
        let view = self.random.below(40);
        let vote = |history: &mut Self, digest: [u8; 32]| {
            let proposal = Proposal {
                parent_view: 0,
                digest: Digest(digest),
            };
            let mut vote = EngineVote {
                term,
                view,
                statement: Statement::Notarize(proposal),
                signature: Signature([0; 64]),
            };
            let bytes = vote.signed_bytes(&history.network);
            vote.signature = history.keys[&validator].sign(&bytes);
            vote
        };
        let first = vote(self, [1; 32]);
        let mut second = vote(self, if innocent { [1; 32] } else { [2; 32] });
        if self.random.chance(10) {
            second.signature = Signature([7; 64]);
        }
        FaultProof::Votes {
            validator,
            first,
            second,
        }
    }

    fn two_offers(&mut self, state: &dyn State, innocent: bool) -> FaultProof {
        let coordinator = self.one_of("coordinator", COORDINATORS);
        let slot = Slot(self.random.below(50));
        let height = query::clock(state).height;
        let seat = self.somebody();
        let offer = |history: &Self, voucher: &[u8]| {
            let assign = Assign {
                contract: contract_id(&history.network, &coordinator, slot),
                slot,
                height,
                voucher: Digest::of(voucher),
                seat,
                nonce: 0,
                rank: 0,
                phase: Phase::Answers,
                price: Default::default(),
                durations: super::contracts::DURATIONS,
            };
            Signed::new(assign, &history.network, &history.keys[&coordinator])
        };
        let first = offer(self, b"one");
        let mut second = offer(self, if innocent { b"one" } else { b"two" });
        if self.random.chance(10) {
            second.body.height = Height(height.0 + 1);
        }
        FaultProof::Assigns {
            coordinator,
            first,
            second,
        }
    }

    fn two_accounts(&mut self, state: &dyn State, innocent: bool) -> Option<FaultProof> {
        let (kept, number) = self.some_contract(state)?;
        let seats = &kept.contracts[number].receipt.seats;
        let seat = self.random.pick(seats)?;
        let node = seat.assign.body.seat;
        let mut first = seat.part.clone()?;
        let mut body = first.body.clone();
        if self.random.chance(30) {
            // The debate went on, in the same words or in others.
            let mut debated = body.clone();
            let round = Digest(self.random.bytes());
            debated.commitments = List::truncated([body.commitments[0], round]);
            debated.ballot = self.ballot();
            body.ballot = self.ballot();
            if self.random.chance(50) {
                body.commitments = debated.commitments.clone();
            }
            first = Signed::new(debated, &self.network, &self.keys[&node]);
        }
        if innocent {
            // Begun anew, with other words.
            body.commitments = List::truncated([Digest(self.random.bytes())]);
        }
        let other = Digest(self.random.bytes());
        match self.random.below(6) {
            0 => body.first_class = other,
            1 => body.last_class = other,
            2 => body.citations = List::truncated([other]),
            3 => body.ballot = self.ballot(),
            4 => body.input = Tokens(body.input.0 + 1),
            _ => body.output = Tokens(body.output.0 + 1),
        }
        let second = Signed::new(body, &self.network, &self.keys[&node]);
        Some(FaultProof::Parts {
            node,
            first,
            second,
        })
    }

    /// A word on another's answer, or none.
    fn ballot(&mut self) -> Ballot {
        let better = match self.random.below(3) {
            0 => return List::new(),
            1 => Preference::First,
            _ => Preference::Second,
        };
        List::truncated([Comparison {
            first: 0,
            second: 1,
            better,
        }])
    }

    fn signed_root(&self, receipt: &Receipt, contract: &Contract) -> Signed<ReceiptRoot> {
        let root = receipt.root(&contract.salt);
        Signed::new(root, &self.network, &self.keys[&receipt.coordinator])
    }

    fn false_sums(&mut self, state: &dyn State, innocent: bool) -> Option<FaultProof> {
        let (kept, number) = self.some_contract(state)?;
        let contract = &kept.contracts[number];
        let mut receipt = contract.receipt.clone();
        let more = Amount(1 + self.random.below(3));
        let charges = &mut receipt.charges;
        match self.random.below(4) {
            _ if innocent => {}
            0 => charges.total = Amount(charges.total.0 + more.0),
            1 => charges.fee = Amount(charges.fee.0 + more.0),
            2 => charges.fee = Amount(u64::MAX),
            // Both sums agree, and the seats earn something else.
            _ => {
                charges.seats = Amount(charges.seats.0 + more.0);
                charges.total = Amount(charges.total.0 + more.0);
            }
        }
        Some(FaultProof::Totals {
            coordinator: receipt.coordinator,
            receipt: self.signed_root(&receipt, contract),
            seats: receipt.disclose(&contract.salt, ReceiptField::Seats)?,
            charges: receipt.disclose(&contract.salt, ReceiptField::Charges)?,
        })
    }

    pub(super) fn file(&mut self, state: &dyn State) -> Option<Act> {
        match self.random.below(3) {
            0 => self.promised_more(state),
            1 => self.charged_more(state),
            _ => self.unpaid(state),
        }
    }

    /// A seat shows a receipt that paid it more than the leaf (DIS-2).
    fn promised_more(&mut self, state: &dyn State) -> Option<Act> {
        let (kept, number) = self.some_contract(state)?;
        let contract = &kept.contracts[number];
        let mut receipt = contract.receipt.clone();
        let mut seats = receipt.seats.to_vec();
        let more = self.random.below(3) * self.random.below(3_000_000);
        let seat = self.random.pick_mut(&mut seats)?;
        seat.pay = Amount(seat.pay.0 + more);
        let provider = seat.provider;
        let registration = query::provider(state, provider)?
            .newest()
            .registration
            .clone();
        let signer = match self.random.below(6) {
            0 => self.somebody(),
            1 | 2 => seat.assign.body.seat,
            3 => registration.node,
            _ => registration.operator,
        };
        receipt.seats = List::from_vec(seats).ok()?;
        let claim = Claim::Seat {
            provider,
            seats: receipt.disclose(&contract.salt, ReceiptField::Seats)?,
            voucher: receipt.voucher.clone(),
            terms: receipt.terms.clone(),
        };
        let filing = Filing::Contradiction {
            settled: kept.settled(number),
            receipt: self.signed_root(&receipt, contract),
            slot: receipt.disclose(&contract.salt, ReceiptField::Slot)?,
            claim,
        };
        Some((signer, Instruction::File(Box::new(filing))))
    }

    /// A requester shows a receipt that charged less than the leaf (DIS-2).
    fn charged_more(&mut self, state: &dyn State) -> Option<Act> {
        let (kept, number) = self.some_contract(state)?;
        let contract = &kept.contracts[number];
        let mut receipt = contract.receipt.clone();
        let less = self.random.below(2) * self.random.below(2_000);
        receipt.charges.total = Amount(receipt.charges.total.0.saturating_sub(less));
        let filing = Filing::Contradiction {
            settled: kept.settled(number),
            receipt: self.signed_root(&receipt, contract),
            slot: receipt.disclose(&contract.salt, ReceiptField::Slot)?,
            claim: Claim::Requester {
                charges: receipt.disclose(&contract.salt, ReceiptField::Charges)?,
            },
        };
        let stranger = self.random.chance(10);
        let signer = if stranger {
            self.somebody()
        } else {
            receipt.requester
        };
        Some((signer, Instruction::File(Box::new(filing))))
    }

    /// A seat shows work that was settled as void, or not at all (DIS-3).
    fn unpaid(&mut self, state: &dyn State) -> Option<Act> {
        let (contract, void) = if self.random.chance(50) {
            let void = |contract: &Contract| contract.leaf.status == ContractStatus::Void;
            let (kept, number) = self.contract_that(state, &void)?;
            let shown = kept.settled(number);
            (kept.contracts[number].clone(), Some(shown))
        } else {
            self.dropped(state)?
        };
        let receipt = &contract.receipt;
        let seat = self.random.pick(&receipt.seats)?.clone();
        let registration = query::provider(state, seat.provider)?;
        let signer = match self.random.below(6) {
            0 => self.somebody(),
            1 | 2 => seat.assign.body.seat,
            _ => registration.newest().registration.operator,
        };
        let filing = Filing::Unpaid {
            provider: if self.random.chance(96) {
                seat.provider
            } else {
                self.some_provider(state)?.0
            },
            coordinator: receipt.coordinator,
            void,
            voucher: receipt.voucher.clone(),
            terms: receipt.terms.clone(),
            assign: seat.assign.clone(),
            close: receipt.closes.first()?.clone(),
            part: seat.part?,
        };
        Some((signer, Instruction::File(Box::new(filing))))
    }

    /// A contract of an epoch that is over, of a slot that is never settled.
    fn dropped(&mut self, state: &dyn State) -> Option<(Contract, Option<SettledLeaf>)> {
        let coordinator = self.coordinator();
        let (line, record) = self.line_to(state, &coordinator)?;
        let clock = query::clock(state);
        let length = query::params(state).epoch_length();
        let back = if self.random.chance(80) { 2 } else { 1 };
        let job = Job {
            coordinator,
            slot: Slot(1_000_000 + self.random.below(20)),
            element: Digest::ZERO,
            height: Height(clock.epoch.0.checked_sub(back)? * length),
            line,
            requester: record.requester,
            n: record.n + 1,
            drawn: record.drawn,
            domains: self.domains(state)?,
        };
        Some((self.contract(state, &job), None))
    }

    pub(super) fn challenge(&mut self, state: &dyn State) -> Option<Act> {
        let (kept, number) = self.some_contract(state)?;
        let contract = &kept.contracts[number];
        let seat = self.random.pick(&contract.receipt.seats);
        let seat = seat.map(|seat| seat.assign.body.seat);
        let signer = match self.random.below(4) {
            0 => self.somebody(),
            1 => seat?,
            _ => contract.receipt.requester,
        };
        self.challenged.push_back((kept.clone(), number));
        while self.challenged.len() > 16 {
            self.challenged.pop_front();
        }
        let settled = kept.settled(number);
        Some((
            signer,
            Instruction::Challenge(Box::new(Challenge { settled })),
        ))
    }

    pub(super) fn answer(&mut self, _state: &dyn State) -> Option<Act> {
        let challenged: Vec<_> = self.challenged.iter().cloned().collect();
        let (kept, number) = self.random.pick(&challenged)?;
        let contract = &kept.contracts[*number];
        let mut answer = Answer {
            slot: contract.receipt.slot,
            leaf: contract.leaf.clone(),
            voucher: contract.disclose(ReceiptField::Voucher),
            terms: contract.disclose(ReceiptField::Terms),
            skips: contract.disclose(ReceiptField::Skips),
            seats: contract.disclose(ReceiptField::Seats),
        };
        match self.random.below(20) {
            0 => answer.leaf.charge = Amount(answer.leaf.charge.0 + 1),
            1 => answer.terms = contract.disclose(ReceiptField::Skips),
            2 => answer.slot = Slot(answer.slot.0 + 1),
            _ => {}
        }
        Some((kept.coordinator, Instruction::Answer(Box::new(answer))))
    }
}
