//! Policies by their names: production's, the cascade, and the simple ones that it is measured by.

mod production;
mod simple;

use std::{fmt, str::FromStr};

use llmnet_protocol::policy::{Cascade, Policy, Settings};

pub use production::Production;
pub use simple::{Peers, Random};

use crate::{
    board::Board,
    game::{Game, Setup, play},
};

/// A policy, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// [`Cascade`].
    Cascade,
    /// What ledger and coordinator do today: SEL, DEB under `vote` with two seats asked first, RAT, REP, AUD.
    Production,
    /// The same with all seats asked at once.
    AtOnce,
    /// Five respondents by Thompson sampling, rated by the agreement of the others.
    Peers,
    /// One provider by chance.
    Random,
}

const NAMES: [(&str, Name); 5] = [
    ("cascade", Name::Cascade),
    ("production", Name::Production),
    ("at-once", Name::AtOnce),
    ("peers", Name::Peers),
    ("random", Name::Random),
];

/// No such policy.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no policy {0:?}; there are {known}", known = NAMES.map(|(name, _)| name).join(", "))]
pub struct NameError(String);

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let found = NAMES.iter().find(|(name, _)| *name == text);
        found
            .map(|(_, name)| *name)
            .ok_or_else(|| NameError(text.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = NAMES.iter().find(|(_, name)| name == self);
        formatter.write_str(found.map_or("", |(name, _)| name))
    }
}

impl Name {
    /// Plays a run with it, at no more than so many calls a question on average.
    pub fn play(self, board: &Board, setup: &Setup, settings: Settings) -> Game {
        fn run<P: Policy>(
            board: &Board,
            setup: &Setup,
            policy: impl FnOnce(usize, usize) -> P,
        ) -> Game {
            play(board, setup, policy)
        }
        let seats = settings.calls.floor().max(1.0) as usize;
        match self {
            Self::Cascade => run(board, setup, |providers, domains| {
                Cascade::new(settings, providers, domains)
            }),
            Self::Production => run(board, setup, |providers, domains| {
                Production::new(settings.calls, 2, providers, domains)
            }),
            Self::AtOnce => run(board, setup, |providers, domains| {
                Production::new(settings.calls, 0, providers, domains)
            }),
            Self::Peers => run(board, setup, |providers, domains| {
                Peers::new(seats, providers, domains)
            }),
            Self::Random => run(board, setup, |providers, _| Random::new(providers)),
        }
    }
}
