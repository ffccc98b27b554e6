//! Whether a panel that answered needs a debate, and whether a debate goes on (DEB-4, DEB-9).

use llmnet_types::{contract::Strategy, id::Digest, reputation::Credence, units::Score};

use super::ballots::weight_among;

/// The share of all weight that settles a question without a debate.
const DOMINANT: Score = Score::clamped(9_000);
/// Below this confidence in the domain, reputations there say too little to settle anything.
const CONFIDENT: Score = Score::HALF;

/// The weight, in 1/2^16 of a bit, that settles a question among those asked first: that of two seats that are right
/// on two questions of three, as audits say (DEB-13). Two that no audit looked at have less.
const SURE: u64 = 8 << 16;

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// A round of debate.
    Debate,
    /// One seat writes an answer from all answers.
    Synthesis,
    /// The peers judge each other's answers.
    Ballots,
    /// The answers decide.
    Conclude,
}

/// What the gate knows of a first answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Its class.
    pub class: Digest,
    /// How far who gave it is believed.
    pub credence: Credence,
    /// Whether it cites a passage.
    pub cites: bool,
}

fn unanimous(classes: &[Digest]) -> bool {
    classes.windows(2).all(|pair| pair[0] == pair[1])
}

/// Whether those asked first settled it, so that nobody else is asked (DEB-13): enough of them answered, all say the
/// same, and audits found them good enough, in a domain named with this confidence.
pub fn is_settled(found: &[Found], confidence: Score, needed: usize) -> bool {
    let classes: Vec<Digest> = found.iter().map(|found| found.class).collect();
    let answered: Vec<Credence> = found.iter().map(|found| found.credence).collect();
    // Agreement among peers is what a ring has: what audits confirm counts, and no more.
    let weights = answered.iter().map(|own| {
        let mean = own.mean.min(own.audited.mean);
        weight_among(&answered, &Credence { mean, ..*own })
    });
    found.len() >= needed.max(1)
        && confidence >= CONFIDENT
        && unanimous(&classes)
        && weights.sum::<u64>() >= SURE
}

/// After the first answers were opened, in a domain named with this confidence.
pub fn after_answers(
    strategy: Strategy,
    found: &[Found],
    confidence: Score,
    rounds_max: u8,
) -> Gate {
    let classes: Vec<Digest> = found.iter().map(|found| found.class).collect();
    match strategy {
        _ if classes.len() < 2 => Gate::Conclude,
        Strategy::Single | Strategy::Vote => Gate::Conclude,
        Strategy::Auto | Strategy::Mixture if unanimous(&classes) => Gate::Conclude,
        Strategy::Auto if dominated(found, confidence) => Gate::Conclude,
        // With two answers nobody could judge a synthesis but its author.
        Strategy::Mixture if classes.len() < 3 => Gate::Conclude,
        Strategy::Auto | Strategy::Mixture | Strategy::Debate if rounds_max == 0 => Gate::Ballots,
        Strategy::Mixture => Gate::Synthesis,
        Strategy::Auto | Strategy::Debate => Gate::Debate,
    }
}

/// Whether one class has nearly all of the weight, so that a debate could hardly move it. Who dissents
/// with a citation is heard, unless the others cite as well.
fn dominated(found: &[Found], confidence: Score) -> bool {
    let answered: Vec<Credence> = found.iter().map(|found| found.credence).collect();
    let weight = |found: &Found| weight_among(&answered, &found.credence);
    let behind = |class: Digest| {
        let of_class = found.iter().filter(|other| other.class == class);
        of_class.map(weight).sum::<u64>()
    };
    let all: u64 = found.iter().map(weight).sum();
    confidence >= CONFIDENT
        && found.iter().any(|leader| {
            let cites = |of_leader: bool| {
                let mut of = found
                    .iter()
                    .filter(|other| (other.class == leader.class) == of_leader);
                of.any(|other| other.cites)
            };
            Score::ratio(behind(leader.class), all) >= DOMINANT && (cites(true) || !cites(false))
        })
}

/// After a round in which `moved` seats changed their answer.
///
/// A debate in which nothing moves has said all it has to say; a synthesis is always judged.
pub fn after_round(
    strategy: Strategy,
    classes: &[Digest],
    moved: usize,
    round: u8,
    rounds_max: u8,
) -> Gate {
    if classes.len() < 2 {
        Gate::Conclude
    } else if strategy == Strategy::Mixture {
        Gate::Ballots
    } else if unanimous(classes) {
        Gate::Conclude
    } else if moved == 0 || round >= rounds_max {
        Gate::Ballots
    } else {
        Gate::Debate
    }
}
