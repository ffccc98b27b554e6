//! Roots of questions with known answers, and their openings (AUD).

use llmnet_ledger::{State, query};
use llmnet_types::{
    audit::{AuditItem, AuditOpening},
    bond::Role,
    disclosure::ReceiptField,
    id::Salt,
    merkle::Tree,
    receipt::ContractStatus,
    signature::PublicKey,
    transaction::Instruction,
    units::Epoch,
};

use super::{
    Act, History,
    contracts::{QUESTIONS, class_keys, request},
    people::{AUDITORS, VALIDATORS},
};

/// A root with what is behind it.
#[derive(Clone)]
pub(super) struct Root {
    auditor: PublicKey,
    epoch: Epoch,
    /// Each item with its salt and the question it asks.
    items: Vec<(AuditItem, Salt, u64)>,
}

impl Root {
    fn tree(&self) -> Tree {
        Tree::new(self.items.iter().map(|(item, salt, _)| item.leaf(salt)))
    }
}

impl History {
    pub(super) fn audit_root(&mut self, state: &dyn State) -> Option<Act> {
        let committee = query::office(state)?.committee;
        let auditor = match self.random.below(10) {
            0 => self.one_of("validator", VALIDATORS),
            1..5 => self.one_of("auditor", AUDITORS),
            _ => *self.random.pick(committee.keys())?,
        };
        let bond = query::bond(state, &auditor, Role::Auditor);
        let may = committee.keys().contains(&auditor) || bond.is_some_and(|bond| bond.enlisted);
        if !may && self.random.chance(80) {
            return Some(self.enlist_as(state, auditor, Role::Auditor));
        }
        let mut items = Vec::new();
        for _ in 0..self.random.between(1, self.temper.items) {
            let question = self.random.below(QUESTIONS);
            let item = AuditItem {
                request: request(question).content(),
                class: *self.random.pick(&class_keys())?,
            };
            items.push((item, Salt(self.random.bytes()), question));
        }
        let root = Root {
            auditor,
            epoch: query::clock(state).epoch.next()?,
            items,
        };
        let instruction = Instruction::AuditRoot {
            root: root.tree().root(),
            items: match self.random.below(30) {
                0 => 0,
                1 => 300,
                _ => u16::try_from(root.items.len()).unwrap(),
            },
        };
        self.roots.push_back(root);
        while self.roots.len() > super::REMEMBERED {
            self.roots.pop_front();
        }
        Some((auditor, instruction))
    }

    /// Opens an item that is still closed, with a contract that answered its question.
    pub(super) fn audit_open(&mut self, state: &dyn State) -> Option<Act> {
        let now = query::clock(state).epoch;
        let any = self.random.chance(10);
        let mut open = Vec::new();
        for root in &self.roots {
            let Some(record) = query::audit(state, &root.auditor, root.epoch) else {
                continue;
            };
            if !any && (root.epoch > now || record.root != root.tree().root()) {
                continue;
            }
            for place in 0..root.items.len() {
                if any || record.opened[place / 8] >> (place % 8) & 1 == 0 {
                    open.push((root, place));
                }
            }
        }
        let (root, place) = self.random.pick(&open)?;
        let (root, place) = ((*root).clone(), *place);
        let (item, mut salt, question) = root.items[place];
        let length = query::params(state).epoch_length();
        let mut answered = Vec::new();
        for kept in &self.kept {
            let first_slot = kept.settlement.first_slot;
            let settled = query::settlement(state, &kept.coordinator, first_slot);
            if settled.is_none_or(|settled| settled.root != kept.settlement.root()) {
                continue;
            }
            for (number, contract) in kept.contracts.iter().enumerate() {
                let of_epoch = contract.leaf.height.epoch(length) == root.epoch;
                let fits = contract.question == question
                    && contract.leaf.status != ContractStatus::Void
                    && of_epoch;
                if fits || any {
                    answered.push((kept, number));
                }
            }
        }
        let (kept, number) = self.random.pick(&answered)?;
        let contract = kept.contracts[*number].clone();
        let settled = kept.settled(*number);
        if self.random.chance(4) {
            salt = Salt([7; 32]);
        }
        let opening = AuditOpening {
            epoch: root.epoch,
            item,
            salt,
            path: root.tree().path(place)?,
            settled,
            terms: contract.disclose(ReceiptField::Terms),
            request_salt: contract.salt.field("request"),
            seats: contract.disclose(ReceiptField::Seats),
        };
        let stranger = self.random.chance(4);
        let signer = if stranger {
            self.somebody()
        } else {
            root.auditor
        };
        Some((signer, Instruction::AuditOpen(Box::new(opening))))
    }
}
