//! PostgreSQL with pgvector as an engine: for who has more passages, or more questions, than one machine bears.
//!
//! ```text
//! schema llmnet_IDENTITY, one for each store
//!   state        the record's mark that it has followed to
//!   passages     number, tag
//!   postings     term, passage, how often, the passage's length
//!   frequencies  term, in how many passages
//!   models       name, dimensions; vectors_N for each: passage, vector
//! ```
//!
//! BM25 is computed by SQL in the order in which [`bm25::score`](crate::bm25::score) computes it, so that the numbers are
//! the same to the last bit; cosines are pgvector's, to single precision. Vectors are compared with all others until there
//! are very many, then by an approximate index.

mod follow;
mod schema;
mod search;
mod session;

use std::{
    str::FromStr as _,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use llmnet_types::id::Digest;
use postgres::config::{Config, SslMode};

use super::engine::{Engine, EngineError, Record, Search};
use super::{Hit, StoreError};
use crate::{analysis::Query, bm25::Statistics};
use session::Worker;

/// How long a connection may take to come about.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// How long what was sent may wait for the other side to say that it came.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// From how many vectors on they are compared by an index that may miss some.
const APPROXIMATE_FROM: u64 = 200_000;

/// Where a server is, and how it is used. Shows no password.
#[derive(Clone)]
pub struct Settings {
    config: Config,
    approximate_from: u64,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

impl Settings {
    /// From `postgres://USER@HOST:PORT/DATABASE`; a password beside it counts instead of one in it.
    ///
    /// # Errors
    /// It is no such address, or asks for what is not done here.
    pub fn new(url: &str, password: Option<&str>) -> Result<Self, EngineError> {
        let unusable = |why: &str| Err(EngineError::Unusable(why.to_owned()));
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return unusable("it is no postgres://USER@HOST:PORT/DATABASE");
        }
        // What the parser says may show a piece of the address, and with it of a password.
        let Ok(mut config) = Config::from_str(url) else {
            return unusable("its address is no postgres://USER@HOST:PORT/DATABASE");
        };
        if config.get_ssl_mode() == SslMode::Require {
            return unusable(
                "its address asks for TLS, which is not spoken here: use a socket, a private network or a tunnel",
            );
        }
        if let Some(password) = password {
            config.password(password);
        }
        config
            .application_name("llmnet")
            .connect_timeout(CONNECT_TIME_MAX)
            .tcp_user_timeout(SILENCE_MAX);
        Ok(Self {
            config,
            approximate_from: APPROXIMATE_FROM,
        })
    }

    /// The number of vectors from which on they are compared by an index that may miss some; 200,000 where nobody says.
    #[must_use]
    pub const fn approximate_from(mut self, vectors: u64) -> Self {
        self.approximate_from = vectors;
        self
    }
}

/// A store's passages in PostgreSQL.
#[derive(Debug)]
pub struct Postgres {
    worker: Worker,
    approximate_from: u64,
    /// One at a time in this process; others are kept out by a lock of the server's.
    following: Mutex<()>,
}

impl Postgres {
    /// Connects, and makes the tables of a store, by its [identity](super::Store::identity), where there are none.
    ///
    /// # Errors
    /// The server cannot be reached, refuses, or has no pgvector.
    pub fn open(settings: &Settings, identity: &Digest) -> Result<Self, EngineError> {
        let worker = Worker::new(settings.config.clone(), identity)?;
        worker.call(|_| Ok(()))?;
        Ok(Self {
            worker,
            approximate_from: settings.approximate_from,
            following: Mutex::default(),
        })
    }

    /// Drops the tables of this store; they are built again when it is asked next.
    ///
    /// # Errors
    /// The server cannot be reached, or refuses.
    pub fn forget(&self) -> Result<(), EngineError> {
        let _alone = self
            .following
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.worker.alone()?.call(|session| session.begin_anew())
    }
}

impl Engine for Postgres {
    fn follow(&self, record: &Record) -> Result<(), StoreError> {
        let mark = record.mark()?;
        if self.worker.call(follow::mark)? == Some(mark) {
            return Ok(());
        }
        let _alone = self
            .following
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        follow::follow(&self.worker, record, self.approximate_from)
    }

    fn search(&self, search: &Search<'_>) -> Result<Vec<Hit>, StoreError> {
        let owned = search::Owned::new(search);
        Ok(self.worker.call(move |session| owned.hits(session))?)
    }

    fn statistics_of(&self, query: &Query) -> Result<Statistics, StoreError> {
        let terms = query.terms.clone();
        Ok(self
            .worker
            .call(move |session| search::statistics_of(session, &terms))?)
    }

    fn statistics(&self, terms_max: usize) -> Result<Statistics, StoreError> {
        Ok(self
            .worker
            .call(move |session| search::statistics(session, terms_max))?)
    }

    fn centroid(&self, model: &str) -> Result<Option<Vec<f32>>, StoreError> {
        let model = model.to_owned();
        let mean = self
            .worker
            .call(move |session| search::mean(session, &model))?;
        Ok(mean.and_then(|mean| super::direction(&mean)))
    }
}
