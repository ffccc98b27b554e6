//! `coordinator.toml`: all that a coordinator of its own needs to know.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use llmnet_ledger::Genesis;
use llmnet_types::{
    bond::ADDRESS_LENGTH_MAX,
    codec::Text,
    id::NetworkId,
    signature::{PrivateKey, PublicKey},
    units::Amount,
};
use toml::de::DeTable;

use crate::{
    directory::{self, InitError},
    keystore::{self, Passphrase},
    settings::{Mistakes, Reader, read_settings},
};

/// The file of settings in a coordinator's directory.
pub const SETTINGS: &str = "coordinator.toml";
/// The key that coordinates, and owns the bond.
pub const NODE_KEY: &str = "node.key";
/// The key of the account that the gateway orders from.
pub const REQUESTER_KEY: &str = "requester.key";
/// The network.
pub const GENESIS: &str = "genesis.json";

const TOP: [&str; 11] = [
    "node",
    "key",
    "requester_key",
    "genesis",
    "nodes",
    "data",
    "http",
    "listen",
    "address",
    "bond",
    "patient",
];

/// A coordinator's settings, all of them checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The public key of the node.
    pub node: PublicKey,
    /// The file of its secret key.
    pub key: PathBuf,
    /// The file of the secret key of the gateway's account.
    pub requester_key: PathBuf,
    /// The network.
    pub genesis: Genesis,
    /// Nodes of the network, asked in this order.
    pub nodes: Vec<String>,
    /// Where slots, orders and receipts are kept.
    pub data: PathBuf,
    /// Where the gateway listens.
    pub http: SocketAddr,
    /// Where respondents' links are taken.
    pub listen: SocketAddr,
    /// Where respondents reach that, as the ledger is told.
    pub address: Text<ADDRESS_LENGTH_MAX>,
    /// What it posts.
    pub bond: Amount,
    /// Whether panels are waited for as long as slow models need.
    pub patient: bool,
}

/// What a new coordinator is made of.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where: a directory that is empty or not there.
    pub directory: PathBuf,
    /// The network.
    pub genesis: Genesis,
    /// Nodes of it.
    pub nodes: Vec<String>,
    /// Where the gateway listens.
    pub http: SocketAddr,
    /// Where respondents' links are taken.
    pub listen: SocketAddr,
    /// Where respondents reach that.
    pub address: Text<ADDRESS_LENGTH_MAX>,
    /// What it posts.
    pub bond: Amount,
    /// Whether panels are waited for as long as slow models need.
    pub patient: bool,
}

/// A coordinator that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// Its network.
    pub network: NetworkId,
    /// The key that coordinates.
    pub node: PublicKey,
    /// The account that the gateway orders from.
    pub requester: PublicKey,
}

/// Makes a coordinator's directory with new keys. Nothing that is there is ever written over.
///
/// # Errors
/// See [`InitError`].
pub fn init(
    plan: &Plan,
    (node, requester): (&PrivateKey, &PrivateKey),
    passphrase: &Passphrase,
) -> Result<Made, InitError> {
    let path = |name| plan.directory.join(name);
    directory::make(&plan.directory, &[SETTINGS, NODE_KEY, REQUESTER_KEY])?;
    keystore::write(&path(NODE_KEY), node, passphrase)?;
    keystore::write(&path(REQUESTER_KEY), requester, passphrase)?;
    let made = Made {
        network: plan.genesis.id(),
        node: node.public_key(),
        requester: requester.public_key(),
    };
    directory::write(&path(GENESIS), &plan.genesis.to_json())?;
    directory::write(&path(SETTINGS), &template(&made.node, plan))?;
    Ok(made)
}

impl Settings {
    /// Reads and checks a file of settings, and the files it names as far as that goes without a passphrase.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn read(path: &Path) -> Result<Self, Mistakes> {
        read_settings(path, "coordinator", |reader, table| {
            reader.coordinator(table)
        })
    }
}

impl<'a> Reader<'a> {
    fn coordinator(&mut self, table: &DeTable<'a>) -> Option<Settings> {
        self.unknown(table, &TOP);
        let node = self.node(table);
        let keys = ["key", "requester_key"].map(|name| self.path(table, name));
        let genesis = self.path(table, "genesis");
        let nodes = self.nodes(table);
        let data = self.path(table, "data");
        let http = self.socket(table, "http", true);
        let listen = self.socket(table, "listen", true);
        let address = self.address(table, 0..0);
        let bond = self.credits(table, "bond");
        let patient = self.truth(table, "patient");
        for (span, path) in keys.iter().flatten() {
            self.check_key(span, path);
        }
        let genesis = genesis.and_then(|(span, path)| self.genesis(&span, &path));
        let [key, requester_key] = keys;
        Some(Settings {
            node: node?,
            key: key?.1,
            requester_key: requester_key?.1,
            genesis: genesis?,
            nodes: nodes?,
            data: data?.1,
            http: http?,
            listen: listen?,
            address: address?,
            bond: bond?,
            patient: patient.unwrap_or(true),
        })
    }
}

/// The settings of a new coordinator, each with its meaning.
fn template(node: &PublicKey, plan: &Plan) -> String {
    let nodes = serde_json::to_string(&plan.nodes).expect("plain text");
    let Plan {
        http,
        listen,
        address,
        patient,
        ..
    } = plan;
    format!(
        r#"# A coordinator of LLM-Net: it selects panels, settles what they earn, and serves the API.
# docs/OPERATING.md tells how to run one. Paths are relative to this file.

# The public key of this coordinator. The key in `key` must be its other half.
node = "{node}"

# Its secret key: PKCS#8, encrypted. It signs receipts and settlements, and owns the bond.
key = "{NODE_KEY}"

# The key of the account that the gateway orders from: most of its money is locked in a line.
requester_key = "{REQUESTER_KEY}"

# The network, and nodes of it that answer queries, asked in this order: your own, or whose owner answers for them.
genesis = "{GENESIS}"
nodes = {nodes}

# Where slots, orders and receipts are kept. Without it, what was promised and not settled is lost.
data = "data"

# Where the API is served, to whoever can reach it. Put a proxy that has TLS before any but loopback.
http = "{http}"

# Where respondents link to: on this machine, and as they reach it, which the ledger is told.
listen = "{listen}"
address = "{address}"

# Credits that stand for this coordinator's honesty.
bond = "{bond}"

# true gives panels the time that models need; false where all respondents look things up.
patient = {patient}
"#,
        bond = plan.bond.credits(),
    )
}
