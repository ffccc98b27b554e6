//! Respondents: who they are, what they know, when they come and go.

use std::collections::BTreeMap;

use llmnet_ledger::query;
use llmnet_protocol::books::Books;
use llmnet_types::{
    codec::{List, Text},
    domain::Domain,
    id::{Digest, ProviderId},
    registration::{Assurance, Model, Price, Registration, Tokenizer},
    signature::{PrivateKey, PublicKey, Signed},
    transaction::Instruction,
    units::{Amount, Timestamp},
};

use super::{
    question::unit,
    scenario::{Behaviour, Group, Range, Scenario},
    world::{World, key},
};
use crate::chance::Chance;

/// An operator's own money beside its bonds, for its transactions.
const POCKET: Amount = Amount(2_000_000);

/// A respondent.
#[derive(Debug)]
pub struct Provider {
    /// Of which group, by number.
    pub group: usize,
    /// Its key.
    pub key: PrivateKey,
    /// The same, public.
    pub node: PublicKey,
    /// Who posts its bond and is paid.
    pub operator: PrivateKey,
    /// What it registers in, by number.
    pub domains: Vec<usize>,
    /// The chance to be right, by domain.
    pub skill: Vec<f64>,
    /// What a call costs.
    pub price: Price,
    /// Its usual time to an answer.
    pub latency_ms: f64,
    /// In which epoch it goes, if it does.
    pub leaves: Option<u32>,
    /// Its number on the ledger, once it has one.
    pub id: Option<ProviderId>,
    /// When it registered.
    pub joined: Option<Timestamp>,
    /// Whether it retired.
    pub gone: bool,
    /// When it was first paid.
    pub first_pay: Option<Timestamp>,
    /// What it earned.
    pub earned: u64,
    /// Seats it had.
    pub seats: u64,
    /// What coordinators owe it, by their number.
    pub books: BTreeMap<usize, Books>,
}

impl Provider {
    /// The mean of its skills where it registered.
    pub fn mean_skill(&self) -> f64 {
        let sum: f64 = self.domains.iter().map(|domain| self.skill[*domain]).sum();
        sum / self.domains.len().max(1) as f64
    }
}

/// All of them.
#[derive(Debug)]
pub struct People {
    /// In the order in which they came.
    pub all: Vec<Provider>,
    /// By key.
    pub by_node: BTreeMap<PublicKey, usize>,
    /// By number on the ledger.
    pub by_id: BTreeMap<ProviderId, usize>,
    seed: u64,
    /// How many came, by group.
    came: Vec<u32>,
    /// How many are wanted, by group.
    wanted: Vec<f64>,
    /// Those whose money was sent and who register in the next block.
    coming: Vec<usize>,
    /// Those who registered in the last block.
    registering: Vec<usize>,
}

fn between(range: Range, chance: &mut Chance) -> f64 {
    range.low + (range.high - range.low) * unit(chance)
}

impl People {
    /// Nobody yet.
    pub fn new(scenario: &Scenario, seed: u64) -> Self {
        Self {
            all: Vec::new(),
            by_node: BTreeMap::new(),
            by_id: BTreeMap::new(),
            seed,
            came: vec![0; scenario.people.len()],
            wanted: vec![0.0; scenario.people.len()],
            coming: Vec::new(),
            registering: Vec::new(),
        }
    }

    /// Who stands on the ledger.
    pub fn standing(&self) -> impl Iterator<Item = (usize, &Provider)> {
        let all = self.all.iter().enumerate();
        all.filter(|(_, provider)| provider.id.is_some() && !provider.gone)
    }

    /// Domains with as many respondents as a quorum needs.
    pub fn served(&self, scenario: &Scenario) -> Vec<usize> {
        let mut counts = vec![0; scenario.market.domains.len()];
        for (_, provider) in self.standing() {
            for domain in &provider.domains {
                counts[*domain] += 1;
            }
        }
        let needed = *scenario.market.quorum.get_ref();
        let all = counts.into_iter().enumerate();
        all.filter(|(_, count)| *count >= needed)
            .map(|(domain, _)| domain)
            .collect()
    }

    fn draw(&self, scenario: &Scenario, number: usize, group: usize, epoch: u32) -> Provider {
        let of = &scenario.people[group];
        let name = format!("{} {}", of.name.get_ref(), self.came[group]);
        let mut chance = Chance::new(self.seed, &name);
        let count = scenario.market.domains.len();
        let base = between(of.skill, &mut chance);
        let skill = scenario.market.domains.iter().map(|domain| {
            let own = of.skill_in.get(domain.get_ref());
            own.map_or(base, |(low, high)| {
                let own = Range {
                    low: *low,
                    high: *high,
                };
                between(own, &mut chance)
            })
        });
        let skill = skill.collect();
        let each = scenario.domains_each(of);
        let operator = if of.one_operator {
            format!("{} operator", of.name.get_ref())
        } else {
            format!("{name} operator")
        };
        let key_of_node = key(self.seed, &name);
        let call = Amount(between(of.price, &mut chance) as u64);
        Provider {
            group,
            node: key_of_node.public_key(),
            key: key_of_node,
            operator: key(self.seed, &operator),
            // As many as a panel has at a time, so that a domain that begins has one.
            domains: (0..each)
                .map(|place| (number / scenario.market.seats as usize + place) % count)
                .collect(),
            skill,
            price: Price {
                call,
                ..Price::default()
            },
            latency_ms: between(of.latency_ms, &mut chance),
            leaves: of.stays.map(|(low, high)| {
                let stay = low + chance.below((high - low + 1) as usize) as u32;
                epoch + stay
            }),
            id: None,
            joined: None,
            gone: false,
            first_pay: None,
            earned: 0,
            seats: 0,
            books: BTreeMap::new(),
        }
    }

    fn come(&mut self, world: &mut World, scenario: &Scenario, group: usize, epoch: u32) {
        let number = self.all.len();
        let provider = self.draw(scenario, number, group, epoch);
        self.came[group] += 1;
        let bond = bond(&scenario.people[group]).0 * provider.domains.len() as u64;
        world.endow(provider.operator.public_key(), Amount(bond + POCKET.0));
        self.by_node.insert(provider.node, number);
        self.coming.push(number);
        self.all.push(provider);
    }

    /// What happens with an epoch's first block: some go, some come, some of the gone come again under new keys.
    pub fn turn(&mut self, world: &mut World, scenario: &Scenario, epoch: u32) {
        for group in 0..scenario.people.len() {
            let of = &scenario.people[group];
            let before = self.wanted[group];
            let all = f64::from(of.count);
            if epoch == of.joins {
                self.wanted[group] = of.first.map_or(all, f64::from).min(all);
            } else if epoch > of.joins {
                self.wanted[group] = (before * of.growth).max(before + 1.0).min(all);
            }
            for _ in before as u32..self.wanted[group] as u32 {
                self.come(world, scenario, group, epoch);
            }
        }
        let leaving: Vec<usize> = self
            .standing()
            .filter(|(_, provider)| {
                let old = provider.leaves.is_some_and(|leaves| leaves <= epoch);
                old || self.is_stained(world, scenario, provider)
            })
            .map(|(number, _)| number)
            .collect();
        for number in leaving {
            let provider = &mut self.all[number];
            provider.gone = true;
            let (operator, group) = (provider.operator.clone(), provider.group);
            if let Some(id) = provider.id {
                world.submit(&operator, Instruction::Retire { provider: id });
            }
            self.come(world, scenario, group, epoch);
        }
    }

    /// Whether a whitewasher would rather be nobody: what is known of it is worse than nothing.
    fn is_stained(&self, world: &World, scenario: &Scenario, provider: &Provider) -> bool {
        if scenario.people[provider.group].behaviour != Behaviour::Whitewasher {
            return false;
        }
        let Some(id) = provider.id else { return false };
        let record = query::provider(&world.state, id);
        let nobody = llmnet_types::reputation::Reputation::default().mean(&world.params.prior);
        record.is_some_and(|record| {
            record.domains.iter().any(|domain| {
                let profile = query::profile(&world.state, id, *domain);
                profile.reputation.samples > 0 && profile.mean.min(profile.ceiling) < nobody
            })
        })
    }

    /// Who was endowed in the last block registers in the next; who registered has its number.
    pub fn register(&mut self, world: &mut World, scenario: &Scenario) {
        for number in std::mem::take(&mut self.registering) {
            let provider = &mut self.all[number];
            if let Some((id, _)) = query::provider_of(&world.state, &provider.node) {
                provider.id = Some(id);
                provider.joined = Some(world.now());
                self.by_id.insert(id, number);
            }
        }
        for number in std::mem::take(&mut self.coming) {
            let provider = &self.all[number];
            let group = &scenario.people[provider.group];
            let operator = provider.operator.clone();
            let registration = registration(scenario, group, provider, number);
            let signed = Signed::new(registration, &world.network, &provider.key);
            world.submit(&operator, Instruction::Register(Box::new(signed)));
            self.registering.push(number);
        }
    }
}

fn bond(group: &Group) -> Amount {
    Amount((group.bond * 1_000_000.0) as u64)
}

fn registration(
    scenario: &Scenario,
    group: &Group,
    provider: &Provider,
    number: usize,
) -> Registration {
    let names = provider
        .domains
        .iter()
        .filter_map(|domain| Domain::new(scenario.market.domains[*domain].get_ref()).ok());
    let family = format!("family {}", number % group.families as usize);
    Registration {
        node: provider.node,
        operator: provider.operator.public_key(),
        nonce: 0,
        domains: List::truncated(names),
        model: Model {
            family: Text::truncated(&family),
            name: Text::truncated(&format!("model {number}")),
            digest: Digest::of(&number.to_le_bytes()),
            assurance: Assurance::Declared,
        },
        corpus: None,
        price: provider.price,
        tokenizer: Tokenizer::Bytes4,
        bond: bond(group),
    }
}
