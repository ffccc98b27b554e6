//! `coordinator.toml`: all that a coordinator of its own needs to know.

use std::{
    net::SocketAddr,
    ops::Range,
    path::{Path, PathBuf},
};

use llmnet_ledger::Genesis;
use llmnet_types::{
    bond::ADDRESS_LENGTH_MAX,
    codec::Text,
    signature::{PrivateKey, PublicKey},
    units::Amount,
};
use serde::Deserialize;
use toml::de::DeTable;

use crate::{
    config::{self, Embedding, Gateway},
    directory::{self, Files, GENESIS, InitError, Made, NODE_KEY},
    keystore::Passphrase,
    settings::{Mistakes, Reader, Value, read_settings},
};

/// What is in a coordinator's directory, beside its own key and the network: the settings, and the key of the account
/// that the gateway orders from.
pub const FILES: Files = Files {
    settings: "coordinator.toml",
    account: "requester",
    account_key: "requester.key",
};

const TOP: [&str; 13] = [
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
    "gateway",
    "embedding",
];
const GATEWAY: [&str; 3] = ["keys", "admin_port", "tls"];
const TLS: [&str; 3] = ["name", "chain", "key"];

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
    /// Where the API is served, and to whom.
    pub gateway: Gateway,
    /// Where respondents' links are taken.
    pub listen: SocketAddr,
    /// Where respondents reach that, as the ledger is told.
    pub address: Text<ADDRESS_LENGTH_MAX>,
    /// What it posts.
    pub bond: Amount,
    /// Whether panels are waited for as long as slow models need.
    pub patient: bool,
    /// What makes vectors, if anything does.
    pub embedding: Option<Embedding>,
}

/// The part of the file that is about vectors.
#[derive(Deserialize)]
struct OfEmbedding {
    embedding: Embedding,
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

/// Makes a coordinator's directory with these keys: its own, and that of the account that the gateway orders from.
/// Nothing that is there is ever written over.
///
/// # Errors
/// See [`InitError`].
pub fn init(
    plan: &Plan,
    keys: (&PrivateKey, &PrivateKey),
    passphrase: &Passphrase,
) -> Result<Made, InitError> {
    let place = (plan.directory.as_path(), FILES);
    directory::init(place, keys, passphrase, &plan.genesis, |node| {
        template(node, plan)
    })
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
        let gateway = self.gateway(table);
        let listen = self.socket(table, "listen", true);
        let address = self.address(table, 0..0);
        let bond = self.credits(table, "bond");
        let patient = self.truth(table, "patient");
        let embedding = self.embedding(table);
        for (span, path) in keys.iter().flatten() {
            self.check_key(span, path);
        }
        let genesis = genesis.and_then(|(span, path)| self.genesis(&span, &path));
        let gateway = http.map(|http| Gateway {
            address: http.ip(),
            port: http.port(),
            ..gateway
        });
        if gateway
            .as_ref()
            .is_some_and(|gateway| !gateway.is_guarded())
        {
            let span = table.get("http").map(Value::span).unwrap_or_default();
            let mend = "take 127.0.0.1, or add [gateway] with keys = true";
            self.wrong(
                &span,
                "http can be reached from elsewhere, and asks for no keys",
                mend,
            );
        }
        let [key, requester_key] = keys;
        Some(Settings {
            node: node?,
            key: key?.1,
            requester_key: requester_key?.1,
            genesis: genesis?,
            nodes: nodes?,
            data: data?.1,
            gateway: gateway?,
            listen: listen?,
            address: address?,
            bond: bond?,
            patient: patient.unwrap_or(true),
            embedding,
        })
    }

    fn embedding(&mut self, table: &DeTable<'a>) -> Option<Embedding> {
        let mend = "write an [embedding] as docs/API.md shows under Embeddings";
        let OfEmbedding { mut embedding } = self.part(table.get("embedding")?, mend)?;
        embedding.resolve(self.folder);
        Some(embedding)
    }

    /// Whom the gateway lets in, and how it proves its name.
    fn gateway(&mut self, table: &DeTable<'a>) -> Gateway {
        let mut gateway = Gateway::default();
        if let Some(found) = self.table_of(table, "gateway") {
            self.unknown(found, &GATEWAY);
            gateway.keys = self.truth(found, "keys").unwrap_or_default();
            let port = self.integer(found, "admin_port", (0, 65_535));
            if let Some(port) = port.and_then(|port| u16::try_from(port).ok()) {
                gateway.admin_port = port;
            }
            let span = found.get("tls").map(Value::span).unwrap_or_default();
            let tls = self.table_of(found, "tls");
            gateway.tls = tls.and_then(|tls| self.tls(tls, span));
        }
        gateway
    }

    fn tls(&mut self, table: &DeTable<'a>, span: Range<usize>) -> Option<config::gateway::Tls> {
        self.unknown(table, &TLS);
        let name = self.needed(table, "name", span);
        let name = name.and_then(|name| self.text("name", name).map(str::to_owned));
        let [chain, key] = ["chain", "key"].map(|name| self.path(table, name));
        Some(config::gateway::Tls {
            name: name?,
            chain: chain?.1,
            key: key?.1,
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
requester_key = "{account_key}"

# The network, and nodes of it that answer queries, asked in this order: your own, or whose owner answers for them.
genesis = "{GENESIS}"
nodes = {nodes}

# Where slots, orders and receipts are kept. Without it, what was promised and not settled is lost.
data = "data"

# Where the API is served: anywhere but on loopback only to those with an API key, as [gateway] below says.
http = "{http}"

# Where respondents link to: on this machine, and as they reach it, which the ledger is told.
listen = "{listen}"
address = "{address}"

# Credits that stand for this coordinator's honesty.
bond = "{bond}"

# true gives panels the time that models need; false where all respondents look things up.
patient = {patient}

# Who may ask. Whoever does spends from the line of this gateway, so strangers are let in by keys alone: they are
# made and taken away at 127.0.0.1, while it runs (docs/API.md). Certificates that are renewed are taken up.
#
# [gateway]
# keys = true
# admin_port = {admin_port}
#
# [gateway.tls]          # else plain HTTP, where whoever listens in learns the keys
# name = "llm.example.org"
# chain = "/etc/llmnet/chain.pem"
# key = "/etc/llmnet/key.pem"

# What makes vectors for /v1/embeddings: a server of yours, for which nobody else is paid.
#
# [embedding]
# name = "text-embedding-3-small"
# api = "openai"
# key = "env::OPENAI_API_KEY"
"#,
        admin_port = Gateway::default().admin_port,
        bond = plan.bond.credits(),
        account_key = FILES.account_key,
    )
}

#[cfg(test)]
mod tests;
