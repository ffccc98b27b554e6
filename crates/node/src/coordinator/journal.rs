//! What the coordinator must not forget: slots, orders, receipts, settlements on their way.
//!
//! Slots are set aside, some at a time, before anybody is offered a seat in them, so that after a crash none is used
//! for another order (CON-1). A receipt is written before its answer leaves, and on disk before a seat is shown it; a
//! settlement is on disk before it is submitted.

mod disk;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use llmnet_types::{
    codec::{decode, encode},
    contract::Voucher,
    document::{DOCUMENT_LENGTH_MAX, ReceiptDocument},
    id::{ContractId, LineId, ProviderId, TransactionId},
    settlement::{LEAVES_MAX, Leaf},
    signature::Signed,
    transaction::{TRANSACTION_LENGTH_MAX, Transaction},
    units::{Height, Slot},
};
use rusqlite::{OptionalExtension, params};

use disk::Disk;
pub use disk::Written;

/// The journal cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// The database failed.
    #[error("the coordinator's journal failed: {0}")]
    Database(Arc<rusqlite::Error>),
    /// The disk failed.
    #[error("the coordinator's journal cannot be brought to disk: {0}")]
    Disk(Arc<std::io::Error>),
    /// Something in it cannot be read.
    #[error("the coordinator's journal is damaged at slot {0}")]
    Damaged(Slot),
    /// The program stopped while it was used.
    #[error("the coordinator's journal was interrupted")]
    Interrupted,
}

impl From<rusqlite::Error> for JournalError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}

impl JournalError {
    fn of_disk(error: std::io::Error) -> Self {
        Self::Disk(Arc::new(error))
    }
}

/// A slot that has an end.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The slot.
    pub slot: Slot,
    /// The height of its selection.
    pub height: Height,
    /// Its order; `None` where it was lost, with whatever came of it.
    pub voucher: Option<Signed<Voucher>>,
    /// How it ended.
    pub leaf: Leaf,
}

/// Slots that are set aside: some may be used, so none of them is used by a coordinator that starts anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reserved {
    /// The first slot that is not.
    pub until: Slot,
    /// The line that their orders are on.
    pub line: LineId,
    /// The last number that an order of theirs may have on that line.
    pub order: u32,
}

/// A handle to the journal.
#[derive(Debug, Clone)]
pub struct Journal(Disk);

const SCHEMA: &str = "
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
    CREATE INDEX IF NOT EXISTS unproven ON slots (slot) WHERE proven = 0 AND document IS NOT NULL;
    CREATE INDEX IF NOT EXISTS settlements_by_slot ON settlements (first_slot);
    CREATE TABLE IF NOT EXISTS reserved (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        until INTEGER NOT NULL,
        line INTEGER NOT NULL,
        last_order INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS distrusted (provider INTEGER PRIMARY KEY) STRICT;
";

impl Journal {
    /// Opens a journal, making it where there is none.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        Ok(Self(Disk::open(path, SCHEMA)?))
    }

    /// Slots that ended, from one on, in order, at most so many. A slot that is missing is worked on, or was lost.
    pub async fn entries(&self, from: Slot, most: usize) -> Result<Vec<Entry>, JournalError> {
        let rows = self.0.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT slot, height, voucher, leaf FROM slots
                 WHERE slot >= ?1 AND leaf IS NOT NULL ORDER BY slot LIMIT ?2",
            )?;
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let rows = statement.query_map([number(from.0), most], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, i64>(1)?,
                    row.get::<_, Vec<u8>>(2)?,
                    row.get::<_, Vec<u8>>(3)?,
                ))
            })?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        });
        let read = |(slot, height, voucher, leaf): (i64, i64, Vec<u8>, Vec<u8>)| {
            let slot = Slot(slot.unsigned_abs());
            let damaged = |_| JournalError::Damaged(slot);
            let voucher = (!voucher.is_empty()).then(|| decode(&voucher, TRANSACTION_LENGTH_MAX));
            Ok(Entry {
                slot,
                height: Height(height.unsigned_abs()),
                voucher: voucher.transpose().map_err(damaged)?,
                leaf: decode(&leaf, TRANSACTION_LENGTH_MAX).map_err(damaged)?,
            })
        };
        rows.await?.into_iter().map(read).collect()
    }

    /// The slots that are set aside.
    pub async fn reserved(&self) -> Result<Reserved, JournalError> {
        self.0
            .read(|connection| {
                // Programs before this one wrote a slot down when its order was taken.
                let begun = connection.query_row("SELECT max(slot) + 1 FROM slots", [], |row| {
                    row.get::<_, Option<i64>>(0)
                })?;
                let begun = Slot(begun.unwrap_or(0).unsigned_abs());
                let row = connection.query_row(
                    "SELECT until, line, last_order FROM reserved",
                    [],
                    |row| {
                        Ok(Reserved {
                            until: Slot(row.get::<_, i64>(0)?.unsigned_abs()),
                            line: LineId(row.get(1)?),
                            order: row.get(2)?,
                        })
                    },
                );
                let reserved = row.optional()?.unwrap_or_default();
                Ok(Reserved {
                    until: reserved.until.max(begun),
                    ..reserved
                })
            })
            .await
    }

    /// Sets slots aside, or gives back those that were not used. On disk when it returns.
    pub async fn reserve(&self, reserved: Reserved) -> Result<(), JournalError> {
        let written = self.0.write(move |connection| {
            connection.execute(
                "INSERT OR REPLACE INTO reserved (one, until, line, last_order) VALUES (1, ?1, ?2, ?3)",
                params![number(reserved.until.0), reserved.line.0, reserved.order],
            )?;
            Ok(())
        });
        written.await?.synced().await
    }

    /// Experts that lied about their passages, at most so many: those that registered last.
    pub async fn distrusted(&self, most: usize) -> Result<Vec<ProviderId>, JournalError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let read = self.0.read(move |connection| {
            let mut statement = connection
                .prepare("SELECT provider FROM distrusted ORDER BY provider DESC LIMIT ?1")?;
            let providers = statement.query_map([most], |row| Ok(ProviderId(row.get(0)?)))?;
            Ok(providers.collect::<Result<_, _>>()?)
        });
        read.await
    }

    /// Notes that an expert lied about its passages. On disk when it returns.
    pub async fn distrust(&self, provider: ProviderId) -> Result<(), JournalError> {
        let written = self.0.write(move |connection| {
            connection.execute(
                "INSERT OR IGNORE INTO distrusted (provider) VALUES (?1)",
                [provider.0],
            )?;
            Ok(())
        });
        written.await?.synced().await
    }

    /// Ends a slot with what is to be settled, and with its receipt if it has one.
    pub async fn end(
        &self,
        contract: ContractId,
        entry: Entry,
        document: Option<ReceiptDocument>,
    ) -> Result<Written, JournalError> {
        let voucher = entry.voucher.as_ref().map(encode).unwrap_or_default();
        let leaf = encode(&entry.leaf);
        let document = document.as_ref().map(encode);
        self.0
            .write(move |connection| {
                let mut statement = connection.prepare_cached(
                    "INSERT INTO slots (slot, contract, height, voucher, leaf, document)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT (slot) DO UPDATE
                     SET leaf = excluded.leaf, document = coalesce(excluded.document, document)",
                )?;
                statement.execute(params![
                    number(entry.slot.0),
                    contract.0,
                    number(entry.height.0),
                    voucher,
                    leaf,
                    document
                ])?;
                Ok(())
            })
            .await
    }

    /// Ends a slot, or changes its end, so that nothing is owed for it. On disk when it returns.
    pub async fn void(
        &self,
        contract: ContractId,
        slot: Slot,
        leaf: Leaf,
    ) -> Result<(), JournalError> {
        let entry = Entry {
            slot,
            height: leaf.height,
            voucher: None,
            leaf,
        };
        self.end(contract, entry, None).await?.synced().await
    }

    /// Notes a settlement before it is submitted. Once it is on disk, the receipts it settles are, too.
    pub async fn submit(
        &self,
        first: Slot,
        contracts: usize,
        transaction: Transaction,
    ) -> Result<Written, JournalError> {
        self.0
            .write(move |connection| {
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
        self.0
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT id FROM settlements
                 WHERE first_slot BETWEEN ?2 AND ?1 AND ?1 < first_slot + contracts ORDER BY rowid",
                )?;
                let earliest = number(slot.0).saturating_sub(LEAVES_MAX as i64);
                let ids = statement
                    .query_map([number(slot.0), earliest], |row| row.get::<_, [u8; 32]>(0))?
                    .collect::<Result<Vec<_>, _>>()?;
                Ok(ids.into_iter().map(TransactionId).collect())
            })
            .await
    }

    /// Slots below `settled` whose receipts have no proof yet.
    pub async fn unproven(&self, settled: Slot) -> Result<Vec<Slot>, JournalError> {
        self.0
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
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
    pub async fn abandon(&self, slot: Slot) -> Result<Written, JournalError> {
        self.0
            .write(move |connection| {
                connection
                    .prepare_cached("UPDATE slots SET proven = 1 WHERE slot = ?1")?
                    .execute([number(slot.0)])?;
                Ok(())
            })
            .await
    }

    /// Replaces receipts by the same with their proofs. Lost before they are on disk, they are made again.
    pub async fn prove(
        &self,
        height: Height,
        documents: BTreeMap<Slot, ReceiptDocument>,
    ) -> Result<Written, JournalError> {
        self.0
            .write(move |connection| {
                let mut statement = connection.prepare_cached(
                    "UPDATE slots SET document = ?2, settled_at = ?3, proven = 1 WHERE slot = ?1",
                )?;
                for (slot, document) in &documents {
                    let document = encode(document);
                    statement.execute(params![number(slot.0), document, number(height.0)])?;
                }
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
        self.0
            .read(move |connection| {
                let row = connection
                    .prepare_cached(query)?
                    .query_row([key], |row| {
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

#[cfg(test)]
mod tests;
