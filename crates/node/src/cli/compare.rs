//! `llmnet compare FILE`: the strategies side by side on one's own questions, and which to choose.
//!
//! ```text
//! question -> each strategy -> answer, tokens, credits, time
//!          -> single again and again, until it has had as many tokens as the dearest of them
//! gold     -> right or wrong          no gold -> peers choose between two answers, in both orders
//! ```
//!
//! A panel spends several times the tokens of one model. What it is worth shows only beside one model that may
//! spend as much: asked again, its most frequent answer taken.

mod ask;
mod questions;
mod show;
mod tally;

use std::path::PathBuf;

use clap::Args;

use self::{
    ask::Way,
    questions::{QuestionsError, read},
    tally::Tally,
};
use super::{Common, Models, client::Client, code, output::Output, session::Session};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Questions, a JSON object a line: {"question": "...", "gold": "..."}; gold may be left out
    file: PathBuf,
    /// Compare these only (may be repeated)
    #[arg(long, value_name = "STRATEGY", value_parser = ["single", "vote", "debate", "mixture", "auto"])]
    strategy: Vec<String>,
    /// Begin with the first so many questions of the file
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
    #[command(flatten)]
    models: Models,
}

/// What stands in the way of a comparison.
#[derive(Debug, thiserror::Error)]
pub(super) enum CompareError {
    /// The file.
    #[error(transparent)]
    Questions(#[from] QuestionsError),
    /// Nothing was answered at all.
    #[error("no strategy answered any of the {0} questions; the last said: {1}")]
    Nothing(usize, String),
}

pub(super) async fn run(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    let mut questions = read(&arguments.file).map_err(CompareError::from)?;
    questions.truncate(arguments.limit.unwrap_or(usize::MAX));
    let ways = Way::chosen(&arguments.strategy);
    let session = Session::open(&common.directory(), &arguments.models, output).await?;
    let compared = compare(&questions, &ways, output, &session.client).await;
    session.close().await?;
    let tally = compared?;
    output.result(&show::text(&tally), &show::json(&tally))?;
    Ok(code::OK)
}

async fn compare(
    questions: &[questions::Question],
    ways: &[Way],
    output: &Output,
    client: &Client,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::new(ways);
    let mut failure = String::new();
    let bar = output.bar(
        "asking each strategy",
        u64::try_from(questions.len()).unwrap_or(u64::MAX),
    );
    for (done, question) in (1..).zip(questions) {
        let answered = ask::all(client, question, ways).await;
        for (way, result) in ways.iter().zip(&answered) {
            if let Err(error) = result {
                failure = format!("{}: {error}", way.name());
            }
        }
        let preferred = match &question.gold {
            Some(_) => Vec::new(),
            None => ask::preferences(client, question, &answered).await,
        };
        tally.add(question, &answered, &preferred);
        bar.at(done);
    }
    bar.done();
    if !tally.has_answers() {
        return Err(CompareError::Nothing(questions.len(), failure).into());
    }
    Ok(tally)
}
