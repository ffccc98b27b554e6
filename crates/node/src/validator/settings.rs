//! `validator.toml`: all that a validator needs to know, and what is wrong with it, line by line.
//!
//! The file is read whole before anything is said, so that one look shows all there is to mend.

use std::{
    fs,
    net::{SocketAddr, ToSocketAddrs},
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

use llmnet_chain::config::{Keep, Pacing, ValidatorConfig};
use llmnet_ledger::Genesis;
use llmnet_types::signature::{PrivateKey, PublicKey};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{NODE_KEY, Plan};
use crate::keystore::{self, Fault, KeyError};

/// The most bytes of the file.
const FILE_LENGTH_MAX: u64 = 256 * 1024;
/// The most bytes of a genesis: all it may hold, as indented JSON.
const GENESIS_LENGTH_MAX: u64 = 16 * 1024 * 1024;
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

/// Something in the file that cannot stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to write or do instead.
    pub mend: String,
}

/// All that is wrong with a file of settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes {
    /// The file.
    pub file: String,
    /// In the order of lines.
    pub list: Vec<Mistake>,
}

impl std::fmt::Display for Mistakes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let many = self.list.len();
        write!(f, "{many} to mend before this validator can run")?;
        for Mistake { line, what, mend } in &self.list {
            write!(f, "\n{}:{line}: {what}; {mend}", self.file)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

impl Settings {
    /// Reads and checks a file of settings, and the files it names as far as that goes without a passphrase.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn read(path: &Path) -> Result<Self, Mistakes> {
        let file = path.display().to_string();
        let text = read(path, FILE_LENGTH_MAX).map_err(|what| Mistakes {
            file: file.clone(),
            list: vec![Mistake {
                line: 1,
                what,
                mend: "llmnet validator init makes one; --dir names the directory it is in".into(),
            }],
        })?;
        let mut reader = Reader {
            text: &text,
            folder: path.parent().unwrap_or(Path::new(".")),
            mistakes: Vec::new(),
        };
        let settings = reader.settings();
        let mut list = reader.mistakes;
        list.sort_by_key(|mistake| mistake.line);
        match settings {
            Some(settings) if list.is_empty() => Ok(settings),
            _ => Err(Mistakes { file, list }),
        }
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

/// A file's text, or what is wrong with it.
fn read(path: &Path, limit: u64) -> Result<String, String> {
    let shown = path.display();
    let length = fs::metadata(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    if length.len() > limit {
        return Err(format!("{shown} has more than {limit} bytes"));
    }
    fs::read_to_string(path).map_err(|error| format!("cannot read {shown}: {error}"))
}

struct Reader<'a> {
    text: &'a str,
    folder: &'a Path,
    mistakes: Vec<Mistake>,
}

type Value<'a> = Spanned<DeValue<'a>>;

impl<'a> Reader<'a> {
    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.as_bytes().iter().take(span.start);
        1 + before.filter(|byte| **byte == b'\n').count()
    }

    fn wrong(&mut self, span: &Range<usize>, what: impl Into<String>, mend: impl Into<String>) {
        let line = self.line(span);
        let (what, mend) = (what.into(), mend.into());
        self.mistakes.push(Mistake { line, what, mend });
    }

    fn settings(&mut self) -> Option<Settings> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            let span = error.span().unwrap_or_default();
            let message = error.message().replace('\n', ", ");
            self.wrong(
                &span,
                format!("it is no TOML: {message}"),
                "write NAME = VALUE",
            );
        }
        if !errors.is_empty() {
            return None;
        }
        let table = table.get_ref();
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
        let genesis = genesis.and_then(|(span, path)| self.genesis(&span, &path, node, &peers));
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

    fn unknown(&mut self, table: &DeTable<'a>, known: &[&str]) {
        for name in table.keys() {
            if !known.contains(&name.get_ref().as_ref()) {
                let what = format!("there is no setting {}", name.get_ref());
                self.wrong(
                    &name.span(),
                    what,
                    format!("there are {}", known.join(", ")),
                );
            }
        }
    }

    /// A value that must be there.
    fn needed<'t>(
        &mut self,
        table: &'t DeTable<'a>,
        name: &str,
        at: Range<usize>,
    ) -> Option<&'t Value<'a>> {
        let value = table.get(name);
        if value.is_none() {
            self.wrong(
                &at,
                format!("{name} is missing"),
                format!("add a line {name} = …"),
            );
        }
        value
    }

    fn text<'t>(&mut self, name: &str, value: &'t Value<'a>) -> Option<&'t str> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            let what = format!("{name} is {}, not text", value.get_ref().type_str());
            self.wrong(&value.span(), what, format!("write {name} = \"…\""));
        }
        text
    }

    fn public_key(&mut self, name: &str, value: &Value<'a>) -> Option<PublicKey> {
        let key = self.text(name, value)?.parse().ok();
        if key.is_none() {
            self.wrong(
                &value.span(),
                format!("{name} is no public key"),
                "write its 64 hexadecimal digits: its founder.json has them",
            );
        }
        key
    }

    fn node(&mut self, table: &DeTable<'a>) -> Option<PublicKey> {
        let value = self.needed(table, "node", 0..0)?;
        self.public_key("node", value)
    }

    fn path(&mut self, table: &DeTable<'a>, name: &str) -> Option<(Range<usize>, PathBuf)> {
        let value = self.needed(table, name, 0..0)?;
        let text = self.text(name, value)?;
        if text.is_empty() {
            self.wrong(
                &value.span(),
                format!("{name} is empty"),
                "name a file or directory",
            );
            return None;
        }
        Some((value.span(), self.folder.join(text)))
    }

    fn socket(&mut self, table: &DeTable<'a>, name: &str, is_needed: bool) -> Option<SocketAddr> {
        let value = match is_needed {
            true => self.needed(table, name, 0..0)?,
            false => table.get(name)?,
        };
        let text = self.text(name, value)?;
        match text.parse::<SocketAddr>() {
            Ok(address) if address.port() > 0 => Some(address),
            _ => {
                let what = format!("{name} is {text:?}, no address to listen on");
                let mend = "write IP:PORT, such as 127.0.0.1:7272, or 0.0.0.0:7272 for all of this \
                            machine's addresses";
                self.wrong(&value.span(), what, mend);
                None
            }
        }
    }

    fn integer(&mut self, table: &DeTable<'a>, name: &str, bounds: (i64, i64)) -> Option<i64> {
        let value = table.get(name)?;
        let found = value.get_ref().as_integer();
        let found = found
            .and_then(|integer| i64::from_str_radix(integer.as_str(), integer.radix()).ok())
            .filter(|found| (bounds.0..=bounds.1).contains(found));
        if found.is_none() {
            let what = format!("{name} is no number from {} to {}", bounds.0, bounds.1);
            self.wrong(&value.span(), what, "write one, or leave the line out");
        }
        found
    }

    fn keep(&mut self, table: &DeTable<'a>) -> Keep {
        let blocks = self.integer(table, "blocks", (BLOCKS_MIN, 1 << 40));
        let archive = table.get("archive").and_then(|value| {
            let found = value.get_ref().as_bool();
            if found.is_none() {
                let what = format!("archive is {}", value.get_ref().type_str());
                self.wrong(&value.span(), what, "write true or false");
            }
            found
        });
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

    fn resolve(&mut self, value: &Value<'a>) -> Option<SocketAddr> {
        let text = self.text("address", value)?;
        let found = text
            .to_socket_addrs()
            .ok()
            .and_then(|mut found| found.next());
        if found.is_none() {
            let what = format!("address {text:?} leads nowhere");
            self.wrong(
                &value.span(),
                what,
                "write IP:PORT, or HOST:PORT of a host that is known here",
            );
        }
        found
    }

    /// What can be told of the key without its passphrase.
    fn check_key(&mut self, span: &Range<usize>, path: &Path) {
        if let Err(error) = keystore::look(path) {
            let what = match &error {
                KeyError::Io { source, .. } => format!("{error}: {source}"),
                error => error.to_string(),
            };
            self.wrong(span, what, mend(&error));
        }
    }

    fn genesis(
        &mut self,
        span: &Range<usize>,
        path: &Path,
        node: Option<PublicKey>,
        peers: &[(PublicKey, SocketAddr)],
    ) -> Option<Genesis> {
        let read = read(path, GENESIS_LENGTH_MAX).and_then(|text| {
            let genesis = Genesis::from_json(&text);
            genesis.map_err(|error| format!("{}: {error}", path.display()))
        });
        let genesis = match read {
            Ok(genesis) => genesis,
            Err(what) => {
                let mend = "put the network's genesis there: llmnet genesis makes it of all \
                            founders' files";
                self.wrong(span, what, mend);
                return None;
            }
        };
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

/// What to do about a key.
pub fn mend(error: &KeyError) -> &'static str {
    match error {
        KeyError::Io { .. } => "name the file of an encrypted key that this user may read",
        KeyError::Exposed { .. } => {
            "take it from others with chmod 600, and make a new key if any of them may have read it"
        }
        KeyError::Exists { .. } => {
            "name another directory, or move that file away if it is not needed"
        }
        KeyError::Fault { fault, .. } => match fault {
            Fault::NotEncrypted | Fault::Scheme => {
                "encrypt it: openssl pkcs8 -topk8 -scrypt -in OLD -out NEW"
            }
            Fault::Passphrase => "try its passphrase again, or restore the file from its backup",
            Fault::Cost { .. } => "do not trust who made it; a key of your own costs less",
            Fault::Algorithm(_) | Fault::Malformed(_) => {
                "restore it from its backup; llmnet validator init makes such files"
            }
        },
        KeyError::Randomness(_) => "look what is wrong with this system before you make keys on it",
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
