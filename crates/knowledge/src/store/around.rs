//! A passage in its document, for who wants to read on.

use llmnet_types::{id::Digest, passage::Passage};
use rusqlite::{OptionalExtension as _, params};

use super::{Store, StoreError, read};

/// Where a passage stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Around {
    /// The names its document was added by.
    pub origins: Vec<String>,
    /// Its place among the document's passages, from 0.
    pub place: u64,
    /// How many there are.
    pub of: u64,
    /// The one before it.
    pub before: Option<Passage>,
    /// The one after it.
    pub after: Option<Passage>,
}

impl Store {
    /// Where a passage stands, by its digest; in the first of several documents. `None` where it is not there.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn around(&self, digest: &Digest) -> Result<Option<Around>, StoreError> {
        let connection = self.connection()?;
        let found = connection
            .prepare_cached(
                "SELECT contents.document, place,
                        (SELECT count(*) FROM contents AS all_of WHERE all_of.document = contents.document)
                 FROM contents JOIN passages ON passages.id = contents.passage
                 WHERE digest = ?1 ORDER BY contents.document, place LIMIT 1",
            )?
            .query_row(params![digest.0], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            })
            .optional()?;
        let Some((document, place, of)) = found else {
            return Ok(None);
        };
        let at = |place: i64| {
            let id = connection
                .prepare_cached("SELECT passage FROM contents WHERE document = ?1 AND place = ?2")?
                .query_row(params![document, place], |row| row.get::<_, i64>(0))
                .optional()?;
            id.map(|id| read::passage(&connection, id)).transpose()
        };
        let mut statement = connection
            .prepare_cached("SELECT origin FROM origins WHERE document = ?1 ORDER BY origin")?;
        let origins = statement.query_map([document], |row| row.get(0))?;
        Ok(Some(Around {
            origins: origins.collect::<Result<_, _>>()?,
            place: place.unsigned_abs(),
            of: of.unsigned_abs(),
            before: at(place - 1)?,
            after: at(place + 1)?,
        }))
    }
}
