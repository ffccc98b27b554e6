//! `llmnet respondent`: one respondent of a network elsewhere.

mod init;
mod join;
mod leave;
mod run;
mod status;

use clap::{Args, Subcommand};

use super::{Common, PassphraseArguments, output::Output, role};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a respondent's directory: keys and settings
    Init(init::Arguments),
    /// Join a network and earn: keys where there are none, bond, registration, and then serve until interrupted
    Join(join::Arguments),
    /// Serve until interrupted, as registered
    Run(run::Arguments),
    /// Ask how a respondent is: links, registration, standing, money
    Status(status::Arguments),
    /// End the registration; the bond returns six epochs later
    Leave(leave::Arguments),
}

pub(super) async fn run(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    match &arguments.command {
        Command::Init(arguments) => Box::pin(init::run(arguments, common, output)).await,
        Command::Join(arguments) => Box::pin(join::run(arguments, common, output)).await,
        Command::Run(arguments) => Box::pin(run::run(arguments, common, output)).await,
        Command::Status(arguments) => Box::pin(status::run(arguments, common, output)).await,
        Command::Leave(arguments) => Box::pin(leave::run(arguments, common, output)).await,
    }
}
