//! The directory of a role of its own: made once, with its keys, and its owner's alone.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use anyhow::Context;
use llmnet_ledger::Genesis;
use llmnet_types::{
    id::NetworkId,
    signature::{PrivateKey, PublicKey},
};

use crate::keystore::{self, KeyError, Passphrase};

/// The key that a role signs with.
pub const NODE_KEY: &str = "node.key";
/// The network.
pub const GENESIS: &str = "genesis.json";

/// What else is in the directory of a coordinator or a respondent.
#[derive(Debug, Clone, Copy)]
pub struct Files {
    /// The file of settings.
    pub settings: &'static str,
    /// What the account is called that it pays from, or is paid to.
    pub account: &'static str,
    /// The file of that account's key.
    pub account_key: &'static str,
}

/// A role that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// Its network.
    pub network: NetworkId,
    /// The key that it signs with.
    pub node: PublicKey,
    /// The account beside it: a coordinator's requester, a respondent's operator.
    pub account: PublicKey,
}

/// Why no directory is made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Something is there.
    #[error("{path} is there already; a node is made once")]
    Exists {
        /// What.
        path: String,
    },
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The file system says no.
    #[error("cannot write {path}")]
    Io {
        /// What.
        path: String,
        /// Why not.
        source: io::Error,
    },
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> InitError {
    let path = path.display().to_string();
    move |source| InitError::Io { path, source }
}

/// Makes a directory in which none of these is. Nothing that is there is ever written over.
pub(crate) fn make(directory: &Path, none_of: &[&str]) -> Result<(), InitError> {
    let mut there = none_of.iter().map(|name| directory.join(name));
    if let Some(path) = there.find(|path: &PathBuf| path.exists()) {
        let path = path.display().to_string();
        return Err(InitError::Exists { path });
    }
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(directory).map_err(failed(directory))
}

/// Makes the directory of a coordinator or a respondent: encrypted keys, the network, and settings that name the node.
/// Nothing that is there is ever written over.
///
/// # Errors
/// See [`InitError`].
pub(crate) fn init(
    (directory, files): (&Path, Files),
    (node, account): (&PrivateKey, &PrivateKey),
    passphrase: &Passphrase,
    genesis: &Genesis,
    settings: impl FnOnce(&PublicKey) -> String,
) -> Result<Made, InitError> {
    let path = |name| directory.join(name);
    make(directory, &[files.settings, NODE_KEY, files.account_key])?;
    keystore::write(&path(NODE_KEY), node, passphrase)?;
    keystore::write(&path(files.account_key), account, passphrase)?;
    let made = Made {
        network: genesis.id(),
        node: node.public_key(),
        account: account.public_key(),
    };
    write(&path(GENESIS), &genesis.to_json())?;
    write(&path(files.settings), &settings(&made.node))?;
    Ok(made)
}

/// Makes data a process's own for as long as it holds what is returned, making the directory where there is none.
pub(crate) fn lock(data: &Path, role: &str) -> anyhow::Result<File> {
    let shown = data.display();
    fs::create_dir_all(data).with_context(|| format!("cannot make {shown}"))?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(data.join("lock"))
        .with_context(|| format!("cannot write in {shown}"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            anyhow::bail!("another {role} runs with the data of {shown}; stop it first")
        }
        Err(TryLockError::Error(error)) => Err(error).context(format!("cannot lock {shown}")),
    }
}

/// Writes a file with nothing secret in it.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), InitError> {
    fs::write(path, text).map_err(failed(path))
}
