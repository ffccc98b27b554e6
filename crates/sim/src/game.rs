//! One run: questions in an order that a seed gives, a policy from a cold start, what came of it.
//!
//! The truth is looked at in three places: to tell adversaries which wrong answer to rally on, to tell the policy
//! what an audit found, and to score a contract after it was concluded.

use llmnet_protocol::policy::{Answer, Found, Heard, Policy};

use crate::{
    adversary::{Adversaries, Ring},
    board::{Asked, Board, Given},
    chance::Chance,
};

/// How a run goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    /// Questions of the board that are asked, each once; all where there are fewer.
    pub queries: usize,
    /// The share of questions that auditors ask, at most; the first ones included.
    pub audits: f64,
    /// Who joins the pool.
    pub adversaries: Option<Adversaries>,
    /// What order, adversaries and luck follow from.
    pub seed: u64,
}

/// The most audits at the beginning, and at most a third of all: an opening exam. The rest is spread evenly.
const EXAM_MAX: usize = 60;

/// A contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// The question, by its number on the board.
    pub question: usize,
    /// Who was asked, by its number in the run.
    pub seats: Vec<usize>,
    /// The class that was taken.
    pub taken: Option<u32>,
    /// Whether it was right.
    pub right: bool,
    /// Whom an auditor asked besides; `None` without an audit.
    pub audited: Option<Vec<usize>>,
    /// The longest that a seat took, in milliseconds.
    pub latency_ms: u32,
}

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct Game {
    /// In their order.
    pub contracts: Vec<Played>,
    /// For each provider of the run its number on the board, `None` for adversaries.
    pub honest: Vec<Option<usize>>,
    /// For each provider of the run, what the policy held of it at the end.
    pub reputation: Vec<f64>,
    /// When adversaries began to do harm.
    pub turned_at: usize,
}

/// Who plays, under numbers that say nothing about them.
struct Cast {
    /// The number on the board, or of an adversary.
    members: Vec<Member>,
    ring: Option<Ring>,
    queries: usize,
}

#[derive(Clone, Copy)]
enum Member {
    Honest(usize),
    Adversary(usize),
}

impl Cast {
    fn new(board: &Board, setup: &Setup, queries: usize) -> Self {
        let ring = setup
            .adversaries
            .map(|adversaries| Ring::new(adversaries, board, setup.seed));
        let adversaries = ring.as_ref().map_or(0, Ring::len);
        let mut members: Vec<Member> = (0..board.providers.len())
            .map(Member::Honest)
            .chain((0..adversaries).map(Member::Adversary))
            .collect();
        Chance::new(setup.seed, "numbers of providers").shuffle(&mut members);
        Self {
            members,
            ring,
            queries,
        }
    }

    fn gives(&self, provider: usize, asked: &Asked, place: usize) -> Given {
        match (self.members[provider], &self.ring) {
            (Member::Honest(number), _) => asked.given[number],
            (Member::Adversary(member), Some(ring)) => {
                ring.gives(member, asked, place, self.queries)
            }
            (Member::Adversary(_), None) => Given {
                class: None,
                latency_ms: 0,
            },
        }
    }

    fn hears(&self, provider: usize, asked: &Asked, place: usize) -> Heard {
        let given = self.gives(provider, asked, place);
        Heard {
            provider,
            answer: given.class.map(|class| Answer {
                class,
                choice: asked.closed,
            }),
            latency_ms: given.latency_ms,
        }
    }
}

/// The order of questions of a run.
pub fn order(board: &Board, setup: &Setup) -> Vec<usize> {
    let mut order: Vec<usize> = (0..board.questions.len()).collect();
    Chance::new(setup.seed, "order of questions").shuffle(&mut order);
    order.truncate(setup.queries);
    order
}

/// Plays a run. `policy` is told how many providers and domains there are.
pub fn play<P: Policy>(
    board: &Board,
    setup: &Setup,
    policy: impl FnOnce(usize, usize) -> P,
) -> Game {
    let order = order(board, setup);
    let cast = Cast::new(board, setup, order.len());
    let mut policy = policy(cast.members.len(), board.domains.len());
    let mut luck = Chance::new(setup.seed, "seeds of contracts");
    let all_audits = (setup.audits * order.len() as f64).floor() as usize;
    let exam = EXAM_MAX.min(all_audits / 3);
    let mut audits = 0;
    let mut contracts = Vec::with_capacity(order.len());
    for (place, question) in order.iter().copied().enumerate() {
        let asked = &board.questions[question];
        policy.open(asked.domain, luck.bits());
        let mut heard: Vec<Heard> = Vec::new();
        while let Some(provider) = policy.next(&heard) {
            heard.push(cast.hears(provider, asked, place));
        }
        let taken = policy.conclude(&heard);
        let later = (all_audits - exam) * (place + 1) / order.len();
        let may_audit = audits < exam + later;
        let others = if may_audit {
            policy.audit(&heard)
        } else {
            None
        };
        let calls = heard.len() + others.as_ref().map_or(0, Vec::len);
        policy.learn(&heard, calls);
        if let Some(others) = &others {
            audits += 1;
            let more = others
                .iter()
                .map(|provider| cast.hears(*provider, asked, place));
            let found: Vec<Found> = heard
                .iter()
                .copied()
                .chain(more)
                .map(|heard| found(asked, heard))
                .collect();
            policy.audited(&found);
        }
        contracts.push(Played {
            question,
            seats: heard.iter().map(|heard| heard.provider).collect(),
            taken,
            right: asked.is_right(taken),
            audited: others,
            latency_ms: heard
                .iter()
                .map(|heard| heard.latency_ms)
                .max()
                .unwrap_or(0),
        });
    }
    Game {
        contracts,
        honest: cast
            .members
            .iter()
            .map(|member| match member {
                Member::Honest(number) => Some(*number),
                Member::Adversary(_) => None,
            })
            .collect(),
        reputation: (0..cast.members.len())
            .map(|provider| policy.reputation(provider))
            .collect(),
        turned_at: cast
            .ring
            .as_ref()
            .map_or(0, |ring| ring.turns_at(order.len())),
    }
}

fn found(asked: &Asked, heard: Heard) -> Found {
    Found {
        heard,
        right: asked.is_right(heard.answer.map(|answer| answer.class)),
    }
}
