//! `llmnet.toml` of a directory: everything in it is optional.
//!
//! ```toml
//! [gateway]
//! port = 7171
//! address = "127.0.0.1"        # anywhere else only with keys
//! keys = false                 # true: nobody asks without an API key
//! admin_port = 7172            # on loopback, where keys are managed
//! tls = {name = "llm.example.org", chain = "/etc/llmnet/chain.pem", key = "/etc/llmnet/key.pem"}   # else plain HTTP
//!
//! [panel]                      # where a request does not say
//! seats = 3                    # from 1 to 7
//! first = 2                    # asked first, the others where these settle nothing; all at once where absent
//! quorum = 2                   # answers needed of those asked; 1 where absent and no model sits on panels
//! grace_ms = 20000             # for the others once a quorum has answered; 1500 where no model sits on panels
//!
//! [chain]
//! epoch_blocks = 256           # read when the directory is made, part of the network from then on
//! idle_interval_ms = 1000
//! archive = false              # true keeps all blocks for ever; those dropped before do not come back
//! nodes = ["http://192.0.2.1:7171"]   # validators elsewhere, of the network in genesis.json; none of our own
//!
//! [link]
//! listen = "0.0.0.0:7373"      # where respondents on other machines link to the coordinator; nowhere if absent
//! address = "192.0.2.6:7373"   # as they reach that: the ledger lists it, so that they find it there
//!
//! [[model]]                    # a respondent backed by a language model; as many as there are
//! name = "llama3.2"
//! base_url = "http://127.0.0.1:8000/v1"
//!
//! [embedding]                  # what makes vectors, for clients and for documents; nothing if absent
//! name = "nomic-embed-text"
//! base_url = "http://127.0.0.1:11434/v1"
//!
//! [knowledge]                  # where documents are looked up; SQLite if absent
//! engine = "postgres://llmnet@10.0.0.9/llmnet"
//! ```
//!
//! [`model`] tells all of models and embeddings, [`knowledge`] of the last.

pub mod model;

pub mod embedding;
pub mod gateway;
pub mod knowledge;

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    path::Path,
};

use llmnet_gateway::port::PanelSize;
use llmnet_types::{bond::ADDRESS_LENGTH_MAX, codec::Text, contract::SEATS_MAX};
use serde::Deserialize;

use crate::coordinator::Panel;

pub use embedding::Embedding;
pub use gateway::Gateway;
pub use knowledge::Knowledge;
pub use model::Model;
use model::SecretError;

/// The gateway's port where nobody says another. None of the rivals' ports.
pub const GATEWAY_PORT: u16 = 7171;

/// Where coordinators listen for their respondents where nobody says another port.
pub const LINK_PORT: u16 = 7373;
/// Where respondents answer queries where nobody says another port.
pub const RESPONDENT_PORT: u16 = 7474;

/// A directory's configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// HTTP.
    pub gateway: Gateway,
    /// Panels.
    pub panel: PanelSettings,
    /// Blocks.
    pub chain: Chain,
    /// Links.
    pub link: Link,
    /// Further respondents.
    pub model: Vec<Model>,
    /// What makes vectors, if anything does.
    pub embedding: Option<Embedding>,
    /// Where documents are looked up.
    pub knowledge: Knowledge,
}

/// Links of respondents on other machines.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Link {
    /// Where the coordinator listens for them; nowhere if absent.
    pub listen: Option<SocketAddr>,
    /// Where they reach that, as `host:port`, for the ledger's list; empty where they are told otherwise.
    pub address: Address,
}

/// Where others reach a node, as the ledger is told; empty for nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Address(pub Text<ADDRESS_LENGTH_MAX>);

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        crate::settings::address(&text).map(|(_, address)| Self(address))
    }
}

/// How large panels are where a request does not say.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(try_from = "Size")]
pub struct PanelSettings {
    size: Size,
}

/// As it is written.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Size {
    seats: Option<u8>,
    first: Option<u8>,
    quorum: Option<u8>,
    grace_ms: Option<u32>,
}

impl TryFrom<Size> for PanelSettings {
    type Error = String;

    fn try_from(size: Size) -> Result<Self, String> {
        let seats = size.seats.unwrap_or(Panel::FAST.seats);
        if !(1..=SEATS_MAX).contains(&usize::from(seats)) {
            return Err(format!("a panel has from 1 to {SEATS_MAX} seats"));
        }
        if size
            .quorum
            .is_some_and(|quorum| !(1..=seats).contains(&quorum))
        {
            return Err(format!(
                "{seats} seats give from 1 to {seats} answers as a quorum"
            ));
        }
        if size.first.is_some_and(|first| first > seats) {
            return Err(format!("of {seats} seats up to {seats} can be asked first"));
        }
        let most = PanelSize::GRACE_MS_MAX;
        if size.grace_ms.is_some_and(|grace| grace > most) {
            return Err(format!("the grace is from 0 to {most} milliseconds"));
        }
        Ok(Self { size })
    }
}

impl PanelSettings {
    /// What is said here, and for the rest what suits whether models sit on panels.
    pub fn with(&self, models: bool) -> Panel {
        let default = if models { Panel::PATIENT } else { Panel::FAST };
        let seats = self.size.seats.unwrap_or(default.seats);
        Panel {
            seats,
            first: self.size.first.unwrap_or(default.first).min(seats),
            quorum: self.size.quorum.unwrap_or(default.quorum.min(seats)),
            grace_ms: self.size.grace_ms.unwrap_or(default.grace_ms),
        }
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
    /// It is not what a configuration looks like. The line itself is not shown: somebody may have written a
    /// key there.
    #[error("{path}:{line}: {what}")]
    Parse {
        /// The file.
        path: String,
        /// Where, from 1.
        line: usize,
        /// What is wrong there.
        what: String,
    },
    /// Strangers could spend.
    #[error(
        "[gateway] address = \"{address}\" can be reached from elsewhere: set keys = true, or take 127.0.0.1"
    )]
    Open {
        /// Where it was to listen.
        address: IpAddr,
    },
    /// A model's key is not where the configuration says.
    #[error("the key of model {model} cannot be had")]
    Key {
        /// The model.
        model: String,
        /// Why.
        source: SecretError,
    },
    /// The password of [knowledge] is not where the configuration says.
    #[error("the password of [knowledge] engine: {source}")]
    Password {
        /// Why.
        source: SecretError,
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
            Ok(text) => {
                let mut config: Self =
                    toml::from_str(&text).map_err(|error| parse_error(path, &text, &error))?;
                config.gateway.checked()?;
                for model in &mut config.model {
                    model.resolve(directory);
                }
                if let Some(embedding) = &mut config.embedding {
                    embedding.resolve(directory);
                }
                config.knowledge.resolve(directory);
                Ok(config)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(ConfigError::Read { path, source }),
        }
    }
}

fn parse_error(path: String, text: &str, error: &toml::de::Error) -> ConfigError {
    let start = error.span().map_or(0, |span| span.start);
    let before = text.as_bytes().iter().take(start);
    ConfigError::Parse {
        path,
        line: 1 + before.filter(|byte| **byte == b'\n').count(),
        what: error.message().replace('\n', ", "),
    }
}

#[cfg(test)]
mod tests;
