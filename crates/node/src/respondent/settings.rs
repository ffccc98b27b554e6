//! `respondent.toml`: all that a respondent of its own needs to know.

use std::{
    net::SocketAddr,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use llmnet_ledger::Genesis;
use llmnet_model::backend::api::Api;
use llmnet_types::{
    domain::Domain,
    signature::{PrivateKey, PublicKey},
    units::Amount,
};
use serde::Deserialize;
use toml::de::DeTable;

use super::{backing::Backing, coordinators::Named, documents::Documents};
use crate::{
    config::Model,
    directory::{self, Files, GENESIS, InitError, Made, NODE_KEY},
    experts::{self, RESPONDENTS},
    keys::Keys,
    keystore::Passphrase,
    models::{self, Environment},
    settings::{Mistakes, Reader, Value, read_settings},
    stores,
    transport::dialing::COORDINATORS_MAX,
};

/// What is in a respondent's directory, beside its own key and the network: the settings, and the key of the account
/// that owns the bond and is paid.
pub const FILES: Files = Files {
    settings: "respondent.toml",
    account: "operator",
    account_key: "operator.key",
};
/// The directory of what it keeps, where the settings say no other.
pub const DATA: &str = "data";

const TOP: [&str; 12] = [
    "node",
    "key",
    "operator_key",
    "genesis",
    "nodes",
    "data",
    "http",
    "bond",
    "expert",
    "knowledge",
    "model",
    "coordinator",
];
const COORDINATOR: [&str; 2] = ["node", "address"];

/// A respondent's settings, all of them checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The public key of the node.
    pub node: PublicKey,
    /// The file of its secret key.
    pub key: PathBuf,
    /// The file of its operator's secret key, which need not be on this machine.
    pub operator_key: PathBuf,
    /// The network.
    pub genesis: Genesis,
    /// Nodes of the network, asked in this order.
    pub nodes: Vec<String>,
    /// Where it keeps what coordinators owe it.
    pub data: PathBuf,
    /// Where it tells how it is; nowhere if absent.
    pub http: Option<SocketAddr>,
    /// What it posts for each domain.
    pub bond: Amount,
    /// What answers.
    pub source: Source,
    /// Whom it serves; all that the ledger lists where none is named.
    pub coordinators: Named,
}

/// What answers for a respondent.
#[derive(Debug, Clone)]
pub enum Source {
    /// An expert in the box, by its name.
    Expert(String),
    /// A language model.
    Model(Box<Model>),
    /// Documents that `llmnet knowledge` keeps in the respondent's directory.
    Documents {
        /// What they are of: the expert's name, and its domain.
        expert: Domain,
        /// Their store.
        store: PathBuf,
    },
}

/// What a new respondent is made of.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where: a directory that is empty or not there.
    pub directory: PathBuf,
    /// The network.
    pub genesis: Genesis,
    /// Nodes of it.
    pub nodes: Vec<String>,
    /// Where it tells how it is.
    pub http: SocketAddr,
    /// What it posts for each domain.
    pub bond: Amount,
    /// What answers.
    pub source: PlannedSource,
    /// Whom it serves; all that the ledger lists where none is named.
    pub coordinators: Named,
}

/// What is to answer for a new respondent.
#[derive(Debug, Clone)]
pub enum PlannedSource {
    /// An expert in the box, by its name.
    Expert(String),
    /// A language model; more is said in the settings.
    Model {
        /// As its server knows it.
        name: String,
        /// What its server speaks.
        api: Option<Api>,
        /// Where its server is.
        base_url: Option<String>,
        /// Where its key is: `env::NAME` or `file::PATH`.
        key: Option<String>,
        /// What it answers about.
        domains: Vec<Domain>,
    },
    /// Documents that `llmnet knowledge` keeps in the respondent's directory under this name.
    Documents(Domain),
}

/// Makes a respondent's directory with these keys: its own, and that of the account that owns the bond and is paid.
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
        read_settings(path, "respondent", |reader, table| reader.respondent(table))
    }
}

impl Source {
    /// What answers, made ready. An expert's documents are salted with a secret that its key gives.
    ///
    /// # Errors
    /// A model's key cannot be had, or its settings make no client.
    pub fn backing(
        &self,
        key: &PrivateKey,
        environment: Environment<'_>,
    ) -> anyhow::Result<Backing> {
        Ok(match self {
            Self::Expert(name) => {
                let keys = Keys::new(key.to_seed());
                Backing::expert(experts::named(&keys, name)?)
            }
            Self::Model(model) => {
                let source = models::configured(model, FILES.settings, environment)?;
                Backing::model(source, &experts::domains()?)
            }
            Self::Documents { expert, store } => {
                let documents = Documents::new(Arc::new(stores::open(store)?), experts::sample()?);
                let corpus = documents.store().proofs()?.registration();
                let corpus = corpus.with_context(|| NoDocuments(expert.clone()))?;
                Backing::documents(Arc::new(documents), expert.clone(), corpus)
            }
        })
    }
}

/// A store that nothing was added to.
#[derive(Debug, thiserror::Error)]
#[error(
    "there are no documents of {0} yet; llmnet knowledge add FILES --expert {0} takes some in, with the --dir of this respondent"
)]
pub struct NoDocuments(Domain);

/// The part of the file that is a model's.
#[derive(Deserialize)]
struct OfModel {
    model: Model,
}

impl<'a> Reader<'a> {
    fn respondent(&mut self, table: &DeTable<'a>) -> Option<Settings> {
        self.unknown(table, &TOP);
        let node = self.node(table);
        let key = self.path(table, "key");
        // The operator's is better kept elsewhere.
        let operator_key = self.path(table, "operator_key");
        let genesis = self.path(table, "genesis");
        let nodes = self.nodes(table);
        // Files of before there was any have no line for it.
        let data = match table.contains_key("data") {
            true => self.path(table, "data").map(|(_, path)| path),
            false => Some(self.folder.join(DATA)),
        };
        let http = self.socket(table, "http", false);
        let bond = self.credits(table, "bond");
        let source = self.source(table);
        let coordinators = self.coordinators(table);
        if let Some((span, path)) = &key {
            self.check_key(span, path);
        }
        let genesis = genesis.and_then(|(span, path)| self.genesis(&span, &path));
        Some(Settings {
            node: node?,
            key: key?.1,
            operator_key: operator_key?.1,
            genesis: genesis?,
            nodes: nodes?,
            data: data?,
            http,
            bond: bond?,
            source: source?,
            coordinators,
        })
    }

    fn source(&mut self, table: &DeTable<'a>) -> Option<Source> {
        let one = "write one of expert = \"NAME\", knowledge = \"NAME\" and a table [model]";
        let said = ["expert", "knowledge", "model"].map(|name| table.get(name));
        match said {
            [Some(expert), None, None] => {
                let name = self.text("expert", expert)?;
                if !RESPONDENTS.contains(&name) {
                    let mend = format!("write one of {}", RESPONDENTS.join(", "));
                    self.wrong(&expert.span(), format!("there is no expert {name:?}"), mend);
                    return None;
                }
                Some(Source::Expert(name.to_owned()))
            }
            [None, Some(knowledge), None] => {
                let name = self.text("knowledge", knowledge)?;
                let Ok(expert) = Domain::new(name) else {
                    let what = format!("knowledge = {name:?} is no name of an expert");
                    let mend = "write the name that llmnet knowledge was given as --expert";
                    self.wrong(&knowledge.span(), what, mend);
                    return None;
                };
                let store = stores::path(&stores::folder(self.folder), &expert);
                Some(Source::Documents { expert, store })
            }
            [None, None, Some(model)] => {
                let mend = "write a [model] as README.md shows under Real models";
                let OfModel { mut model } = self.part(model, mend)?;
                model.resolve(self.folder);
                Some(Source::Model(Box::new(model)))
            }
            [None, None, None] => {
                self.wrong(&(0..0), "nothing answers", one);
                None
            }
            several => {
                let last = several.into_iter().flatten().next_back();
                let span = last.map(Value::span).unwrap_or_default();
                self.wrong(&span, "more than one thing answers", one);
                None
            }
        }
    }

    fn coordinators(&mut self, table: &DeTable<'a>) -> Named {
        let mut coordinators = Named::new();
        let Some(value) = table.get("coordinator") else {
            return coordinators;
        };
        let list = value.get_ref().as_array();
        let tables = list.map(|list| {
            list.iter()
                .map(|one| (one.span(), one.get_ref().as_table()))
        });
        let Some(tables) = tables else {
            self.wrong(&value.span(), "coordinator is no list", ADD);
            return coordinators;
        };
        for (span, table) in tables {
            let found = table.and_then(|table| self.coordinator_at(table, span.clone()));
            let Some((node, address)) = found else {
                continue;
            };
            if coordinators.insert(node, address).is_some() {
                let what = format!("coordinator {} stands here twice", node.short());
                self.wrong(&span, what, "take one of them out");
            }
        }
        if coordinators.len() > COORDINATORS_MAX {
            let what = format!("there are more than {COORDINATORS_MAX} coordinators");
            self.wrong(&value.span(), what, "take some out");
        }
        coordinators
    }

    fn coordinator_at(
        &mut self,
        table: &DeTable<'a>,
        span: Range<usize>,
    ) -> Option<(PublicKey, Option<String>)> {
        self.unknown(table, &COORDINATOR);
        let node = self.needed(table, "node", span.clone());
        let node = node.and_then(|node| self.public_key("node", node));
        if table.get("address").is_none() {
            return Some((node?, None));
        }
        let address = self.address(table, span);
        Some((node?, Some(address?.to_string())))
    }
}

const ADD: &str =
    "write [[coordinator]] with its node, or leave it out to serve all that the ledger lists";

/// What the settings say of coordinators.
const COORDINATORS: &str = r#"
# Whom it serves: every coordinator that the ledger lists, wherever it moves. It dials them, so it can be behind a
# router. With tables such as this one it serves those named so and nobody else; with an address, it dials there
# whatever the ledger says.
#
# [[coordinator]]
# node = "the public key of the coordinator"
# address = "coordinator.example:7373"
"#;

/// The settings of a new respondent, each with its meaning.
fn template(node: &PublicKey, plan: &Plan) -> String {
    let nodes = serde_json::to_string(&plan.nodes).expect("plain text");
    let Plan { http, bond, .. } = plan;
    let mut text = format!(
        r#"# A respondent of LLM-Net: it answers for pay. docs/OPERATING.md tells how to join a network with it, and how to
# leave. Paths are relative to this file.

# The public key of this respondent. The key in `key` must be its other half.
node = "{node}"

# Its secret key: PKCS#8, encrypted. Its reputation belongs to it: back it up. Never run it on two machines.
key = "{NODE_KEY}"

# The key that owns the bond and is paid: needed to join and to leave, and better kept where no server is.
operator_key = "{account_key}"

# The network, and nodes of it that answer queries, asked in this order: your own, or whose owner answers for them.
genesis = "{GENESIS}"
nodes = {nodes}

# Where it keeps what coordinators owe it. Without it, that is paid when the windows close, and not at once.
data = "{DATA}"

# Where it tells how it is, for `llmnet respondent status`. Without this line, nowhere.
http = "{http}"

# Credits to post for each domain. They return six epochs after it left.
bond = "{bond}"
"#,
        bond = bond.credits(),
        account_key = FILES.account_key,
    );
    match &plan.source {
        PlannedSource::Expert(name) => {
            let names = RESPONDENTS.join(", ");
            text.push_str(&format!(
                "\n# What answers: an expert in the box ({names}); or knowledge = \"NAME\", or a table [model] instead.\nexpert = \"{name}\"\n"
            ));
        }
        PlannedSource::Documents(expert) => {
            text.push_str(&format!(
                "\n# What answers: the documents that llmnet knowledge --expert {expert} keeps in this directory. What is added and\n\
                 # removed is announced while it runs, by the operator's key.\nknowledge = \"{expert}\"\n"
            ));
        }
        PlannedSource::Model {
            name,
            api,
            base_url,
            key,
            domains,
        } => {
            let quoted = |text: &str| serde_json::Value::from(text).to_string();
            text.push_str(&format!(
                "\n# What answers; README.md tells of price, limits and timeouts.\n[model]\nname = {}\n",
                quoted(name)
            ));
            if let Some(api) = api {
                text.push_str(&format!("api = {}\n", quoted(&api.to_string())));
            }
            if let Some(base_url) = base_url {
                text.push_str(&format!("base_url = {}\n", quoted(base_url)));
            }
            if let Some(key) = key {
                text.push_str(&format!("key = {}\n", quoted(key)));
            }
            if !domains.is_empty() {
                let domains: Vec<_> = domains.iter().map(ToString::to_string).collect();
                let domains = serde_json::to_string(&domains).expect("plain text");
                text.push_str(&format!("domains = {domains}\n"));
            }
        }
    }
    text.push_str(COORDINATORS);
    for (node, address) in &plan.coordinators {
        text.push_str(&format!("\n[[coordinator]]\nnode = \"{node}\"\n"));
        if let Some(address) = address {
            text.push_str(&format!("address = \"{address}\"\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests;
