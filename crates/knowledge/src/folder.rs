//! Files and folders into a store: what is there, what changed, what went.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use llmnet_types::id::Digest;

use crate::{
    chunk,
    load::{self, Kind, LoadError},
    store::{Added, NewDocument, Store, StoreError},
};

/// The most files of a walk.
pub const FILES_MAX: usize = 1_000_000;
/// How deep folders may stand in one another.
const DEPTH_MAX: usize = 64;

/// What is said of documents that say nothing themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// On what terms they may be quoted: an SPDX name, or nothing.
    pub licence: String,
    /// The day up to which they are current, as days since 1970-01-01.
    pub as_of_day: u32,
}

/// Why a file was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// The file is at fault: others can still be added.
    #[error(transparent)]
    File(#[from] LoadError),
    /// The store is: no other file can be added either.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The name of a file in a store: its path from the root of the file system, so that it means the same wherever a
/// command is given. A path that is not there keeps its name, so that what is gone can still be removed.
pub fn origin(path: &Path) -> String {
    let whole = fs::canonicalize(path)
        .or_else(|_| std::path::absolute(path))
        .unwrap_or_else(|_| path.to_owned());
    whole.to_string_lossy().into_owned()
}

/// The files of a folder and below that something here reads, in alphabetical order; of a file, itself.
///
/// Left out are hidden files and folders, links, what lies too deep, and what cannot be listed.
pub fn files(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let mut files = Vec::new();
    walk(path, 0, &mut files);
    files.sort();
    files
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        // A link may lead in a circle, or out of what its owner meant to show.
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if entry.file_name().as_encoded_bytes().starts_with(b".") || files.len() >= FILES_MAX {
            continue;
        }
        let path = entry.path();
        if kind.is_dir() && depth < DEPTH_MAX {
            walk(&path, depth + 1, files);
        } else if kind.is_file() && Kind::of(&path).is_some() {
            files.push(path);
        }
    }
}

/// What was read of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// What became of it.
    pub added: Added,
    /// Pages or records that could not be read, while others could.
    pub unread: usize,
}

/// Adds a file, or its new version. When this returns, it is on disk.
///
/// # Errors
/// The file cannot be read, or the store failed.
pub fn add(store: &Store, path: &Path, defaults: &Defaults) -> Result<Done, AddError> {
    let (kind, bytes) = load::load_file(path)?;
    let origin = origin(path);
    let digest = Digest::tagged("llmnet/document/1", &[kind.name().as_bytes(), &bytes]);
    let length = bytes.len() as u64;
    // What is known already costs a digest, and no reading.
    if let Some(added) = store.link(&origin, &digest)? {
        return Ok(Done { added, unread: 0 });
    }
    let loaded = load::load(kind, bytes)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let document = NewDocument {
        digest,
        title: loaded
            .title
            .clone()
            .unwrap_or_else(|| name.clone().into_owned()),
        kind: kind.name().to_owned(),
        licence: loaded
            .licence
            .clone()
            .unwrap_or_else(|| defaults.licence.clone()),
        as_of_day: loaded.as_of_day.unwrap_or(defaults.as_of_day),
        bytes: length,
        sections: chunk::passages(&loaded, &name),
    };
    if document.sections.is_empty() {
        return Err(LoadError::Empty.into());
    }
    Ok(Done {
        added: store.add(&origin, &document)?,
        unread: loaded.unread,
    })
}

/// Origins of a store below a folder whose files are not there any more.
///
/// # Errors
/// The store failed.
pub fn gone(store: &Store, folder: &Path) -> Result<Vec<String>, StoreError> {
    let there: BTreeSet<String> = files(folder).iter().map(|path| origin(path)).collect();
    let below = format!("{}/", origin(folder).trim_end_matches('/'));
    let held = store.list(&below)?.into_iter().map(|held| held.origin);
    Ok(held.filter(|origin| !there.contains(origin)).collect())
}

#[cfg(test)]
mod tests;
