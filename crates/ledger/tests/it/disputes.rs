//! DIS: who cheats, how it is shown, and who must never be punished. Each adversary has a file of its own,
//! with the innocent who looks like it.

mod bounds;
mod bystander;
mod equivocating_coordinator;
mod equivocating_validator;
mod false_claimant;
mod false_filer;
mod forging_coordinator;
mod innocents;
mod mutations;
mod overcharging_coordinator;
mod pinning_coordinator;
mod silent_coordinator;
mod skipping_coordinator;
mod two_faced_respondent;
mod withholding_coordinator;

use llmnet_ledger::{event::EventKind, query};
use llmnet_types::{
    bond::{Enlistment, Role},
    codec::Text,
    disclosure::ReceiptField,
    dispute::{Answer, Challenge, FaultProof, Filing, SettledLeaf},
    id::{LineId, ProviderId},
    rejection::Rejection,
    settlement::Leaf,
    signature::Signed,
    transaction::{Instruction, Outcome},
    units::{Amount, Epoch, Slot},
};

use crate::{
    contract::{Contract, Plan, settlement},
    world::{World, credits, key, public, settle},
};

/// A coordinator with a bond, five experts, and a line of alice's.
pub struct Scene {
    pub world: World,
    pub line: LineId,
}

/// What the coordinator has to lose.
pub fn bond() -> Amount {
    credits(10)
}

impl Scene {
    pub fn new() -> Self {
        Self::with_line(credits(10))
    }

    pub fn with_line(amount: Amount) -> Self {
        let mut world = World::with_experts(5);
        enlist(&mut world, "coordinator", Role::Coordinator);
        let line = world.open_line(amount, Epoch(6));
        Self { world, line }
    }

    /// The n-th order of alice's, for two seats, in a slot.
    pub fn plan(&self, n: u32, slot: u64) -> Plan {
        Plan::new(self.line, n, slot, self.world.height, 2)
    }

    /// The first order in the first slot, kept by everybody.
    pub fn contract(&self) -> Contract {
        Contract::new(&self.world, self.plan(1, 0))
    }

    /// Settles what the receipts say.
    pub fn settle(&mut self, contracts: &[&Contract]) -> Vec<SettledLeaf> {
        self.settle_as(contracts, |_, _| {})
    }

    /// Settles something else than the receipts say.
    pub fn settle_as(
        &mut self,
        contracts: &[&Contract],
        change: impl Fn(u64, &mut Leaf),
    ) -> Vec<SettledLeaf> {
        let mut settlement = settlement(contracts);
        let mut leaves = settlement.leaves.to_vec();
        for (slot, leaf) in (settlement.first_slot.0..).zip(&mut leaves) {
            change(slot, leaf);
        }
        settlement.leaves = leaves.try_into().unwrap();
        // Of each line the voucher of the highest order that is left.
        let mut vouchers = std::collections::BTreeMap::new();
        for (contract, leaf) in contracts.iter().zip(&settlement.leaves) {
            if leaf.n > 0 {
                vouchers.insert(leaf.line, contract.receipt.voucher.clone());
            }
        }
        let vouchers: Vec<_> = vouchers.into_values().collect();
        settlement.vouchers = vouchers.try_into().unwrap();
        let shown = contracts
            .iter()
            .map(|contract| contract.settled(&settlement));
        let shown: Vec<_> = shown.collect();
        let coordinator = &contracts[0].plan.coordinator;
        let outcome = self.world.run(coordinator, settle(settlement));
        assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
        shown
    }

    /// All that the coordinator has at stake.
    pub fn bond(&self) -> Amount {
        let bond = query::bond(&self.world.state, &public("coordinator"), Role::Coordinator);
        bond.map_or(Amount::ZERO, |bond| bond.total())
    }

    pub fn balance(&self, name: &str) -> Amount {
        query::account(&self.world.state, &public(name)).balance
    }

    /// Runs what has to be taken, and gives what happened.
    pub fn applied(&mut self, signer: &str, instruction: Instruction) -> Vec<EventKind> {
        let transaction = self.world.sign(signer, instruction);
        let execution = self.world.block(&[transaction]);
        let [Outcome::Applied { .. }] = execution.outcomes[..] else {
            panic!("{:?}", execution.outcomes);
        };
        execution
            .events
            .into_iter()
            .map(|event| event.kind)
            .collect()
    }

    /// Runs what has to be refused, changes nothing, and costs nobody a bond.
    pub fn refused(&mut self, signer: &str, instruction: Instruction) -> Rejection {
        let bond = self.bond();
        let reason = self.world.rejection(signer, instruction);
        assert_eq!(self.bond(), bond);
        reason
    }

    /// What the signer of an applied instruction is paid, its own fee apart.
    pub fn gain(&mut self, signer: &str, payee: &str, instruction: Instruction) -> Amount {
        let before = self.balance(payee);
        let events = self.applied(signer, instruction);
        let fee = events.iter().find_map(|event| match event {
            EventKind::FeePaid { payer, fee } if *payer == public(payee) => Some(*fee),
            _ => None,
        });
        let after = self.balance(payee).checked_add(fee.unwrap_or_default());
        after.unwrap().checked_sub(before).unwrap()
    }
}

/// Gives a node a role with a bond of ten credits, by an operator of its own.
pub fn enlist(world: &mut World, node: &str, role: Role) {
    let enlistment = Enlistment {
        node: public(node),
        operator: public("operator-9"),
        role,
        address: Text::empty(),
        bond: bond(),
        until: Epoch(9),
    };
    let signed = Signed::new(enlistment, &world.network, &key(node));
    let outcome = world.run("operator-9", Instruction::Enlist(Box::new(signed)));
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
}

pub fn operator(provider: ProviderId) -> String {
    format!("operator-{provider}")
}

pub fn fault(proof: &FaultProof) -> Instruction {
    Instruction::Fault(Box::new(proof.clone()))
}

pub fn file(filing: &Filing) -> Instruction {
    Instruction::File(Box::new(filing.clone()))
}

pub fn challenge(settled: &SettledLeaf) -> Instruction {
    Instruction::Challenge(Box::new(Challenge {
        settled: settled.clone(),
    }))
}

/// What a contract's coordinator opens of its receipt, for a leaf that was settled.
pub fn opening(contract: &Contract, leaf: &Leaf) -> Answer {
    Answer {
        slot: Slot(contract.plan.slot),
        leaf: leaf.clone(),
        voucher: contract.disclose(ReceiptField::Voucher),
        terms: contract.disclose(ReceiptField::Terms),
        skips: contract.disclose(ReceiptField::Skips),
        seats: contract.disclose(ReceiptField::Seats),
    }
}

pub fn answer(contract: &Contract, leaf: &Leaf) -> Instruction {
    Instruction::Answer(Box::new(opening(contract, leaf)))
}

/// Makes a leaf void, as one that nobody worked on is.
pub fn void(leaf: &mut Leaf) {
    use llmnet_types::{codec::List, receipt::ContractStatus};
    leaf.status = ContractStatus::Void;
    leaf.n = 0;
    leaf.charge = Amount::ZERO;
    leaf.fee = Amount::ZERO;
    leaf.seats = List::new();
}

/// What an event says was burnt and given to a victim.
pub fn slashed(events: &[EventKind]) -> Option<(Amount, Amount)> {
    events.iter().find_map(|event| match event {
        EventKind::Slashed {
            burnt, restored, ..
        } => Some((*burnt, *restored)),
        _ => None,
    })
}
