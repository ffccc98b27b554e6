//! `validator.toml`: all that a validator needs to know.

use std::{
    net::SocketAddr,
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

use llmnet_chain::config::{Keep, Pacing, ValidatorConfig};
use llmnet_ledger::Genesis;
use llmnet_types::signature::{PrivateKey, PublicKey};
use toml::de::DeTable;

use super::{NODE_KEY, Plan};
use crate::settings::{Mistakes, Reader, read_settings};

/// The fewest blocks kept: with fewer, nobody could catch up after a short stop.
const BLOCKS_MIN: i64 = 1_000;
/// Blocks are at least this far apart, in milliseconds: shorter is only heat.
const INTERVAL_MIN_MS: i64 = 10;
/// And at most this far: a failed leader is noticed one second after.
const INTERVAL_MAX_MS: i64 = 60_000;

const TOP: [&str; 11] = [
    "node",
    "key",
    "genesis",
    "data",
    "listen",
    "http",
    "archive",
    "blocks",
    "block_interval_ms",
    "idle_interval_ms",
    "peer",
];
const PEER: [&str; 2] = ["node", "address"];

/// A validator's settings, all of them checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The public key of the node.
    pub node: PublicKey,
    /// The file of its secret key.
    pub key: PathBuf,
    /// The network.
    pub genesis: Genesis,
    /// Where the chain is kept.
    pub data: PathBuf,
    /// Where it listens for other validators.
    pub listen: SocketAddr,
    /// Where it answers queries; nowhere if absent.
    pub http: Option<SocketAddr>,
    /// How much of the past it keeps.
    pub keep: Keep,
    /// How often blocks are made.
    pub pacing: Pacing,
    /// Where others are reached, before what the chain says of that.
    pub peers: Vec<(PublicKey, SocketAddr)>,
}

impl Settings {
    /// Reads and checks a file of settings, and the files it names as far as that goes without a passphrase.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn read(path: &Path) -> Result<Self, Mistakes> {
        read_settings(path, "validator", |reader, table| reader.validator(table))
    }

    /// What the chain is started with.
    pub fn config(&self, key: &PrivateKey) -> ValidatorConfig {
        ValidatorConfig {
            directory: self.data.clone(),
            seed: key.to_seed(),
            listen: self.listen,
            peers: self.peers.clone(),
            genesis: self.genesis.clone(),
            pacing: self.pacing,
            keep: self.keep,
        }
    }

    /// Whether the node is of the first committee.
    pub fn is_founder(&self) -> bool {
        let mut founders = self.genesis.validators.iter();
        founders.any(|validator| validator.node == self.node)
    }
}

impl<'a> Reader<'a> {
    fn validator(&mut self, table: &DeTable<'a>) -> Option<Settings> {
        self.unknown(table, &TOP);
        let node = self.node(table);
        let key = self.path(table, "key");
        let genesis = self.path(table, "genesis");
        let data = self.path(table, "data");
        let listen = self.socket(table, "listen", true);
        let http = self.socket(table, "http", false);
        let keep = self.keep(table);
        let pacing = self.pacing(table);
        let peers = self.peers(table, node);
        if let Some((span, path)) = &key {
            self.check_key(span, path);
        }
        let genesis = genesis.and_then(|(span, path)| self.founded(&span, &path, node, &peers));
        Some(Settings {
            node: node?,
            key: key?.1,
            genesis: genesis?,
            data: data?.1,
            listen: listen?,
            http,
            keep,
            pacing,
            peers,
        })
    }

    fn keep(&mut self, table: &DeTable<'a>) -> Keep {
        let blocks = self.integer(table, "blocks", (BLOCKS_MIN, 1 << 40));
        let archive = self.truth(table, "archive");
        match (archive, table.get("blocks")) {
            (Some(true), Some(blocks)) => {
                let what = "an archive keeps all blocks, not so many";
                self.wrong(&blocks.span(), what, "leave out blocks, or archive");
                Keep::Everything
            }
            (Some(true), None) => Keep::Everything,
            _ => blocks
                .and_then(|blocks| usize::try_from(blocks).ok())
                .map_or_else(Keep::default, Keep::Blocks),
        }
    }

    fn pacing(&mut self, table: &DeTable<'a>) -> Pacing {
        let mut interval = |name| {
            let found = self.integer(table, name, (INTERVAL_MIN_MS, INTERVAL_MAX_MS));
            found
                .and_then(|found| u64::try_from(found).ok())
                .map(Duration::from_millis)
        };
        let default = Pacing::default();
        Pacing {
            block_interval: interval("block_interval_ms").unwrap_or(default.block_interval),
            idle_interval: interval("idle_interval_ms").unwrap_or(default.idle_interval),
        }
    }

    fn peers(
        &mut self,
        table: &DeTable<'a>,
        own: Option<PublicKey>,
    ) -> Vec<(PublicKey, SocketAddr)> {
        let Some(value) = table.get("peer") else {
            return Vec::new();
        };
        let Some(list) = value.get_ref().as_array() else {
            let what = format!("peer is {}", value.get_ref().type_str());
            self.wrong(&value.span(), what, "begin each with a line [[peer]]");
            return Vec::new();
        };
        let mut peers: Vec<(PublicKey, SocketAddr)> = Vec::new();
        for value in list.iter() {
            let Some(table) = value.get_ref().as_table() else {
                self.wrong(
                    &value.span(),
                    "a peer is no table",
                    "begin each with a line [[peer]]",
                );
                continue;
            };
            self.unknown(table, &PEER);
            let node = self.needed(table, "node", value.span());
            let node = node.and_then(|node| self.public_key("node", node));
            let address = self.needed(table, "address", value.span());
            let address = address.and_then(|address| self.resolve(address));
            let Some(node) = node else { continue };
            if peers.iter().any(|(known, _)| *known == node) || own == Some(node) {
                let what = format!("peer {} stands here twice or is this node", node.short());
                self.wrong(&value.span(), what, "take one of them out");
            }
            peers.extend(address.map(|address| (node, address)));
        }
        peers
    }

    /// The genesis, from which the node must find the others.
    fn founded(
        &mut self,
        span: &Range<usize>,
        path: &Path,
        node: Option<PublicKey>,
        peers: &[(PublicKey, SocketAddr)],
    ) -> Option<Genesis> {
        let genesis = self.genesis(span, path)?;
        for validator in &genesis.validators {
            let is_told = peers.iter().any(|(key, _)| *key == validator.node);
            if validator.address.is_empty() && !is_told && node != Some(validator.node) {
                let what = format!("the genesis has no address of validator {}", validator.node);
                self.wrong(span, what, "add a [[peer]] with its node and address");
            }
        }
        let own = genesis
            .validators
            .iter()
            .any(|validator| Some(validator.node) == node);
        if !own && peers.is_empty() && genesis.validators.iter().all(|one| one.address.is_empty()) {
            self.wrong(
                span,
                "no other validator's address is known",
                "add a [[peer]]",
            );
        }
        Some(genesis)
    }
}

/// The settings of a new validator, each with its meaning.
pub(super) fn template(node: &PublicKey, plan: &Plan) -> String {
    let Plan { listen, http, .. } = plan;
    format!(
        r#"# A validator of LLM-Net. `llmnet validator check` says what is wrong here, line by line;
# docs/OPERATING.md tells how to found a network, join one, leave it. Paths are relative to this file.

# The public key of this validator. The key in `key` must be its other half.
node = "{node}"

# Its secret key: PKCS#8, encrypted. Never run one key on two machines: that is an offence, and costs bond.
key = "{NODE_KEY}"

# The network: the same file on all its validators.
genesis = "genesis.json"

# Where the chain is kept. Nobody else may use it.
data = "data"

# Where other validators reach this one. 0.0.0.0 is every address of this machine.
listen = "{listen}"

# Where it answers queries and takes transactions, without asking who asks. Without this line, nowhere.
http = "{http}"

# true keeps all blocks for ever; else about so many of the newest are kept.
archive = false
# blocks = 1000000

# The pause between blocks while transactions wait, and while none do; the same on all validators.
block_interval_ms = 50
idle_interval_ms = 1000

# Where others are reached, if not as genesis and chain say. Who joins a network names some in office.
# [[peer]]
# node = "…"
# address = "192.0.2.1:7272"
"#
    )
}

#[cfg(test)]
mod tests;
