//! Roles, bonds, hash chains, votes (BND, ANC, VOT).

use llmnet_ledger::{State, query};
use llmnet_types::{
    bond::{ChainUse, Enlistment, Role},
    codec::Text,
    params::Params,
    signature::{PublicKey, Signed},
    transaction::Instruction,
    units::{Amount, Epoch, Score},
};

use super::{
    Act, History,
    people::{AUDITORS, COORDINATORS, NODES, VALIDATORS},
};

impl History {
    /// A node that might have a role, its role, and its operator where it has one.
    fn some_role(&mut self, state: &dyn State) -> (PublicKey, Role, Option<PublicKey>) {
        let (role, kind, count) = match self.random.below(10) {
            0..4 => (Role::Coordinator, "coordinator", COORDINATORS),
            4..7 => (Role::Validator, "validator", VALIDATORS),
            7 => (Role::Auditor, "auditor", AUDITORS),
            _ => (Role::Respondent, "node", NODES),
        };
        let node = self.one_of(kind, count);
        let operator = query::bond(state, &node, role).map(|bond| bond.operator);
        (node, role, operator)
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
        let enlistment = Enlistment {
            node,
            operator,
            role,
            address: Text::empty(),
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
