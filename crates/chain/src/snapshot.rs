//! A network's state as one file, out of one directory and into another.
//!
//! ```text
//! export  stopped validator ── hand-overs, block, certificate, log of changes ──> file
//! import  file ── checked against the genesis alone ──> empty directory, ready to start
//! ```
//!
//! The file does not know how a directory is laid out: it is how state passes from one layout to the next,
//! and how a network is set up again from what one of its validators had. Its bytes are spelled out in
//! `docs/SNAPSHOT.md`.
//!
//! Nothing in it has to be believed. State is carried as the log of changes from the block's
//! `operations_start` on, in which every value that still counts was written; each piece of the log proves
//! itself against the block's root of operations, and a quorum signed the block. From the values alone the
//! header's root of state could not be made again: it also depends on where in the log each was written.

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use llmnet_ledger::Genesis;
use llmnet_types::units::Height;

use crate::{config::StartError, setup};

mod file;
mod go;

#[cfg(test)]
mod tests;

/// Why there is no snapshot, or why it is not taken.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The directory cannot be used.
    #[error(transparent)]
    Directory(#[from] StartError),
    /// Nothing is there.
    #[error("{} holds no validator's data; name the directory of one that ran", .path.display())]
    Missing {
        /// The directory.
        path: PathBuf,
    },
    /// Something is there already.
    #[error("{} exists; a snapshot is imported into a directory that does not", .path.display())]
    Exists {
        /// The directory.
        path: PathBuf,
    },
    /// The file, or a directory, cannot be read or written.
    #[error("the snapshot cannot be read or written")]
    Io(#[from] io::Error),
    /// The file is no snapshot, or was cut or changed.
    #[error("the snapshot is damaged: {reason}; get it again, or from somebody else")]
    Damaged {
        /// What is wrong with it.
        reason: String,
    },
    /// It is of a later version.
    #[error(
        "the snapshot has version {found}, this program reads up to {known}; use a newer program"
    )]
    Version {
        /// The file's.
        found: u16,
        /// The newest that is known.
        known: u16,
    },
    /// It does not hold by this genesis.
    #[error("the snapshot does not hold: {reason}; ask whoever made it for one of this network")]
    Untrue {
        /// Why not.
        reason: String,
    },
    /// The directory has no block that could be proven with its state.
    #[error(
        "no certified block is at or shortly before the state; start the validator for a moment and stop it again"
    )]
    Uncertified,
    /// The engine's storage failed.
    #[error("the storage fails: {reason}")]
    Failed {
        /// As far as known.
        reason: String,
    },
}

/// Writes what a stopped validator's directory has into a file; says of which block the state is: the
/// newest certified one. Memory is bounded by single pieces of the log, however large the state is.
///
/// # Errors
/// See [`SnapshotError`]. What was written until then is no snapshot.
pub fn export(
    directory: &Path,
    genesis: &Genesis,
    file: &mut (impl Write + Send),
) -> Result<Height, SnapshotError> {
    setup::check(genesis)?;
    if !directory.join("chain-version").exists() {
        let path = directory.to_owned();
        return Err(SnapshotError::Missing { path });
    }
    go::export(directory, genesis, file)
}

/// Makes a validator's directory of a snapshot; says of which block the state is. A validator that starts
/// there goes on from that block: with the network, if it went on as well.
///
/// The directory appears when all of it was checked and is durable, and not before.
///
/// # Errors
/// See [`SnapshotError`].
pub fn import(
    directory: &Path,
    genesis: &Genesis,
    file: impl Read + Send + 'static,
) -> Result<Height, SnapshotError> {
    setup::check(genesis)?;
    if directory.exists() {
        let path = directory.to_owned();
        return Err(SnapshotError::Exists { path });
    }
    go::import(directory, genesis, file)
}
