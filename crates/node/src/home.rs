//! A network's directory: seed, genesis, data, and who is running it.
//!
//! ```text
//! DIR/version         what made it, and which network it is
//! DIR/seed            the secret that every key is derived from; readable by its owner only
//! DIR/genesis.json    the network
//! DIR/llmnet.toml     configuration, if any
//! DIR/chain/          a folder for each validator
//! DIR/coordinator.db  slots, orders, receipts
//! DIR/receipts/       receipt files that were asked for
//! DIR/lock, running.json   held and written while a network runs
//! ```

mod create;

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use llmnet_ledger::Genesis;
use llmnet_types::id::NetworkId;
use serde::{Deserialize, Serialize};

use crate::{
    config::{Config, ConfigError},
    experts,
    keys::Keys,
};

/// What this program's directories look like.
pub const LAYOUT: u32 = 1;
/// How many validators a local network has: the fewest that tolerate a faulty one.
pub const VALIDATORS: usize = 4;

/// A directory, locked for this process.
#[derive(Debug)]
pub struct Home {
    /// Where it is.
    pub path: PathBuf,
    /// Its configuration.
    pub config: Config,
    /// Its keys.
    pub keys: Keys,
    /// Its network.
    pub genesis: Genesis,
    _lock: File,
}

/// A network that runs in another process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Running {
    /// Its gateway.
    pub url: String,
    /// Its process.
    pub pid: u32,
}

/// Why a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// The file system says no.
    #[error("cannot {what} {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// Another process runs this network.
    #[error("the network of {path} is running already")]
    Busy {
        /// The directory.
        path: String,
    },
    /// Made by another version.
    #[error("{path} has layout {found:?}, this program knows layout \"llmnet {LAYOUT}\"")]
    Layout {
        /// The directory.
        path: String,
        /// What it says.
        found: String,
    },
    /// Its parts are of different networks.
    #[error("{path} was made for network {expected}, but its genesis and seed make {found}")]
    Network {
        /// The directory.
        path: String,
        /// What its version file says.
        expected: String,
        /// What its genesis says.
        found: NetworkId,
    },
    /// A network elsewhere is named, and not which.
    #[error("{path} names nodes of a network elsewhere and has no genesis.json of it")]
    NoGenesis {
        /// The directory.
        path: String,
    },
    /// Not a directory of ours, and not empty.
    #[error("{path} is not empty and holds no network")]
    Foreign {
        /// The directory.
        path: String,
    },
    /// A file of it is damaged.
    #[error("{path} is damaged: {why}")]
    Damaged {
        /// The file.
        path: String,
        /// In what way.
        why: String,
    },
    /// Its configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> HomeError {
    let path = path.display().to_string();
    move |source| HomeError::Io { what, path, source }
}

impl Home {
    /// Opens a directory, making a network in it where there is none.
    ///
    /// # Errors
    /// See [`HomeError`]; nothing is changed then.
    pub fn open(path: &Path) -> Result<Self, HomeError> {
        create::directory(path)?;
        let lock = lock(path)?;
        // Whoever was killed could not take it down, and others would look for a gateway there.
        let _ = fs::remove_file(path.join("running.json"));
        if !path.join("version").exists() {
            create::network(path)?;
        }
        let id = version(path)?;
        let keys = Keys::new(create::read_seed(path)?);
        let genesis = read_genesis(path)?;
        let config = Config::read(path)?;
        let own = keys.validator(0).public_key();
        let ours = !config.chain.nodes.is_empty() || genesis.committee().keys().contains(&own);
        if genesis.id().to_string() != id || !ours {
            return Err(HomeError::Network {
                path: path.display().to_string(),
                expected: id,
                found: genesis.id(),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            config,
            keys,
            genesis,
            _lock: lock,
        })
    }

    /// Who runs the network of a directory, if anybody does.
    pub fn running(path: &Path) -> Option<Running> {
        if !path.join("lock").exists() {
            return None;
        }
        match lock(path) {
            Err(HomeError::Busy { .. }) => {
                let text = fs::read_to_string(path.join("running.json")).ok()?;
                serde_json::from_str(&text).ok()
            }
            _ => None,
        }
    }

    /// Tells other processes where this network is.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn announce(&self, url: &str) -> Result<(), HomeError> {
        let running = Running {
            url: url.to_owned(),
            pid: std::process::id(),
        };
        let text = serde_json::to_string(&running).expect("plain data");
        create::write(&self.path.join("running.json"), text.as_bytes())
    }

    /// Where a validator keeps its data.
    pub fn validator(&self, number: usize) -> PathBuf {
        self.path.join("chain").join(format!("validator-{number}"))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // A stale file would only mislead: the lock is what counts.
        let _ = fs::remove_file(self.path.join("running.json"));
    }
}

/// The directory used where none is named: in the user's own, by the XDG convention.
///
/// It is named after the documents in the box. A program with other documents makes another network,
/// since experts cannot answer from what they have not announced.
pub fn default_directory() -> PathBuf {
    data_directory().join(format!("local-{}", experts::edition()))
}

/// Where this program keeps data of the user's, by the XDG convention.
pub fn data_directory() -> PathBuf {
    let variable = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    variable("XDG_DATA_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(".local/share")))
        .unwrap_or_else(|| PathBuf::from("."))
        .join("llmnet")
}

fn lock(path: &Path) -> Result<File, HomeError> {
    let file = path.join("lock");
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&file)
        .map_err(failed("open", &file))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(HomeError::Busy {
            path: path.display().to_string(),
        }),
        Err(TryLockError::Error(source)) => Err(failed("lock", &file)(source)),
    }
}

fn read(file: &Path) -> Result<String, HomeError> {
    let bytes = fs::read(file).map_err(failed("read", file))?;
    String::from_utf8(bytes).map_err(|error| HomeError::Damaged {
        path: file.display().to_string(),
        why: error.to_string(),
    })
}

/// The network's id as the version file has it.
fn version(path: &Path) -> Result<String, HomeError> {
    let file = path.join("version");
    let text = read(&file)?;
    let mut lines = text.lines();
    let layout = lines.next().unwrap_or_default();
    if layout != format!("llmnet {LAYOUT}") {
        return Err(HomeError::Layout {
            path: path.display().to_string(),
            found: layout.chars().take(40).collect(),
        });
    }
    Ok(lines.next().unwrap_or_default().to_owned())
}

/// The genesis of a directory.
fn read_genesis(path: &Path) -> Result<Genesis, HomeError> {
    let file = path.join("genesis.json");
    let text = read(&file)?;
    Genesis::from_json(&text).map_err(|error| HomeError::Damaged {
        path: file.display().to_string(),
        why: error.to_string(),
    })
}
