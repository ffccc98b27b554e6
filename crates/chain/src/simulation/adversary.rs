//! Validators that are not honest, each in its own file.

use std::sync::{Arc, Mutex};

use commonware_runtime::deterministic;

use super::{chance::Chance, judge::Judge, links::Mesh, place::Terms};

mod equivocator;
mod forger;
mod garbler;
mod silent;

/// What a validator is instead of honest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Adversary {
    /// Says different things to different validators.
    Equivocator,
    /// Hears, and does not say all it should.
    Silent,
    /// Sends what is no message, or not its own, or not of this time.
    Garbler,
    /// Proposes false blocks.
    Forger,
    /// An equivocator that keeps the first two validators apart, each in a world of its own. Where there
    /// are too many of these, they succeed.
    Splitter,
}

impl Adversary {
    /// Those that a committee bears as long as they are few.
    pub(crate) const ALL: [Self; 4] =
        [Self::Equivocator, Self::Silent, Self::Garbler, Self::Forger];

    /// Takes a validator's place for as long as the context lives.
    pub(crate) async fn start(
        self,
        context: &deterministic::Context,
        mesh: &Arc<Mesh>,
        terms: &Terms,
        judge: Arc<Mutex<Judge>>,
        (index, life): (usize, usize),
        chance: Chance,
    ) {
        // New in each life: one that forgets what it voted for is no honest validator either.
        let disk = format!("v{index}-life{life}");
        match self {
            Self::Equivocator => equivocator::start(context, mesh, terms, (index, disk), chance),
            Self::Splitter => equivocator::split(context, mesh, terms, (index, disk)),
            Self::Silent => silent::start(context, mesh, terms, (index, disk), chance),
            Self::Garbler => garbler::start(context, mesh, index, chance).await,
            Self::Forger => forger::start(context, mesh, judge, index, chance).await,
        }
    }
}
