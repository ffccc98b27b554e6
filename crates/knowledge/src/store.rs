//! An expert's documents on disk: SQLite is the system of record, all else can be built again from it.
//!
//! ```text
//! origins (paths) -> documents (by digest) -> contents -> passages (by digest) -> leaves (salt, Merkle leaf)
//!                                                                  |-> lexical (FTS5)         } or another engine that
//!                                                                  |-> vectors (of one model) } follows these
//! ```
//!
//! Every change is one transaction with a write-ahead log that is synced before it is acknowledged: what was
//! acknowledged survives a kill, what was not leaves no trace. A document that comes twice, and a passage that two
//! versions of a document share, are kept once. So a small edit changes few leaves, and the rest keeps its place in
//! order and its salt.
//!
//! Several processes may open one store: an expert that serves it, and a command that adds to it.

mod announced;
mod around;
mod cite;
mod embedded;
pub mod engine;
#[cfg(feature = "postgres")]
pub mod postgres;
mod read;
mod schema;
mod search;
mod share;
mod vectors;
mod write;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use llmnet_types::id::{Digest, Salt};
use rusqlite::Connection;

use embedded::Embedded;
use engine::{Engine, EngineError, Record};

pub use around::Around;
pub use cite::Proofs;
pub use read::{Held, Status};
pub use search::{Filter, Hit, Wanted};
pub use vectors::{Unembedded, VectorError, text_to_embed};
pub(crate) use vectors::{direction, dot};
pub use write::{Added, NewDocument, Removed};

/// How long one process waits for another's transaction.
const BUSY_TIME_MAX: Duration = Duration::from_secs(30);
/// Memory for pages of the file, in KiB.
const CACHE_SIZE_KIB: i64 = 16 * 1024;

/// What went wrong with a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite failed.
    #[error("the store of documents: {0}")]
    Storage(#[from] rusqlite::Error),
    /// The file is of an edition that this program does not know.
    #[error(
        "the store is of version {found}, this program reads version {expected}; use the program that wrote it, or add the documents to a new one"
    )]
    Version {
        /// What the file says.
        found: i64,
        /// What is read here.
        expected: i64,
    },
    /// The store holds what no store wrote.
    #[error("the store is damaged: {0}; add its documents to a new one")]
    Damaged(&'static str),
    /// More passages than a corpus may have.
    #[error(
        "the corpus would have more than {} passages",
        crate::corpus::PASSAGES_MAX
    )]
    Full,
    /// What finds its passages failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// An earlier panic left it in an unknown state.
    #[error("the store is unusable after a panic")]
    Poisoned,
}

/// An expert's documents.
pub struct Store {
    record: Record,
    salt: Salt,
    proofs: Mutex<Option<Arc<Proofs>>>,
    engine: Box<dyn Engine>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Opens a store, or makes one; a new one is salted with `fresh`, which must be random and told nobody. An older
    /// one keeps the salt it was made with.
    ///
    /// # Errors
    /// The file is no store of this version, or SQLite failed.
    pub fn open(path: &Path, fresh: &Salt) -> Result<Self, StoreError> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIME_MAX)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "cache_size", -CACHE_SIZE_KIB)?;
        Self::over(connection, fresh)
    }

    /// A store that ends with the process.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn in_memory(fresh: &Salt) -> Result<Self, StoreError> {
        Self::over(Connection::open_in_memory()?, fresh)
    }

    fn over(mut connection: Connection, fresh: &Salt) -> Result<Self, StoreError> {
        let salt = schema::prepare(&mut connection, fresh)?;
        let record = Record::new(Arc::new(Mutex::new(connection)));
        Ok(Self {
            engine: Box::new(Embedded::new(record.clone())),
            record,
            salt,
            proofs: Mutex::new(None),
        })
    }

    /// What tells this store from all others, and nothing of what is in it.
    pub fn identity(&self) -> Digest {
        Digest::tagged("llmnet/store/1", &[&self.salt.0])
    }

    /// The same store, searched by another engine than SQLite.
    #[must_use]
    pub fn searched_by(mut self, engine: Box<dyn Engine>) -> Self {
        self.engine = engine;
        self
    }

    /// Has the engine take over what changed, which it also does when it is asked next.
    ///
    /// # Errors
    /// SQLite or the engine failed.
    pub fn follow(&self) -> Result<(), StoreError> {
        self.engine.follow(&self.record)
    }

    /// What finds passages, in step with the record.
    fn engine(&self) -> Result<&dyn Engine, StoreError> {
        self.follow()?;
        Ok(&*self.engine)
    }

    fn connection(&self) -> Result<MutexGuard<'_, Connection>, StoreError> {
        self.record.connection()
    }
}

fn digest(bytes: &[u8]) -> Result<Digest, StoreError> {
    let bytes = bytes.try_into();
    bytes
        .map(Digest)
        .map_err(|_| StoreError::Damaged("a digest that is none"))
}

#[cfg(test)]
mod tests;
