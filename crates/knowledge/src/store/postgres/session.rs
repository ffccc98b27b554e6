//! A connection with a thread of its own: whoever calls may stand in an asynchronous program, where the client may not.

use std::{
    fmt,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use llmnet_types::id::Digest;
use postgres::{Client, Config, Error, NoTls, error::SqlState};

use super::{super::engine::EngineError, schema};

/// How long a statement may take on the server, in milliseconds.
pub(super) const STATEMENT_TIME_MAX_MS: u32 = 120_000;
/// How long one waits for what was asked: for a statement, and for those before it.
const CALL_TIME_MAX: Duration = Duration::from_secs(300);
/// How long a connection may have stood still before it is asked whether it still stands.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// How long that may take.
const CHECK_TIME_MAX: Duration = Duration::from_secs(5);
/// How many candidates an approximate index looks at: more than any search wants.
const CANDIDATES: u32 = 400;

type Job = Box<dyn FnOnce(&mut Link) + Send>;

/// Does one job after another on one connection.
pub(super) struct Worker {
    jobs: Sender<Job>,
    /// What keeps processes apart that follow the same record.
    lock: i64,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

impl Worker {
    pub(super) fn new(config: Config, identity: &Digest) -> Result<Self, EngineError> {
        let name: String = identity.to_string().chars().take(32).collect();
        let lock = identity
            .0
            .first_chunk()
            .map_or(0, |bytes| i64::from_le_bytes(*bytes));
        let mut link = Link {
            config,
            schema: format!("llmnet_{name}"),
            lock,
            client: None,
            connections: 0,
            used: Instant::now(),
        };
        let (jobs, next) = mpsc::channel::<Job>();
        thread::Builder::new()
            .name("postgres".to_owned())
            .spawn(move || {
                // Ends with the worker, which holds the other end.
                for job in next {
                    job(&mut link);
                }
            })
            .map_err(|error| EngineError::Unusable(error.to_string()))?;
        Ok(Self { jobs, lock })
    }

    /// Has something done on the connection, which is made first where there is none; waits until it is done.
    pub(super) fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Session<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.on(None, work)
    }

    /// Keeps all others out that follow this record, until the end or the connection's.
    pub(super) fn alone(&self) -> Result<Alone<'_>, EngineError> {
        let lock = self.lock;
        let connection = self.call(move |session| {
            let sql = "SELECT pg_advisory_lock($1)";
            session.client.execute(sql, &[&lock])?;
            Ok(session.connection)
        })?;
        Ok(Alone {
            worker: self,
            connection,
        })
    }

    fn on<T: Send + 'static>(
        &self,
        only: Option<u64>,
        work: impl FnOnce(&mut Session<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, EngineError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let job: Job = Box::new(move |link| {
            let done = link
                .session(only)
                .and_then(|mut session| work(&mut session).map_err(|error| told(&error)));
            // Who asked may have given up: nothing to tell then.
            let _ = sender.send(done);
        });
        let ended = || EngineError::Away("its connection ended".to_owned());
        self.jobs.send(job).map_err(|_| ended())?;
        receiver
            .recv_timeout(CALL_TIME_MAX)
            .map_err(|error| match error {
                RecvTimeoutError::Timeout => {
                    EngineError::Away(format!("not within {} seconds", CALL_TIME_MAX.as_secs()))
                }
                RecvTimeoutError::Disconnected => ended(),
            })?
    }
}

/// The one who follows. What is asked here is done on the connection that has the lock or not at all: on another one
/// somebody else may have gone on meanwhile.
pub(super) struct Alone<'a> {
    worker: &'a Worker,
    connection: u64,
}

impl Alone<'_> {
    /// As [`Worker::call`].
    pub(super) fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Session<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.worker.on(Some(self.connection), work)
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        let lock = self.worker.lock;
        // A connection that ended took its lock with it.
        let _ = self.call(move |session| {
            let sql = "SELECT pg_advisory_unlock($1)";
            session.client.execute(sql, &[&lock])
        });
    }
}

/// The thread's side.
struct Link {
    config: Config,
    schema: String,
    lock: i64,
    client: Option<Client>,
    /// How many connections there have been.
    connections: u64,
    used: Instant,
}

impl Link {
    /// The connection that stands, or another one; only that of a number, if one is given.
    fn session(&mut self, only: Option<u64>) -> Result<Session<'_>, EngineError> {
        let idle = self.used.elapsed() > IDLE_MAX;
        let stands = |client: &mut Client| {
            !client.is_closed() && (!idle || client.is_valid(CHECK_TIME_MAX).is_ok())
        };
        let mut client = self.client.take();
        let client = match client.take_if(stands) {
            Some(client) => client,
            None => {
                self.connections += 1;
                if only.is_some() {
                    return Err(EngineError::Away("its connection ended".to_owned()));
                }
                self.connect()?
            }
        };
        if only.is_some_and(|only| only != self.connections) {
            self.client = Some(client);
            return Err(EngineError::Away("its connection ended".to_owned()));
        }
        self.used = Instant::now();
        Ok(Session {
            client: self.client.insert(client),
            schema: &self.schema,
            connection: self.connections,
        })
    }

    fn connect(&self) -> Result<Client, EngineError> {
        let mut client = self
            .config
            .connect(NoTls)
            .map_err(|error| match told(&error) {
                EngineError::Failed(refusal) => EngineError::Unusable(refusal),
                other => other,
            })?;
        let settings = format!(
            "SET statement_timeout = {STATEMENT_TIME_MAX_MS}; SET hnsw.ef_search = {CANDIDATES}; SET client_min_messages = warning"
        );
        client
            .batch_execute(&settings)
            .map_err(|error| told(&error))?;
        // Another lock than that of who follows: who comes anew need not wait for it.
        schema::prepare(&mut client, &self.schema, !self.lock).map_err(|error| {
            match told(&error) {
                EngineError::Failed(refusal) => EngineError::Unusable(format!(
                    "its tables cannot be made: {refusal}; it needs pgvector (CREATE EXTENSION vector) and leave to make \
                     a schema"
                )),
                other => other,
            }
        })?;
        Ok(client)
    }
}

/// A connection that stands.
pub(super) struct Session<'a> {
    pub(super) client: &'a mut Client,
    schema: &'a str,
    connection: u64,
}

impl Session<'_> {
    pub(super) fn begin_anew(&mut self) -> Result<(), Error> {
        schema::begin_anew(self.client, self.schema)
    }
}

/// What went wrong, without what was sent.
fn told(error: &Error) -> EngineError {
    match error.as_db_error() {
        // The server ends, or has not begun yet, or somebody ended the connection.
        Some(refusal)
            if [
                SqlState::ADMIN_SHUTDOWN,
                SqlState::CRASH_SHUTDOWN,
                SqlState::CANNOT_CONNECT_NOW,
            ]
            .contains(refusal.code()) =>
        {
            EngineError::Away(refusal.message().to_owned())
        }
        Some(refusal) if *refusal.code() == SqlState::QUERY_CANCELED => {
            EngineError::Away("not in the time that a statement may take".to_owned())
        }
        Some(refusal) => EngineError::Failed(refusal.message().to_owned()),
        None => {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            EngineError::Away(
                cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")),
            )
        }
    }
}
