//! Recordings that nobody made: skills, difficulties and answers from a seed.

use std::fmt::Write as _;

use crate::{board::Board, chance::Chance, pool::Pool, traces::Traces};

pub(super) const MODELS: usize = 8;

/// The share of questions of middling difficulty that a model gets right, in percent.
const fn skill(model: usize) -> usize {
    85 - 7 * model
}

/// Files of questions and responses, as text.
pub(super) fn files(questions: usize) -> (String, String) {
    let mut chance = Chance::new(1, "synthetic recordings");
    let (mut asked, mut given) = (String::new(), String::new());
    for question in 0..questions {
        let domain = ["rivers", "stars"][question % 2];
        let gold = ["A", "B", "C", "D", "E"][chance.below(5)];
        writeln!(
            asked,
            r#"{{"qid":"s:{question}","benchmark":"synthetic","domain":"{domain}","gold":"{gold}","more":[1]}}"#
        )
        .expect("a string takes all");
        let ease = chance.below(50);
        for model in 0..MODELS {
            let is_right = chance.below(100) < (skill(model) + ease).saturating_sub(25);
            let answer = if is_right {
                gold
            } else {
                ["A", "B", "C", "D", "E", "F"][chance.below(6)]
            };
            let correct = u8::from(answer == gold);
            writeln!(
                given,
                r#"{{"qid":"s:{question}","model":"model {model}","answer":"{answer}","correct":{correct},"latency_s":{model}.5}}"#
            )
            .expect("a string takes all");
        }
    }
    (asked, given)
}

pub(super) fn traces(questions: usize) -> Traces {
    let (asked, given) = files(questions);
    let mut traces = Traces::default();
    traces
        .read_questions("questions", asked.as_bytes())
        .expect("our own");
    traces
        .read_responses("responses", given.as_bytes())
        .expect("our own");
    traces
}

pub(super) fn pool() -> Pool {
    let models: Vec<String> = (0..MODELS).map(|model| format!("model {model}")).collect();
    let text = format!("benchmarks: synthetic\ndomains: own\n{}", models.join("\n"));
    Pool::parse("synthetic", &text).expect("our own")
}

pub(super) fn board(questions: usize) -> Board {
    Board::new(&pool(), &traces(questions)).expect("all models answered all")
}
