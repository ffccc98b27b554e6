//! What of a store the network was told of last: how much has changed since (REG-8).

use llmnet_types::units::Score;
use rusqlite::{Transaction, params};

use super::{Proofs, Store, StoreError};

impl Store {
    /// The share of passages that came or went since those that were announced; all of them where none were.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn changed(&self, proofs: &Proofs) -> Result<Score, StoreError> {
        let mut connection = self.connection()?;
        let before = announced(&connection.transaction()?)?;
        let stayed = in_both(&before, proofs.ids());
        let whole = before.len().max(proofs.ids().len()) as u64;
        let changed = whole.saturating_sub(stayed);
        if changed == 0 {
            return Ok(Score::ZERO);
        }
        // A change is never none of it.
        Ok(Score::ratio(changed, whole).max(Score::clamped(1)))
    }

    /// Notes what was announced. On disk when it returns.
    ///
    /// # Errors
    /// SQLite failed; nothing has changed then.
    pub fn note_announced(&self, proofs: &Proofs) -> Result<(), StoreError> {
        let mut connection = self.connection()?;
        let transaction = connection.transaction()?;
        let before = announced(&transaction)?;
        {
            let mut out = transaction.prepare_cached("DELETE FROM announced WHERE passage = ?1")?;
            for id in only_first(&before, proofs.ids()) {
                out.execute(params![id])?;
            }
            let mut in_ = transaction.prepare_cached("INSERT INTO announced VALUES (?1)")?;
            for id in only_first(proofs.ids(), &before) {
                in_.execute(params![id])?;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

fn announced(transaction: &Transaction<'_>) -> Result<Vec<i64>, StoreError> {
    let mut statement =
        transaction.prepare_cached("SELECT passage FROM announced ORDER BY passage")?;
    let ids = statement.query_map([], |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

fn in_both(first: &[i64], second: &[i64]) -> u64 {
    let both = first.iter().filter(|id| second.binary_search(id).is_ok());
    both.count() as u64
}

fn only_first<'a>(first: &'a [i64], second: &'a [i64]) -> impl Iterator<Item = i64> + 'a {
    let ids = first.iter().copied();
    ids.filter(|id| second.binary_search(id).is_err())
}
