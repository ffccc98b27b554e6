//! Tables, and how a file comes to have them.

use llmnet_types::id::Salt;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::StoreError;

/// Changes with the tables, and with the analysis of text: terms are stored.
const VERSION: i64 = 1;

/// The identifiers of passages grow and are never used again, so that their order, which is that of the tree's leaves,
/// changes only where passages go or come at its end. Leaves stand by themselves: the tree is read without texts.
const TABLES: &str = "
CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE documents(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB NOT NULL UNIQUE,
    title TEXT NOT NULL,
    kind TEXT NOT NULL,
    licence TEXT NOT NULL,
    as_of_day INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;
CREATE TABLE origins(
    origin TEXT PRIMARY KEY,
    document INTEGER NOT NULL REFERENCES documents(id)
) STRICT, WITHOUT ROWID;
CREATE INDEX origins_by_document ON origins(document);
CREATE TABLE passages(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB NOT NULL UNIQUE,
    document TEXT NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    length INTEGER NOT NULL
) STRICT;
CREATE TABLE leaves(
    passage INTEGER PRIMARY KEY REFERENCES passages(id),
    salt BLOB NOT NULL,
    leaf BLOB NOT NULL
) STRICT;
CREATE TABLE announced(passage INTEGER PRIMARY KEY) STRICT;
CREATE TABLE contents(
    document INTEGER NOT NULL REFERENCES documents(id),
    place INTEGER NOT NULL,
    passage INTEGER NOT NULL REFERENCES passages(id),
    PRIMARY KEY(document, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX contents_by_passage ON contents(passage);
CREATE TABLE models(
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    dimensions INTEGER NOT NULL
) STRICT;
CREATE TABLE vectors(
    model INTEGER NOT NULL REFERENCES models(id),
    passage INTEGER NOT NULL REFERENCES passages(id),
    vector BLOB NOT NULL,
    PRIMARY KEY(model, passage)
) STRICT, WITHOUT ROWID;
CREATE INDEX vectors_by_passage ON vectors(passage);
CREATE VIRTUAL TABLE lexical USING fts5(title, text, tokenize = 'unicode61 remove_diacritics 0');
CREATE VIRTUAL TABLE vocabulary USING fts5vocab(lexical, 'row');
";

/// Makes the tables where there are none; gives the salt of the store.
pub(super) fn prepare(connection: &mut Connection, fresh: &Salt) -> Result<Salt, StoreError> {
    // Immediate, so that of two processes that begin a store one makes it and the other finds it made.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found == 0 {
        transaction.execute_batch(TABLES)?;
        transaction.execute(
            "INSERT INTO meta(key, value) VALUES ('salt', ?1), ('generation', 0), ('words', 0)",
            params![fresh.0],
        )?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    } else if found != VERSION {
        return Err(StoreError::Version {
            found,
            expected: VERSION,
        });
    }
    let salt: Option<Vec<u8>> = transaction
        .query_row("SELECT value FROM meta WHERE key = 'salt'", [], |row| {
            row.get(0)
        })
        .optional()?;
    transaction.commit()?;
    let salt = salt.and_then(|salt| salt.try_into().ok());
    salt.map(Salt).ok_or(StoreError::Damaged("it has no salt"))
}
