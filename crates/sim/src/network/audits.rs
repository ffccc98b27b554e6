//! Validators' audits: roots of questions whose answers they know, asked as any gateway's customer, opened once
//! they are settled (AUD).

use llmnet_ledger::query;
use llmnet_types::{
    audit::{AuditItem, AuditOpening},
    disclosure::ReceiptField,
    id::{Digest, Salt},
    merkle::Tree,
    receipt::ContractStatus,
    transaction::Instruction,
    units::{Epoch, Height, Slot},
};

use super::{
    market::Market,
    offices::Books,
    question::{POPULAR, Question, RIGHT},
    scenario::Validates,
    world::World,
};

/// Blocks after which a contract that is not settled is asked for elsewhere.
const PATIENCE: u64 = 12;

/// An item of a root.
#[derive(Debug)]
pub struct Item {
    item: AuditItem,
    salt: Salt,
    /// What is asked.
    pub question: Question,
    /// The contract that answered it last.
    pub answered: Option<(usize, Slot)>,
    /// When that was asked for.
    pub asked: Height,
    /// How often it was asked.
    pub tries: usize,
    opened: bool,
}

/// A root.
#[derive(Debug)]
pub struct Root {
    /// Whose, by its place among validators.
    pub validator: usize,
    /// For which epoch.
    pub epoch: Epoch,
    /// Its items.
    pub items: Vec<Item>,
}

impl Root {
    fn tree(&self) -> Tree {
        Tree::new(self.items.iter().map(|item| item.item.leaf(&item.salt)))
    }
}

/// All roots that are not closed.
#[derive(Debug, Default)]
pub struct Audits {
    /// Oldest first.
    pub roots: Vec<Root>,
}

impl Audits {
    /// Commits to the next epoch's questions, dealt out among the validators that audit.
    pub fn commit(&mut self, world: &mut World, seed: u64, questions: Vec<Question>) {
        let Some(epoch) = world.epoch().next() else {
            return;
        };
        let audits = |place: &usize| world.validators[*place].behaviour != Validates::Silent;
        let auditors: Vec<usize> = world.in_office().filter(audits).collect();
        if auditors.is_empty() {
            return;
        }
        let mut roots: Vec<Root> = auditors
            .iter()
            .map(|validator| Root {
                validator: *validator,
                epoch,
                items: Vec::new(),
            })
            .collect();
        let count = roots.len();
        for (place, question) in questions.into_iter().enumerate() {
            let root = &mut roots[(place + epoch.0 as usize) % count];
            let lies = world.validators[root.validator].behaviour == Validates::LyingAuditor;
            let item = AuditItem {
                request: question.request.content(),
                class: question.class(if lies { POPULAR } else { RIGHT }),
            };
            let salt = Digest::tagged(
                "llmnet/sim/audit/1",
                &[&seed.to_le_bytes(), &question.number.to_le_bytes()],
            );
            root.items.push(Item {
                item,
                salt: Salt(salt.0),
                question,
                answered: None,
                asked: Height(0),
                tries: 0,
                opened: false,
            });
        }
        for root in roots.into_iter().filter(|root| !root.items.is_empty()) {
            let key = world.validators[root.validator].key.clone();
            let instruction = Instruction::AuditRoot {
                root: root.tree().root(),
                items: root.items.len() as u16,
            };
            world.submit(&key, instruction);
            self.roots.push(root);
        }
    }

    /// Items to be asked in this block: an even part of those never asked, all of those whose contract was settled
    /// as void or was not settled after `PATIENCE` blocks, while their epoch lasts.
    pub fn due(&mut self, world: &World, market: &Market, books: &Books) -> Vec<(usize, usize)> {
        let now = world.epoch();
        let length = world.params.epoch_length();
        let passed = world.height.0 % length;
        let mut due = Vec::new();
        for (number, root) in self.roots.iter_mut().enumerate() {
            let validator = world.validators[root.validator].node;
            let stands = query::audit(&world.state, &validator, root.epoch).is_some();
            if root.epoch != now || !stands {
                continue;
            }
            let count = root.items.len() as u64;
            for (place, item) in root.items.iter_mut().enumerate() {
                let Some((coordinator, slot)) = item.answered else {
                    // All are asked in the first half, so that they can be asked again.
                    if (place as u64) * length <= 2 * passed * count {
                        due.push((number, place));
                    }
                    continue;
                };
                let settled = books.settled(world, market, coordinator, slot);
                let late = item.asked.0 + PATIENCE <= world.height.0;
                let lost = match settled {
                    Some(settled) => settled.leaf.status == ContractStatus::Void,
                    None => late,
                };
                if lost && !item.opened && passed + 1 < length {
                    due.push((number, place));
                }
            }
        }
        due
    }

    /// Opens every item whose contract is settled.
    pub fn open(&mut self, world: &mut World, market: &Market, books: &Books) {
        let now = world.epoch();
        self.roots.retain(|root| root.epoch.0 + 3 > now.0);
        for root in &mut self.roots {
            let tree = root.tree();
            let validator = world.validators[root.validator].key.clone();
            if query::audit(&world.state, &validator.public_key(), root.epoch).is_none() {
                continue;
            }
            for (place, item) in root.items.iter_mut().enumerate() {
                let Some((coordinator, slot)) = item.answered.filter(|_| !item.opened) else {
                    continue;
                };
                let Some(settled) = books.settled(world, market, coordinator, slot) else {
                    continue;
                };
                if settled.leaf.status == ContractStatus::Void {
                    continue;
                }
                let Some(kept) = market.coordinators[coordinator].kept.get(&slot) else {
                    continue;
                };
                let show = |field| kept.receipt.disclose(&kept.salt, field);
                let (Some(terms), Some(seats), Some(path)) = (
                    show(ReceiptField::Terms),
                    show(ReceiptField::Seats),
                    tree.path(place),
                ) else {
                    continue;
                };
                let opening = AuditOpening {
                    epoch: root.epoch,
                    item: item.item,
                    salt: item.salt,
                    path,
                    settled,
                    terms,
                    request_salt: kept.salt.field("request"),
                    seats,
                };
                item.opened = true;
                world.submit(&validator, Instruction::AuditOpen(Box::new(opening)));
            }
        }
    }
}
