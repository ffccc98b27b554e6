//! What was read from the ledger at its newest final block: asked again, it is not read again before the next.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

use llmnet_types::units::Height;

/// How much is kept of one block; beyond, everything is read.
const KEPT_MAX: usize = 1_024;

/// Readings of one block, by what was asked.
#[derive(Debug)]
pub(crate) struct Recent<K, V>(Mutex<(Height, HashMap<K, V>)>);

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self(Mutex::new((Height(0), HashMap::new())))
    }
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    /// What is known for this block or a later one; else what reading gives, with the height it was read at.
    ///
    /// # Errors
    /// Reading failed.
    pub(crate) async fn at<E>(
        &self,
        newest: Height,
        key: K,
        read: impl Future<Output = Result<(Height, V), E>>,
    ) -> Result<V, E> {
        {
            let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.0 >= newest
                && let Some(value) = kept.1.get(&key)
            {
                return Ok(value.clone());
            }
        }
        let (height, value) = read.await?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if height > kept.0 {
            *kept = (height, HashMap::new());
        }
        if height == kept.0 && kept.1.len() < KEPT_MAX {
            kept.1.insert(key, value.clone());
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    async fn ask(recent: &Recent<&'static str, u8>, newest: u64, found: (u64, u8)) -> u8 {
        let read = async { Ok::<_, Infallible>((Height(found.0), found.1)) };
        let value = recent.at(Height(newest), "key", read).await;
        value.unwrap()
    }

    #[tokio::test]
    async fn a_reading_holds_until_the_next_block() {
        let recent = Recent::default();
        assert_eq!(ask(&recent, 1, (1, 10)).await, 10);
        assert_eq!(ask(&recent, 1, (1, 99)).await, 10);
        // A new block: what was read before is not taken for it.
        assert_eq!(ask(&recent, 2, (3, 20)).await, 20);
        assert_eq!(ask(&recent, 3, (3, 99)).await, 20);
        // A reading that was overtaken is its asker's alone.
        assert_eq!(ask(&recent, 4, (2, 30)).await, 30);
        assert_eq!(ask(&recent, 3, (3, 99)).await, 20);
    }
}
