//! The port of what finds a store's passages: SQLite itself, or a server for who outgrows one machine.
//!
//! ```text
//! Store: record (SQLite: documents, leaves, terms, vectors, generation) --> Engine: follow, search, count
//! ```
//!
//! The record is the truth, an engine is an index over it that can be built again: it may lag until it is told to follow,
//! and it may be lost. Its scores are those of [`bm25::score`](crate::bm25::score) and of the cosine, under whatever
//! statistics it is asked with; so no answer tells which engine gave it.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use rusqlite::{Connection, params};

use super::{Hit, StoreError, read, vectors};
use crate::{analysis::Query, bm25::Statistics};

/// Why an engine did not do what it should. No variant carries a password or a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// It cannot be used as it is configured.
    #[error("the engine cannot be used: {0}")]
    Unusable(String),
    /// It cannot be reached, or does not answer in time.
    #[error(
        "the engine does not answer: {0}; the documents are safe in the store, try again when it does"
    )]
    Away(String),
    /// It refused what it was asked.
    #[error("the engine failed: {0}")]
    Failed(String),
}

/// What is looked for, as an engine needs it.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// The question's terms.
    pub query: &'a Query,
    /// The question as a vector, with the name of its model.
    pub vector: Option<(&'a str, &'a [f32])>,
    /// By which a term's worth is told.
    pub statistics: &'a Statistics,
    /// How many passages for each kind of score.
    pub limit: usize,
    /// The only passages that are looked at, in ascending order; all where it is `None`.
    pub allowed: Option<&'a [i64]>,
}

/// Finds passages and counts terms.
pub trait Engine: Send + Sync + fmt::Debug {
    /// Takes over what changed in the record since it was last told, also by another process. Cheap where nothing did.
    ///
    /// # Errors
    /// The record cannot be read, or the engine failed; what it had taken over by then stays.
    fn follow(&self, record: &Record) -> Result<(), StoreError>;

    /// The best passages of each kind of score, both scores on each; in the order of their numbers.
    ///
    /// # Errors
    /// The engine failed.
    fn search(&self, search: &Search<'_>) -> Result<Vec<Hit>, StoreError>;

    /// The counts that a question needs.
    ///
    /// # Errors
    /// The engine failed.
    fn statistics_of(&self, query: &Query) -> Result<Statistics, StoreError>;

    /// The counts of all terms, at most so many: the most frequent ones.
    ///
    /// # Errors
    /// The engine failed.
    fn statistics(&self, terms_max: usize) -> Result<Statistics, StoreError>;

    /// The mean direction of all passages by a model; `None` without vectors.
    ///
    /// # Errors
    /// The engine failed.
    fn centroid(&self, model: &str) -> Result<Option<Vec<f32>>, StoreError>;
}

/// A passage as an engine needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Analysed {
    /// Its number, never used again once it is gone.
    pub id: i64,
    /// What tells it from another that has its number in a copy of the record.
    pub tag: i64,
    /// The terms of its title, between spaces.
    pub title: String,
    /// Those of its text.
    pub text: String,
}

/// A state of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Grows with every change.
    pub generation: u64,
    /// How many passages there are.
    pub passages: u64,
    /// How many terms they have together.
    pub words: u64,
    /// The largest number of a passage; 0 without passages.
    pub last: i64,
}

/// A model whose vectors are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embedded {
    /// Its name.
    pub model: String,
    /// How many numbers a vector of it has.
    pub dimensions: usize,
    /// How many passages have one.
    pub passages: u64,
}

/// What an engine is built from. Passages never change under their numbers, and neither do their vectors: what is read in
/// several steps is never of two minds, some of it may only have gone meanwhile.
#[derive(Debug, Clone)]
pub struct Record {
    connection: Arc<Mutex<Connection>>,
}

impl Record {
    pub(super) const fn new(connection: Arc<Mutex<Connection>>) -> Self {
        Self { connection }
    }

    pub(super) fn connection(&self) -> Result<MutexGuard<'_, Connection>, StoreError> {
        self.connection.lock().map_err(|_| StoreError::Poisoned)
    }

    /// What tells this state of the record from others.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn mark(&self) -> Result<Mark, StoreError> {
        let mut connection = self.connection()?;
        let transaction = connection.transaction()?;
        let totals = read::totals(&transaction)?;
        let last =
            transaction.query_row("SELECT coalesce(max(passage), 0) FROM leaves", [], |row| {
                row.get(0)
            })?;
        Ok(Mark {
            generation: read::generation(&transaction)?,
            passages: totals.passages,
            words: totals.words,
            last,
        })
    }

    /// All passages in ascending order: number and tag.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn tags(&self) -> Result<Vec<(i64, i64)>, StoreError> {
        let connection = self.connection()?;
        let mut statement =
            connection.prepare_cached("SELECT id, digest FROM passages ORDER BY id")?;
        let mut rows = statement.query([])?;
        let mut tags = Vec::new();
        while let Some(row) = rows.next()? {
            tags.push((
                row.get(0)?,
                tag(row.get_ref(1)?.as_blob().unwrap_or_default()),
            ));
        }
        Ok(tags)
    }

    /// The first passages with larger numbers than this one, ascending, so many at most.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn after(&self, id: i64, limit: usize) -> Result<Vec<Analysed>, StoreError> {
        let connection = self.connection()?;
        let mut statement = connection.prepare_cached(
            "SELECT lexical.rowid, digest, lexical.title, lexical.text FROM lexical
             JOIN passages ON passages.id = lexical.rowid
             WHERE lexical.rowid > ?1 ORDER BY lexical.rowid LIMIT ?2",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![id, limit], |row| {
            Ok(Analysed {
                id: row.get(0)?,
                tag: tag(row.get_ref(1)?.as_blob().unwrap_or_default()),
                title: row.get(2)?,
                text: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The models whose vectors are kept.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn models(&self) -> Result<Vec<Embedded>, StoreError> {
        let connection = self.connection()?;
        let mut statement = connection.prepare_cached(
            "SELECT name, dimensions, (SELECT count(*) FROM vectors WHERE model = id) FROM models ORDER BY name",
        )?;
        let models = statement.query_map([], |row| {
            Ok(Embedded {
                model: row.get(0)?,
                dimensions: usize::try_from(row.get::<_, i64>(1)?).unwrap_or(0),
                passages: read::count(row, 2)?,
            })
        })?;
        Ok(models.collect::<Result<_, _>>()?)
    }

    /// The numbers of all passages that have a vector of a model, ascending.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn embedded(&self, model: &str) -> Result<Vec<i64>, StoreError> {
        let connection = self.connection()?;
        let mut statement = connection.prepare_cached(
            "SELECT passage FROM vectors JOIN models ON models.id = vectors.model
             WHERE models.name = ?1 ORDER BY passage",
        )?;
        let ids = statement.query_map([model], |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// The vectors of passages, each of length one; those that have none any more are left out.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn vectors(&self, model: &str, ids: &[i64]) -> Result<Vec<(i64, Vec<f32>)>, StoreError> {
        let connection = self.connection()?;
        let mut statement = connection.prepare_cached(
            "SELECT vector FROM vectors JOIN models ON models.id = vectors.model
             WHERE models.name = ?1 AND passage = ?2",
        )?;
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let mut rows = statement.query(params![model, id])?;
            if let Some(row) = rows.next()? {
                let bytes = row.get_ref(0)?.as_blob().unwrap_or_default();
                found.push((*id, vectors::numbers(bytes).collect()));
            }
        }
        Ok(found)
    }
}

/// The beginning of a digest, as a number.
fn tag(digest: &[u8]) -> i64 {
    digest
        .first_chunk()
        .map_or(0, |bytes| i64::from_le_bytes(*bytes))
}
