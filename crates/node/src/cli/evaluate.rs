//! `llmnet evaluate`: recordings of models played through a policy, and what came of it.
//!
//! All of it happens in `llmnet_sim`; here files are opened and cores set to work.

mod read;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
};

use anyhow::Context;
use clap::Args;
use llmnet_protocol::policy::Settings;
use llmnet_sim::{
    adversary::Adversaries,
    board::Board,
    game::{Game, Setup},
    policy::Name,
    pool::Pool,
    report::{self, Played},
    summary::Summary,
};

use super::{code, output::Output};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A directory of recordings: questions.*.jsonl.gz and responses.*.jsonl.gz, packed or not
    #[arg(long, value_name = "DIR")]
    traces: PathBuf,
    /// Who plays on which questions: P4, P8, Z39, Z41, M12, M29, M13+, G43, BFCL, or a file with such a list
    #[arg(long, value_name = "NAME")]
    pool: String,
    /// What decides: cascade, production, at-once, peers, random
    #[arg(long, default_value = "cascade", value_name = "NAME")]
    policy: Name,
    /// Who joins: random, collude, camouflage, sleeper, always-wrong, lazy, copier, degrader or conformist, and their share
    #[arg(long, value_name = "KIND=SHARE")]
    adversaries: Option<Adversaries>,
    /// The share of questions that auditors may ask, those at the opening included: 0 to 1
    #[arg(long, default_value_t = 0.0, value_name = "RATE", value_parser = share)]
    audits: f64,
    /// Calls allowed for a question on average, audits included: 1 to 100
    #[arg(long, default_value_t = 5.0, value_name = "N", value_parser = calls)]
    calls: f64,
    /// Questions of a run [default: all, or as many as the pool says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    queries: Option<u32>,
    /// Runs, of seeds 1 to N
    #[arg(long, default_value_t = 24, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: u64,
    /// Where to write results.json, tables, the report and its figures
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

fn between(text: &str, low: f64, high: f64) -> Result<f64, String> {
    let number: Option<f64> = text
        .parse()
        .ok()
        .filter(|number| (low..=high).contains(number));
    number.ok_or_else(|| format!("it should be a number from {low} to {high}"))
}

fn share(text: &str) -> Result<f64, String> {
    between(text, 0.0, 1.0)
}

fn calls(text: &str) -> Result<f64, String> {
    between(text, 1.0, 100.0)
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<u8> {
    let pool = pool(&arguments.pool)?;
    let traces = read::directory(&arguments.traces)?;
    let board = Board::new(&pool, &traces)?;
    let asked = arguments
        .queries
        .map(|queries| queries as usize)
        .or(pool.queries);
    let queries = asked.unwrap_or(usize::MAX).min(board.questions.len());
    let played = Played {
        pool: pool.name.clone(),
        policy: arguments.policy.to_string(),
        adversaries: arguments
            .adversaries
            .map(|adversaries| format!("{}={}", adversaries.kind, adversaries.share))
            .unwrap_or_default(),
        audits: arguments.audits,
        calls: arguments.calls,
        queries,
        seeds: arguments.seeds,
    };
    let games = play(arguments, &board, queries, output);
    let (_, first) = games.first().context("there is at least one run")?;
    let summary = Summary::of(&board, &games);
    write(
        &arguments.out,
        &report::files(&played, &board, &summary, first),
    )?;
    let text = format!(
        "{} on {}: {:.2}% right, {:+.2} over the best single provider ({:.2}%), {:.2} calls a question\n{}",
        played.policy,
        played.pool,
        summary.accuracy.mean,
        summary.gain.mean,
        summary.best_single.mean,
        summary.calls.mean,
        arguments.out.join("report.md").display()
    );
    let json = serde_json::json!({
        "accuracy": summary.accuracy.mean,
        "best_single": summary.best_single.mean,
        "gain_over_best_single": summary.gain.mean,
        "calls": summary.calls.mean,
        "out": arguments.out.display().to_string(),
    });
    output.result(&text, &json)?;
    Ok(code::OK)
}

/// A committed pool, or a list in a file.
fn pool(name: &str) -> anyhow::Result<Pool> {
    let path = Path::new(name);
    if !path.is_file() {
        return Ok(Pool::committed(name)?);
    }
    let text = fs::read_to_string(path).with_context(|| format!("reading {name}"))?;
    Ok(Pool::parse(name, &text)?)
}

/// Plays all seeds on all cores. Which core plays which changes nothing.
fn play(arguments: &Arguments, board: &Board, queries: usize, output: &Output) -> Vec<(u64, Game)> {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = AtomicU64::new(1);
    let settings = Settings {
        calls: arguments.calls,
        ..Settings::default()
    };
    let bar = output.bar("playing", arguments.seeds);
    let (done, finished) = mpsc::channel();
    let mut games: Vec<(u64, Game)> = thread::scope(|scope| {
        for _ in 0..cores {
            let (done, next) = (done.clone(), &next);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > arguments.seeds {
                        return;
                    }
                    let setup = Setup {
                        queries,
                        audits: arguments.audits,
                        adversaries: arguments.adversaries,
                        seed,
                    };
                    let game = arguments.policy.play(board, &setup, settings);
                    // Whoever listens outlives this scope.
                    let _ = done.send((seed, game));
                }
            });
        }
        drop(done);
        (1..)
            .zip(finished)
            .map(|(count, game)| {
                bar.at(count);
                game
            })
            .collect()
    });
    bar.done();
    games.sort_by_key(|(seed, _)| *seed);
    games
}

/// Writes files by name into a directory, which is made where there is none.
pub(super) fn write(directory: &Path, files: &[(String, String)]) -> anyhow::Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
    for (name, text) in files {
        let path = directory.join(name);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}
