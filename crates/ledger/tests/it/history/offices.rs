//! Roles, bonds, hash chains, votes (BND, ANC, VOT).

use llmnet_ledger::{State, query};
use llmnet_types::{
    bond::{ADDRESS_LENGTH_MAX, ChainUse, Enlistment, Role},
    codec::Text,
    params::Params,
    signature::{PublicKey, Signed},
    transaction::{Instruction, Transaction},
    units::{Amount, Epoch, Score},
};

use super::{
    Act, History,
    people::{AUDITORS, COORDINATORS, NODES, VALIDATORS},
};

/// How many of a crowd take their role in one block.
const AT_ONCE: u64 = 24;

impl History {
    /// A node that might have a role, its role, and its operator where it has one.
    fn some_role(&mut self, state: &dyn State) -> (PublicKey, Role, Option<PublicKey>) {
        let (role, kind, count) = match self.random.below(10) {
            0..4 => (Role::Coordinator, "coordinator", self.temper.coordinators),
            4..7 => (Role::Validator, "validator", VALIDATORS),
            7 => (Role::Auditor, "auditor", AUDITORS),
            _ => (Role::Respondent, "node", NODES),
        };
        let node = self.one_of(kind, count);
        let operator = query::bond(state, &node, role).map(|bond| bond.operator);
        (node, role, operator)
    }

    /// Where many coordinators want to be found, they fill the list in the first blocks (BND-6).
    pub(super) fn crowd(&mut self, state: &dyn State) -> Vec<Transaction> {
        let all = self.temper.coordinators;
        let first = self.enlisted;
        self.enlisted = match self.temper.is_sought() {
            true => all.min(first + AT_ONCE),
            false => first,
        };
        let newcomers = first..self.enlisted;
        newcomers
            .map(|number| {
                let node = self.key(&format!("coordinator-{number}")).public_key();
                let (signer, instruction) = self.enlist_as(state, node, Role::Coordinator);
                self.sign(state, signer, instruction)
            })
            .collect()
    }

    /// Where a node says that it is reached: somewhere, nowhere, or nothing that could be an address.
    fn address(&mut self) -> Text<ADDRESS_LENGTH_MAX> {
        let host = self.random.below(200);
        let text = match self.random.below(20) {
            0 => String::new(),
            1 => format!("10.0.0.{host}"),
            2 => format!("10.0.0.{host}:{}", 65_536 + host),
            3 => format!("[fd00::{host:x}]:7272"),
            4..10 => format!("node-{host}.example:{}", 1 + host),
            _ => format!("10.0.0.{host}:7272"),
        };
        Text::new(text).unwrap()
    }

    pub(super) fn enlist(&mut self, state: &dyn State) -> Option<Act> {
        let (node, role, _) = self.some_role(state);
        Some(self.enlist_as(state, node, role))
    }

    /// A node takes a role, mostly with what it needs for that.
    pub(super) fn enlist_as(&mut self, state: &dyn State, node: PublicKey, role: Role) -> Act {
        let operator = query::bond(state, &node, role).map(|bond| bond.operator);
        let operator = operator.unwrap_or_else(|| self.operator());
        let epoch = query::clock(state).epoch.0;
        let late = self.random.chance(8);
        let least = if self.random.chance(5) { 0 } else { 2_000_000 };
        let bond = Amount(least + self.random.below(8) * 400_000);
        let has_role = query::bond(state, &node, role).is_some_and(|bond| bond.enlisted);
        // Who has the role moves, mostly (BND-7).
        let bond = if has_role && self.random.chance(80) {
            Amount::ZERO
        } else if self.temper.is_sought() && role == Role::Coordinator {
            Amount(self.random.between(15, 80))
        } else {
            bond
        };
        // The local network's coordinator names none.
        let address = if self.random.chance(10) {
            Text::empty()
        } else {
            self.address()
        };
        let enlistment = Enlistment {
            node,
            operator,
            role,
            address,
            bond,
            until: Epoch(if late {
                epoch.saturating_sub(1)
            } else {
                epoch + self.random.below(3)
            }),
        };
        let by = if self.random.chance(5) {
            operator
        } else {
            node
        };
        let signed = Signed::new(enlistment, &self.network, &self.keys[&by]);
        let signer = if self.random.chance(5) {
            self.somebody()
        } else {
            operator
        };
        (signer, Instruction::Enlist(Box::new(signed)))
    }

    fn by_operator(&mut self, operator: Option<PublicKey>) -> PublicKey {
        match operator {
            Some(operator) if !self.random.chance(8) => operator,
            _ => self.somebody(),
        }
    }

    pub(super) fn delist(&mut self, state: &dyn State) -> Option<Act> {
        let (node, role, operator) = self.some_role(state);
        let signer = self.by_operator(operator);
        Some((signer, Instruction::Delist { node, role }))
    }

    pub(super) fn add_bond(&mut self, state: &dyn State) -> Option<Act> {
        let (node, role, operator) = self.some_role(state);
        let signer = self.by_operator(operator);
        let amount = self.amount();
        Some((signer, Instruction::Bond { node, role, amount }))
    }

    pub(super) fn unbond(&mut self, state: &dyn State) -> Option<Act> {
        let (node, role, operator) = self.some_role(state);
        let signer = self.by_operator(operator);
        let amount = self.amount();
        Some((signer, Instruction::Unbond { node, role, amount }))
    }

    pub(super) fn anchor(&mut self, state: &dyn State) -> Option<Act> {
        let longest = query::params(state).anchor_length_max;
        let length = match self.random.below(20) {
            0 => 0,
            1 => longest + 1,
            // Some end too soon.
            2..6 => u32::try_from(self.random.between(1, 12)).unwrap(),
            _ => 512,
        };
        let (tip, length) = if (1..=512).contains(&length) {
            self.chain(length)
        } else {
            (llmnet_types::id::Digest::ZERO, length)
        };
        let beacon = self.random.chance(40);
        let purpose = if beacon {
            ChainUse::Beacon
        } else {
            ChainUse::Slots
        };
        let signer = if beacon {
            self.one_of("validator", VALIDATORS)
        } else {
            self.one_of("coordinator", COORDINATORS)
        };
        let anchor = Instruction::Anchor {
            purpose,
            tip,
            length,
        };
        Some((signer, anchor))
    }

    pub(super) fn vote(&mut self, state: &dyn State) -> Option<Act> {
        let params = query::params(state);
        let epoch = query::clock(state).epoch.0;
        // Those of an epoch vote for the same, mostly.
        let taste = if self.random.chance(90) {
            epoch / 2
        } else {
            self.random.below(4)
        };
        let mut wanted = Params {
            fee_per_byte: Amount(1 + taste % 2),
            network_fee: Score::clamped(300 + 100 * (taste % 5)),
            slash: Score::clamped(2_000 + 1_000 * (taste % 7)),
            decay: Score::clamped(9_500 + 50 * (taste % 9)),
            committee_max: 2 + u32::try_from(taste % 5).unwrap(),
            evidence_fee: Amount(1 + 30 * (taste % 4)),
            waive_operator: taste.is_multiple_of(3),
            audit_share: Score::clamped(1_000 * (taste % 11)),
            ..params
        };
        match self.random.below(12) {
            0 => wanted.epoch_blocks += 1,
            1 => wanted.slash = Score::ZERO,
            2 => wanted.policy = u16::try_from(self.random.below(4)).unwrap(),
            _ => {}
        }
        let committee = query::office(state)?.committee;
        let signer = if self.random.chance(90) {
            *self.random.pick(committee.keys())?
        } else {
            self.one_of("validator", VALIDATORS)
        };
        Some((signer, Instruction::Vote(Box::new(wanted))))
    }
}
