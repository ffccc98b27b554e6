//! A validator's directory: whose it is, and that nobody else is using it.
//!
//! ```text
//! chain-version   the layout's version and the network's id, as text
//! chain-lock      held while a validator runs
//! genesis         the header of block 0
//! data/           the engine's files
//! ```

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use llmnet_types::{block::Header, codec, id::NetworkId};

use crate::{config::StartError, setup::Home};

/// The layout's version. Any change of what is on disk takes the next one.
const VERSION: u32 = 2;

/// An opened directory; locked until dropped.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Opens or makes a network's directory.
    ///
    /// # Errors
    /// It is of another version or network, in use, or cannot be read or written.
    pub(crate) fn open(path: &Path, network: NetworkId) -> Result<Self, StartError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| StartError::Directory { path, source }
        };
        fs::create_dir_all(path).map_err(failed(path))?;
        let lock_path = path.join("chain-lock");
        let lock = File::create(&lock_path).map_err(failed(&lock_path))?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => StartError::InUse {
                path: path.to_owned(),
            },
            fs::TryLockError::Error(source) => StartError::Directory {
                path: lock_path.clone(),
                source,
            },
        })?;
        let version_path = path.join("chain-version");
        match fs::read_to_string(&version_path) {
            Ok(text) => check(path, &text, network)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                write(&version_path, spell(network).as_bytes()).map_err(failed(&version_path))?;
            }
            Err(source) => return Err(failed(&version_path)(source)),
        }
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// Where the engine keeps its files.
    pub(crate) fn data(&self) -> PathBuf {
        self.path.join("data")
    }
}

impl Home for Directory {
    fn genesis(&self) -> Option<Header> {
        let bytes = fs::read(self.path.join("genesis")).ok()?;
        codec::decode(&bytes, bytes.len()).ok()
    }

    fn keep_genesis(&self, header: &Header) -> io::Result<()> {
        write(&self.path.join("genesis"), &codec::encode(header))
    }
}

fn spell(network: NetworkId) -> String {
    format!("llmnet-chain {VERSION}\nnetwork {network}\n")
}

fn check(path: &Path, text: &str, network: NetworkId) -> Result<(), StartError> {
    let mut words = text.split_ascii_whitespace();
    let version = words.nth(1).unwrap_or("none");
    if version != VERSION.to_string() {
        return Err(StartError::OtherVersion {
            path: path.to_owned(),
            expected: VERSION,
            found: version.to_owned(),
        });
    }
    let found = words.nth(1).unwrap_or("none");
    if found != network.to_string() {
        return Err(StartError::OtherNetwork {
            path: path.to_owned(),
            expected: network,
            found: found.to_owned(),
        });
    }
    Ok(())
}

/// Writes a file so that a crash leaves all of it or none, and all of it once this returns.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = File::create(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
