//! The command line: a file per command. Commands talk to a gateway, that of a running network or of one
//! started for them, so there is one way to ask.

mod ask;
mod blocks;
mod cite;
mod client;
mod compare;
mod coordinator;
mod evaluate;
mod experts;
mod explain;
mod failure;
mod genesis;
mod knowledge;
mod output;
mod place;
mod receipt;
mod reputation;
mod respondent;
mod role;
mod session;
mod signals;
mod simulate;
mod snapshot;
mod testnet;
mod up;
mod validator;
mod verify;
mod wallet;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use llmnet_types::signature::PrivateKey;

use output::Output;

use crate::{
    keystore::{self, Source},
    telemetry::{self, LogFormat},
};

/// Exit codes, stable for scripts.
pub mod code {
    /// Done.
    pub const OK: u8 = 0;
    /// It failed; the error says how and what to do.
    pub const FAILED: u8 = 1;
    /// The command line makes no sense. (clap's own.)
    pub const USAGE: u8 = 2;
    /// `verify`: signed by its coordinator, not proven to be settled. `ask`: the same of its receipt.
    pub const NOT_FINAL: u8 = 3;
    /// `ask`: nobody knew.
    pub const DECLINED: u8 = 4;
    /// `reputation --recompute`, `explain --recompute`: the network, or a receipt, says other than the blocks give.
    /// `simulate`: the scenario promises other than was found.
    pub const DIFFERS: u8 = 5;
    /// The same: the first blocks are not kept any more.
    pub const PRUNED: u8 = 6;
}

/// A network of language models that answers as a panel and proves it.
#[derive(Debug, Parser)]
#[command(name = "llmnet", version, about, long_about = None)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What all commands understand.
#[derive(Debug, Clone, Args)]
struct Common {
    /// The directory of the network [default: llmnet in your data directory]
    #[arg(long, global = true, env = "LLMNET_DIR", value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long, global = true)]
    json: bool,
    /// How logs are written; RUST_LOG says how many
    #[arg(long, global = true, value_enum, default_value_t)]
    log_format: LogFormat,
}

impl Common {
    fn directory(&self) -> PathBuf {
        self.dir
            .clone()
            .unwrap_or_else(crate::home::default_directory)
    }
}

/// Which models to seat beside the experts.
#[derive(Debug, Clone, Default, Args)]
struct Models {
    /// Seat this model of the Ollama on this machine (may be repeated)
    #[arg(long, value_name = "MODEL")]
    ollama: Vec<String>,
    /// Seat no models, whatever the environment and llmnet.toml say
    #[arg(long)]
    no_models: bool,
}

/// Where a passphrase comes from.
#[derive(Debug, Clone, Default, Args)]
struct PassphraseArguments {
    /// The file whose first line is the passphrase, its owner's alone [else LLMNET_PASSPHRASE, else you are asked]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl PassphraseArguments {
    fn source(&self) -> Source {
        Source {
            file: self.passphrase_file.clone(),
        }
    }

    /// The key in a file that this passphrase opens.
    fn key(&self, file: &Path) -> anyhow::Result<PrivateKey> {
        let passphrase = self.source().known(&file.display().to_string())?;
        Ok(keystore::read(file, &passphrase)?)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ask a question; starts the local network for it if none runs
    Ask(ask::Arguments),
    /// Compare the strategies on your own questions
    Compare(compare::Arguments),
    /// Play recordings of models through a policy: accuracy, calls, adversaries
    Evaluate(evaluate::Arguments),
    /// Play a scenario of a whole network over the real ledger: adversaries, growth, churn
    Simulate(simulate::Arguments),
    /// Keep the local network running
    Up(up::Arguments),
    /// List who answers, for what, and how good they were found
    Experts,
    /// Show how good providers were found; reckon it again from the blocks
    Reputation(reputation::Arguments),
    /// Print a receipt as a file
    Receipt(receipt::Arguments),
    /// Check a receipt file, offline
    Verify(verify::Arguments),
    /// Show the passages that a receipt's answer cites, with their proofs, and where they stand
    Cite(cite::Arguments),
    /// Say why each seat was chosen, and what everybody else lacked
    Explain(explain::Arguments),
    /// Found a network of several validators
    Genesis(genesis::Arguments),
    /// Make, run and ask one validator of a network over several machines
    Validator(validator::Arguments),
    /// Make, run and ask one coordinator of a network elsewhere
    Coordinator(coordinator::Arguments),
    /// Join a network elsewhere with a model or an expert, serve it, leave it
    Respondent(respondent::Arguments),
    /// Keep documents for an expert to answer from, and look things up in them
    Knowledge(knowledge::Arguments),
    /// Show and move the money of a key
    Wallet(wallet::Arguments),
    /// Write a network of processes on this machine, ready to start
    Testnet(testnet::Arguments),
    /// Write a validator's state into a file, or make a validator's data from one
    Snapshot(snapshot::Arguments),
}

/// Runs the program.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.common.json);
    if let Err(error) = telemetry::start(cli.common.log_format) {
        output.failure(&error);
        return ExitCode::from(code::USAGE);
    }
    let done = match cli.command {
        // Needs no network, so it must not need a runtime either.
        Command::Verify(arguments) => verify::run(&arguments, &output),
        Command::Cite(arguments) => cite::run(&arguments, &cli.common, &output),
        Command::Evaluate(arguments) => evaluate::run(&arguments, &output),
        Command::Simulate(arguments) => simulate::run(&arguments, &output),
        Command::Genesis(arguments) => genesis::run(&arguments, &output),
        Command::Snapshot(arguments) => snapshot::run(&arguments, &cli.common, &output),
        Command::Testnet(arguments) => testnet::run(&arguments, &output),
        command => tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(anyhow::Error::from)
            .and_then(|runtime| {
                let done = runtime.block_on(dispatch(command, &cli.common, &output));
                runtime.shutdown_timeout(std::time::Duration::from_secs(2));
                done
            }),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            output.failure(&error);
            ExitCode::from(code::FAILED)
        }
    }
}

async fn dispatch(command: Command, common: &Common, output: &Output) -> anyhow::Result<u8> {
    match command {
        Command::Ask(arguments) => Box::pin(ask::run(&arguments, common, output)).await,
        Command::Compare(arguments) => Box::pin(compare::run(&arguments, common, output)).await,
        Command::Evaluate(arguments) => evaluate::run(&arguments, output),
        Command::Simulate(arguments) => simulate::run(&arguments, output),
        Command::Up(arguments) => Box::pin(up::run(&arguments, common, output)).await,
        Command::Experts => Box::pin(experts::run(common, output)).await,
        Command::Knowledge(arguments) => Box::pin(knowledge::run(&arguments, common, output)).await,
        Command::Reputation(arguments) => {
            Box::pin(reputation::run(&arguments, common, output)).await
        }
        Command::Receipt(arguments) => Box::pin(receipt::run(&arguments, common, output)).await,
        Command::Verify(arguments) => verify::run(&arguments, output),
        Command::Cite(arguments) => cite::run(&arguments, common, output),
        Command::Explain(arguments) => Box::pin(explain::run(&arguments, common, output)).await,
        Command::Genesis(arguments) => genesis::run(&arguments, output),
        Command::Snapshot(arguments) => snapshot::run(&arguments, common, output),
        Command::Validator(arguments) => Box::pin(validator::run(&arguments, common, output)).await,
        Command::Coordinator(arguments) => {
            Box::pin(coordinator::run(&arguments, common, output)).await
        }
        Command::Respondent(arguments) => {
            Box::pin(respondent::run(&arguments, common, output)).await
        }
        Command::Wallet(arguments) => Box::pin(wallet::run(&arguments, common, output)).await,
        Command::Testnet(arguments) => testnet::run(&arguments, output),
    }
}
