//! `llmnet.toml` of a directory: everything in it is optional.
//!
//! ```toml
//! [gateway]
//! port = 7171
//!
//! [chain]
//! epoch_blocks = 256           # read when the directory is made, part of the network from then on
//! idle_interval_ms = 1000
//! archive = false              # true keeps all blocks for ever; those dropped before do not come back
//! nodes = ["http://192.0.2.1:7171"]   # validators elsewhere, of the network in genesis.json; none of our own
//!
//! [[model]]                    # a respondent backed by an OpenAI-compatible server
//! name = "llama3.2"
//! base_url = "http://127.0.0.1:8000/v1"
//! key = "env::MY_KEY"          # never the key itself
//! domains = ["medicine"]       # all local domains where absent
//! ```

use std::{num::NonZeroU32, path::Path};

use llmnet_types::domain::Domain;
use serde::Deserialize;

/// The gateway's port where nobody says another. None of the rivals' ports.
pub const GATEWAY_PORT: u16 = 7171;

/// A directory's configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// HTTP.
    pub gateway: Gateway,
    /// Blocks.
    pub chain: Chain,
    /// Further respondents.
    pub model: Vec<Model>,
}

/// HTTP.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gateway {
    /// Its port; taken: an error, never another port.
    pub port: u16,
}

impl Default for Gateway {
    fn default() -> Self {
        Self { port: GATEWAY_PORT }
    }
}

/// Blocks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Chain {
    /// Blocks of an epoch; shorter ones leave slow models less time to be settled.
    pub epoch_blocks: NonZeroU32,
    /// The pause between blocks while nothing happens: longer is quieter, shorter ends epochs sooner.
    pub idle_interval_ms: NonZeroU32,
    /// Whether all blocks are kept, so that anybody can execute them again from genesis on; else about a
    /// million of the newest.
    pub archive: bool,
    /// Nodes of a network that runs elsewhere, asked in this order; where there are any, this directory has
    /// no validators, and its genesis.json is that network's.
    pub nodes: Vec<String>,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            epoch_blocks: NonZeroU32::new(256).expect("not zero"),
            idle_interval_ms: NonZeroU32::new(1_000).expect("not zero"),
            archive: false,
            nodes: Vec::new(),
        }
    }
}

/// A respondent backed by an OpenAI-compatible server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The model's name there.
    pub name: String,
    /// Where: up to and with `/v1`.
    pub base_url: String,
    /// Where its key is: `env::NAME`. None for servers that want none.
    pub key: Option<String>,
    /// What it answers about.
    #[serde(default)]
    pub domains: Vec<Domain>,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what a configuration looks like.
    #[error("{path} is not a configuration")]
    Parse {
        /// The file.
        path: String,
        /// Why.
        source: Box<toml::de::Error>,
    },
    /// A key stands in the file itself, or its variable is not set.
    #[error("the key of model {model} must be env::NAME with NAME set in the environment")]
    Key {
        /// The model.
        model: String,
    },
}

impl Config {
    /// Reads a directory's configuration; the default where it has none.
    ///
    /// # Errors
    /// It is there and cannot be used.
    pub fn read(directory: &Path) -> Result<Self, ConfigError> {
        let file = directory.join("llmnet.toml");
        let path = file.display().to_string();
        match std::fs::read_to_string(&file) {
            Ok(text) => toml::from_str(&text).map_err(|source| ConfigError::Parse {
                path,
                source: Box::new(source),
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(ConfigError::Read { path, source }),
        }
    }
}

impl Model {
    /// Its key, looked up where the configuration says.
    ///
    /// # Errors
    /// The key stands in the file, or its variable is not set.
    pub fn secret(&self) -> Result<Option<String>, ConfigError> {
        let Some(key) = &self.key else {
            return Ok(None);
        };
        key.strip_prefix("env::")
            .and_then(|name| std::env::var(name).ok())
            .map(Some)
            .ok_or_else(|| ConfigError::Key {
                model: self.name.clone(),
            })
    }
}
