//! `[gateway]` of `llmnet.toml`: where questions come in, and from whom.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
};

use serde::Deserialize;

use super::{ConfigError, GATEWAY_PORT};

/// HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gateway {
    /// Its port; taken: an error, never another port.
    pub port: u16,
    /// Where it listens. Anywhere but on loopback it must ask for keys: whoever reaches it asks at its expense.
    pub address: IpAddr,
    /// Whether it asks for keys.
    pub keys: bool,
    /// With what it proves its name; plain HTTP where absent.
    pub tls: Option<Tls>,
    /// The port on loopback where keys are managed; 0 for a free one.
    pub admin_port: u16,
}

/// With what a gateway proves its name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The name in the certificate, by which `llmnet` itself calls it too.
    pub name: String,
    /// A PEM file of certificates, its own first. Read at the start: renew it, then start again.
    pub chain: PathBuf,
    /// The PEM file of its key.
    pub key: PathBuf,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            port: GATEWAY_PORT,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            keys: false,
            tls: None,
            admin_port: GATEWAY_PORT + 1,
        }
    }
}

impl Gateway {
    /// Refuses what would let strangers spend.
    pub(super) fn checked(&self) -> Result<(), ConfigError> {
        if self.keys || self.address.is_loopback() {
            return Ok(());
        }
        Err(ConfigError::Open {
            address: self.address,
        })
    }
}
