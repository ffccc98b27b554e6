//! Adversaries that are added to a pool, by the names of PROTOCOL 10 and of the findings on these recordings.
//!
//! They know more than real ones would: which wrong answer the honest models like best, and who the best are.

use std::{fmt, str::FromStr};

use crate::{
    board::{Asked, Board, Given},
    chance::Chance,
};

/// How they behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Guess: one of ten options, or what nobody else says.
    Random,
    /// All give the honest models' most common wrong answer, always.
    Collude,
    /// They do so on half of the questions, and copy one of the five best each otherwise.
    Camouflage,
    /// Copy one of the five best each until half of the questions were asked, then collude for good.
    Sleeper,
    /// Each gives a wrong answer of its own, always.
    AlwaysWrong,
    /// Never give any answer.
    Lazy,
    /// Copy one of the five best each, always: they add nothing.
    Copier,
    /// Copy one of the five best each, ever more seldom: not at all at the end.
    Degrader,
    /// Give what most honest models say, right or wrong.
    Conformist,
}

/// Options of a closed question, as far as guessers know.
const OPTIONS: usize = 10;
/// Whom copiers copy.
const BEST: usize = 5;
/// Classes that no recorded answer has begin here.
const OWN_CLASSES: u32 = 1_000;
/// What a ring says where no honest model is wrong.
const AGREED: u32 = 900;

const NAMES: [(&str, Kind); 9] = [
    ("random", Kind::Random),
    ("collude", Kind::Collude),
    ("camouflage", Kind::Camouflage),
    ("sleeper", Kind::Sleeper),
    ("always-wrong", Kind::AlwaysWrong),
    ("lazy", Kind::Lazy),
    ("copier", Kind::Copier),
    ("degrader", Kind::Degrader),
    ("conformist", Kind::Conformist),
];

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = NAMES.iter().find(|(_, kind)| kind == self);
        formatter.write_str(found.map_or("", |(name, _)| name))
    }
}

/// A kind, and the share of all providers that are such.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adversaries {
    /// How they behave.
    pub kind: Kind,
    /// Under one.
    pub share: f64,
}

/// What is wrong with `KIND=SHARE`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdversariesError {
    /// Its form.
    #[error("{0:?} is not KIND=SHARE, as in collude=0.3")]
    Form(String),
    /// The kind.
    #[error("there are no adversaries {0:?}; there are {known}", known = NAMES.map(|(name, _)| name).join(", "))]
    Kind(String),
    /// The share.
    #[error("a share of {0} makes no sense; it should be a number from 0 to 0.9")]
    Share(String),
}

impl FromStr for Adversaries {
    type Err = AdversariesError;

    fn from_str(text: &str) -> Result<Self, AdversariesError> {
        let (kind, share) = text
            .split_once('=')
            .ok_or_else(|| AdversariesError::Form(text.to_owned()))?;
        let found = NAMES.iter().find(|(name, _)| *name == kind);
        let (_, kind) = found.ok_or_else(|| AdversariesError::Kind(kind.to_owned()))?;
        let number: Option<f64> = share
            .parse()
            .ok()
            .filter(|share| (0.0..=0.9).contains(share));
        let share = number.ok_or_else(|| AdversariesError::Share(share.to_owned()))?;
        Ok(Self { kind: *kind, share })
    }
}

/// Adversaries of a run.
#[derive(Debug, Clone)]
pub struct Ring {
    kind: Kind,
    seed: u64,
    /// Whom each copies.
    copied: Vec<usize>,
}

impl Ring {
    /// As many as make up the share of a pool together with it.
    pub fn new(adversaries: Adversaries, board: &Board, seed: u64) -> Self {
        let honest = board.providers.len();
        let count =
            (adversaries.share * honest as f64 / (1.0 - adversaries.share)).round() as usize;
        let all: Vec<usize> = (0..board.questions.len()).collect();
        let mut best: Vec<(f64, usize)> = (0..honest)
            .map(|provider| (board.share_right(provider, &all), provider))
            .collect();
        best.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
        best.truncate(BEST);
        let mut chance = Chance::new(seed, "who is copied");
        chance.shuffle(&mut best);
        let copied = (0..count).map(|place| best[place % best.len()].1).collect();
        Self {
            kind: adversaries.kind,
            seed,
            copied,
        }
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.copied.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.copied.is_empty()
    }

    /// When they begin to do harm, in questions of so many.
    pub fn turns_at(&self, queries: usize) -> usize {
        if self.kind == Kind::Sleeper {
            queries / 2
        } else {
            0
        }
    }

    /// What one of them gives to the question that is asked at a place in the order, of so many.
    pub fn gives(&self, member: usize, asked: &Asked, place: usize, queries: usize) -> Given {
        let copied = asked.given[self.copied[member]];
        let class = |class: Option<u32>| Given {
            class,
            latency_ms: copied.latency_ms,
        };
        let own = OWN_CLASSES + u32::try_from(member).unwrap_or(0);
        let together = class(Some(asked.popular_error().unwrap_or(AGREED)));
        let mut own_chance = Chance::new(
            self.seed ^ ((place as u64) << 20) ^ member as u64,
            "adversary",
        );
        let mut shared_chance = Chance::new(self.seed ^ ((place as u64) << 20), "ring");
        match self.kind {
            Kind::Random if !asked.closed => class(Some(own)),
            Kind::Random => class(Some(guess(asked, own_chance.below(OPTIONS)))),
            Kind::Collude => together,
            Kind::Camouflage if shared_chance.below(2) == 0 => together,
            Kind::Sleeper if place >= queries / 2 => together,
            Kind::Degrader if own_chance.below(queries.max(1)) < place => class(Some(own)),
            Kind::Camouflage | Kind::Sleeper | Kind::Copier | Kind::Degrader => copied,
            Kind::AlwaysWrong => class(Some(own)),
            Kind::Lazy => class(None),
            Kind::Conformist => class(asked.popular()),
        }
    }
}

/// An option by its number: one that is right, then those that somebody named, then others.
fn guess(asked: &Asked, option: usize) -> u32 {
    let right = asked.right.iter().position(|right| *right);
    let mut order: Vec<usize> = right.into_iter().collect();
    order.extend((0..asked.right.len()).filter(|class| !asked.right[*class]));
    // Where nobody was right, the right option is one that nobody named, and so is no class of the board.
    let place = if right.is_some() {
        Some(option)
    } else {
        option.checked_sub(1)
    };
    let class = place.and_then(|place| order.get(place)).copied();
    class.map_or(OWN_CLASSES * 2 + option as u32, |class| class as u32)
}
