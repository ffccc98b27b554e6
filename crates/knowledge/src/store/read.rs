//! What a store holds.

use llmnet_types::{codec::Text, id::Digest, passage::Passage};
use rusqlite::{Connection, Row, params};

use super::{Store, StoreError, digest};
use crate::bm25::Statistics;

/// An origin with the document it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The name it was added by.
    pub origin: String,
    /// Digest of the file's bytes.
    pub digest: Digest,
    /// Its title.
    pub title: String,
    /// What kind of file it is.
    pub kind: String,
    /// On what terms it may be quoted; empty where nobody said.
    pub licence: String,
    /// The day up to which it is current, as days since 1970-01-01.
    pub as_of_day: u32,
    /// The file's length.
    pub bytes: u64,
    /// How many passages it has.
    pub passages: u64,
}

/// A store in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// How many names documents were added by.
    pub origins: u64,
    /// How many different documents there are.
    pub documents: u64,
    /// How many passages.
    pub passages: u64,
    /// How many terms they have together.
    pub words: u64,
    /// Lengths of all documents' files.
    pub bytes: u64,
    /// The latest day up to which a document is current; 0 where there is none.
    pub as_of_day: u32,
    /// Models of vectors, with how many passages have one of theirs.
    pub vectors: Vec<(String, u64)>,
    /// Grows with every change.
    pub generation: u64,
}

impl Store {
    /// All origins below a name, in alphabetical order; all there are for an empty name.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn list(&self, below: &str) -> Result<Vec<Held>, StoreError> {
        let connection = self.connection()?;
        let mut statement = connection.prepare_cached(
            "SELECT origin, digest, title, kind, licence, as_of_day, bytes,
                    (SELECT count(*) FROM contents WHERE contents.document = documents.id)
             FROM origins JOIN documents ON documents.id = origins.document
             WHERE substr(origin, 1, length(?1)) = ?1 ORDER BY origin",
        )?;
        let mut rows = statement.query([below])?;
        let mut held = Vec::new();
        while let Some(row) = rows.next()? {
            held.push(Held {
                origin: row.get(0)?,
                digest: digest(row.get_ref(1)?.as_blob().unwrap_or_default())?,
                title: row.get(2)?,
                kind: row.get(3)?,
                licence: row.get(4)?,
                as_of_day: row.get(5)?,
                bytes: count(row, 6)?,
                passages: count(row, 7)?,
            });
        }
        Ok(held)
    }

    /// The store in numbers.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn status(&self) -> Result<Status, StoreError> {
        let connection = self.connection()?;
        let mut status = connection.query_row(
            "SELECT (SELECT count(*) FROM origins), count(*), coalesce(sum(bytes), 0),
                    coalesce(max(as_of_day), 0), (SELECT count(*) FROM leaves),
                    (SELECT value FROM meta WHERE key = 'words')
             FROM documents",
            [],
            |row| {
                Ok(Status {
                    origins: count(row, 0)?,
                    documents: count(row, 1)?,
                    bytes: count(row, 2)?,
                    as_of_day: row.get(3)?,
                    passages: count(row, 4)?,
                    words: count(row, 5)?,
                    ..Status::default()
                })
            },
        )?;
        status.generation = generation(&connection)?;
        let mut statement = connection.prepare_cached(
            "SELECT name, (SELECT count(*) FROM vectors WHERE model = id) FROM models ORDER BY name",
        )?;
        let models = statement.query_map([], |row| Ok((row.get(0)?, count(row, 1)?)))?;
        status.vectors = models.collect::<Result<_, _>>()?;
        Ok(status)
    }

    /// Grows with every change.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn generation(&self) -> Result<u64, StoreError> {
        let connection = self.connection()?;
        generation(&connection)
    }

    /// Some passages, evenly over all there are: at most so many.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn some(&self, most: usize) -> Result<Vec<Passage>, StoreError> {
        let proofs = self.proofs()?;
        let ids = proofs.ids();
        let step = ids.len().div_ceil(most.max(1)).max(1);
        let connection = self.connection()?;
        let some = ids.iter().step_by(step);
        some.map(|id| passage(&connection, *id)).collect()
    }

    /// The digest of the document that an origin names.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn document(&self, origin: &str) -> Result<Option<Digest>, StoreError> {
        let connection = self.connection()?;
        let mut statement = connection.prepare_cached(
            "SELECT digest FROM origins JOIN documents ON documents.id = origins.document
             WHERE origin = ?1",
        )?;
        let mut rows = statement.query([origin])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        Ok(Some(digest(row.get_ref(0)?.as_blob().unwrap_or_default())?))
    }

    /// A passage by its number in this store.
    ///
    /// # Errors
    /// SQLite failed, or it is not there any more.
    pub fn passage(&self, id: i64) -> Result<Passage, StoreError> {
        let connection = self.connection()?;
        passage(&connection, id)
    }

    /// The origins whose documents have a passage.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn origins_of(&self, id: i64) -> Result<Vec<String>, StoreError> {
        let connection = self.connection()?;
        let mut statement = connection.prepare_cached(
            "SELECT DISTINCT origin FROM contents JOIN origins USING(document)
             WHERE passage = ?1 ORDER BY origin",
        )?;
        let origins = statement.query_map([id], |row| row.get(0))?;
        Ok(origins.collect::<Result<_, _>>()?)
    }
}

pub(super) fn generation(connection: &Connection) -> Result<u64, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT value FROM meta WHERE key = 'generation'")?;
    Ok(statement.query_row([], |row| count(row, 0))?)
}

pub(super) fn passage(connection: &Connection, id: i64) -> Result<Passage, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT document, title, text FROM passages WHERE id = ?1")?;
    let (document, title, text): (String, String, String) = statement
        .query_row(params![id], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let oversized = |_| StoreError::Damaged("a passage over its bound");
    Ok(Passage {
        document: Text::new(document).map_err(oversized)?,
        title: Text::new(title).map_err(oversized)?,
        text: Text::new(text).map_err(oversized)?,
    })
}

pub(super) fn totals(connection: &Connection) -> Result<Statistics, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT (SELECT count(*) FROM leaves), (SELECT value FROM meta WHERE key = 'words')",
    )?;
    Ok(statement.query_row([], |row| {
        Ok(Statistics {
            passages: count(row, 0)?,
            words: count(row, 1)?,
            ..Statistics::default()
        })
    })?)
}

/// Counts are never negative; SQLite's integers may be.
pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}
