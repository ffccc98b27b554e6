//! Synchronous code over state that is fetched asynchronously.
//!
//! Rules read single keys and never wait. So they run on what is loaded already, unknown keys read as
//! absent and are noted; those are loaded, and the rules run again, until nothing is missing. Few
//! rounds are needed, as many as one read's result decides which key is read next.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use llmnet_ledger::{Key, State};
use llmnet_types::units::Height;

use crate::client::{ChainClient, ChainError};

/// Values loaded so far; `None` where the key is known to be absent.
pub(crate) type Known = BTreeMap<Key, Option<Vec<u8>>>;

/// How often a query starts over when new blocks keep coming in between its reads.
const ATTEMPTS_MAX: usize = 16;

/// Keys worth loading ahead, as blocks asked for them and did not name them. Those asked for longest ago are
/// forgotten.
#[derive(Debug, Default)]
pub(crate) struct HotKeys {
    young: BTreeSet<Key>,
    old: BTreeSet<Key>,
}

impl HotKeys {
    /// A generation is full with so many.
    const CAPACITY: usize = 512;

    pub(crate) fn learn(&mut self, keys: &[Key]) {
        for key in keys {
            if self.young.len() >= Self::CAPACITY {
                self.old = std::mem::take(&mut self.young);
            }
            self.young.insert(key.clone());
        }
    }

    pub(crate) fn all(&self) -> Vec<Key> {
        self.young.union(&self.old).cloned().collect()
    }
}

/// State as far as it is loaded, noting what is missing.
pub struct StateView<'a> {
    known: &'a Known,
    missing: RefCell<Vec<Key>>,
}

impl<'a> StateView<'a> {
    pub(crate) const fn new(known: &'a Known) -> Self {
        Self {
            known,
            missing: RefCell::new(Vec::new()),
        }
    }

    /// What was asked for and not there, each once.
    pub(crate) fn into_missing(self) -> Vec<Key> {
        let mut missing = self.missing.into_inner();
        missing.sort_unstable();
        missing.dedup();
        missing
    }
}

impl State for StateView<'_> {
    fn get(&self, key: &Key) -> Option<Vec<u8>> {
        match self.known.get(key) {
            Some(value) => value.clone(),
            None => {
                self.missing.borrow_mut().push(key.clone());
                None
            }
        }
    }
}

/// Runs a function of the state at one finalized height, which is returned with its result.
///
/// The function may run many times and must have no effects; runs that met missing keys are thrown away.
///
/// # Errors
/// The chain does not run, or new blocks came faster than the reads.
pub async fn query<T>(
    client: &(impl ChainClient + ?Sized),
    function: impl Fn(&StateView<'_>) -> T,
) -> Result<(Height, T), ChainError> {
    let mut known = Known::new();
    let mut at = None;
    let mut moved = 0;
    while moved < ATTEMPTS_MAX {
        let view = StateView::new(&known);
        let result = function(&view);
        let missing = view.into_missing();
        if let Some(height) = at
            && missing.is_empty()
        {
            return Ok((height, result));
        }
        drop(result);
        let (height, values) = client.read(&missing).await?;
        if at.is_none_or(|at| at == height) {
            at = Some(height);
            known.extend(missing.into_iter().zip(values));
            continue;
        }
        // What was loaded is of another state. Its keys are still a good guess of what is needed.
        moved += 1;
        let keys: Vec<Key> = known.into_keys().chain(missing).collect();
        let (height, values) = client.read(&keys).await?;
        known = keys.into_iter().zip(values).collect();
        at = Some(height);
    }
    Err(ChainError::Moving {
        attempts: ATTEMPTS_MAX,
    })
}

#[cfg(test)]
mod tests {
    use llmnet_types::id::LineId;

    use super::*;

    #[test]
    fn what_was_asked_for_is_hot_until_twice_as_much_was_since() {
        let lines = |from: u32, to: u32| (from..to).map(|number| Key::Line(LineId(number)));
        let mut hot = HotKeys::default();
        hot.learn(&[Key::Clock]);
        let capacity = u32::try_from(HotKeys::CAPACITY).unwrap();
        hot.learn(&lines(1, capacity + 1).collect::<Vec<_>>());
        assert!(hot.all().contains(&Key::Clock));
        assert_eq!(hot.all().len(), HotKeys::CAPACITY + 1);
        hot.learn(&lines(capacity, 2 * capacity + 1).collect::<Vec<_>>());
        assert!(!hot.all().contains(&Key::Clock));
        assert_eq!(hot.all().len(), HotKeys::CAPACITY + 1);
    }
}
