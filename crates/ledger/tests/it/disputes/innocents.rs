//! Innocents: whatever happens around an honest coordinator, nothing it did can be shown against it.
//!
//! Experts join, change, rotate, announce, leave and are slashed; validators vote for other parameters; ratings come in.
//! Every panel it ever settled recomputes in all of its windows (SEL-8, VOT-3), and every challenge is
//! answered (DIS-5). `LLMNET_CASES` sets how many histories.

use llmnet_ledger::{query, selection};
use llmnet_types::{
    bond::Role,
    contract::Filters,
    disclosure::ReceiptField,
    dispute::{Claim, FaultProof, Filing, SettledLeaf},
    domain::Domain,
    id::{ContractId, Digest, ProviderId},
    params::Params,
    registration::{Adapter, Announcement, Corpus, Novelty, Registration, Rotated},
    rejection::Rejection,
    selection::DomainChoice,
    signature::Signed,
    transaction::{Instruction, Outcome},
    units::{Amount, Epoch, Score, Tokens},
};
use proptest::{prelude::*, test_runner::Config};

use super::{Scene, answer, bond, challenge, enlist, fault, file, withholding_coordinator::unpaid};
use crate::{
    contract::{Contract, Plan, part, settlement},
    world::{VALIDATORS, World, credits, key, params, public, registration, settle},
};

/// Something that happens.
#[derive(Debug, Clone)]
enum Happening {
    /// A contract is conducted; it waits to be settled.
    Ask {
        seats: usize,
        busy: u8,
        unreached: bool,
        law: bool,
        filter: Option<u32>,
    },
    Settle,
    Join(u32),
    Update(u32, u64),
    Announce(u32, u8),
    Rotate(u32),
    Retire(u32),
    /// An expert is shown to have two faces, and loses its registration with its bond.
    Slash(u32),
    Vote(u8),
    Wait(u64),
    /// Somebody shows everything that was ever settled as a fault, and files about it.
    Accuse,
    /// Alice wants one opened.
    Challenge(usize),
}

fn happening() -> impl Strategy<Value = Happening> {
    let expert = 0..9_u32;
    let ask = (
        1..4_usize,
        any::<u8>(),
        any::<bool>(),
        any::<bool>(),
        prop::option::weighted(0.2, expert.clone()),
    );
    prop_oneof![
        6 => ask.prop_map(|(seats, busy, unreached, law, filter)| Happening::Ask {
            seats, busy, unreached, law, filter,
        }),
        4 => Just(Happening::Settle),
        1 => expert.clone().prop_map(Happening::Join),
        1 => (expert.clone(), 1..5_000_u64).prop_map(|(number, price)| Happening::Update(number, price)),
        2 => (expert.clone(), any::<u8>()).prop_map(|(number, what)| Happening::Announce(number, what)),
        1 => expert.clone().prop_map(Happening::Rotate),
        1 => expert.clone().prop_map(Happening::Retire),
        1 => expert.prop_map(Happening::Slash),
        1 => any::<u8>().prop_map(Happening::Vote),
        4 => (1..7_u64).prop_map(Happening::Wait),
        3 => Just(Happening::Accuse),
        2 => any::<usize>().prop_map(Happening::Challenge),
    ]
}

struct History {
    scene: Scene,
    waiting: Vec<Contract>,
    settled: Vec<(Contract, SettledLeaf)>,
    challenged: Vec<usize>,
    orders: u32,
    slots: u64,
    fresh_keys: u32,
    accusations: u32,
}

impl History {
    fn new() -> Self {
        let mut world = World::with(Params {
            deposit: Amount(1_000),
            ..params()
        });
        for number in 0..6 {
            let domains: &[&str] = if number % 2 == 0 {
                &["physics", "law"]
            } else {
                &["physics"]
            };
            world.register(registration(number, domains));
        }
        enlist(&mut world, "coordinator", Role::Coordinator);
        let line = world.open_line(credits(2), Epoch(8));
        let mut history = Self {
            scene: Scene { world, line },
            waiting: Vec::new(),
            settled: Vec::new(),
            challenged: Vec::new(),
            orders: 0,
            slots: 0,
            fresh_keys: 20,
            accusations: 0,
        };
        for validator in VALIDATORS {
            let fund = Instruction::Transfer {
                to: public(validator),
                amount: credits(2),
            };
            history.run("bob", fund);
        }
        history
    }

    fn epoch(&self) -> Epoch {
        self.scene.world.epoch()
    }

    /// The epoch of the next block.
    fn next_epoch(&self) -> Epoch {
        let world = &self.scene.world;
        world.next_block().height.epoch(world.params.epoch_length())
    }

    fn of(&self, contract: &Contract) -> Epoch {
        let world = &self.scene.world;
        contract.plan.height.epoch(world.params.epoch_length())
    }

    /// Settles before it is too late, as an honest coordinator does.
    fn in_time(&mut self) {
        while let Some(oldest) = self.waiting.first()
            && self.of(oldest) < self.next_epoch()
        {
            self.settle();
        }
    }

    fn run(&mut self, signer: &str, instruction: Instruction) -> Outcome {
        self.in_time();
        let outcome = self.scene.world.run(signer, instruction);
        assert_eq!(self.scene.bond(), bond(), "nobody is punished");
        outcome
    }

    fn settle(&mut self) {
        let Some(first) = self.waiting.first() else {
            return;
        };
        let epoch = self.of(first);
        let line = first.plan.line;
        let together = self.waiting.iter();
        let together = together
            .take_while(|contract| self.of(contract) == epoch && contract.plan.line == line)
            .count();
        let contracts: Vec<Contract> = self.waiting.drain(..together).collect();
        let all: Vec<&Contract> = contracts.iter().collect();
        let settlement = settlement(&all);
        let shown: Vec<_> = all
            .iter()
            .map(|contract| contract.settled(&settlement))
            .collect();
        let outcome = self.scene.world.run("coordinator", settle(settlement));
        assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
        self.settled.extend(contracts.into_iter().zip(shown));
    }

    fn happens(&mut self, happening: &Happening) {
        match happening {
            Happening::Ask {
                seats,
                busy,
                unreached,
                law,
                filter,
            } => self.ask(*seats, *busy, *unreached, *law, *filter),
            Happening::Settle => self.settle(),
            Happening::Join(number) => {
                let mut joining = registration(*number, &["physics", "law"]);
                let node = query::node(&self.scene.world.state, &joining.node);
                joining.nonce = node.map_or(0, |node| node.registrations);
                let signed = Signed::new(
                    joining,
                    &self.scene.world.network,
                    &key(&format!("node-{number}")),
                );
                let operator = format!("operator-{number}");
                self.run(&operator, Instruction::Register(Box::new(signed)));
            }
            Happening::Update(number, price) => self.update(*number, *price),
            Happening::Announce(number, what) => self.announce(*number, *what),
            Happening::Rotate(number) => self.rotate(*number),
            Happening::Retire(number) => {
                if let Some((provider, operator, _)) = self.expert(*number) {
                    self.run(&operator, Instruction::Retire { provider });
                }
            }
            Happening::Slash(number) => self.slash(*number),
            Happening::Vote(what) => self.vote(*what),
            Happening::Wait(blocks) => {
                for _ in 0..*blocks {
                    self.in_time();
                    self.scene.world.block(&[]);
                }
            }
            Happening::Accuse => self.accuse(),
            Happening::Challenge(place) => self.challenge(*place),
        }
    }

    /// A provider that stands, its operator's name and what it says.
    fn expert(&self, number: u32) -> Option<(ProviderId, String, Registration)> {
        let id = ProviderId(number);
        let provider = query::provider(&self.scene.world.state, id)?;
        let registration = provider.newest().registration.clone();
        let operator = (0..10)
            .map(|number| format!("operator-{number}"))
            .find(|name| public(name) == registration.operator)?;
        provider
            .retired_at
            .is_none()
            .then_some((id, operator, registration))
    }

    fn key_of(&self, registration: &Registration) -> llmnet_types::signature::PrivateKey {
        crate::contract::node_key(&registration.node)
    }

    fn update(&mut self, number: u32, price: u64) {
        let Some((_, operator, mut registration)) = self.expert(number) else {
            return;
        };
        registration.price.call = Amount(price);
        registration.model.digest = Digest::of(&price.to_le_bytes());
        let node = self.key_of(&registration);
        let signed = Signed::new(registration, &self.scene.world.network, &node);
        self.run(&operator, Instruction::Update(Box::new(signed)));
    }

    fn announce(&mut self, number: u32, what: u8) {
        let Some((provider, operator, _)) = self.expert(number) else {
            return;
        };
        let novelty = if what.is_multiple_of(2) {
            Novelty::Corpus {
                corpus: Corpus {
                    root: Digest([what; 32]),
                    as_of_day: 20_000,
                    passages: 10,
                },
                changed: Score::clamped(u64::from(what) * 30),
            }
        } else {
            Novelty::Adapter(Adapter {
                adapter: Digest([what; 32]),
                base: Digest::ZERO,
                data: Digest::ZERO,
                before: Score::HALF,
                after: Score::clamped(7_000),
            })
        };
        let announcement = Announcement { provider, novelty };
        self.run(&operator, Instruction::Announce(Box::new(announcement)));
    }

    fn rotate(&mut self, number: u32) {
        let Some((provider, operator, registration)) = self.expert(number) else {
            return;
        };
        let old = self.key_of(&registration);
        self.fresh_keys += 1;
        let new = key(&format!("node-{}", self.fresh_keys));
        let rotated = Rotated::sign(provider, &self.scene.world.network, &old, &new);
        self.run(&operator, Instruction::Rotate(Box::new(rotated)));
    }

    fn slash(&mut self, number: u32) {
        let Some((_, _, registration)) = self.expert(number) else {
            return;
        };
        let node = self.key_of(&registration);
        let contract = ContractId([u8::try_from(number).unwrap(); 32]);
        let honest = part(contract, "scattering", &node);
        let mut lie = honest.clone();
        lie.output = Tokens(4_000);
        let network = self.scene.world.network;
        let proof = FaultProof::Parts {
            node: node.public_key(),
            first: Signed::new(honest, &network, &node),
            second: Signed::new(lie, &network, &node),
        };
        self.run("bob", fault(&proof));
    }

    /// Three of four validators want other parameters.
    fn vote(&mut self, what: u8) {
        let mut next = query::params(&self.scene.world.state);
        match what % 5 {
            0 => next.policy = if next.policy == 1 { 2 } else { 1 },
            1 => next.decay = Score::clamped(9_000 + u64::from(what)),
            2 => next.prior.positive = 1 + 10_000 * u64::from(what),
            3 => next.network_fee = Score::clamped(u64::from(what) * 10),
            _ => next.evidence_fee = Amount(1 + u64::from(what)),
        }
        self.in_time();
        let votes: Vec<_> = VALIDATORS[..3]
            .iter()
            .map(|validator| {
                let vote = Instruction::Vote(Box::new(next.clone()));
                self.scene.world.sign(validator, vote)
            })
            .collect();
        self.scene.world.block(&votes);
    }

    /// How many ranks an order has.
    fn ranks(&self, plan: &Plan) -> usize {
        let world = &self.scene.world;
        let choices: Vec<DomainChoice> = plan
            .domains
            .iter()
            .map(|(name, confidence)| DomainChoice {
                domain: Domain::new(name).unwrap(),
                id: world.domain(name),
                confidence: Score::clamped(*confidence),
            })
            .collect();
        let inputs = selection::inputs(&world.state, plan.height, &choices, Digest::ZERO).unwrap();
        let rule = selection::Rule::of(&query::params(&world.state));
        let seed = selection::seed(
            &world.network,
            &inputs.beacon,
            &public("coordinator"),
            llmnet_types::units::Slot(plan.slot),
            &crate::world::element("coordinator", plan.slot),
        );
        selection::order(&inputs, &seed, &rule, &plan.filters).len()
    }

    fn ask(&mut self, seats: usize, busy: u8, unreached: bool, law: bool, filter: Option<u32>) {
        self.in_time();
        self.renew_line();
        let world = &self.scene.world;
        let mut plan = Plan::new(
            self.scene.line,
            self.orders + 1,
            self.slots,
            world.height,
            seats,
        );
        if law {
            plan.domains = vec![("law", 6_000), ("physics", 3_000)];
        }
        // Where all have left, a domain is forgotten (REG-3), and nobody can be asked about it.
        let is_known = |(name, _): &(&str, u64)| {
            let domain = Domain::new(name).expect("a domain");
            query::domain_id(&world.state, &domain).is_some()
        };
        if !plan.domains.iter().all(is_known) {
            return;
        }
        if let Some(expert) = filter {
            plan.filters = Filters {
                ignore: vec![public(&format!("node-{expert}"))].try_into().unwrap(),
                ..Filters::default()
            };
        }
        // At most as many as are seated are passed over.
        let ranks = (0..8_u8).filter(|rank| busy & (1 << rank) != 0);
        plan.busy = ranks
            .filter(|rank| usize::from(*rank) < 2 * seats)
            .take(seats)
            .collect();
        if self.ranks(&plan) < 2 * seats {
            return;
        }
        let mut contract = Contract::new(world, plan);
        if unreached {
            let mut skips = contract.receipt.skips.to_vec();
            skips.iter_mut().for_each(|skip| skip.reply = None);
            contract.receipt.skips = skips.try_into().unwrap();
        }
        self.orders += 1;
        self.slots += 1;
        self.waiting.push(contract);
    }

    fn renew_line(&mut self) {
        let line = query::line(&self.scene.world.state, self.scene.line);
        if line.is_none_or(|line| line.ends.0 < self.epoch().0 + 3) {
            let ends = Epoch(self.epoch().0 + 8);
            self.scene.line = self.scene.world.open_line(credits(2), ends);
            self.orders = 0;
        }
    }

    /// The last settlements, young and old, from all sides.
    fn accuse(&mut self) {
        let recent = self.settled.len().saturating_sub(6);
        for place in recent..self.settled.len() {
            let (contract, shown) = self.settled[place].clone();
            let seat = &contract.receipt.seats[0];
            let operator = (0..10)
                .map(|number| format!("operator-{number}"))
                .find(|name| {
                    let provider = query::provider(&self.scene.world.state, seat.provider);
                    provider.unwrap().newest().registration.operator == public(name)
                })
                .unwrap();
            let seats = Claim::Seat {
                provider: seat.provider,
                seats: contract.disclose(ReceiptField::Seats),
                voucher: contract.receipt.voucher.clone(),
                terms: contract.receipt.terms.clone(),
            };
            let contradiction = Filing::Contradiction {
                settled: shown.clone(),
                receipt: contract.signed(),
                slot: contract.disclose(ReceiptField::Slot),
                claim: seats,
            };
            let accusations = [
                ("bob", fault(&FaultProof::Panel(shown.clone()))),
                (&operator, file(&contradiction)),
                (&operator, file(&unpaid(&contract, 0, None))),
                (&operator, file(&unpaid(&contract, 0, Some(shown)))),
            ];
            let epoch = self.of(&contract);
            for (signer, accusation) in accusations {
                let Outcome::Rejected { reason, .. } = self.run(signer, accusation.clone()) else {
                    panic!("an innocent was punished");
                };
                let age = self.epoch().0 - epoch.0;
                let panel = matches!(accusation, Instruction::Fault(_));
                let expected = match age {
                    // It was looked at, and found in order.
                    0..=2 if panel => reason == Rejection::NoFault,
                    _ => matches!(
                        reason,
                        Rejection::NoFault | Rejection::Window | Rejection::Settlement { .. }
                    ),
                };
                assert!(expected, "{age} epochs later: {reason:?}");
                self.accusations += 1;
            }
        }
    }

    fn challenge(&mut self, place: usize) {
        let Some(place) = place.checked_rem(self.settled.len()) else {
            return;
        };
        let (contract, shown) = self.settled[place].clone();
        if self.challenged.contains(&place) {
            return;
        }
        let Outcome::Applied { .. } = self.run("alice", challenge(&shown)) else {
            assert!(self.epoch().0 > self.of(&contract).0 + 2);
            return;
        };
        self.challenged.push(place);
        let outcome = self.run("coordinator", answer(&contract, &shown.leaf));
        assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
    }
}

fn config() -> Config {
    let cases = std::env::var("LLMNET_CASES").ok();
    Config {
        cases: cases.and_then(|cases| cases.parse().ok()).unwrap_or(12),
        failure_persistence: None,
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(config())]

    /// DIS-1, DIS-2, DIS-3, DIS-5, SEL-8, VOT-3
    #[test]
    fn an_honest_coordinator_is_never_punished(
        happenings in prop::collection::vec(happening(), 10..60),
    ) {
        let mut history = History::new();
        for happening in &happenings {
            history.happens(happening);
        }
        history.accuse();
        // To the end of all windows: no challenge is left unanswered.
        let end = history.epoch().0 + 5;
        while history.epoch() < Epoch(end) {
            history.happens(&Happening::Wait(4));
        }
        let record = query::coordinator(&history.scene.world.state, &public("coordinator"));
        prop_assert!(record.unwrap().conduct.iter().all(|conduct| !conduct.slashed));
        prop_assert_eq!(history.scene.bond(), bond());
    }
}

/// The histories above do what they are for: a fixed one settles, accuses and answers.
#[test]
fn a_history_accuses_and_answers() {
    let ask = |seats, busy| Happening::Ask {
        seats,
        busy,
        unreached: false,
        law: false,
        filter: None,
    };
    let mut history = History::new();
    for happening in [
        ask(2, 1),
        ask(3, 0),
        Happening::Settle,
        Happening::Announce(0, 8),
        Happening::Vote(0),
        Happening::Rotate(1),
        Happening::Challenge(1),
        Happening::Wait(8),
        Happening::Accuse,
        ask(2, 2),
        Happening::Settle,
        Happening::Accuse,
    ] {
        history.happens(&happening);
    }
    assert_eq!((history.settled.len(), history.challenged.len()), (3, 1));
    assert_eq!(history.accusations, 8 + 12);
}
