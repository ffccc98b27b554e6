//! What changes a store: documents come, change and go, each in one transaction.

use llmnet_types::id::{Digest, Salt};
use rusqlite::{OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::{Store, StoreError};
use crate::{analysis::terms, bm25::Counts, corpus::PASSAGES_MAX, ingest::Section};

/// A document to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDocument {
    /// Digest of the file's bytes: what comes twice is kept once.
    pub digest: Digest,
    /// Its title.
    pub title: String,
    /// What kind of file it is.
    pub kind: String,
    /// On what terms it may be quoted: an SPDX name, or nothing where nobody said.
    pub licence: String,
    /// The day up to which it is current, as days since 1970-01-01.
    pub as_of_day: u32,
    /// The file's length.
    pub bytes: u64,
    /// Its passages, in order.
    pub sections: Vec<Section>,
}

/// What became of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// This origin holds this document already: nothing was written.
    Same,
    /// Another origin holds this document: only the name was noted.
    Duplicate,
    /// It was kept.
    Kept {
        /// Passages that came.
        came: usize,
        /// Passages that an older version of this origin, or another document, has as well.
        stayed: usize,
        /// Passages of an older version that went.
        went: usize,
    },
}

/// What went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Removed {
    /// Names that went.
    pub origins: usize,
    /// Documents that no name is left of.
    pub documents: usize,
    /// Passages that no document is left of.
    pub passages: usize,
}

impl Store {
    /// Keeps a document under the name of its origin, instead of what was there under that name. When this returns,
    /// it is on disk.
    ///
    /// # Errors
    /// The corpus would be too large, or SQLite failed; nothing has changed then.
    pub fn add(&self, origin: &str, document: &NewDocument) -> Result<Added, StoreError> {
        let added = self.keep(origin, &document.digest, Some(document))?;
        // Only without a document can there be nothing to keep.
        Ok(added.unwrap_or(Added::Same))
    }

    /// Notes that an origin is a document that is there already; `None` where it is not there.
    ///
    /// # Errors
    /// SQLite failed; nothing has changed then.
    pub fn link(&self, origin: &str, digest: &Digest) -> Result<Option<Added>, StoreError> {
        self.keep(origin, digest, None)
    }

    fn keep(
        &self,
        origin: &str,
        digest: &Digest,
        document: Option<&NewDocument>,
    ) -> Result<Option<Added>, StoreError> {
        let mut connection = self.connection()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before: Option<i64> = transaction
            .query_row(
                "SELECT document FROM origins WHERE origin = ?1",
                [origin],
                |row| row.get(0),
            )
            .optional()?;
        let known: Option<i64> = transaction
            .query_row(
                "SELECT id FROM documents WHERE digest = ?1",
                [digest.0],
                |row| row.get(0),
            )
            .optional()?;
        if known.is_some() && known == before {
            return Ok(Some(Added::Same));
        }
        let (id, came, stayed) = match (known, document) {
            (Some(id), _) => (id, 0, 0),
            (None, Some(document)) => insert(&transaction, &self.salt, document)?,
            (None, None) => return Ok(None),
        };
        transaction.execute(
            "INSERT INTO origins(origin, document) VALUES (?1, ?2)
             ON CONFLICT(origin) DO UPDATE SET document = excluded.document",
            params![origin, id],
        )?;
        let went = match before {
            Some(before) => drop_if_unnamed(&transaction, before)?.unwrap_or(0),
            None => 0,
        };
        advance(&transaction)?;
        transaction.commit()?;
        Ok(Some(match known {
            Some(_) if went == 0 => Added::Duplicate,
            _ => Added::Kept { came, stayed, went },
        }))
    }

    /// Forgets an origin, or all below a folder; what no other origin has is gone when this returns.
    ///
    /// # Errors
    /// SQLite failed; nothing has changed then.
    pub fn remove(&self, origin: &str) -> Result<Removed, StoreError> {
        let mut connection = self.connection()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let below = format!("{}/", origin.trim_end_matches('/'));
        let documents: Vec<i64> = transaction
            .prepare(
                "SELECT DISTINCT document FROM origins
                 WHERE origin = ?1 OR substr(origin, 1, length(?2)) = ?2",
            )?
            .query_map([origin, &below], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let origins = transaction.execute(
            "DELETE FROM origins WHERE origin = ?1 OR substr(origin, 1, length(?2)) = ?2",
            [origin, &below],
        )?;
        let mut removed = Removed {
            origins,
            ..Removed::default()
        };
        for document in documents {
            if let Some(passages) = drop_if_unnamed(&transaction, document)? {
                removed.documents += 1;
                removed.passages += passages;
            }
        }
        if origins > 0 {
            advance(&transaction)?;
        }
        transaction.commit()?;
        Ok(removed)
    }
}

/// Readers in other processes see by this number that something changed.
pub(super) fn advance(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    transaction.execute(
        "UPDATE meta SET value = value + 1 WHERE key = 'generation'",
        [],
    )?;
    Ok(())
}

fn lengthen(transaction: &Transaction<'_>, words: i64) -> Result<(), StoreError> {
    transaction.execute(
        "UPDATE meta SET value = value + ?1 WHERE key = 'words'",
        [words],
    )?;
    Ok(())
}

/// A document with its passages: its number, how many came, how many were there.
fn insert(
    transaction: &Transaction<'_>,
    salt: &Salt,
    document: &NewDocument,
) -> Result<(i64, usize, usize), StoreError> {
    transaction.execute(
        "INSERT INTO documents(digest, title, kind, licence, as_of_day, bytes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            document.digest.0,
            document.title,
            document.kind,
            document.licence,
            document.as_of_day,
            i64::try_from(document.bytes).unwrap_or(i64::MAX)
        ],
    )?;
    let id = transaction.last_insert_rowid();
    let mut find = transaction.prepare_cached("SELECT id FROM passages WHERE digest = ?1")?;
    let mut keep = transaction
        .prepare_cached("INSERT INTO contents(document, place, passage) VALUES (?1, ?2, ?3)")?;
    let (mut came, mut stayed) = (0, 0);
    let mut words = 0_i64;
    for (place, Section { passage, .. }) in document.sections.iter().enumerate() {
        let digest = passage.digest();
        let found: Option<i64> = find.query_row([digest.0], |row| row.get(0)).optional()?;
        let passage_id = match found {
            Some(found) => {
                stayed += 1;
                found
            }
            None => {
                came += 1;
                let (title, text) = (terms(&passage.title), terms(&passage.text));
                let counts = Counts::of_terms(
                    title.iter().map(String::as_str),
                    text.iter().map(String::as_str),
                );
                words += i64::from(counts.length());
                transaction
                    .prepare_cached(
                        "INSERT INTO passages(digest, document, title, text, length)
                         VALUES (?1, ?2, ?3, ?4, ?5)",
                    )?
                    .execute(params![
                        digest.0,
                        passage.document.as_str(),
                        passage.title.as_str(),
                        passage.text.as_str(),
                        counts.length()
                    ])?;
                let row = transaction.last_insert_rowid();
                // By its digest, not its place: it keeps its salt wherever it stands.
                let salt = salt.field(&format!("passage/{digest}"));
                transaction
                    .prepare_cached("INSERT INTO leaves(passage, salt, leaf) VALUES (?1, ?2, ?3)")?
                    .execute(params![row, salt.0, passage.leaf(&salt)])?;
                transaction
                    .prepare_cached("INSERT INTO lexical(rowid, title, text) VALUES (?1, ?2, ?3)")?
                    .execute(params![row, title.join(" "), text.join(" ")])?;
                row
            }
        };
        let place = i64::try_from(place).unwrap_or(i64::MAX);
        keep.execute(params![id, place, passage_id])?;
    }
    lengthen(transaction, words)?;
    let all: i64 = transaction.query_row("SELECT count(*) FROM leaves", [], |row| row.get(0))?;
    if usize::try_from(all).unwrap_or(usize::MAX) > PASSAGES_MAX {
        return Err(StoreError::Full);
    }
    Ok((id, came, stayed))
}

/// Drops a document that no origin names, with the passages that no other document has; says how many those were.
fn drop_if_unnamed(
    transaction: &Transaction<'_>,
    document: i64,
) -> Result<Option<usize>, StoreError> {
    let named: bool = transaction.query_row(
        "SELECT EXISTS(SELECT 1 FROM origins WHERE document = ?1)",
        [document],
        |row| row.get(0),
    )?;
    if named {
        return Ok(None);
    }
    let held: Vec<i64> = transaction
        .prepare_cached("SELECT DISTINCT passage FROM contents WHERE document = ?1")?
        .query_map([document], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    transaction.execute("DELETE FROM contents WHERE document = ?1", [document])?;
    transaction.execute("DELETE FROM documents WHERE id = ?1", [document])?;
    let mut shared =
        transaction.prepare_cached("SELECT EXISTS(SELECT 1 FROM contents WHERE passage = ?1)")?;
    let (mut went, mut words) = (0, 0_i64);
    for passage in held {
        if shared.query_row([passage], |row| row.get::<_, bool>(0))? {
            continue;
        }
        for delete in [
            "DELETE FROM vectors WHERE passage = ?1",
            "DELETE FROM lexical WHERE rowid = ?1",
            "DELETE FROM leaves WHERE passage = ?1",
        ] {
            transaction.prepare_cached(delete)?.execute([passage])?;
        }
        words += transaction
            .prepare_cached("DELETE FROM passages WHERE id = ?1 RETURNING length")?
            .query_row([passage], |row| row.get::<_, i64>(0))?;
        went += 1;
    }
    lengthen(transaction, -words)?;
    Ok(Some(went))
}
