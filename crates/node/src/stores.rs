//! Where experts' documents stand in a network's directory: a store each, a file by the expert's name.

use std::path::{Path, PathBuf};

use anyhow::Context;
use llmnet_knowledge::store::Store;
use llmnet_types::{domain::Domain, id::Salt};

/// The folder of stores.
const FOLDER: &str = "knowledge";
/// How a store's file ends.
const ENDING: &str = "sqlite";

/// The folder of stores in a network's directory.
pub(crate) fn folder(directory: &Path) -> PathBuf {
    directory.join(FOLDER)
}

/// The file of an expert.
pub(crate) fn path(folder: &Path, expert: &Domain) -> PathBuf {
    folder.join(format!("{}.{ENDING}", expert.as_str()))
}

/// The experts that have a store, by name.
pub(crate) fn names(folder: &Path) -> Vec<Domain> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<Domain> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == ENDING))
        .filter_map(|path| Domain::new(path.file_stem()?.to_str()?).ok())
        .collect();
    names.sort();
    names
}

/// Opens a store, and makes it where it is not there.
///
/// # Errors
/// The file is no store of this program, or the disk fails.
pub(crate) fn open(path: &Path) -> anyhow::Result<Store> {
    let folder = path.parent().context("a store has a folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).context("the system's source of randomness failed")?;
    let store = Store::open(path, &Salt(salt));
    store.with_context(|| format!("cannot open {}", path.display()))
}
