//! Whether a panel that answered needs a debate, and whether a debate goes on (DEB-4).

use llmnet_types::{contract::Strategy, id::Digest};

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// A round of debate.
    Debate,
    /// The peers judge each other's answers.
    Ballots,
    /// The answers decide.
    Conclude,
}

fn unanimous(classes: &[Digest]) -> bool {
    classes.windows(2).all(|pair| pair[0] == pair[1])
}

/// After the first answers were opened.
pub fn after_answers(strategy: Strategy, classes: &[Digest], rounds_max: u8) -> Gate {
    let alone = classes.len() < 2;
    match strategy {
        _ if alone => Gate::Conclude,
        Strategy::Single | Strategy::Vote => Gate::Conclude,
        Strategy::Auto | Strategy::Mixture if unanimous(classes) => Gate::Conclude,
        Strategy::Auto | Strategy::Mixture | Strategy::Debate if rounds_max == 0 => Gate::Ballots,
        Strategy::Auto | Strategy::Mixture | Strategy::Debate => Gate::Debate,
    }
}

/// After a round in which `moved` seats changed their answer.
///
/// A debate in which nothing moves has said all it has to say.
pub fn after_round(classes: &[Digest], moved: usize, round: u8, rounds_max: u8) -> Gate {
    if classes.len() < 2 || unanimous(classes) {
        Gate::Conclude
    } else if moved == 0 || round >= rounds_max {
        Gate::Ballots
    } else {
        Gate::Debate
    }
}
