//! `[gateway]` of `llmnet.toml`: where questions come in, and from whom.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
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
    /// A PEM file of certificates, its own first. Renewed ones are taken up within seconds.
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
    /// Where clients on this machine find it, once it has a port.
    pub(crate) fn local(&self, port: u16) -> SocketAddr {
        let address = match self.address.is_unspecified() {
            true => IpAddr::V4(Ipv4Addr::LOCALHOST),
            false => self.address,
        };
        SocketAddr::from((address, port))
    }

    /// What they call it.
    pub(crate) fn url(&self, port: u16) -> String {
        match &self.tls {
            Some(tls) => format!("https://{}:{port}", tls.name),
            None => format!("http://{}", self.local(port)),
        }
    }

    /// Whether nobody can spend who is not known: strangers reach no gateway that asks for no keys.
    pub(crate) const fn is_guarded(&self) -> bool {
        self.keys || self.address.is_loopback()
    }

    /// Refuses what would let strangers spend.
    pub(super) fn checked(&self) -> Result<(), ConfigError> {
        if self.is_guarded() {
            return Ok(());
        }
        Err(ConfigError::Open {
            address: self.address,
        })
    }
}
