//! What the coordinator must not forget: slots, orders, receipts, settlements on their way.
//!
//! A slot is written down before anybody is offered a seat in it, so that after a crash it is never used
//! for another order (CON-1); a receipt before its answer leaves; a settlement before it is submitted.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use llmnet_types::{
    codec::{decode, encode},
    contract::Voucher,
    document::{DOCUMENT_LENGTH_MAX, ReceiptDocument},
    id::{ContractId, TransactionId},
    settlement::Leaf,
    signature::Signed,
    transaction::{TRANSACTION_LENGTH_MAX, Transaction},
    units::{Height, Slot},
};
use rusqlite::{Connection, OptionalExtension, params};

/// The journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The database failed.
    #[error("the coordinator's journal failed: {0}")]
    Database(rusqlite::Error),
    /// Something in it cannot be read.
    #[error("the coordinator's journal is damaged at slot {0}")]
    Damaged(Slot),
    /// The program stopped while it was used.
    #[error("the coordinator's journal was interrupted")]
    Interrupted,
}

impl From<rusqlite::Error> for JournalError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// A slot that was used.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The slot.
    pub slot: Slot,
    /// The height of its selection.
    pub height: Height,
    /// Its order.
    pub voucher: Signed<Voucher>,
    /// How it ended; `None` while it is open, or where a crash ended it.
    pub leaf: Option<Leaf>,
}

/// A handle to the journal; calls run on threads that may wait for the disk.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Mutex<Connection>>);

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS slots (
        slot INTEGER PRIMARY KEY,
        contract BLOB NOT NULL UNIQUE,
        height INTEGER NOT NULL,
        voucher BLOB NOT NULL,
        leaf BLOB,
        document BLOB,
        settled_at INTEGER,
        proven INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE IF NOT EXISTS settlements (
        first_slot INTEGER NOT NULL,
        contracts INTEGER NOT NULL,
        id BLOB PRIMARY KEY,
        bytes BLOB NOT NULL
    ) STRICT;
";

impl Journal {
    /// Opens a journal, making it where there is none.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let connection = Connection::open(path)?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let connection = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || {
            work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))
        })
        .await
        .map_err(|_| JournalError::Interrupted)?
    }

    /// All slots from one on, in order.
    pub async fn entries(&self, from: Slot) -> Result<Vec<Entry>, JournalError> {
        self.run(move |connection| {
            let mut statement = connection.prepare(
                "SELECT slot, height, voucher, leaf FROM slots WHERE slot >= ?1 ORDER BY slot",
            )?;
            let rows = statement.query_map([number(from.0)], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, i64>(1)?,
                    row.get::<_, Vec<u8>>(2)?,
                    row.get::<_, Option<Vec<u8>>>(3)?,
                ))
            })?;
            let mut entries = Vec::new();
            for row in rows {
                let (slot, height, voucher, leaf) = row?;
                let slot = Slot(slot.unsigned_abs());
                let damaged = |_| JournalError::Damaged(slot);
                let leaf = leaf
                    .map(|bytes| decode(&bytes, TRANSACTION_LENGTH_MAX))
                    .transpose()
                    .map_err(damaged)?;
                entries.push(Entry {
                    slot,
                    height: Height(height.unsigned_abs()),
                    voucher: decode(&voucher, TRANSACTION_LENGTH_MAX).map_err(damaged)?,
                    leaf,
                });
            }
            Ok(entries)
        })
        .await
    }

    /// Uses a slot up for an order. Durable when it returns.
    pub async fn begin(
        &self,
        slot: Slot,
        contract: ContractId,
        height: Height,
        voucher: Signed<Voucher>,
    ) -> Result<(), JournalError> {
        self.run(move |connection| {
            connection.execute(
                "INSERT INTO slots (slot, contract, height, voucher) VALUES (?1, ?2, ?3, ?4)",
                params![
                    number(slot.0),
                    contract.0,
                    number(height.0),
                    encode(&voucher)
                ],
            )?;
            Ok(())
        })
        .await
    }

    /// Ends a slot with what is to be settled, and with its receipt if it has one. Durable when it returns.
    pub async fn end(
        &self,
        slot: Slot,
        leaf: Leaf,
        document: Option<ReceiptDocument>,
    ) -> Result<(), JournalError> {
        self.run(move |connection| {
            connection.execute(
                "UPDATE slots SET leaf = ?2, document = coalesce(?3, document) WHERE slot = ?1",
                params![number(slot.0), encode(&leaf), document.as_ref().map(encode)],
            )?;
            Ok(())
        })
        .await
    }

    /// Notes a settlement before it is submitted.
    pub async fn submit(
        &self,
        first: Slot,
        contracts: usize,
        transaction: Transaction,
    ) -> Result<(), JournalError> {
        self.run(move |connection| {
            connection.execute(
                "INSERT OR IGNORE INTO settlements (first_slot, contracts, id, bytes)
                 VALUES (?1, ?2, ?3, ?4)",
                params![
                    number(first.0),
                    i64::try_from(contracts).unwrap_or(i64::MAX),
                    transaction.id().0,
                    encode(&transaction)
                ],
            )?;
            Ok(())
        })
        .await
    }

    /// Settlements that were submitted for a slot, newest last.
    pub async fn submitted(&self, slot: Slot) -> Result<Vec<TransactionId>, JournalError> {
        self.run(move |connection| {
            let mut statement = connection.prepare(
                "SELECT id FROM settlements
                 WHERE first_slot <= ?1 AND ?1 < first_slot + contracts ORDER BY rowid",
            )?;
            let ids = statement
                .query_map([number(slot.0)], |row| row.get::<_, [u8; 32]>(0))?
                .collect::<Result<Vec<_>, _>>()?;
            Ok(ids.into_iter().map(TransactionId).collect())
        })
        .await
    }

    /// Slots below `settled` whose receipts have no proof yet.
    pub async fn unproven(&self, settled: Slot) -> Result<Vec<Slot>, JournalError> {
        self.run(move |connection| {
            let mut statement = connection.prepare(
                "SELECT slot FROM slots
                 WHERE slot < ?1 AND proven = 0 AND document IS NOT NULL ORDER BY slot LIMIT 256",
            )?;
            let slots = statement
                .query_map([number(settled.0)], |row| row.get::<_, i64>(0))?
                .collect::<Result<Vec<_>, _>>()?;
            Ok(slots
                .into_iter()
                .map(|slot| Slot(slot.unsigned_abs()))
                .collect())
        })
        .await
    }

    /// Gives up on the proof of a slot that was settled without its receipt.
    pub async fn abandon(&self, slot: Slot) -> Result<(), JournalError> {
        self.run(move |connection| {
            connection.execute(
                "UPDATE slots SET proven = 1 WHERE slot = ?1",
                [number(slot.0)],
            )?;
            Ok(())
        })
        .await
    }

    /// Replaces receipts by the same with their proofs.
    pub async fn prove(
        &self,
        height: Height,
        documents: BTreeMap<Slot, ReceiptDocument>,
    ) -> Result<(), JournalError> {
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            for (slot, document) in &documents {
                transaction.execute(
                    "UPDATE slots SET document = ?2, settled_at = ?3, proven = 1 WHERE slot = ?1",
                    params![number(slot.0), encode(document), number(height.0)],
                )?;
            }
            transaction.commit()?;
            Ok(())
        })
        .await
    }

    /// A receipt by slot.
    pub async fn document(&self, slot: Slot) -> Result<Option<ReceiptDocument>, JournalError> {
        let found = self
            .find(
                "SELECT slot, document FROM slots WHERE slot = ?1",
                number(slot.0),
            )
            .await?;
        Ok(found.map(|(_, document)| document))
    }

    /// A receipt by name.
    pub async fn receipt(
        &self,
        contract: ContractId,
    ) -> Result<Option<ReceiptDocument>, JournalError> {
        let found = self
            .find(
                "SELECT slot, document FROM slots WHERE contract = ?1",
                contract.0,
            )
            .await?;
        Ok(found.map(|(_, document)| document))
    }

    async fn find(
        &self,
        query: &'static str,
        key: impl rusqlite::ToSql + Send + 'static,
    ) -> Result<Option<(Slot, ReceiptDocument)>, JournalError> {
        self.run(move |connection| {
            let row = connection
                .query_row(query, [key], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, Option<Vec<u8>>>(1)?))
                })
                .optional()?;
            let Some((slot, Some(bytes))) = row else {
                return Ok(None);
            };
            let slot = Slot(slot.unsigned_abs());
            let document = decode(&bytes, DOCUMENT_LENGTH_MAX);
            Ok(Some((
                slot,
                document.map_err(|_| JournalError::Damaged(slot))?,
            )))
        })
        .await
    }
}

/// SQLite's integers are signed; ours stay far below.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
