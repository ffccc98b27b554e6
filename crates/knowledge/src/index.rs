//! The port of an index over a corpus' passages.

pub mod lexical;

use crate::{analysis::Query, ingest::Section};

/// A passage that the index found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Its place in the corpus.
    pub place: usize,
    /// How well it fits: larger is better, comparable within one search only.
    pub score: f64,
}

/// The index failed.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The storage below it did.
    #[error("index storage: {0}")]
    Storage(#[from] rusqlite::Error),
    /// An earlier panic left it in an unknown state.
    #[error("the index is unusable after a panic")]
    Poisoned,
}

/// Finds passages.
pub trait Index: Send + Sync {
    /// Replaces all that is indexed; a passage's place is its position.
    ///
    /// # Errors
    /// The storage failed; the old content then remains.
    fn replace(&self, sections: &[Section]) -> Result<(), IndexError>;

    /// The best passages, best first; none for an empty query.
    ///
    /// # Errors
    /// The storage failed.
    fn search(&self, query: &Query, limit: usize) -> Result<Vec<Hit>, IndexError>;
}
