//! BM25 over title, text and search words, by SQLite's FTS5.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, MutexGuard},
};

use rusqlite::{Connection, params};

use super::{Hit, Index, IndexError};
use crate::{
    analysis::{Query, terms},
    ingest::Section,
};

/// The most hits of a search.
pub const HITS_MAX: usize = 64;

/// How much a term counts by where it stands, and related terms by themselves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// In a title.
    pub title: f64,
    /// In a text.
    pub text: f64,
    /// Among the search words.
    pub terms: f64,
    /// What the score of related terms is multiplied by.
    pub related: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            title: 2.5,
            text: 1.0,
            terms: 2.5,
            related: 0.2,
        }
    }
}

/// An index in one SQLite database.
///
/// The table holds terms, not words: analysis is ours, so FTS5 only splits at spaces.
#[derive(Debug)]
pub struct Lexical {
    connection: Mutex<Connection>,
    weights: Weights,
}

impl Lexical {
    /// An index in memory.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn in_memory(weights: Weights) -> Result<Self, IndexError> {
        Self::over(Connection::open_in_memory()?, weights)
    }

    /// An index in a file, with a write-ahead log beside it.
    ///
    /// # Errors
    /// SQLite failed, or the file is something else.
    pub fn open(path: &Path, weights: Weights) -> Result<Self, IndexError> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        Self::over(connection, weights)
    }

    fn over(connection: Connection, weights: Weights) -> Result<Self, IndexError> {
        connection.execute_batch(
            "CREATE VIRTUAL TABLE IF NOT EXISTS passages
             USING fts5(title, text, terms, tokenize = 'unicode61')",
        )?;
        Ok(Self {
            connection: Mutex::new(connection),
            weights,
        })
    }

    fn connection(&self) -> Result<MutexGuard<'_, Connection>, IndexError> {
        self.connection.lock().map_err(|_| IndexError::Poisoned)
    }

    fn matches(&self, expression: &str, limit: usize) -> Result<Vec<Hit>, IndexError> {
        if expression.is_empty() {
            return Ok(Vec::new());
        }
        let Weights {
            title, text, terms, ..
        } = self.weights;
        let connection = self.connection()?;
        // SQLite's bm25 is smaller for better matches.
        let mut statement = connection.prepare_cached(
            "SELECT rowid, -bm25(passages, ?2, ?3, ?4) AS score FROM passages
             WHERE passages MATCH ?1 ORDER BY score DESC, rowid LIMIT ?5",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![expression, title, text, terms, limit], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, f64>(1)?))
        })?;
        rows.map(|row| {
            let (row, score) = row?;
            let place = usize::try_from(row).map_err(|_| rusqlite::Error::InvalidQuery)?;
            Ok(Hit { place, score })
        })
        .collect()
    }
}

impl Index for Lexical {
    fn replace(&self, sections: &[Section]) -> Result<(), IndexError> {
        let mut connection = self.connection()?;
        let transaction = connection.transaction()?;
        transaction.execute("DELETE FROM passages", [])?;
        {
            let mut insert = transaction.prepare(
                "INSERT INTO passages(rowid, title, text, terms) VALUES (?1, ?2, ?3, ?4)",
            )?;
            let joined = |text: &str| terms(text).join(" ");
            for (place, section) in sections.iter().enumerate() {
                let row = i64::try_from(place).map_err(|_| rusqlite::Error::InvalidQuery)?;
                let passage = &section.passage;
                insert.execute(params![
                    row,
                    joined(&passage.title),
                    joined(&passage.text),
                    joined(&section.terms)
                ])?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    fn search(&self, query: &Query, limit: usize) -> Result<Vec<Hit>, IndexError> {
        let own = expression(query.terms.iter().map(String::as_str));
        let related = expression(query.related_terms().into_iter());
        let mut scores: BTreeMap<usize, f64> = BTreeMap::new();
        // FTS5 weighs columns but not terms, hence two searches.
        for (expression, weight) in [(own, 1.0), (related, self.weights.related)] {
            for Hit { place, score } in self.matches(&expression, HITS_MAX)? {
                *scores.entry(place).or_default() += weight * score;
            }
        }
        let mut hits: Vec<_> = scores
            .into_iter()
            .map(|(place, score)| Hit { place, score })
            .collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.place.cmp(&b.place)));
        hits.truncate(limit.min(HITS_MAX));
        Ok(hits)
    }
}

/// Terms as FTS5 strings joined by OR. Terms are letters and digits, and a quoted string has no operators,
/// so no question can say anything else to FTS5.
fn expression<'a>(terms: impl Iterator<Item = &'a str>) -> String {
    terms
        .map(|term| format!("\"{}\"", term.replace('"', "")))
        .collect::<Vec<_>>()
        .join(" OR ")
}

#[cfg(test)]
mod tests;
