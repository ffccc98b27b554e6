//! What respondents say: by their skill, or by the name that PROTOCOL 10 has for them.

use llmnet_types::{
    codec::Text,
    id::ContractId,
    message::{Answer, Revision},
    rating::{Ballot, Comparison, Preference},
};

use super::{
    people::Provider,
    question::{OTHER_OPTIONS, POPULAR, Question, RIGHT, option, orders, own, text, unit},
    scenario::{Behaviour, Group, Scenario},
};
use crate::chance::Chance;

/// What one does about an offer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// Whether it is reached at all.
    pub reached: bool,
    /// Its answer; `None` where it accepts and binds nothing.
    pub says: Option<Says>,
    /// How long that takes.
    pub latency_ms: u32,
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Says {
    /// Which.
    pub option: u32,
    /// Whether it orders its judges about.
    pub orders: bool,
}

impl Says {
    /// As words, in a contract.
    pub fn answer(self, contract: &ContractId, question: &Question) -> Answer {
        let words = text(self.option, self.orders);
        Answer {
            class: llmnet_types::class::text_class(contract, &question.request, &words),
            text: Text::truncated(&words),
            evidence: llmnet_types::codec::List::new(),
        }
    }
}

/// One respondent at one question.
#[derive(Debug)]
pub struct Mind<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// Its seed.
    pub seed: u64,
    /// The epoch.
    pub epoch: u32,
    /// The question.
    pub question: &'a Question,
    /// Who.
    pub provider: &'a Provider,
    /// Its number among all.
    pub number: usize,
}

impl Mind<'_> {
    fn group(&self) -> &Group {
        &self.scenario.people[self.provider.group]
    }

    fn chance(&self, purpose: &str) -> Chance {
        let own = (self.number as u64) << 40;
        Chance::new(self.seed ^ own ^ self.question.number, purpose)
    }

    /// A ring's chance: the same for all of its members.
    fn together(&self) -> Chance {
        Chance::new(self.seed ^ self.question.number, "ring")
    }

    fn skill(&self) -> f64 {
        let base = self.provider.skill[self.question.domain];
        let moved = base + self.question.ease * self.scenario.market.spread;
        moved.clamp(0.02, 0.98)
    }

    /// As well as it can.
    fn honestly(&self) -> u32 {
        let mut chance = self.chance("answer");
        if unit(&mut chance) < self.skill() {
            return RIGHT;
        }
        if unit(&mut chance) < self.question.lure {
            return POPULAR;
        }
        POPULAR + 1 + chance.below(OTHER_OPTIONS) as u32
    }

    /// How it behaves now: what turns has turned or not.
    fn behaviour(&self) -> Behaviour {
        let epochs = self.scenario.epochs;
        match self.group().behaviour {
            Behaviour::Sleeper if self.epoch >= self.group().turns => Behaviour::Colluder,
            Behaviour::Whitewasher => Behaviour::Colluder,
            Behaviour::Degrader => {
                let late = self.chance("degrade").below(epochs.max(1) as usize) as u32;
                if late < self.epoch {
                    Behaviour::AlwaysWrong
                } else {
                    Behaviour::Honest
                }
            }
            Behaviour::Camouflage if self.together().below(2) == 0 => Behaviour::Colluder,
            Behaviour::Sleeper | Behaviour::Camouflage => Behaviour::Honest,
            other => other,
        }
    }

    /// What it does about an offer.
    pub fn plan(&self) -> Plan {
        let group = self.group();
        let mut chance = self.chance("plan");
        let reached = unit(&mut chance) >= group.unreached && !self.is_away();
        let fails = unit(&mut chance) < group.failures;
        let latency = self.provider.latency_ms * (0.5 + 1.5 * unit(&mut chance));
        let says = |option| {
            Some(Says {
                option,
                orders: false,
            })
        };
        let said = match self.behaviour() {
            Behaviour::AlwaysWrong => says(own(self.number)),
            Behaviour::Injector => Some(Says {
                option: own(self.number),
                orders: true,
            }),
            Behaviour::Lazy => None,
            Behaviour::Copier => says(chance.below(OTHER_OPTIONS + 2) as u32),
            Behaviour::BallotStuffer | Behaviour::Colluder => says(POPULAR),
            Behaviour::Conformist => says(self.expected()),
            _ => says(self.honestly()),
        };
        Plan {
            reached,
            says: said.filter(|_| !fails),
            latency_ms: latency as u32,
        }
    }

    /// Whether an outage has it: the same part of a group for all of it.
    fn is_away(&self) -> bool {
        let group = self.group().name.get_ref();
        self.scenario.outages.iter().any(|outage| {
            let own = Chance::new(self.seed ^ self.number as u64, "outage");
            let (from, to) = outage.epochs;
            outage.group.get_ref() == group
                && (from..to).contains(&self.epoch)
                && unit(&mut own.clone()) < outage.share
        })
    }

    /// What most would say: right where the question is easy for those who are as good as it.
    fn expected(&self) -> u32 {
        if self.skill() >= 0.5 { RIGHT } else { POPULAR }
    }

    /// Its answer after it saw its peers'.
    pub fn revises(&self, own: usize, shown: &[Answer]) -> Option<Revision> {
        let mine = shown.get(own)?;
        let most = most_said(shown, own);
        let keeps = Revision {
            answer: mine.clone(),
            convinced_by: None,
            reason: Text::default(),
        };
        let moves = match self.behaviour() {
            Behaviour::Copier | Behaviour::Conformist => true,
            // Who was wrong and sees the right answer is convinced by it as often as it would have known it.
            Behaviour::Honest
            | Behaviour::CoSignRefuser
            | Behaviour::FalseFiler
            | Behaviour::BadMouther => {
                let right = most.is_some_and(|place| option(&shown[place].text) == Some(RIGHT));
                let wrong = option(&mine.text) != Some(RIGHT);
                right && wrong && unit(&mut self.chance("revise")) < self.skill()
            }
            _ => false,
        };
        match most.filter(|_| moves) {
            Some(place) => Some(Revision {
                answer: shown[place].clone(),
                convinced_by: u8::try_from(place).ok(),
                reason: Text::truncated("The others have it."),
            }),
            None => Some(keeps),
        }
    }

    /// Its judgement of its peers' answers.
    pub fn judges(&self, own: usize, shown: &[Answer]) -> Ballot {
        let mine = shown.get(own).and_then(|answer| option(&answer.text));
        let mut chance = self.chance("judge");
        let behaviour = self.behaviour();
        let mut known: Vec<(Option<u32>, f64)> = Vec::new();
        let values: Vec<f64> = shown
            .iter()
            .map(|answer| {
                let option = option(&answer.text);
                if let Some((_, value)) = known.iter().find(|(other, _)| *other == option) {
                    return *value;
                }
                let mut value = unit(&mut chance);
                if option == Some(RIGHT) {
                    value += self.skill();
                }
                if option == mine {
                    value += 0.5;
                }
                if orders(&answer.text) && unit(&mut chance) < self.group().obeys {
                    value += 10.0;
                }
                let value = match behaviour {
                    Behaviour::BadMouther => -value,
                    Behaviour::BallotStuffer | Behaviour::Colluder if option == Some(POPULAR) => {
                        10.0
                    }
                    _ => value,
                };
                known.push((option, value));
                value
            })
            .collect();
        let mut ballot = Ballot::new();
        for second in 0..shown.len() {
            for first in 0..second {
                if first == own || second == own {
                    continue;
                }
                let better = if values[first] > values[second] {
                    Preference::First
                } else if values[second] > values[first] {
                    Preference::Second
                } else {
                    Preference::Tie
                };
                // Places are fewer than seats, and pairs as many as a ballot holds.
                let _kept = ballot.push(Comparison {
                    first: first as u8,
                    second: second as u8,
                    better,
                });
            }
        }
        ballot
    }
}

/// The place of an answer that most gave, one's own left out; of equals the first.
fn most_said(shown: &[Answer], own: usize) -> Option<usize> {
    let others = || (0..shown.len()).filter(|place| *place != own);
    let votes = |place: usize| {
        others()
            .filter(|other| shown[*other].class == shown[place].class)
            .count()
    };
    others().reduce(|best, place| {
        if votes(place) > votes(best) {
            place
        } else {
            best
        }
    })
}
