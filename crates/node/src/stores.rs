//! Where experts' documents stand in a network's directory: a store each, a file by the expert's name.

use std::path::{Path, PathBuf};

use anyhow::Context;
use llmnet_knowledge::store::Store;
use llmnet_types::{domain::Domain, id::Salt};

use crate::{
    config::{Knowledge, knowledge::EngineUrl},
    models,
};

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

/// What looks passages up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Engine {
    #[cfg(feature = "postgres")]
    postgres: Option<llmnet_knowledge::store::postgres::Settings>,
}

impl Engine {
    /// What a configuration names; SQLite, which is always there, where it names nothing.
    ///
    /// # Errors
    /// As [`Engine::at`], or its password cannot be had.
    pub(crate) fn configured(knowledge: &Knowledge) -> anyhow::Result<Self> {
        let Some(url) = &knowledge.engine else {
            return Ok(Self::default());
        };
        let password = knowledge.secret(&models::environment)?;
        Self::at(url, password.as_deref())
    }

    /// A server.
    ///
    /// # Errors
    /// The address is none, or this program was built without it.
    #[cfg(feature = "postgres")]
    pub(crate) fn at(url: &EngineUrl, password: Option<&str>) -> anyhow::Result<Self> {
        let settings = llmnet_knowledge::store::postgres::Settings::new(url.as_str(), password);
        Ok(Self {
            postgres: Some(settings.with_context(|| format!("the engine {url}"))?),
        })
    }

    /// A server.
    ///
    /// # Errors
    /// This program was built without it.
    #[cfg(not(feature = "postgres"))]
    pub(crate) fn at(url: &EngineUrl, _: Option<&str>) -> anyhow::Result<Self> {
        anyhow::bail!(
            "the engine {url} cannot be used: this llmnet was built without the feature `postgres`; build it with \
             `cargo build --release --features postgres`"
        )
    }

    /// Has it look up a store's passages. It connects, which may take seconds.
    ///
    /// # Errors
    /// It cannot be reached, or refuses.
    #[cfg(feature = "postgres")]
    pub(crate) fn searches(&self, store: Store) -> anyhow::Result<Store> {
        let Some(settings) = &self.postgres else {
            return Ok(store);
        };
        let engine =
            llmnet_knowledge::store::postgres::Postgres::open(settings, &store.identity())?;
        Ok(store.searched_by(Box::new(engine)))
    }

    /// Has it look up a store's passages.
    #[cfg(not(feature = "postgres"))]
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "with the feature `postgres` it may fail"
    )]
    pub(crate) fn searches(&self, store: Store) -> anyhow::Result<Store> {
        Ok(store)
    }
}
