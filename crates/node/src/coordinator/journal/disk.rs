//! The thread that has the journal's database, and the one that sees to it that the disk has it too.
//!
//! ```text
//! works --> writer: what waits together is one transaction --> written: a crash of the program loses nothing
//!                                                      `--> syncer: one sync for all that waits --> on disk
//! ```
//!
//! Written takes microseconds, a sync milliseconds, and neither more for many than for one. So an answer leaves
//! when its receipt is written, and whoever could be harmed by a power cut waits for the sync.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc as channel,
    },
    thread,
    time::Duration,
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::JournalError;

/// How much work may wait for the writer: more waits outside.
const WAITING_MAX: usize = 1_024;
/// How many pieces of work one transaction takes.
const GROUP_MAX: usize = 256;
/// Bytes of the log that are worth being carried over into the database.
const CHECKPOINT: u64 = 8 << 20;
/// Bytes of the log above which the writer waits until all of it is carried over: else it grew for as long as
/// there is never a pause.
const LOG_MAX: u64 = 128 << 20;
/// How long another process may keep the database to itself: a copy, say.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is told once it is known whether the group was written.
type Told = Box<dyn FnOnce(Result<(), JournalError>, Option<&channel::Sender<Sync>>) + Send>;
/// Work in the group's transaction.
type Work = Box<dyn FnOnce(&Connection) -> Told + Send>;
/// Who waits for the disk.
type Sync = oneshot::Sender<Result<(), JournalError>>;

/// Written, so that only the machine's own end loses it; soon on disk, so that nothing does.
#[derive(Debug)]
#[must_use = "what somebody else relies on must be on disk first"]
pub struct Written(oneshot::Receiver<Result<(), JournalError>>);

impl Written {
    /// Waits until it is on disk.
    ///
    /// # Errors
    /// The disk failed, or the program stops.
    pub async fn synced(&mut self) -> Result<(), JournalError> {
        (&mut self.0).await.map_err(|_| JournalError::Interrupted)?
    }
}

/// Where work for the database is handed in. The threads end when the last handle is gone.
#[derive(Debug, Clone)]
pub(super) struct Disk(mpsc::Sender<Work>);

impl Disk {
    /// Opens a database and has its schema made.
    pub(super) fn open(path: &Path, schema: &str) -> Result<Self, JournalError> {
        let connection = connect(path)?;
        connection.execute_batch(schema)?;
        let (works, waiting) = mpsc::channel(WAITING_MAX);
        let (syncs, unsynced) = channel::channel();
        let overflow = Arc::new(AtomicBool::new(false));
        let syncer = Syncer {
            log: log_of(path),
            carrier: connect(path)?,
            overflow: Arc::clone(&overflow),
            file: None,
        };
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
            thread.map_err(JournalError::of_disk)
        };
        spawn("journal-sync", Box::new(move || syncer.run(&unsynced)))?;
        let write = move || write(&connection, waiting, &syncs, &overflow);
        spawn("journal", Box::new(write))?;
        Ok(Self(works))
    }

    /// Reads, after all that was written before.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let (done, waiting) = oneshot::channel();
        let work: Work = Box::new(move |connection| {
            let read = work(connection);
            Box::new(move |group, _| drop(done.send(group.and(read))))
        });
        self.hand_in(work, waiting).await
    }

    /// Writes; what fails changes nothing.
    pub(super) async fn write(
        &self,
        work: impl FnOnce(&Connection) -> Result<(), JournalError> + Send + 'static,
    ) -> Result<Written, JournalError> {
        let (done, waiting) = oneshot::channel();
        let work: Work = Box::new(move |connection| {
            let written = work(connection);
            Box::new(move |group, syncs| {
                let (synced, syncing) = oneshot::channel();
                let told = group.and(written).map(|()| Written(syncing));
                if let (Ok(_), Some(syncs)) = (&told, syncs) {
                    let _ = syncs.send(synced);
                }
                drop(done.send(told));
            })
        });
        self.hand_in(work, waiting).await
    }

    async fn hand_in<T>(
        &self,
        work: Work,
        waiting: oneshot::Receiver<Result<T, JournalError>>,
    ) -> Result<T, JournalError> {
        let handed = self.0.send(work).await;
        handed.map_err(|_| JournalError::Interrupted)?;
        waiting.await.map_err(|_| JournalError::Interrupted)?
    }
}

fn connect(path: &Path) -> Result<Connection, JournalError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    // Syncs are the syncer's, and so is carrying the log over into the database.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0;",
    )?;
    Ok(connection)
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// Does all that waits, group by group, until nobody can hand in any more.
fn write(
    connection: &Connection,
    mut waiting: mpsc::Receiver<Work>,
    syncs: &channel::Sender<Sync>,
    overflow: &AtomicBool,
) {
    let mut works = Vec::new();
    while let Some(first) = waiting.blocking_recv() {
        works.push(first);
        while works.len() < GROUP_MAX
            && let Ok(next) = waiting.try_recv()
        {
            works.push(next);
        }
        let begun = connection.execute_batch("BEGIN");
        let told: Vec<Told> = works.drain(..).map(|work| work(connection)).collect();
        let group = begun.and_then(|()| connection.execute_batch("COMMIT"));
        if group.is_err() {
            // Nothing of the group may be left: everybody in it is told that it failed.
            let _ = connection.execute_batch("ROLLBACK");
        }
        let group = group.map_err(JournalError::from);
        for told in told {
            told(group.clone(), Some(syncs));
        }
        if overflow.swap(false, Ordering::Relaxed) {
            let carried = connection.execute_batch("PRAGMA wal_checkpoint(RESTART)");
            if let Err(error) = carried {
                tracing::warn!(%error, "the journal's log is not carried over");
            }
        }
    }
}

struct Syncer {
    log: PathBuf,
    carrier: Connection,
    overflow: Arc<AtomicBool>,
    file: Option<File>,
}

impl Syncer {
    fn run(mut self, unsynced: &channel::Receiver<Sync>) {
        let mut carried = 0;
        while let Ok(first) = unsynced.recv() {
            let mut group = vec![first];
            group.extend(unsynced.try_iter());
            let synced = self.sync().map_err(JournalError::of_disk);
            for waiting in group {
                let _ = waiting.send(synced.clone());
            }
            let length = std::fs::metadata(&self.log).map_or(0, |log| log.len());
            if length > LOG_MAX {
                self.overflow.store(true, Ordering::Relaxed);
            }
            // The log starts over once all of it is carried over.
            carried = carried.min(length);
            if length >= carried + CHECKPOINT {
                let done = self.carrier.execute_batch("PRAGMA wal_checkpoint(PASSIVE)");
                if let Err(error) = done {
                    tracing::warn!(%error, "the journal's log is not carried over");
                }
                carried = length;
            }
        }
    }

    fn sync(&mut self) -> std::io::Result<()> {
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                let file = File::open(&self.log)?;
                // That the log is there at all must outlast a power cut as well.
                if let Some(folder) = self.log.parent().filter(|it| !it.as_os_str().is_empty()) {
                    File::open(folder)?.sync_all()?;
                }
                file
            }
        };
        file.sync_data()?;
        self.file = Some(file);
        Ok(())
    }
}
