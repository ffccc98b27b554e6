//! The directory of a role of its own: made once, with its keys, and its owner's alone.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::keystore::KeyError;

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

/// Writes a file with nothing secret in it.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), InitError> {
    fs::write(path, text).map_err(failed(path))
}
