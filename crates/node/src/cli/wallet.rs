//! `llmnet wallet`: the money of a key, over any node's API.

mod new;
mod send;
mod show;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use llmnet_types::{
    signature::{PrivateKey, PublicKey},
    units::Epoch,
};
use serde::{Deserialize, Serialize};

use super::{
    Common, PassphraseArguments,
    client::{Client, ClientError},
    output::Output,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key that money can be sent to
    New(new::Arguments),
    /// Show where a key's money is: free, locked in lines, standing as bonds, on its way back
    Show(show::Arguments),
    /// Send money, and wait until that is final
    Send(send::Arguments),
}

/// Whose money.
#[derive(Debug, Clone, Args)]
struct Owner {
    /// The file of the key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArguments,
}

impl Owner {
    fn read(&self) -> anyhow::Result<PrivateKey> {
        self.passphrase.key(&self.key)
    }
}

/// An account, as a node tells it.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Account {
    pub(super) height: u64,
    pub(super) balance: String,
    pub(super) bonds: Vec<Bond>,
    pub(super) lines: Vec<Line>,
}

/// What stands for a node.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct Bond {
    pub(super) role: String,
    pub(super) operator: PublicKey,
    pub(super) standing: String,
    pub(super) leaving: Vec<Leaving>,
}

/// What is on its way back.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct Leaving {
    pub(super) free: Epoch,
    pub(super) amount: String,
}

/// What is locked for a coordinator.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Line {
    pub(super) id: u32,
    pub(super) coordinator: PublicKey,
    pub(super) locked: String,
    pub(super) rest: String,
    pub(super) ends: Epoch,
    pub(super) closed: bool,
}

/// What a node tells of a key.
pub(super) async fn account(client: &Client, key: PublicKey) -> Result<Account, ClientError> {
    client.read(&format!("/v1/ledger/accounts/{key}")).await
}

pub(super) async fn run(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    match &arguments.command {
        Command::New(arguments) => new::run(arguments, output),
        Command::Show(arguments) => Box::pin(show::run(arguments, output)).await,
        Command::Send(arguments) => Box::pin(send::run(arguments, common, output)).await,
    }
}
