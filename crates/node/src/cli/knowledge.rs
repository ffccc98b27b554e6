//! `llmnet knowledge`: the documents of an expert on this machine, whether its network runs or not.
//!
//! Each expert has a store, a file of its own: who adds to it need not ask whoever serves it, and the other way round.

mod add;
mod embedding;
mod remove;
mod search;
mod status;

use std::{
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use clap::{Args, Subcommand};
use llmnet_knowledge::store::Store;
use llmnet_types::domain::Domain;

use super::{Common, output::Output};
use crate::{
    config::Config,
    stores::{self, Engine},
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add files and folders: Markdown, HTML, text, PDF, DOCX, CSV, JSON lines
    Add(add::Arguments),
    /// Forget files and folders
    Remove(remove::Arguments),
    /// List what was added
    List(status::ListArguments),
    /// Look something up, and print passages with their proofs
    Search(search::Arguments),
    /// Show how much an expert has, and under which root
    Status(Expert),
}

/// Whose documents.
#[derive(Debug, Clone, Args)]
struct Expert {
    /// The expert's name: a-z, 0-9 and -
    #[arg(long, value_name = "NAME", value_parser = name)]
    expert: Domain,
    /// Look passages up in postgres://USER@HOST:PORT/DATABASE instead of SQLite, the password in LLMNET_ENGINE_PASSWORD
    /// (the feature `postgres`) [default: as llmnet.toml says]
    #[arg(
        long,
        value_name = "URL",
        env = "LLMNET_ENGINE",
        hide_env_values = true
    )]
    engine: Option<String>,
}

/// Names of experts are as those of domains are: they become names of files.
fn name(text: &str) -> Result<Domain, String> {
    Domain::new(text).map_err(|_| "a name of a-z, 0-9 and -, at most 32 characters".to_owned())
}

/// A directory in which there is nothing of an expert.
#[derive(Debug, thiserror::Error)]
#[error("nothing was ever added for the expert {expert} in {}", folder.display())]
pub(super) struct NothingAdded {
    expert: String,
    folder: PathBuf,
}

impl Expert {
    fn path(&self, common: &Common) -> PathBuf {
        stores::path(&stores::folder(&common.directory()), &self.expert)
    }

    /// The store, made where it is not there yet.
    fn begin(&self, common: &Common) -> anyhow::Result<Store> {
        let store = stores::open(&self.path(common))?;
        self.engine(common)?.searches(store)
    }

    /// What looks passages up, by the command or by llmnet.toml.
    fn engine(&self, common: &Common) -> anyhow::Result<Engine> {
        if let Some(url) = &self.engine {
            let password = std::env::var("LLMNET_ENGINE_PASSWORD").ok();
            // Not by the parser of arguments, which quotes what it refuses.
            let url = url.parse().map_err(anyhow::Error::msg)?;
            return Engine::at(&url, password.as_deref());
        }
        let config = Config::read(&common.directory())?;
        Engine::configured(&config.knowledge)
    }

    /// The store that is there.
    fn open(&self, common: &Common) -> anyhow::Result<Store> {
        let path = self.path(common);
        if !path.exists() {
            let expert = self.expert.as_str().to_owned();
            let folder = common.directory();
            return Err(NothingAdded { expert, folder }.into());
        }
        self.begin(common)
    }
}

pub(super) async fn run(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    match &arguments.command {
        Command::Add(arguments) => Box::pin(add::run(arguments, common, output)).await,
        Command::Remove(arguments) => remove::run(arguments, common, output),
        Command::List(arguments) => status::list(arguments, common, output),
        Command::Search(arguments) => Box::pin(search::run(arguments, common, output)).await,
        Command::Status(expert) => status::run(expert, common, output),
    }
}

/// Today, as days since 1970-01-01.
fn today() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u32::try_from(since.as_secs() / 86_400).unwrap_or(u32::MAX)
    })
}
