//! A scenario, as it stands in a TOML file: who there is, how they behave, what is measured and promised.
//!
//! Every number has bounds, so that no file makes a run without end; what is out of them is named by its line.

mod bounds;
mod check;

use std::collections::BTreeMap;

use llmnet_types::{contract::SEATS_MAX, registration::DOMAINS_MAX};
use serde::Deserialize;
use toml::Spanned;

use bounds::{
    audits, credits, growth, growths, latencies, latency, one, price, prices, quorum, share,
    shares, skill, spread, whole, whole_of,
};

/// The longest scenario file, in bytes.
pub const LENGTH_MAX: usize = 64 * 1024;
/// The most respondents of a scenario, all groups and successors together.
pub const PROVIDERS_MAX: u32 = 20_000;
/// The least simulated time of an epoch, in milliseconds: all but the slowest contracts end within it.
pub const EPOCH_MS_MIN: u64 = 300_000;
/// The most questions of a run.
pub const QUESTIONS_MAX: u64 = 200_000;

/// How a respondent behaves (PROTOCOL 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Behaviour {
    /// Answers as well as it can, judges as well as it can, signs what is true.
    Honest,
    /// Gives a wrong answer of its own, always.
    AlwaysWrong,
    /// Accepts, and binds nothing.
    Lazy,
    /// Guesses alone; where a debate shows its peers' answers it takes the one that most gave.
    Copier,
    /// Honest until it turns; then one of the ring.
    Sleeper,
    /// Honest, ever more seldom from the beginning to the end of the run.
    Degrader,
    /// Answers honestly, and prefers the worse of any two peers' answers.
    BadMouther,
    /// A ring: gives one wrong answer together, and prefers it in every ballot.
    BallotStuffer,
    /// A ring without ballots: gives one wrong answer together.
    Colluder,
    /// A ring that is honest on half of the questions.
    Camouflage,
    /// One of the ring with a new key whenever its reputation is under that of nobody.
    Whitewasher,
    /// Gives what it expects most to say, right or wrong.
    Conformist,
    /// Gives a wrong answer that orders its judges to prefer it.
    Injector,
    /// Honest, but agrees to no settlement.
    CoSignRefuser,
    /// Honest, but files for pay that it was paid.
    FalseFiler,
}

/// How a coordinator behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conducts {
    /// By the rules.
    #[default]
    Honest,
    /// Settles a part of what was worked as void, and pays nobody for it.
    Withholding,
    /// Takes the work and never settles.
    FreeWork,
    /// Seats the worst ranks of the order as if they were the first.
    Biased,
    /// Settles half of what its receipts promise a seat, and keeps the other half.
    Forging,
}

/// How a requester behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asks {
    /// Asks and pays.
    #[default]
    Honest,
    /// Keeps everybody out by its filters but the first group's first respondents, which are its own.
    SelfDealing,
}

/// How a validator behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Validates {
    /// Leads when it is its turn, audits with true answers.
    #[default]
    Honest,
    /// Commits to wrong answers for its audits.
    LyingAuditor,
    /// Leads no block and audits nothing.
    Silent,
    /// Gives up its turn where its reveal would make the beacon odd.
    BeaconWithholding,
    /// Votes for two blocks at a time, once an epoch.
    Equivocating,
}

/// A range of numbers, both ends in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The least.
    pub low: f64,
    /// The most.
    pub high: f64,
}

/// Respondents that are alike.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// What tables call it; no two have the same.
    pub name: Spanned<String>,
    /// How they behave.
    pub behaviour: Behaviour,
    /// How many at the most at a time.
    #[serde(deserialize_with = "whole::<1, 20_000, _>")]
    pub count: u32,
    /// The chance to be right, drawn for each of them: 0 to 1.
    #[serde(default = "skill", deserialize_with = "shares")]
    pub skill: Range,
    /// The same in single domains.
    #[serde(default)]
    pub skill_in: BTreeMap<String, (f64, f64)>,
    /// Domains that each registers in, taken in turn; all where there are few.
    #[serde(default = "whole_of::<8>", deserialize_with = "whole::<1, 8, _>")]
    pub domains_each: u32,
    /// Price of a call, in millionths of a credit.
    #[serde(default = "price", deserialize_with = "prices")]
    pub price: Range,
    /// Time to an answer, in milliseconds; each answer takes from half of one's own to twice.
    #[serde(default = "latency", deserialize_with = "latencies")]
    pub latency_ms: Range,
    /// The chance to accept and then say nothing: 0 to 1.
    #[serde(default, deserialize_with = "share")]
    pub failures: f64,
    /// The chance not to be reached at all: 0 to 1.
    #[serde(default, deserialize_with = "share")]
    pub unreached: f64,
    /// Bond for each domain, in credits.
    #[serde(default = "one", deserialize_with = "credits")]
    pub bond: f64,
    /// How many families of models they are of; at most four ranks of one order are of one.
    #[serde(default = "whole_of::<16>", deserialize_with = "whole::<1, 1_000, _>")]
    pub families: u32,
    /// Whether all of them have one operator.
    #[serde(default)]
    pub one_operator: bool,
    /// The epoch in which they join.
    #[serde(default, deserialize_with = "whole::<0, 2_000, _>")]
    pub joins: u32,
    /// How many join then; all where it is not said.
    pub first: Option<u32>,
    /// By how much their number grows in each later epoch, until all have joined.
    #[serde(default = "growth", deserialize_with = "growths")]
    pub growth: f64,
    /// After how many epochs one leaves and another takes its place, between these; never where not said.
    pub stays: Option<(u32, u32)>,
    /// The epoch in which a sleeper turns.
    #[serde(default, deserialize_with = "whole::<0, 2_000, _>")]
    pub turns: u32,
    /// The chance of an honest judge to obey an injected order: 0 to 1.
    #[serde(default, deserialize_with = "share")]
    pub obeys: f64,
}

/// Other roles that are alike.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Office<B: Default> {
    /// What tables call it.
    pub name: String,
    /// How they behave.
    #[serde(default)]
    pub behaviour: B,
    /// How many.
    #[serde(deserialize_with = "whole::<1, 64, _>")]
    pub count: u32,
}

/// Respondents that cannot be reached for a while.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// Of which group.
    pub group: Spanned<String>,
    /// Which part of it: 0 to 1.
    #[serde(deserialize_with = "share")]
    pub share: f64,
    /// From and to which epoch, the last not in it.
    pub epochs: (u32, u32),
}

/// What a run is to keep.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promise {
    /// A measure by its name in `results.json`.
    pub measure: Spanned<String>,
    /// No more than this.
    pub at_most: Option<f64>,
    /// No less than this.
    pub at_least: Option<f64>,
}

/// What is asked, and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Market {
    /// What questions are about, equally often.
    pub domains: Vec<Spanned<String>>,
    /// Questions of an epoch.
    #[serde(deserialize_with = "whole::<1, 2_000, _>")]
    pub questions: u32,
    /// Seats of a panel.
    #[serde(
        default = "whole_of::<5>",
        deserialize_with = "whole::<1, { SEATS_MAX as u32 }, _>"
    )]
    pub seats: u32,
    /// Seats asked first, the others only where these settle nothing; 0 for all at once.
    #[serde(default, deserialize_with = "whole::<0, { SEATS_MAX as u32 }, _>")]
    pub first: u32,
    /// Answers needed.
    #[serde(default = "quorum")]
    pub quorum: Spanned<u32>,
    /// Time for the others once a quorum has answered, in milliseconds.
    #[serde(
        default = "whole_of::<20_000>",
        deserialize_with = "whole::<200, 60_000, _>"
    )]
    pub grace_ms: u32,
    /// Whether peers judge each other's answers where they differ; else reputation votes.
    #[serde(default)]
    pub ballots: bool,
    /// Rounds of debate before that.
    #[serde(default, deserialize_with = "whole::<0, 4, _>")]
    pub rounds: u32,
    /// The share of questions that validators ask as audits: 0 to 0.2.
    #[serde(default, deserialize_with = "audits")]
    pub audits: f64,
    /// By how much the ease of a question moves everybody's chance to be right: 0 to 1.
    #[serde(default = "spread", deserialize_with = "share")]
    pub spread: f64,
}

/// The ledger's clock.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pace {
    /// Blocks of an epoch.
    #[serde(deserialize_with = "whole::<16, 512, _>")]
    pub epoch_blocks: u32,
    /// Simulated time between blocks.
    #[serde(deserialize_with = "whole::<1_000, 60_000, _>")]
    pub block_ms: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            epoch_blocks: 64,
            block_ms: 5_000,
        }
    }
}

/// All of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// What happens in it, for people.
    pub about: String,
    /// The seed of all chance in it.
    #[serde(default)]
    pub seed: u64,
    /// Epochs in which questions are asked.
    #[serde(deserialize_with = "whole::<4, 2_000, _>")]
    pub epochs: u32,
    /// The ledger's clock.
    #[serde(default)]
    pub pace: Pace,
    /// What is asked.
    pub market: Market,
    /// Who answers.
    pub people: Vec<Group>,
    /// Who conducts contracts; three honest ones where nobody is named.
    #[serde(default)]
    pub coordinators: Vec<Office<Conducts>>,
    /// Who asks; six honest ones where nobody is named.
    #[serde(default)]
    pub requesters: Vec<Office<Asks>>,
    /// Who orders blocks and audits; four honest ones where nobody is named.
    #[serde(default)]
    pub validators: Vec<Office<Validates>>,
    /// Who is away for a while.
    #[serde(default)]
    pub outages: Vec<Outage>,
    /// What the run is to keep.
    #[serde(default)]
    pub promises: Vec<Promise>,
}

/// What is wrong with a scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: {what}")]
pub struct ScenarioError {
    /// The file's name.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// What is wrong, and what to do.
    pub what: String,
}

impl Scenario {
    /// Reads and checks a file, by its name.
    ///
    /// # Errors
    /// The first thing in it that makes no scenario, with its line.
    pub fn read(file: &str, text: &str) -> Result<Self, ScenarioError> {
        let at = |place: usize, what: String| ScenarioError {
            file: file.to_owned(),
            line: 1 + text
                .bytes()
                .take(place)
                .filter(|byte| *byte == b'\n')
                .count(),
            what,
        };
        if text.len() > LENGTH_MAX {
            return Err(at(0, format!("has more than {LENGTH_MAX} bytes")));
        }
        let mut scenario: Self = toml::from_str(text).map_err(|error| {
            let place = error.span().map_or(0, |span| span.start);
            at(place, error.message().trim().to_owned())
        })?;
        scenario.fill();
        scenario.check().map_err(|(place, what)| at(place, what))?;
        Ok(scenario)
    }

    /// Domains that each of a group registers in.
    pub fn domains_each(&self, group: &Group) -> usize {
        (group.domains_each as usize)
            .min(self.market.domains.len())
            .min(DOMAINS_MAX)
    }

    /// Simulated time of an epoch.
    pub fn epoch_ms(&self) -> u64 {
        u64::from(self.pace.epoch_blocks) * u64::from(self.pace.block_ms)
    }
}
