//! `llmnet testnet`: a network of processes on this machine, ready to start.

use std::path::PathBuf;

use clap::Args;

use super::{code, output::Output};
use crate::testnet::{self, Plan};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The directory to write; it must be empty or not there
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// How many validators; four are the fewest that tolerate a faulty one
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    validators: u8,
    /// How many respondents, each an expert in the box
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(0..=32))]
    respondents: u8,
    /// Blocks of an epoch
    #[arg(long, value_name = "N", default_value_t = 256)]
    epoch_blocks: u32,
    /// The pause between blocks while nothing happens
    #[arg(long, value_name = "MS", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(10..=60_000))]
    idle_interval_ms: u32,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<u8> {
    let plan = Plan {
        directory: arguments.directory.clone(),
        validators: usize::from(arguments.validators),
        respondents: usize::from(arguments.respondents),
        epoch_blocks: arguments.epoch_blocks,
        idle_interval_ms: arguments.idle_interval_ms,
    };
    let progress = output.progress();
    let made = testnet::write(&plan, |what| progress.step(what))?;
    progress.done();
    let shown = arguments.directory.display();
    let passphrase = format!("--passphrase-file {shown}/{}", testnet::PASSPHRASE);
    let command = |role: &str, name: &str| {
        format!(
            "llmnet {role} {} --dir {shown}/{name} {passphrase}",
            match role {
                "respondent" => "join",
                _ => "run",
            }
        )
    };
    let mut text = format!(
        "A network for trying out is written in {shown}. Its money is play money, and its keys are as good as \
         unencrypted: their passphrase lies beside them.\n\n\
         \x20 network    {}\n\
         \x20 API        {}/v1, once the coordinator runs\n\
         \x20 wallet     {}  {shown}/{}\n\n\
         Start each in a terminal of its own, in this order:\n",
        made.network,
        made.api,
        made.wallet,
        testnet::WALLET,
    );
    for (role, name) in &made.processes {
        text.push_str(&format!("\n  {}", command(role, name)));
    }
    let newcomer = format!(
        "llmnet respondent join --dir {shown}/newcomer {passphrase} \\\n    --url {} --network {} \\\n    \
         --expert climate --http {}",
        made.node, made.network, made.spare
    );
    let pay = format!(
        "llmnet wallet send --key {shown}/{} {passphrase} --dir {shown} --url {} --to KEY --amount 40",
        testnet::WALLET,
        made.node
    );
    text.push_str(&format!(
        "\n\nAnybody joins while they run, with a command such as this; it says which account needs how much:\n\n  \
         {newcomer}\n\nThe wallet pays for newcomers:\n\n  {pay}"
    ));
    let commands = made.processes.iter().map(
        |(role, name)| serde_json::json!({ "role": role, "dir": arguments.directory.join(name) }),
    );
    let json = serde_json::json!({
        "directory": arguments.directory,
        "network": made.network,
        "api": made.api,
        "node": made.node,
        "link": made.link,
        "coordinator": made.coordinator,
        "wallet": made.wallet,
        "wallet_key": arguments.directory.join(testnet::WALLET),
        "passphrase_file": arguments.directory.join(testnet::PASSPHRASE),
        "spare": made.spare,
        "processes": commands.collect::<Vec<_>>(),
    });
    output.result(&text, &json)?;
    Ok(code::OK)
}
