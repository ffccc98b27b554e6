//! What of a store may leave its expert (COR-3). It is no part of the corpus: another word changes no root.

use rusqlite::{OptionalExtension as _, params};

use super::{Store, StoreError};
use crate::collaborate::expert::Disclosure;

impl Store {
    /// What its owner said; passages, where it never said anything.
    ///
    /// # Errors
    /// SQLite failed, or the file says what no owner can have said.
    pub fn disclosure(&self) -> Result<Disclosure, StoreError> {
        let connection = self.connection()?;
        let mut statement =
            connection.prepare_cached("SELECT value FROM meta WHERE key = 'share'")?;
        let said: Option<String> = statement.query_row([], |row| row.get(0)).optional()?;
        let Some(said) = said else {
            return Ok(Disclosure::default());
        };
        Disclosure::named(&said).ok_or(StoreError::Damaged("a word on sharing that is none"))
    }

    /// Takes its owner's word. On disk when it returns; who is asked next goes by it.
    ///
    /// # Errors
    /// SQLite failed; nothing has changed then.
    pub fn disclose(&self, disclosure: Disclosure) -> Result<(), StoreError> {
        let connection = self.connection()?;
        connection.execute(
            "INSERT INTO meta(key, value) VALUES ('share', ?1)
             ON CONFLICT(key) DO UPDATE SET value = excluded.value",
            params![disclosure.name()],
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use llmnet_types::id::Salt;

    use super::*;

    #[test]
    fn the_last_word_counts_and_changes_no_root() {
        let store = Store::in_memory(&Salt([1; 32])).unwrap();
        let generation = store.generation().unwrap();
        assert_eq!(store.disclosure().unwrap(), Disclosure::Passages);
        for disclosure in Disclosure::ALL.into_iter().rev() {
            store.disclose(disclosure).unwrap();
            assert_eq!(store.disclosure().unwrap(), disclosure);
        }
        assert_eq!(store.generation().unwrap(), generation);
    }
}
