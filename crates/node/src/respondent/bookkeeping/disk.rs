//! The file of a respondent's books.

use std::{path::Path, thread::JoinHandle};

use llmnet_protocol::books::Owed;
use llmnet_types::{
    id::{ContractId, NetworkId, ProviderId, ReceiptRoot},
    signature::PublicKey,
    units::{Amount, Height, Slot},
};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use tokio::sync::mpsc;

/// Its name.
pub const FILE: &str = "respondent.db";

/// Changes that may wait to be written. More are not: what they were about is then paid when the windows close, if
/// the process ends before the ledger has settled it.
const WAITING_MAX: usize = 65_536;
/// Changes of one write.
const BATCH: usize = 1_024;

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS registration (network BLOB NOT NULL, provider INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS owed (
        coordinator BLOB NOT NULL,
        slot INTEGER NOT NULL,
        receipt BLOB NOT NULL,
        height INTEGER NOT NULL,
        pay INTEGER NOT NULL,
        agreed INTEGER NOT NULL,
        PRIMARY KEY (coordinator, slot)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS awaited (
        contract BLOB PRIMARY KEY,
        height INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// The books cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The database failed.
    #[error("{path} cannot be used: {error}")]
    Database {
        /// The file.
        path: String,
        /// Why not.
        error: rusqlite::Error,
    },
    /// The books are of another network.
    #[error("{path} has the books of a respondent of network {found}; name another data directory")]
    Network {
        /// The file.
        path: String,
        /// That network, as far as it can be read.
        found: String,
    },
    /// The thread that writes could not be started.
    #[error("no thread to write the books with: {0}")]
    Thread(std::io::Error),
}

/// What changes.
#[derive(Debug)]
pub(super) enum Change {
    /// A debt.
    Owed {
        coordinator: PublicKey,
        slot: Slot,
        owed: Owed,
    },
    /// A settlement of them was agreed to.
    Agreed {
        coordinator: PublicKey,
        slots: Vec<Slot>,
    },
    /// All before this slot are settled.
    Settled { coordinator: PublicKey, next: Slot },
    /// One too many.
    Forgotten { coordinator: PublicKey, slot: Slot },
    /// A receipt is to come.
    Awaited {
        contract: ContractId,
        height: Height,
    },
    /// It came, or is not waited for.
    Came { contract: ContractId },
    /// All of before this height is over.
    Expired { oldest: Height },
}

/// What the last run left.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Debts.
    pub(super) owed: Vec<(PublicKey, Slot, Owed)>,
    /// Receipts that did not come.
    pub(super) awaited: Vec<(Height, ContractId)>,
}

/// A thread that writes. Dropped, it writes all that waits first.
#[derive(Debug)]
pub(super) struct Disk {
    changes: Option<mpsc::Sender<Change>>,
    writing: Option<JoinHandle<()>>,
}

impl Drop for Disk {
    fn drop(&mut self) {
        // It ends when nothing more can come.
        drop(self.changes.take());
        if let Some(writing) = self.writing.take() {
            let _ = writing.join();
        }
    }
}

impl Disk {
    /// Opens the file for a registration. Of an earlier one it keeps nothing: what that is owed is paid when the
    /// windows close, as it cannot agree to anything any more.
    pub(super) fn open(
        path: &Path,
        network: &NetworkId,
        provider: ProviderId,
    ) -> Result<(Self, Kept), DiskError> {
        let shown = || path.display().to_string();
        let failed = |error| DiskError::Database {
            path: shown(),
            error,
        };
        let mut connection = Connection::open(path).map_err(failed)?;
        connection.execute_batch(SCHEMA).map_err(failed)?;
        let whose = whose(&connection).map_err(failed)?;
        if let Some((found, _)) = whose.as_ref().filter(|(found, _)| *found != network.0) {
            return Err(DiskError::Network {
                path: shown(),
                found: NetworkId(*found).to_string(),
            });
        }
        let number = i64::from(provider.0);
        if whose.is_none_or(|(_, found)| found != number) {
            begin(&mut connection, network, number).map_err(failed)?;
        }
        let kept = read(&connection).map_err(failed)?;
        let (changes, waiting) = mpsc::channel(WAITING_MAX);
        let writing = std::thread::Builder::new()
            .name("books".to_owned())
            .spawn(move || write(connection, waiting))
            .map_err(DiskError::Thread)?;
        let disk = Self {
            changes: Some(changes),
            writing: Some(writing),
        };
        Ok((disk, kept))
    }

    /// Has a change written soon.
    pub(super) fn keep(&self, change: Change) {
        let sent = self
            .changes
            .as_ref()
            .map(|changes| changes.try_send(change));
        if let Some(Err(error)) = sent {
            tracing::warn!(%error, "what a coordinator owes is not written down");
        }
    }
}

/// Writes until nobody has changes any more.
fn write(mut connection: Connection, mut changes: mpsc::Receiver<Change>) {
    while let Some(first) = changes.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(next) = changes.try_recv()
        {
            batch.push(next);
        }
        let mut write = || {
            let transaction = connection.transaction()?;
            for change in &batch {
                apply(&transaction, change)?;
            }
            transaction.commit()
        };
        if let Err(error) = write() {
            tracing::warn!(%error, "what coordinators owe cannot be written down");
        }
    }
}

/// SQLite's integers have a sign; ours are read back by their bits.
const fn bits(number: u64) -> i64 {
    number.cast_signed()
}

fn apply(transaction: &Transaction<'_>, change: &Change) -> rusqlite::Result<()> {
    let run = |sql, values: &[&dyn rusqlite::ToSql]| {
        transaction.prepare_cached(sql)?.execute(values).map(drop)
    };
    match change {
        Change::Owed {
            coordinator,
            slot,
            owed,
        } => run(
            "INSERT OR IGNORE INTO owed (coordinator, slot, receipt, height, pay, agreed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                coordinator.0,
                bits(slot.0),
                owed.receipt.0,
                bits(owed.height.0),
                bits(owed.pay.0),
                owed.agreed
            ],
        ),
        Change::Agreed { coordinator, slots } => slots.iter().try_for_each(|slot| {
            run(
                "UPDATE owed SET agreed = 1 WHERE coordinator = ?1 AND slot = ?2",
                params![coordinator.0, bits(slot.0)],
            )
        }),
        Change::Settled { coordinator, next } => run(
            "DELETE FROM owed WHERE coordinator = ?1 AND slot < ?2",
            params![coordinator.0, bits(next.0)],
        ),
        Change::Forgotten { coordinator, slot } => run(
            "DELETE FROM owed WHERE coordinator = ?1 AND slot = ?2",
            params![coordinator.0, bits(slot.0)],
        ),
        Change::Awaited { contract, height } => run(
            "INSERT OR IGNORE INTO awaited (contract, height) VALUES (?1, ?2)",
            params![contract.0, bits(height.0)],
        ),
        Change::Came { contract } => run(
            "DELETE FROM awaited WHERE contract = ?1",
            params![contract.0],
        ),
        Change::Expired { oldest } => {
            let oldest = bits(oldest.0);
            run("DELETE FROM owed WHERE height < ?1", params![oldest])?;
            run("DELETE FROM awaited WHERE height < ?1", params![oldest])
        }
    }
}

/// Which registration the books are of.
fn whose(connection: &Connection) -> rusqlite::Result<Option<([u8; 32], i64)>> {
    let sql = "SELECT network, provider FROM registration";
    let row = connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
    row.optional()
}

/// Begins the books of a registration.
fn begin(connection: &mut Connection, network: &NetworkId, provider: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction
        .execute_batch("DELETE FROM registration; DELETE FROM owed; DELETE FROM awaited;")?;
    transaction.execute(
        "INSERT INTO registration (network, provider) VALUES (?1, ?2)",
        params![network.0, provider],
    )?;
    transaction.commit()
}

fn read(connection: &Connection) -> rusqlite::Result<Kept> {
    let number = |row: &rusqlite::Row<'_>, place| row.get::<_, i64>(place).map(i64::cast_unsigned);
    let mut owed = connection.prepare(
        "SELECT coordinator, slot, receipt, height, pay, agreed FROM owed ORDER BY coordinator, slot",
    )?;
    let owed = owed.query_map([], |row| {
        let debt = Owed {
            receipt: ReceiptRoot(row.get(2)?),
            height: Height(number(row, 3)?),
            pay: Amount(number(row, 4)?),
            agreed: row.get(5)?,
        };
        Ok((PublicKey(row.get(0)?), Slot(number(row, 1)?), debt))
    })?;
    let owed = owed.collect::<Result<Vec<_>, _>>()?;
    let mut awaited = connection.prepare("SELECT height, contract FROM awaited")?;
    let awaited = awaited.query_map([], |row| {
        Ok((Height(number(row, 0)?), ContractId(row.get(1)?)))
    })?;
    Ok(Kept {
        owed,
        awaited: awaited.collect::<Result<Vec<_>, _>>()?,
    })
}
