//! Orders: a requester's question becomes a contract of a coordinator, with a panel that the seed selects.

use std::collections::BTreeMap;

use llmnet_ledger::{query, selection};
use llmnet_protocol::{
    message::Statement,
    quote::{Purse, worst_case},
    session::{Finished, Setup},
    settle::Unsettled,
};
use llmnet_types::{
    bond::Role,
    codec::List,
    contract::{Caps, Criteria, Durations, Filters, PaySplit, Terms},
    domain::Domain,
    id::{Digest, DomainId, Salt},
    passage::SharedPassages,
    registration::Assurance,
    selection::{DomainChoice, SelectionInputs},
    settlement::Leaf,
    signature::{PrivateKey, PublicKey, Signed},
    units::{Amount, Height, Score, Slot, Timestamp, Tokens},
};

use super::{
    contract,
    panel::Asked,
    people::People,
    question::Question,
    scenario::{Asks, Conducts, Scenario},
    world::{World, chain, key},
};
use crate::chance::Chance;

/// How long things may take: what production's gateways agree to for panels of models.
const DURATIONS: Durations = Durations {
    offer_ms: 1_000,
    accept_ms: 3_000,
    answer_ms: 60_000,
    grace_ms: 20_000,
    open_ms: 3_000,
    round_ms: 60_000,
    ballot_ms: 60_000,
};

/// Who conducts contracts.
#[derive(Debug)]
pub struct Coordinator {
    /// Of which office, by number.
    pub office: usize,
    /// How it behaves.
    pub behaviour: Conducts,
    /// Its key; it is its own operator.
    pub key: PrivateKey,
    /// The same, public.
    pub node: PublicKey,
    /// Its hash chain, the tip first.
    pub elements: Vec<Digest>,
    /// The slot of its next order.
    pub slot: Slot,
    /// What is concluded and not settled.
    pub waiting: BTreeMap<Slot, Unsettled>,
    /// When each slot was concluded.
    pub ended: BTreeMap<Slot, Timestamp>,
    /// What was concluded, until nothing can come of it any more.
    pub kept: BTreeMap<Slot, Finished>,
    /// What requesters promised, by their number.
    pub purses: BTreeMap<usize, Purse>,
}

/// Who asks.
#[derive(Debug)]
pub struct Requester {
    /// Of which office, by number; the offices of validators that audit come after those of requesters.
    pub office: usize,
    /// How it behaves.
    pub behaviour: Asks,
    /// Its key.
    pub key: PrivateKey,
    /// Whether it is a validator's, for its audits.
    pub audits: bool,
}

/// All of them.
#[derive(Debug)]
pub struct Market {
    /// Who conducts.
    pub coordinators: Vec<Coordinator>,
    /// Who asks; validators' own for audits last, in their order.
    pub requesters: Vec<Requester>,
    /// Selections of a height, by domain.
    known: (Height, BTreeMap<DomainId, SelectionInputs>),
    seed: u64,
}

/// What came of an order.
#[derive(Debug)]
pub struct Came {
    /// The coordinator, by number.
    pub coordinator: usize,
    /// The slot.
    pub slot: Slot,
    /// When.
    pub ended: Timestamp,
}

impl Market {
    /// Coordinators with chains for so many slots each, and requesters.
    pub fn new(scenario: &Scenario, seed: u64, slots: usize, validators: usize) -> Self {
        let mut coordinators = Vec::new();
        for (office, group) in scenario.coordinators.iter().enumerate() {
            for number in 0..group.count {
                let key = key(seed, &format!("coordinator {office} {number}"));
                coordinators.push(Coordinator {
                    office,
                    behaviour: group.behaviour,
                    node: key.public_key(),
                    elements: chain(&key, slots),
                    key,
                    slot: Slot(0),
                    waiting: BTreeMap::new(),
                    ended: BTreeMap::new(),
                    kept: BTreeMap::new(),
                    purses: BTreeMap::new(),
                });
            }
        }
        let mut requesters = Vec::new();
        for (office, group) in scenario.requesters.iter().enumerate() {
            for number in 0..group.count {
                requesters.push(Requester {
                    office,
                    behaviour: group.behaviour,
                    key: key(seed, &format!("requester {office} {number}")),
                    audits: false,
                });
            }
        }
        let offices = scenario.requesters.len();
        requesters.extend((0..validators).map(|number| Requester {
            office: offices,
            behaviour: Asks::Honest,
            key: key(seed, &format!("auditor's gateway {number}")),
            audits: true,
        }));
        Self {
            coordinators,
            requesters,
            known: (Height(0), BTreeMap::new()),
            seed,
        }
    }

    /// Coordinators whose bond stands.
    pub fn standing(&self, world: &World) -> Vec<usize> {
        let needed = world.params.coordinator_bond_min;
        let stands = |coordinator: &Coordinator| {
            let bond = query::bond(&world.state, &coordinator.node, Role::Coordinator);
            bond.is_some_and(|bond| bond.enlisted && bond.standing >= needed)
        };
        let all = self.coordinators.iter().enumerate();
        all.filter(|(_, coordinator)| stands(coordinator))
            .map(|(number, _)| number)
            .collect()
    }

    fn inputs(&mut self, world: &World, choice: DomainChoice) -> Option<SelectionInputs> {
        if self.known.0 != world.height {
            self.known = (world.height, BTreeMap::new());
        }
        if let Some(inputs) = self.known.1.get(&choice.id) {
            return Some(inputs.clone());
        }
        let id = choice.id;
        let inputs = selection::inputs(&world.state, world.height, &[choice], Digest::ZERO).ok()?;
        self.known.1.insert(id, inputs.clone());
        Some(inputs)
    }

    /// Orders an answer and plays the contract to its end. `None` where nobody serves the domain, or the
    /// requester's line does not cover it.
    pub fn order(
        &mut self,
        world: &World,
        people: &mut People,
        scenario: &Scenario,
        (requester, coordinator): (usize, usize),
        question: &Question,
        (begins, epoch): (Timestamp, u32),
    ) -> Option<Came> {
        let name = Domain::new(scenario.market.domains[question.domain].get_ref()).ok()?;
        let choice = DomainChoice {
            id: query::domain_id(&world.state, &name)?,
            domain: name,
            confidence: Score::ONE,
        };
        let selection = self.inputs(world, choice)?;
        let conducts = &mut self.coordinators[coordinator];
        let asks = &self.requesters[requester];
        let slot = conducts.slot;
        let element = *conducts.elements.get(slot.0 as usize + 1)?;
        let own = [conducts.node.0, Digest::of(&slot.0.to_le_bytes()).0].concat();
        let salt = Salt(Digest::tagged("llmnet/sim/salt/1", &[&self.seed.to_le_bytes(), &own]).0);
        let filters = filters(scenario, people, asks);
        let terms = terms(world, scenario, question, &salt, filters);
        let worst = worst_case(&terms, world.params.network_fee)?;
        let purse = conducts.purses.get_mut(&requester)?;
        let voucher = purse.order(&terms, worst, &world.network, &asks.key).ok()?;
        let seed = selection::seed(
            &world.network,
            &selection.beacon,
            &conducts.node,
            slot,
            &element,
        );
        let rule = selection::Rule::of(&world.params);
        let mut order = selection::order(&selection, &seed, &rule, &terms.filters);
        if conducts.behaviour == Conducts::Biased {
            order.reverse();
        }
        let setup = Setup {
            network: world.network,
            key: conducts.key.clone(),
            slot,
            slot_secret: element,
            requester: asks.key.public_key(),
            voucher: voucher.clone(),
            terms,
            request: question.request.clone(),
            salt,
            // Minds of the simulator look nothing up.
            shared: SharedPassages::new(),
            own: order
                .iter()
                .filter_map(|id| Some(people.all[*people.by_id.get(id)?].node))
                .collect(),
            selection,
            order,
            fee: world.params.network_fee,
        };
        let asked = Asked {
            people,
            scenario,
            question,
            world,
            seed: self.seed,
            epoch,
            coordinator,
            setup: &setup,
        };
        let chance = Chance::new(self.seed ^ question.number, "links");
        let (finished, ended) = contract::play(setup.clone(), &asked, chance, begins)?;
        conducts.slot = slot.next()?;
        let receipt = &finished.receipt;
        let root = receipt.root(&salt);
        let purse = conducts.purses.get_mut(&requester)?;
        purse.charge(voucher.body.n, receipt.charges.total);
        let leaf = Leaf::of(receipt, root);
        let unsettled = Unsettled {
            slot,
            slot_secret: element,
            voucher: (leaf.n > 0).then_some(voucher),
            leaf,
        };
        conducts.waiting.insert(slot, unsettled);
        conducts.ended.insert(slot, ended);
        let statement = Statement {
            receipt: receipt.clone(),
            salt,
            signed: Signed::clone(&finished.signed),
        };
        for seat in &receipt.seats {
            if let Some(number) = people.by_id.get(&seat.provider) {
                let provider = &mut people.all[*number];
                let books = provider.books.entry(coordinator).or_default();
                let node = &conducts.node;
                books.note(&world.network, node, seat.provider, &statement, true);
            }
        }
        conducts.kept.insert(slot, finished);
        Some(Came {
            coordinator,
            slot,
            ended,
        })
    }
}

/// Whom a requester keeps out: a self-dealing one everybody but the group of its own name.
fn filters(scenario: &Scenario, people: &People, asks: &Requester) -> Filters {
    let mut filters = Filters::default();
    if asks.behaviour == Asks::SelfDealing {
        let name = &scenario.requesters[asks.office].name;
        let own = people
            .standing()
            .filter(|(_, provider)| scenario.people[provider.group].name.get_ref() == name);
        filters.only = List::truncated(own.map(|(_, provider)| provider.node));
    }
    filters
}

fn terms(
    world: &World,
    scenario: &Scenario,
    question: &Question,
    salt: &Salt,
    filters: Filters,
) -> Terms {
    let market = &scenario.market;
    Terms {
        request: question.request.digest(&salt.field("request")),
        domain: question.request.domain.clone(),
        filters,
        strategy: question.request.strategy,
        seats: market.seats as u8,
        first: market.first as u8,
        quorum: *market.quorum.get_ref() as u8,
        rounds: market.rounds as u8,
        durations: Durations {
            grace_ms: market.grace_ms,
            ..DURATIONS
        },
        caps: Caps {
            input_tokens: Tokens(8_000),
            output_tokens: Tokens(2_000),
            seat_charge: seat_charge(scenario),
        },
        split: PaySplit {
            base: Score::clamped(4_000),
            coordinator: Score::clamped(1_000),
        },
        criteria: Criteria {
            seats: 1,
            agreement: Score::ZERO,
            assurance: Assurance::Declared,
        },
        policy: world.params.policy,
    }
}

/// What a seat may charge at the most: what the dearest asks.
pub fn seat_charge(scenario: &Scenario) -> Amount {
    let prices = scenario.people.iter().map(|group| group.price.high);
    Amount(prices.fold(1.0, f64::max) as u64)
}
