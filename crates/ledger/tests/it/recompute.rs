//! SEL-8 over random histories: what selections at a height looked at is the same at that height and as
//! long as its panels are recomputed, whatever is rated, audited, closed, announced, registered or voted.
//! `LLMNET_CASES` sets how many histories.

use std::collections::BTreeMap;

use llmnet_ledger::{query, selection};
use llmnet_types::{
    domain::Domain,
    id::{Digest, ProviderId},
    params::ANSWER_EPOCHS,
    registration::{Announcement, Corpus, Novelty},
    rejection::LeafFault,
    reputation::Reputation,
    selection::{DomainChoice, SelectionInputs},
    signature::Signed,
    transaction::Instruction,
    units::{Amount, Epoch, Height, Score},
};
use proptest::{prelude::*, test_runner::Config};

use crate::{
    audits::world::{Audits, Items, open},
    contract::node_key,
    world::{VALIDATORS, registration},
};

/// Something that happens.
#[derive(Debug, Clone)]
enum Happening {
    /// Contracts are settled, their seats rated like this, most of them with this answer.
    Rate {
        scores: [u64; 3],
        count: usize,
    },
    /// A validator commits to items for the next epoch.
    Commit {
        validator: usize,
        items: usize,
    },
    /// The items of this epoch are asked and opened, but for some.
    Examine {
        keep: usize,
        liar: u32,
    },
    Announce {
        provider: u32,
        changed: u64,
    },
    Update {
        provider: u32,
        model: u8,
    },
    Retire {
        provider: u32,
    },
    Register,
    Vote {
        decay: u64,
        prior: u64,
    },
    Wait {
        blocks: u64,
    },
}

fn happening() -> impl Strategy<Value = Happening> {
    let provider = 0..3_u32;
    prop_oneof![
        5 => (prop::array::uniform3(0..=10_000_u64), 1..4_usize)
            .prop_map(|(scores, count)| Happening::Rate { scores, count }),
        4 => (0..4_usize, 1..4_usize)
            .prop_map(|(validator, items)| Happening::Commit { validator, items }),
        4 => (0..3_usize, provider.clone())
            .prop_map(|(keep, liar)| Happening::Examine { keep, liar }),
        1 => (provider.clone(), 0..=10_000_u64)
            .prop_map(|(provider, changed)| Happening::Announce { provider, changed }),
        1 => (provider.clone(), any::<u8>())
            .prop_map(|(provider, model)| Happening::Update { provider, model }),
        1 => provider.prop_map(|provider| Happening::Retire { provider }),
        1 => Just(Happening::Register),
        1 => (9_000..=10_000_u64, 1..5_000_000_u64)
            .prop_map(|(decay, prior)| Happening::Vote { decay, prior }),
        6 => (1..20_u64).prop_map(|blocks| Happening::Wait { blocks }),
    ]
}

/// What is looked at, at a height.
type Look = (SelectionInputs, Vec<Option<Reputation>>);

struct History {
    audits: Audits,
    committed: Vec<Items>,
    registered: u32,
    seen: BTreeMap<Height, Look>,
}

impl History {
    fn new() -> Self {
        Self {
            audits: Audits::new(),
            committed: Vec::new(),
            registered: 3,
            seen: BTreeMap::new(),
        }
    }

    fn look(&self, height: Height) -> Result<Look, LeafFault> {
        let world = &self.audits.world;
        let id = world.domain("physics");
        let choice = DomainChoice {
            domain: Domain::new("physics").unwrap(),
            id,
            confidence: Score::clamped(9_000),
        };
        let inputs = selection::inputs(&world.state, height, &[choice], Digest::ZERO)?;
        let reputations = (0..4)
            .map(|number| query::reputation_at(&world.state, ProviderId(number), id, height))
            .collect();
        Ok((inputs, reputations))
    }

    /// All heights that were seen are seen the same, and none before the window.
    fn check(&mut self) {
        let height = self.audits.world.height;
        let now = self.look(height).unwrap();
        self.seen.insert(height, now);
        let length = u64::from(self.audits.world.params.epoch_blocks);
        let oldest = self.audits.world.epoch().0.saturating_sub(ANSWER_EPOCHS) * length;
        let gone = self.seen.range(..Height(oldest)).next_back();
        if let Some((height, _)) = gone {
            assert_eq!(self.look(*height), Err(LeafFault::Height));
        }
        self.seen = self.seen.split_off(&Height(oldest));
        for (height, then) in &self.seen {
            assert_eq!(self.look(*height).as_ref(), Ok(then), "{height}");
        }
    }

    fn operator(&self, provider: u32) -> String {
        format!("operator-{provider}")
    }

    fn happen(&mut self, happening: &Happening) {
        match *happening {
            Happening::Rate { scores, count } => {
                let questions: Vec<_> = (0..count).map(|index| format!("any {index}")).collect();
                let questions = questions.iter().map(String::as_str);
                if self.panel() {
                    self.audits.ask_as(
                        questions,
                        |_| "right",
                        |world, contract| {
                            contract.change_seats(world, |seats| {
                                for (seat, score) in seats.iter_mut().zip(scores) {
                                    seat.score = Score::clamped(score);
                                }
                            });
                        },
                    );
                }
            }
            Happening::Commit { validator, items } => {
                let auditor = VALIDATORS[validator];
                let epoch = self.audits.next();
                let known = |items: &Items| items.auditor == auditor && items.epoch == epoch;
                // The next block may be of another epoch.
                let block = self.audits.world.next_block();
                let length = u64::from(self.audits.world.params.epoch_blocks);
                let moves = block.height.epoch(length) == epoch;
                if !self.committed.iter().any(known) && !moves {
                    let items = self.audits.commit(auditor, items, "right");
                    self.committed.push(items);
                }
            }
            Happening::Examine { keep, liar } => self.examine(keep, liar),
            Happening::Announce { provider, changed } => {
                let corpus = Corpus {
                    root: Digest::of(&changed.to_le_bytes()),
                    as_of_day: 1,
                    passages: 1,
                };
                let announcement = Announcement {
                    provider: ProviderId(provider),
                    novelty: Novelty::Corpus {
                        corpus,
                        changed: Score::clamped(changed),
                    },
                };
                let instruction = Instruction::Announce(Box::new(announcement));
                self.audits.world.run(&self.operator(provider), instruction);
            }
            Happening::Update { provider, model } => {
                let record = query::provider(&self.audits.world.state, ProviderId(provider));
                let mut next = record.unwrap().newest().registration.clone();
                next.model.digest = Digest([model; 32]);
                let node = node_key(&next.node);
                let signed = Signed::new(next, &self.audits.world.network, &node);
                let instruction = Instruction::Update(Box::new(signed));
                self.audits.world.run(&self.operator(provider), instruction);
            }
            // Two are left, so that there are panels.
            Happening::Retire { provider } => {
                let provider = ProviderId(provider % 2);
                let instruction = Instruction::Retire { provider };
                self.audits
                    .world
                    .run(&self.operator(provider.0), instruction);
            }
            Happening::Register => {
                if self.registered < 9 {
                    let registration = registration(self.registered, &["physics"]);
                    self.audits.world.register(registration);
                    self.registered += 1;
                }
            }
            Happening::Vote { decay, prior } => {
                let mut next = query::params(&self.audits.world.state);
                next.decay = Score::clamped(decay);
                next.prior.positive = prior;
                let votes: Vec<_> = VALIDATORS
                    .iter()
                    .map(|validator| {
                        let vote = Instruction::Vote(Box::new(next.clone()));
                        self.audits.world.sign(validator, vote)
                    })
                    .collect();
                self.audits.world.block(&votes);
            }
            Happening::Wait { blocks } => {
                for _ in 0..blocks {
                    self.audits.world.block(&[]);
                    self.check();
                }
            }
        }
        self.check();
    }

    /// Whether three can be seated.
    fn panel(&self) -> bool {
        let world = &self.audits.world;
        world.order("coordinator", 0, world.height).len() >= 3
    }

    fn examine(&mut self, keep: usize, liar: u32) {
        let epoch = self.audits.world.epoch();
        let due: Vec<_> = self
            .committed
            .extract_if(.., |items| items.epoch <= epoch)
            .collect();
        for items in due.iter().filter(|items| items.epoch == epoch) {
            let height = self.audits.world.height;
            let length = u64::from(self.audits.world.params.epoch_blocks);
            // Contracts are of the height of the last block.
            if height.epoch(length) != items.epoch || !self.panel() {
                continue;
            }
            let questions = items.items.iter().map(|item| item.0.as_str());
            let wrong = |_| "wrong";
            let right = |_| "right";
            let answered = match liar {
                0 => self.audits.ask(questions, wrong),
                _ => self.audits.ask(questions, right),
            };
            let opened = answered.iter().enumerate().skip(keep);
            for (index, answered) in opened {
                let opening = open(items.opening(index, answered));
                self.audits.world.run(&items.auditor, opening);
            }
        }
    }
}

fn cases() -> u32 {
    let cases = std::env::var("LLMNET_CASES").ok();
    cases.and_then(|cases| cases.parse().ok()).unwrap_or(8)
}

proptest! {
    #![proptest_config(Config {
        cases: cases(), max_shrink_iters: 100, failure_persistence: None, ..Config::default()
    })]

    #[test]
    fn sel_8_inputs_are_the_same_then_and_later(
        happenings in prop::collection::vec(happening(), 20..60)
    ) {
        let mut history = History::new();
        for happening in &happenings {
            history.happen(happening);
        }
    }
}

/// The histories above do what they are for: evidence, audits and closings are in them.
#[test]
fn sel_8_a_history_with_all_of_it() {
    let mut history = History::new();
    for _ in 0..6 {
        history.happen(&Happening::Commit {
            validator: 0,
            items: 3,
        });
        history.happen(&Happening::Commit {
            validator: 1,
            items: 2,
        });
        history.happen(&Happening::Rate {
            scores: [9_000, 5_000, 100],
            count: 2,
        });
        history.happen(&Happening::Examine { keep: 0, liar: 0 });
        history.happen(&Happening::Announce {
            provider: 1,
            changed: 4_000,
        });
        history.happen(&Happening::Update {
            provider: 2,
            model: 9,
        });
        history.happen(&Happening::Vote {
            decay: 9_500,
            prior: 500_000,
        });
        history.happen(&Happening::Wait { blocks: 8 });
    }
    let physics = history.audits.world.domain("physics");
    let profile = |number| query::profile(&history.audits.world.state, ProviderId(number), physics);
    assert!((0..3).all(|number| profile(number).audits.long_wrong > 0));
    assert!((0..3).all(|number| profile(number).ceiling < Score::ONE));
    assert!((0..3).all(|number| profile(number).reputation.samples > 10));
    let record = query::provider(&history.audits.world.state, ProviderId(2)).unwrap();
    assert!(record.versions.len() > 1);
    assert_eq!(
        query::params(&history.audits.world.state).decay,
        Score::clamped(9_500)
    );
    assert!(history.audits.world.epoch() > Epoch(4));
    assert!(query::totals(&history.audits.world.state).burnt > Amount::ZERO);
}
