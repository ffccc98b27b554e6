//! One key at work: its pace and its account.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use llmnet_types::{id::ContractId, units::Amount};

use crate::{
    access::pace::{Pace, Room},
    port::{
        AnswerError,
        keys::{ApiKey, Budget, KeyStore, KeyStoreError, Spent},
    },
};

/// Seconds of a day.
const DAY: u64 = 86_400;

/// A key and how it stands.
pub(crate) struct Holder {
    pub(super) key: ApiKey,
    pace: Option<Mutex<Pace>>,
    account: Mutex<Account>,
    store: Arc<dyn KeyStore>,
}

#[derive(Debug, Clone, Copy)]
struct Account {
    spent: Spent,
    /// The worst cases of what is worked on, whichever period it was begun in.
    reserved: Amount,
}

/// How an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Balance {
    pub(super) spent: Amount,
    pub(super) reserved: Amount,
    /// What is left of the budget, if there is one.
    pub(super) available: Option<Amount>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every critical section leaves its value whole, so a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Days since 1970.
fn today() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() / DAY)
}

impl Holder {
    pub(super) fn new(key: ApiKey, spent: Spent, store: Arc<dyn KeyStore>) -> Self {
        Self {
            pace: key.requests_per_minute.map(Pace::new).map(Mutex::new),
            account: Mutex::new(Account {
                spent,
                reserved: Amount::ZERO,
            }),
            key,
            store,
        }
    }

    /// One more request, or how long until one may come.
    pub(super) fn take(&self, now: Instant) -> Result<(), Duration> {
        self.pace
            .as_ref()
            .map_or(Ok(()), |pace| lock(pace).take(now))
    }

    pub(super) fn room(&self, now: Instant) -> Option<Room> {
        self.pace.as_ref().map(|pace| lock(pace).room(now))
    }

    pub(super) fn balance(&self) -> Balance {
        self.balance_on(today())
    }

    fn balance_on(&self, day: u64) -> Balance {
        let account = self.account(day);
        Balance {
            spent: account.spent.amount,
            reserved: account.reserved,
            available: self.available(&account),
        }
    }

    /// The account, in the period of a day.
    fn account(&self, day: u64) -> MutexGuard<'_, Account> {
        let mut account = lock(&self.account);
        let period = Budget::period(self.key.budget.as_ref(), day);
        // A clock that is set back begins no period anew: what was spent would be forgotten.
        if period > account.spent.period {
            account.spent = Spent {
                period,
                amount: Amount::ZERO,
            };
        }
        account
    }

    fn available(&self, account: &Account) -> Option<Amount> {
        let budget = self.key.budget?;
        let left = budget.amount.saturating_sub(account.spent.amount);
        Some(left.saturating_sub(account.reserved))
    }

    fn reserve(&self, worst: Amount, day: u64) -> Result<(), AnswerError> {
        let mut account = self.account(day);
        if let Some(available) = self.available(&account)
            && worst > available
        {
            return Err(AnswerError::Unfunded {
                message: format!(
                    "the key {} has {} credits left of its budget and the request may cost {}; ask less, wait \
                     for its next period, or have the budget raised",
                    self.key.name.as_str(),
                    available.credits(),
                    worst.credits(),
                ),
            });
        }
        account.reserved = Amount(account.reserved.0.saturating_add(worst.0));
        Ok(())
    }

    /// Whether a contract was asked for under this key.
    pub(super) fn has_asked(&self, contract: &ContractId) -> Result<bool, KeyStoreError> {
        self.store.has_asked(&self.key.digest, contract)
    }

    /// A contract's receipt is this key's.
    fn asked(&self, contract: &ContractId) {
        if let Err(error) = self.store.asked(&self.key.digest, contract) {
            tracing::error!(key = self.key.name.as_str(), %contract, %error, "a receipt is nobody's: its key cannot read it");
        }
    }

    fn settle(&self, worst: Amount, total: Amount, day: u64) {
        let mut account = self.account(day);
        account.reserved = account.reserved.saturating_sub(worst);
        if total == Amount::ZERO {
            return;
        }
        account.spent.amount = Amount(account.spent.amount.0.saturating_add(total.0));
        // Under the lock, so that a smaller sum is never written after a larger one.
        if let Err(error) = self.store.spent(&self.key.digest, account.spent) {
            tracing::error!(key = self.key.name.as_str(), %error, "spending is counted, but not kept");
        }
    }
}

/// What whoever asks may spend.
#[derive(Clone, Default)]
pub struct Allowance(pub(super) Option<Arc<Holder>>);

impl Allowance {
    /// Sets the worst case of a request aside, before any work is ordered for it.
    ///
    /// # Errors
    /// The budget does not cover it; nothing is set aside then.
    pub fn reserve(&self, worst: Amount) -> Result<Hold, AnswerError> {
        if let Some(holder) = &self.0 {
            holder.reserve(worst, today())?;
        }
        Ok(Hold {
            holder: self.0.clone(),
            worst,
        })
    }

    /// How often it may still ask, if that is bounded.
    pub(crate) fn room(&self, now: Instant) -> Option<Room> {
        self.0.as_ref().and_then(|holder| holder.room(now))
    }
}

/// Money set aside for one request. Dropped, it is free again: the request cost nothing.
pub struct Hold {
    holder: Option<Arc<Holder>>,
    worst: Amount,
}

impl Hold {
    /// The request came to this contract, and the contract to this sum. Its receipt is whose the money was.
    pub fn charge(mut self, contract: &ContractId, total: Amount) {
        if let Some(holder) = &self.holder {
            holder.asked(contract);
        }
        self.settle(total);
    }

    fn settle(&mut self, total: Amount) {
        if let Some(holder) = self.holder.take() {
            holder.settle(self.worst, total, today());
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.settle(Amount::ZERO);
    }
}

#[cfg(test)]
mod tests;
