//! The gateway's keys on disk: digests, what each may do, and what was spent under each.

use std::{
    collections::BTreeSet,
    num::{NonZeroU16, NonZeroU32},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use llmnet_gateway::port::keys::{ApiKey, Budget, KeyName, KeyStore, KeyStoreError, Scope, Spent};
use llmnet_types::{
    id::{ContractId, Digest},
    units::Amount,
};
use rusqlite::{Connection, Row, params};

/// `keys.db` of a directory.
///
/// What was spent is written on the thread that asks, without waiting for the disk: some twenty microseconds,
/// after which a crash of the program forgets nothing.
#[derive(Debug)]
pub struct ApiKeys(Mutex<Connection>);

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS keys (
        digest BLOB PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        scopes TEXT NOT NULL,
        requests_per_minute INTEGER,
        budget INTEGER,
        budget_days INTEGER,
        period INTEGER NOT NULL DEFAULT 0,
        spent INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE IF NOT EXISTS asked (
        contract BLOB NOT NULL,
        key BLOB NOT NULL,
        PRIMARY KEY (contract, key)
    ) STRICT, WITHOUT ROWID;
";

const SELECT: &str =
    "SELECT digest, name, scopes, requests_per_minute, budget, budget_days, period, spent
    FROM keys ORDER BY name";

impl ApiKeys {
    /// Opens the file, making it where there is none.
    ///
    /// # Errors
    /// It cannot be used.
    pub fn open(path: &Path) -> Result<Self, KeyStoreError> {
        let open = || {
            let connection = Connection::open(path)?;
            connection.execute_batch(SCHEMA)?;
            Ok(connection)
        };
        open().map(Mutex::new).map(Self).map_err(failed)
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // Every statement is whole by itself.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: rusqlite::Error) -> KeyStoreError {
    KeyStoreError(error.to_string())
}

/// SQLite's integers have a sign; ours are read back by their bits.
fn bits(number: u64) -> i64 {
    number.cast_signed()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Option<(ApiKey, Spent)>> {
    let name: String = row.get(1)?;
    let scopes: String = row.get(2)?;
    let rate: Option<u32> = row.get(3)?;
    let budget: Option<i64> = row.get(4)?;
    let days: Option<u16> = row.get(5)?;
    let scopes: Option<BTreeSet<Scope>> = serde_json::from_str(&scopes).ok();
    let (Some(name), Some(scopes)) = (KeyName::new(&name), scopes) else {
        return Ok(None);
    };
    let key = ApiKey {
        name,
        digest: Digest(row.get(0)?),
        scopes,
        requests_per_minute: rate.and_then(NonZeroU32::new),
        budget: budget.map(|amount| Budget {
            amount: Amount(amount.cast_unsigned()),
            days: days.and_then(NonZeroU16::new),
        }),
    };
    let spent = Spent {
        period: row.get::<_, i64>(6)?.cast_unsigned(),
        amount: Amount(row.get::<_, i64>(7)?.cast_unsigned()),
    };
    Ok(Some((key, spent)))
}

impl KeyStore for ApiKeys {
    fn keys(&self) -> Result<Vec<(ApiKey, Spent)>, KeyStoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare(SELECT).map_err(failed)?;
        let rows = statement.query_map([], read).map_err(failed)?;
        rows.map(|row| {
            let damaged =
                || KeyStoreError("keys.db is damaged; restore it or remove it".to_owned());
            row.map_err(failed)?.ok_or_else(damaged)
        })
        .collect()
    }

    fn add(&self, key: &ApiKey) -> Result<(), KeyStoreError> {
        let scopes = serde_json::to_string(&key.scopes);
        let scopes = scopes.map_err(|error| KeyStoreError(error.to_string()))?;
        self.connection()
            .execute(
                "INSERT INTO keys (digest, name, scopes, requests_per_minute, budget, budget_days)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    key.digest.0,
                    key.name.as_str(),
                    scopes,
                    key.requests_per_minute.map(NonZeroU32::get),
                    key.budget.map(|budget| bits(budget.amount.0)),
                    key.budget
                        .and_then(|budget| budget.days)
                        .map(NonZeroU16::get),
                ],
            )
            .map_err(failed)?;
        Ok(())
    }

    fn remove(&self, key: &Digest) -> Result<(), KeyStoreError> {
        let connection = self.connection();
        for statement in [
            "DELETE FROM keys WHERE digest = ?1",
            "DELETE FROM asked WHERE key = ?1",
        ] {
            connection.execute(statement, [key.0]).map_err(failed)?;
        }
        Ok(())
    }

    fn spent(&self, key: &Digest, spent: Spent) -> Result<(), KeyStoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached("UPDATE keys SET period = ?2, spent = ?3 WHERE digest = ?1")
            .map_err(failed)?;
        let row = params![key.0, bits(spent.period), bits(spent.amount.0)];
        statement.execute(row).map_err(failed)?;
        Ok(())
    }

    fn asked(&self, key: &Digest, contract: &ContractId) -> Result<(), KeyStoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached("INSERT OR IGNORE INTO asked (contract, key) VALUES (?1, ?2)")
            .map_err(failed)?;
        statement
            .execute(params![contract.0, key.0])
            .map_err(failed)?;
        Ok(())
    }

    fn has_asked(&self, key: &Digest, contract: &ContractId) -> Result<bool, KeyStoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached("SELECT 1 FROM asked WHERE contract = ?1 AND key = ?2")
            .map_err(failed)?;
        statement.exists(params![contract.0, key.0]).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::PathBuf, process};

    use super::*;

    /// A directory that is removed with the test.
    struct Place(PathBuf);

    impl Place {
        fn new() -> Self {
            let path = env::temp_dir().join(format!("llmnet-api-keys-{}", process::id()));
            fs::create_dir(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn key(name: &str, digest: u8, budget: Option<Budget>) -> ApiKey {
        ApiKey {
            name: KeyName::new(name).unwrap(),
            digest: Digest([digest; 32]),
            scopes: BTreeSet::from([Scope::Ask, Scope::Submit]),
            requests_per_minute: NonZeroU32::new(u32::from(digest)),
            budget,
        }
    }

    #[test]
    fn keys_and_their_spending_are_read_back_as_they_were_written() {
        let place = Place::new();
        let path = place.0.join("keys.db");
        let budget = |days| Budget {
            amount: Amount(u64::MAX),
            days: NonZeroU16::new(days),
        };
        let keys = [
            key("a", 1, Some(budget(30))),
            key("b", 0, None),
            key("c", 3, Some(budget(0))),
        ];
        let store = ApiKeys::open(&path).unwrap();
        for key in &keys {
            store.add(key).unwrap();
        }
        // Neither name nor digest twice.
        assert!(store.add(&key("a", 9, None)).is_err());
        assert!(store.add(&key("d", 1, None)).is_err());
        let spent = Spent {
            period: 677,
            amount: Amount(u64::MAX - 1),
        };
        store.spent(&keys[0].digest, spent).unwrap();
        store.spent(&Digest([9; 32]), spent).unwrap();
        let contract = ContractId([7; 32]);
        for key in [0, 1, 1] {
            store.asked(&keys[key].digest, &contract).unwrap();
        }
        store.remove(&keys[1].digest).unwrap();
        drop(store);

        let store = ApiKeys::open(&path).unwrap();
        let has_asked = |key: usize| store.has_asked(&keys[key].digest, &contract).unwrap();
        assert_eq!([0, 1, 2].map(has_asked), [true, false, false]);
        let other = ContractId([8; 32]);
        assert!(!store.has_asked(&keys[0].digest, &other).unwrap());
        let kept = store.keys().unwrap();
        let [one, _, other] = keys;
        assert_eq!(kept, [(one, spent), (other, Spent::default())]);
    }
}
