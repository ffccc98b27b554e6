//! Registrations and what becomes of them (REG).

use llmnet_ledger::{State, query, record::Provider};
use llmnet_types::{
    codec::{List, Text},
    domain::Domain,
    id::{Digest, ProviderId},
    registration::{
        Adapter, Announcement, Assurance, Corpus, Model, Novelty, Price, Registration, Rotated,
        Tokenizer,
    },
    signature::{PublicKey, Signed},
    transaction::Instruction,
    units::{Amount, Score},
};

use super::{
    Act, History,
    people::{DOMAINS, NODES},
};

impl History {
    fn price(&mut self) -> Price {
        Price {
            call: Amount(self.random.between(100, 3_000)),
            ..Price::default()
        }
    }

    fn model(&mut self) -> Model {
        Model {
            family: Text::new(["a", "b", "c"][usize::try_from(self.random.below(3)).unwrap()])
                .unwrap(),
            name: Text::new("model").unwrap(),
            digest: Digest(self.random.bytes()),
            assurance: Assurance::Declared,
        }
    }

    fn corpus(&mut self) -> Corpus {
        Corpus {
            root: Digest(self.random.bytes()),
            as_of_day: 20_000,
            passages: 10,
        }
    }

    pub(super) fn register(&mut self, state: &dyn State) -> Option<Act> {
        let number = self.random.below(self.temper.nodes);
        let node = self.key(&format!("node-{number}")).public_key();
        // Some operators have several nodes.
        let operator = self.key(&format!("operator-{}", number % 6)).public_key();
        let nonce = query::node(state, &node).map_or(0, |node| node.registrations);
        let first = self.random.below(self.temper.domains);
        let most = self.temper.domains.min(first + 1 + self.random.below(2));
        let domains = (first..most)
            .map(|place| Domain::new(DOMAINS[usize::try_from(place).unwrap()]).unwrap());
        let mut registration = Registration {
            node,
            operator,
            nonce,
            domains: List::from_vec(domains.collect()).unwrap(),
            model: self.model(),
            corpus: None,
            price: self.price(),
            tokenizer: Tokenizer::Bytes4,
            bond: Amount(1_000_000 + self.random.below(3) * 300_000),
        };
        if self.random.chance(50) {
            registration.corpus = Some(self.corpus());
        }
        match self.random.below(25) {
            0 => registration.nonce += 1,
            1 => registration.bond = Amount(10),
            2 => registration.domains = List::new(),
            3 => registration.operator = self.somebody(),
            4 => registration.bond = Amount(u64::MAX),
            _ => {}
        }
        let by = if self.random.chance(4) {
            operator
        } else {
            node
        };
        let signed = Signed::new(registration, &self.network, &self.keys[&by]);
        Some((operator, Instruction::Register(Box::new(signed))))
    }

    /// Any provider, standing or not.
    pub(super) fn some_provider(&mut self, state: &dyn State) -> Option<(ProviderId, Provider)> {
        let count = query::counters(state).provider.0;
        let id = ProviderId(u32::try_from(self.random.below(u64::from(count))).unwrap());
        Some((id, query::provider(state, id)?))
    }

    fn by_its_operator(&mut self, provider: &Provider) -> PublicKey {
        if self.random.chance(6) {
            self.somebody()
        } else {
            provider.newest().registration.operator
        }
    }

    pub(super) fn update(&mut self, state: &dyn State) -> Option<Act> {
        let (_, provider) = self.some_provider(state)?;
        let mut registration = provider.newest().registration.clone();
        registration.price = self.price();
        if self.random.chance(40) {
            registration.model = self.model();
        }
        if self.random.chance(30) {
            registration.corpus = Some(self.corpus());
        }
        match self.random.below(20) {
            0 => registration.nonce += 1,
            1 => registration.bond = Amount(registration.bond.0 + 1),
            2 => registration.domains = List::new(),
            _ => {}
        }
        let node = if self.random.chance(4) {
            self.somebody()
        } else {
            registration.node
        };
        let signed = Signed::new(registration, &self.network, &self.keys[&node]);
        let signer = self.by_its_operator(&provider);
        Some((signer, Instruction::Update(Box::new(signed))))
    }

    pub(super) fn rotate(&mut self, state: &dyn State) -> Option<Act> {
        let (id, provider) = self.some_provider(state)?;
        let old = provider.newest().registration.node;
        let new = if self.random.chance(15) {
            self.one_of("node", NODES)
        } else {
            let number = self.fresh();
            self.key(&format!("rotated-{number}")).public_key()
        };
        let mut rotated = Rotated::sign(id, &self.network, &self.keys[&old], &self.keys[&new]);
        if self.random.chance(6) {
            rotated.by_old = rotated.by_new;
        }
        let signer = self.by_its_operator(&provider);
        Some((signer, Instruction::Rotate(Box::new(rotated))))
    }

    pub(super) fn retire(&mut self, state: &dyn State) -> Option<Act> {
        let (provider, record) = self.some_provider(state)?;
        let signer = self.by_its_operator(&record);
        Some((signer, Instruction::Retire { provider }))
    }

    pub(super) fn announce(&mut self, state: &dyn State) -> Option<Act> {
        let (id, provider) = self.some_provider(state)?;
        let now = query::clock(state).height.next()?;
        let model = provider.at(now)?.registration.model.digest;
        let novelty = if self.random.chance(60) {
            Novelty::Corpus {
                corpus: self.corpus(),
                changed: Score::clamped(self.random.below(10_001)),
            }
        } else {
            Novelty::Adapter(Adapter {
                adapter: Digest(self.random.bytes()),
                base: if self.random.chance(15) {
                    Digest::ZERO
                } else {
                    model
                },
                data: Digest::ZERO,
                before: Score::HALF,
                after: Score::ONE,
            })
        };
        let registration = &provider.newest().registration;
        let (node, operator) = (registration.node, registration.operator);
        let signer = match self.random.below(10) {
            0 => self.somebody(),
            1..5 => node,
            _ => operator,
        };
        let announcement = Announcement {
            provider: id,
            novelty,
        };
        Some((signer, Instruction::Announce(Box::new(announcement))))
    }
}
