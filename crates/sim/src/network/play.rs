//! A run: block after block, from the founding of the network to when nobody owes anybody anything.

mod found;

use llmnet_ledger::{BlockFault, EventKind, Execution, GenesisError, invariant};
use llmnet_types::{
    params::{RELEASE_EPOCHS, UNBOND_EPOCHS},
    units::{Amount, Timestamp},
};

use super::{
    audits::Audits,
    market::{Came, Market},
    offices::{self, Books},
    people::People,
    question::{Question, RIGHT, option},
    scenario::Scenario,
    timeline::{Timeline, add, free_at},
    world::World,
};
use crate::chance::Chance;

/// Epochs after the last question: for all windows to close, all bonds to be free, and one more.
const TAIL: u32 = RELEASE_EPOCHS as u32 + UNBOND_EPOCHS as u32 + 1;

/// Why a run did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The scenario makes no network.
    #[error("the scenario makes no network: {0}")]
    Genesis(#[from] GenesisError),
    /// The ledger is wrong: this is a fault of the program, not of the scenario.
    #[error("after block {height}: {broken}; this is a fault of the ledger, please report it")]
    Broken {
        /// When.
        height: u64,
        /// What does not hold.
        broken: invariant::Broken,
    },
    /// A block is none: this is a fault of the program as well.
    #[error("block {height}: {fault}; this is a fault of the simulator, please report it")]
    Block {
        /// Which.
        height: u64,
        /// What is wrong with it.
        fault: BlockFault,
    },
}

/// A run that came to its end.
#[derive(Debug)]
pub struct Run {
    /// Its seed.
    pub seed: u64,
    /// What was measured.
    pub timeline: Timeline,
    /// Who answered.
    pub people: People,
    /// The ledger at the end.
    pub world: World,
    /// The measures by name.
    pub measures: std::collections::BTreeMap<String, f64>,
}

struct Play<'a> {
    scenario: &'a Scenario,
    seed: u64,
    world: World,
    market: Market,
    people: People,
    books: Books,
    audits: Audits,
    timeline: Timeline,
    /// Questions drawn so far.
    drawn: u64,
    chance: Chance,
    /// Domains that are asked about: those that somebody serves.
    served: Vec<usize>,
    /// Coordinators whose bonds stand.
    standing: Vec<usize>,
}

/// Plays a scenario from a seed. `progress` is told the epoch, and how many there are.
///
/// # Errors
/// The scenario makes no network, or a truth of the ledger is broken.
pub fn play(
    scenario: &Scenario,
    seed: u64,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Run, PlayError> {
    let epochs = 1 + scenario.epochs + TAIL;
    let slots = 2 * scenario.epochs as usize * scenario.market.questions as usize + 1_024;
    let validators = scenario.validators.iter().map(|group| group.count as usize);
    let market = Market::new(scenario, seed, slots, validators.sum());
    let anchors: Vec<_> = market
        .coordinators
        .iter()
        .map(|one| (one.node, one.elements[0], slots))
        .collect();
    let world = World::found(scenario, seed, &anchors, epochs)?;
    let mut play = Play {
        scenario,
        seed,
        world,
        market,
        people: People::new(scenario, seed),
        books: Books::default(),
        audits: Audits::default(),
        timeline: Timeline::default(),
        drawn: 0,
        chance: Chance::new(seed, "who asks whom"),
        served: Vec::new(),
        standing: Vec::new(),
    };
    for epoch in 0..epochs {
        play.epoch(epoch)?;
        progress(u64::from(epoch) + 1, u64::from(epochs));
    }
    let measures = play.timeline.measures(&play.world, &play.people, scenario);
    Ok(Run {
        seed,
        timeline: play.timeline,
        people: play.people,
        world: play.world,
        measures,
    })
}

impl Play<'_> {
    fn epoch(&mut self, epoch: u32) -> Result<(), PlayError> {
        let blocks = u64::from(self.scenario.pace.epoch_blocks);
        let asks = (1..=self.scenario.epochs).contains(&epoch);
        // Heights of an epoch begin with its number times its length; 0 is genesis.
        let first = u64::from(epoch == 0);
        for block in first..blocks {
            if block == 0 || (epoch == 0 && block == 1) {
                self.begin(epoch);
            }
            if epoch == 0 {
                self.found(block);
            }
            // The ledger takes roots for the epoch after that of the last block.
            if block == 2 {
                self.commit(epoch);
                offices::equivocate(&mut self.world);
            }
            self.people.register(&mut self.world, self.scenario);
            if asks {
                self.ask(epoch, block, blocks);
            }
            self.books.settle(
                &mut self.world,
                &mut self.market,
                &mut self.people,
                self.scenario,
            );
            self.audits.open(&mut self.world, &self.market, &self.books);
            if block == blocks / 2 {
                self.books.dispute(
                    &mut self.world,
                    &mut self.market,
                    &self.people,
                    self.scenario,
                );
            }
            let execution = self.world.block();
            if let Some(fault) = execution.fault {
                let height = self.world.height.0;
                return Err(PlayError::Block { height, fault });
            }
            self.note(epoch, &execution);
        }
        invariant::conserved(&self.world.state).map_err(|broken| PlayError::Broken {
            height: self.world.height.0,
            broken,
        })?;
        self.timeline.close(
            &self.world,
            &self.people,
            &self.market,
            self.scenario,
            epoch,
        );
        Ok(())
    }

    /// An epoch begins: people come and go.
    fn begin(&mut self, epoch: u32) {
        if epoch <= self.scenario.epochs {
            self.people.turn(&mut self.world, self.scenario, epoch);
        }
        self.served = self.people.served(self.scenario);
    }

    /// Validators commit to the next epoch's audits.
    fn commit(&mut self, epoch: u32) {
        let next = epoch + 1;
        let share = self.scenario.market.audits;
        let count = (share * f64::from(self.scenario.market.questions)).round() as usize;
        if next > 1 && next <= self.scenario.epochs && count > 0 {
            let questions = (0..count).map(|_| self.draw()).collect();
            self.audits.commit(&mut self.world, self.seed, questions);
        }
    }

    fn draw(&mut self) -> Question {
        let domains = &self.scenario.market.domains;
        let domain = self.chance.below(self.served.len());
        let domain = self.served.get(domain).copied().unwrap_or(0);
        let market = &self.scenario.market;
        let ballots = market.ballots || market.rounds > 0;
        let question = Question::draw(
            self.seed,
            self.drawn,
            domain,
            domains[domain].get_ref(),
            ballots,
        );
        self.drawn += 1;
        question
    }

    /// The questions of a block: requesters' and audits that are due.
    fn ask(&mut self, epoch: u32, block: u64, blocks: u64) {
        self.standing = self.market.standing(&self.world);
        let all = u64::from(self.scenario.market.questions);
        let count = all * (block + 1) / blocks - all * block / blocks;
        let asking = self.market.requesters.iter();
        let asking = asking.filter(|requester| !requester.audits).count();
        for _ in 0..count {
            let question = self.draw();
            let requester = self.chance.below(asking);
            let coordinator = self.chance.below(self.standing.len());
            self.order(epoch, requester, coordinator, &question);
        }
        for (root, place) in self.audits.due(&self.world, &self.market, &self.books) {
            let validator = self.audits.roots[root].validator;
            let item = &mut self.audits.roots[root].items[place];
            item.tries += 1;
            item.asked = self.world.height;
            let (question, tries) = (item.question.clone(), item.tries);
            let coordinator = (self.chance.below(self.standing.len()) + tries)
                .checked_rem(self.standing.len())
                .unwrap_or(0);
            let came = self.order(epoch, asking + validator, coordinator, &question);
            self.audits.roots[root].items[place].answered =
                came.map(|came| (came.coordinator, came.slot));
        }
    }

    fn order(
        &mut self,
        epoch: u32,
        requester: usize,
        coordinator: usize,
        question: &Question,
    ) -> Option<Came> {
        let begins = self.world.now();
        let chosen = self.standing.get(coordinator).copied();
        let came = chosen.and_then(|coordinator| {
            self.market.order(
                &self.world,
                &mut self.people,
                self.scenario,
                (requester, coordinator),
                question,
                (begins, epoch),
            )
        });
        let row = self.timeline.row(self.scenario, epoch);
        row.questions += 1;
        let Some(came) = came else {
            row.unserved += 1;
            return None;
        };
        let finished = self.market.coordinators[came.coordinator]
            .kept
            .get(&came.slot)?;
        let said = finished.answer.as_ref();
        let right = said.is_some_and(|answer| option(&answer.text) == Some(RIGHT));
        Timeline::ended(row, finished.receipt.status, right);
        for seat in &finished.receipt.seats {
            if let Some(number) = self.people.by_id.get(&seat.provider) {
                let provider = &mut self.people.all[*number];
                provider.seats += 1;
                row.seats[provider.group] += 1;
            }
        }
        self.timeline.latencies_ms.push(came.ended.since(begins));
        let office = self.market.requesters[requester].office;
        let offices = &self.scenario.requesters;
        let name = offices
            .get(office)
            .map_or("audits", |one| one.name.as_str());
        let charge = finished.receipt.charges.total;
        add(&mut self.timeline.spent, name, charge);
        Some(came)
    }

    /// Looks at what a block did.
    fn note(&mut self, epoch: u32, execution: &Execution) {
        let now: Timestamp = self.world.now();
        for event in &execution.events {
            match &event.kind {
                EventKind::PayEarned {
                    provider,
                    amount,
                    held_until,
                    ..
                } => {
                    let free = free_at(self.scenario, *held_until, now);
                    if let Some(number) = self.people.by_id.get(provider).copied() {
                        self.paid(epoch, number, *amount, free);
                    }
                }
                EventKind::Filed {
                    claimant, amount, ..
                } => {
                    self.timeline.filed += amount.0;
                    if let Some(number) = self.people.by_node.get(claimant).copied() {
                        self.paid(epoch, number, *amount, now);
                    }
                }
                EventKind::Slashed {
                    node,
                    burnt,
                    restored,
                    ..
                } => {
                    let name = self.culprit(node);
                    let amount = Amount(burnt.0 + restored.0);
                    add(&mut self.timeline.slashed, &name, amount);
                }
                _ => {}
            }
        }
    }

    fn paid(&mut self, epoch: u32, number: usize, amount: Amount, free: Timestamp) {
        let provider = &mut self.people.all[number];
        provider.earned += amount.0;
        if provider.first_pay.is_none() {
            provider.first_pay = Some(free);
        }
        let group = provider.group;
        self.timeline.row(self.scenario, epoch).pay[group] += amount.0;
    }

    /// What tables call whose bond was taken from.
    fn culprit(&self, node: &llmnet_types::signature::PublicKey) -> String {
        let scenario = self.scenario;
        let coordinators = self.market.coordinators.iter();
        let coordinator = coordinators
            .filter(|one| one.node == *node)
            .map(|one| scenario.coordinators[one.office].name.clone());
        let validators = self.world.validators.iter();
        let validator = validators
            .filter(|one| one.node == *node)
            .map(|one| scenario.validators[one.office].name.clone());
        let provider = self.people.by_node.get(node).map(|number| {
            let group = self.people.all[*number].group;
            scenario.people[group].name.get_ref().clone()
        });
        let mut names = coordinator.chain(validator).chain(provider);
        names.next().unwrap_or_else(|| "somebody".to_owned())
    }
}
