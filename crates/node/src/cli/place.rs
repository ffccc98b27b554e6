//! Which network a new node is for, and by whom it is followed.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use clap::Args;
use llmnet_ledger::Genesis;
use llmnet_types::id::NetworkId;

use crate::remote::founded;

/// How long the network's nodes may take to show a final block.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A network elsewhere.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Elsewhere {
    /// A node of the network that answers queries, such as http://192.0.2.1:7171 (may be repeated)
    #[arg(long, value_name = "URL")]
    pub(super) url: Vec<String>,
    /// The network's id, from somebody you trust: the genesis comes from --url and must be this one's
    #[arg(long, value_name = "ID", conflicts_with = "genesis")]
    network: Option<NetworkId>,
    /// The network's genesis, in place of --network
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
}

impl Elsewhere {
    /// Whether anything is said.
    pub(super) fn is_said(&self) -> bool {
        !self.url.is_empty() || self.network.is_some() || self.genesis.is_some()
    }

    /// The genesis of the network that is meant.
    pub(super) async fn genesis(&self) -> anyhow::Result<Genesis> {
        if let Some(path) = &self.genesis {
            return read(path);
        }
        let Some(first) = self.url.first() else {
            anyhow::bail!(
                "no network is named; say --url http://HOST:PORT of one of its nodes, and --network ID"
            );
        };
        match self.network {
            Some(network) => founded::founded(&self.url, network).await,
            None => {
                let found = founded::told(first).await?.id();
                anyhow::bail!(
                    "{first} is a node of network {found}; if somebody you trust told you that id, say \
                     --network {found}"
                )
            }
        }
    }

    /// The same, where nothing is said the one in a directory.
    pub(super) async fn genesis_in(&self, directory: Option<&Path>) -> anyhow::Result<Genesis> {
        let file = directory.map(|directory| directory.join("genesis.json"));
        let silent = self.network.is_none() && self.genesis.is_none();
        match file.filter(|file| silent && file.exists()) {
            Some(file) => read(&file),
            None => self.genesis().await,
        }
    }

    /// The nodes, at least one.
    pub(super) fn nodes(&self) -> anyhow::Result<Vec<String>> {
        anyhow::ensure!(
            !self.url.is_empty(),
            "no node of the network is named; say --url http://HOST:PORT"
        );
        Ok(self.url.clone())
    }
}

fn read(path: &Path) -> anyhow::Result<Genesis> {
    let shown = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    Genesis::from_json(&text).with_context(|| format!("{shown} is no genesis"))
}
