//! `llmnet coordinator`: one coordinator of a network elsewhere.

mod init;
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
    /// Make a coordinator's directory: keys and settings
    Init(init::Arguments),
    /// Take the role where it is not taken yet, and serve the API until interrupted
    Run(run::Arguments),
    /// Ask a running coordinator how it is: line, settlements, respondents, money
    Status(status::Arguments),
    /// Give the role back; the bond returns six epochs later
    Leave(leave::Arguments),
}

pub(super) async fn run(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    match &arguments.command {
        Command::Init(arguments) => Box::pin(init::run(arguments, common, output)).await,
        Command::Run(arguments) => Box::pin(run::run(arguments, common, output)).await,
        Command::Status(arguments) => Box::pin(status::run(arguments, common, output)).await,
        Command::Leave(arguments) => Box::pin(leave::run(arguments, common, output)).await,
    }
}
