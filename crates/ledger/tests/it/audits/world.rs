//! A network whose experts are asked what auditors know.

use llmnet_ledger::{EventKind, query, query::Profile};
use llmnet_types::{
    audit::{AuditItem, AuditOpening},
    bond::Role,
    disclosure::ReceiptField,
    dispute::SettledLeaf,
    id::{Digest, LineId, ProviderId, Salt},
    merkle::Tree,
    params::Params,
    rejection::Rejection,
    transaction::{Instruction, Outcome, Transaction},
    units::Epoch,
};

use crate::{
    contract::{Contract, Plan, line_between, request, settlement},
    world::{VALIDATORS, World, credits, key, params, public, registration, settle},
};

/// Who answers what, by provider.
pub type Answers = fn(ProviderId) -> &'static str;

/// An auditor's items for an epoch, and what hides them.
pub struct Items {
    pub auditor: String,
    pub epoch: Epoch,
    pub items: Vec<(String, AuditItem, Salt)>,
}

impl Items {
    /// Questions of an auditor's own, all with this answer.
    pub fn new(auditor: &str, epoch: Epoch, count: usize, answer: &str) -> Self {
        let items = (0..count).map(|index| {
            let question = format!("{auditor} asks question {index} of epoch {epoch}");
            let item = AuditItem {
                request: request(&question).content(),
                class: Digest::of(answer.as_bytes()),
            };
            let salt = Salt(Digest::of(question.as_bytes()).0);
            (question, item, salt)
        });
        Self {
            auditor: auditor.to_owned(),
            epoch,
            items: items.collect(),
        }
    }

    fn tree(&self) -> Tree {
        Tree::new(self.items.iter().map(|(_, item, salt)| item.leaf(salt)))
    }

    pub fn root(&self) -> Instruction {
        Instruction::AuditRoot {
            root: self.tree().root(),
            items: u16::try_from(self.items.len()).unwrap(),
        }
    }

    pub fn opening(&self, index: usize, answered: &Answered) -> AuditOpening {
        let (_, item, salt) = &self.items[index];
        let (contract, settled) = answered;
        AuditOpening {
            epoch: self.epoch,
            item: *item,
            salt: *salt,
            path: self.tree().path(index).unwrap(),
            settled: settled.clone(),
            terms: contract.disclose(ReceiptField::Terms),
            request_salt: contract.salt.field("request"),
            seats: contract.disclose(ReceiptField::Seats),
        }
    }
}

/// A contract that answered, and where it is settled.
pub type Answered = (Contract, SettledLeaf);

pub fn open(opening: AuditOpening) -> Instruction {
    Instruction::AuditOpen(Box::new(opening))
}

pub struct Audits {
    pub world: World,
    line: LineId,
    n: u32,
    slot: u64,
}

impl Audits {
    /// Experts 0..3 in physics; carol asks, and validators can pay for their transactions.
    pub fn new() -> Self {
        Self::with(Params {
            epoch_blocks: 16,
            checkpoint_blocks: 4,
            line_epochs_max: 64,
            ..params()
        })
    }

    pub fn with(params: Params) -> Self {
        let mut world = World::with(params);
        for number in 0..3 {
            world.register(registration(number, &["physics"]));
        }
        for validator in VALIDATORS {
            let transfer = Instruction::Transfer {
                to: public(validator),
                amount: credits(5),
            };
            world.run("alice", transfer);
        }
        let expires = Epoch(u64::from(world.params.line_epochs_max));
        let line = line_between(&mut world, "carol", "coordinator", credits(50), expires);
        Self {
            world,
            line,
            n: 0,
            slot: 0,
        }
    }

    /// The next epoch: that of roots committed now.
    pub fn next(&self) -> Epoch {
        self.world.epoch().next().unwrap()
    }

    pub fn applied(&mut self, signer: &str, instruction: Instruction) -> Vec<EventKind> {
        let transaction = self.world.sign(signer, instruction);
        let execution = self.world.block(&[transaction]);
        let applied = matches!(execution.outcomes[0], Outcome::Applied { .. });
        assert!(applied, "{:?}", execution.outcomes[0]);
        let events = execution.events.into_iter();
        events.map(|event| event.kind).collect()
    }

    pub fn refused(&mut self, signer: &str, instruction: Instruction) -> Rejection {
        self.world.rejection(signer, instruction)
    }

    /// Commits for the next epoch, as the auditor.
    pub fn commit(&mut self, auditor: &str, count: usize, answer: &str) -> Items {
        let items = Items::new(auditor, self.next(), count, answer);
        self.applied(auditor, items.root());
        items
    }

    /// Keeps contracts about these questions, and settles them.
    pub fn ask<'a>(
        &mut self,
        questions: impl IntoIterator<Item = &'a str>,
        answers: Answers,
    ) -> Vec<Answered> {
        self.ask_as(questions, answers, |_, _| {})
    }

    /// The same, with receipts that are not as the rules say.
    pub fn ask_as<'a>(
        &mut self,
        questions: impl IntoIterator<Item = &'a str>,
        answers: Answers,
        change: impl Fn(&World, &mut Contract),
    ) -> Vec<Answered> {
        let height = self.world.height;
        let contracts: Vec<_> = questions
            .into_iter()
            .map(|question| {
                self.n += 1;
                let mut plan = Plan::new(self.line, self.n, self.slot, height, 3);
                plan.requester = "carol".to_owned();
                plan.question = question.to_owned();
                let order = self.world.order("coordinator", self.slot, height);
                plan.answers = order.into_iter().map(answers).collect();
                self.slot += 1;
                let mut contract = Contract::new(&self.world, plan);
                change(&self.world, &mut contract);
                contract
            })
            .collect();
        let all: Vec<_> = contracts.iter().collect();
        let settlement = settlement(&all);
        let settled: Vec<_> = all
            .iter()
            .map(|contract| contract.settled(&settlement))
            .collect();
        let outcome = self.world.run("coordinator", settle(settlement));
        assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
        contracts.into_iter().zip(settled).collect()
    }

    /// Asks all items of some auditors in their epoch and opens them, but for so many of the first auditor's.
    pub fn examine(&mut self, all: &[Items], answers: Answers, kept: usize) {
        self.world.go_to_epoch(all[0].epoch.0);
        let mut openings: Vec<(String, AuditOpening)> = Vec::new();
        for items in all {
            let questions: Vec<_> = items.items.iter().map(|item| item.0.as_str()).collect();
            for chunk in questions.chunks(32) {
                let first = openings.iter().filter(|(name, _)| *name == items.auditor);
                let first = first.count();
                for (index, answered) in (first..).zip(self.ask(chunk.iter().copied(), answers)) {
                    let opening = items.opening(index, &answered);
                    openings.push((items.auditor.clone(), opening));
                }
            }
        }
        let mut skipped = kept;
        openings.retain(|(auditor, _)| {
            let skip = *auditor == all[0].auditor && skipped > 0;
            skipped -= usize::from(skip);
            !skip
        });
        for chunk in openings.chunks(16) {
            let mut nonces = std::collections::BTreeMap::new();
            let transactions: Vec<_> = chunk
                .iter()
                .map(|(auditor, opening)| {
                    let nonce = nonces.entry(auditor.clone()).or_insert_with(|| {
                        query::account(&self.world.state, &public(auditor)).nonce
                    });
                    *nonce += 1;
                    let instruction = open(opening.clone());
                    Transaction::sign(self.world.network, &key(auditor), *nonce - 1, instruction)
                })
                .collect();
            for outcome in self.world.block(&transactions).outcomes {
                assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
            }
        }
    }

    /// Goes so many epochs beyond that of roots, and gives what happened in the first block there.
    pub fn go_beyond(&mut self, epoch: Epoch, epochs: u64) -> Vec<EventKind> {
        let until = epoch.0 + epochs;
        let mut events = Vec::new();
        while self.world.epoch().0 < until {
            let all = self.world.block(&[]).events.into_iter();
            events = all.map(|event| event.kind).collect();
        }
        events
    }

    pub fn profile(&self, provider: u32) -> Profile {
        let physics = self.world.domain("physics");
        query::profile(&self.world.state, ProviderId(provider), physics)
    }

    /// Right and wrong answers of the long record, in thousandths.
    pub fn found(&self, provider: u32) -> (u64, u64) {
        let audits = self.profile(provider).audits;
        (audits.long_right / 1_000, audits.long_wrong / 1_000)
    }

    pub fn bond(&self, node: &str, role: Role) -> u64 {
        let bond = query::bond(&self.world.state, &public(node), role);
        bond.map_or(0, |bond| bond.total().0)
    }
}
