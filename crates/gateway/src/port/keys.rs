//! API keys as they are kept: whose they are, what each may do, how often, and for how much.

use std::{
    collections::BTreeSet,
    num::{NonZeroU16, NonZeroU32},
};

use llmnet_types::{
    id::{ContractId, Digest},
    units::Amount,
};
use serde::{Deserialize, Serialize};

use crate::limits::is_name;

/// The most keys of a gateway: a request is compared with every one.
pub const KEYS_MAX: usize = 1_024;
/// The most characters of a key's name.
pub const KEY_NAME_LENGTH_MAX: usize = 64;

/// What somebody may do at a gateway. The key itself is kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Whose it is; no two keys of a gateway have the same.
    pub name: KeyName,
    /// SHA-256 of the key. A key is 256 bits of chance, which nobody guesses from their digest.
    pub digest: Digest,
    /// What it is good for.
    pub scopes: BTreeSet<Scope>,
    /// The most requests of a minute, all of which may come at once; as many as there is room for where absent.
    pub requests_per_minute: Option<NonZeroU32>,
    /// The most it may spend; all that the gateway's line has where absent.
    pub budget: Option<Budget>,
}

/// The name of a key: 1 to 64 of `A-Z a-z 0-9 - _ . :`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct KeyName(String);

impl KeyName {
    /// `None` where it is not one.
    pub fn new(name: &str) -> Option<Self> {
        is_name(name, KEY_NAME_LENGTH_MAX).then(|| Self(name.to_owned()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a key is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Questions and models, and the receipts of what was asked under the key.
    Ask,
    /// Respondents, and what stands on the ledger.
    Read,
    /// Receipts of whatever anybody asked, with all its words: for whoever runs the gateway.
    Receipts,
    /// Handing in transactions, which are signed by whoever made them.
    Submit,
}

/// The most that a key may spend in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// How much.
    pub amount: Amount,
    /// The days of a period, which all begin at midnight, UTC, counted from 1970; one period without end where
    /// absent.
    pub days: Option<NonZeroU16>,
}

impl Budget {
    /// The number of the period that a day is in.
    pub fn period(budget: Option<&Self>, day: u64) -> u64 {
        let days = budget.and_then(|budget| budget.days);
        days.map_or(0, |days| day / u64::from(days.get()))
    }
}

/// What was spent under a key in the period it was last used in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// The period's number.
    pub period: u64,
    /// How much.
    pub amount: Amount,
}

/// Keys cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("API keys cannot be kept: {0}")]
pub struct KeyStoreError(pub String);

/// Where keys stand, and what was spent under each.
///
/// Calls are short and may block for a write that need not reach the disk before it returns, as a power
/// failure may give back the last moments' spending, but a crash of the program must not.
pub trait KeyStore: Send + Sync {
    /// All keys, with what was spent under each.
    ///
    /// # Errors
    /// They cannot be read.
    fn keys(&self) -> Result<Vec<(ApiKey, Spent)>, KeyStoreError>;

    /// Keeps a new key.
    ///
    /// # Errors
    /// It cannot be written.
    fn add(&self, key: &ApiKey) -> Result<(), KeyStoreError>;

    /// Forgets a key, if it is there.
    ///
    /// # Errors
    /// It cannot be written.
    fn remove(&self, key: &Digest) -> Result<(), KeyStoreError>;

    /// Keeps what was spent under a key, if it is there still.
    ///
    /// # Errors
    /// It cannot be written.
    fn spent(&self, key: &Digest, spent: Spent) -> Result<(), KeyStoreError>;

    /// Keeps that a contract was asked for under a key, whose receipt is from now on its own.
    ///
    /// # Errors
    /// It cannot be written.
    fn asked(&self, key: &Digest, contract: &ContractId) -> Result<(), KeyStoreError>;

    /// Whether a contract was asked for under a key.
    ///
    /// # Errors
    /// It cannot be read.
    fn has_asked(&self, key: &Digest, contract: &ContractId) -> Result<bool, KeyStoreError>;
}
