//! `llmnet validator`: one validator of a network over many machines.

mod check;
mod init;
mod membership;
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
    /// Make a validator's directory: keys, settings, and its public part for a genesis
    Init(init::Arguments),
    /// Say all that is wrong with a validator's settings, line by line
    Check,
    /// Run a validator until it is interrupted
    Run(run::Arguments),
    /// Ask a running validator how it is
    Status(status::Arguments),
    /// Post a bond, so that the validator may be elected
    Join(membership::Join),
    /// Take the validator out of the next election; its bond returns six epochs later
    Leave(membership::Leave),
    /// Send money of the operator's
    Pay(membership::Pay),
}

pub(super) async fn run(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    match &arguments.command {
        Command::Init(arguments) => init::run(arguments, common, output),
        Command::Check => check::run(common, output),
        Command::Run(arguments) => run::run(arguments, common, output).await,
        Command::Status(arguments) => status::run(arguments, common, output).await,
        Command::Join(arguments) => Box::pin(membership::join(arguments, common, output)).await,
        Command::Leave(arguments) => Box::pin(membership::leave(arguments, common, output)).await,
        Command::Pay(arguments) => Box::pin(membership::pay(arguments, common, output)).await,
    }
}
