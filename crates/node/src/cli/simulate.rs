//! `llmnet simulate`: a whole network of a scenario's people, honest or not, and what became of it.
//!
//! All of it happens in `llmnet_sim`; here files are read and written.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use llmnet_sim::network::{
    account,
    play::play,
    scenario::{LENGTH_MAX, Scenario},
};

use super::{code, evaluate, output::Output};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Who there is and what happens: a TOML file, as those in scenarios/
    #[arg(value_name = "SCENARIO.toml")]
    scenario: PathBuf,
    /// The seed of all chance [default: what the scenario says]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where to write results.json, tables, the report and its figures [default: simulation/NAME, here]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<u8> {
    let name = arguments.scenario.display().to_string();
    let scenario = Scenario::read(&name, &read(&arguments.scenario)?)?;
    let seed = arguments.seed.unwrap_or(scenario.seed);
    let epochs = u64::from(scenario.epochs);
    let bar = output.bar(&format!("playing {}", scenario.name), epochs);
    // What follows the last question passes quickly.
    let run = play(&scenario, seed, &mut |epoch, _| bar.at(epoch.min(epochs)))?;
    bar.done();
    let out = arguments.out.clone().unwrap_or_else(|| {
        let stem = arguments.scenario.file_stem().unwrap_or_default();
        Path::new("simulation").join(stem)
    });
    evaluate::write(&out, &account::files(&scenario, &run))?;
    let promises = account::kept(&scenario, &run);
    let broken: Vec<_> = promises.iter().filter(|kept| !kept.kept).collect();
    let measure = |name: &str| run.measures.get(name).copied().unwrap_or_default();
    let mut text = format!(
        "{}: {:.2}% concluded, {:.2}% right; {} of {} promises kept",
        scenario.name,
        measure("concluded"),
        measure("right"),
        promises.len() - broken.len(),
        promises.len(),
    );
    for kept in &broken {
        let found = kept
            .found
            .map_or("not measured".to_owned(), |found| format!("{found:.4}"));
        text.push_str(&format!(
            "\nnot kept: {} {}; it is {found}",
            kept.measure, kept.promised
        ));
    }
    text.push_str(&format!("\n{}", out.join("report.md").display()));
    let json = serde_json::json!({
        "scenario": scenario.name,
        "seed": seed,
        "kept": broken.is_empty(),
        "measures": run.measures,
        "out": out.display().to_string(),
    });
    output.result(&text, &json)?;
    Ok(if broken.is_empty() {
        code::OK
    } else {
        code::DIFFERS
    })
}

/// No more of a file than a scenario may have, and a byte, by which a longer one is known.
fn read(path: &Path) -> anyhow::Result<String> {
    let reading = || format!("reading {}", path.display());
    let file = fs::File::open(path).with_context(reading)?;
    let mut text = String::new();
    file.take(LENGTH_MAX as u64 + 1)
        .read_to_string(&mut text)
        .with_context(reading)?;
    Ok(text)
}
