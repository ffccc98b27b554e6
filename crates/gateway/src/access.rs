//! Who may ask, for what, how often and for how much.
//!
//! ```text
//! key --> known: whose? --> admit: its scope, its pace --> Allowance --> port::Coordinator
//!                                                          reserve   the worst case, before work starts
//!                                                          charge    what it came to; dropped: nothing
//! ```
//!
//! A gateway is open to whoever reaches it, or to keys alone. Of a key nothing is kept but its digest. A
//! request's is compared with every one of a bounded number, each in constant time, so that how long a
//! refusal takes tells nothing of the keys there are.

mod holder;
mod pace;
mod scope;
mod secret;
mod shape;

pub use holder::{Allowance, Hold};
pub(crate) use pace::Room;
pub(crate) use shape::{KeyShape, key};

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Instant,
};

use axum::{
    extract::Request,
    http::{HeaderMap, Method, StatusCode},
};
use llmnet_types::id::{ContractId, Digest};
use subtle::ConstantTimeEq;

use crate::{
    access::holder::Holder,
    error::ApiError,
    port::keys::{ApiKey, KEYS_MAX, KeyName, KeyStore, KeyStoreError, Scope, Spent},
};

/// Whom a gateway lets in.
#[derive(Clone, Default)]
pub struct Access(Option<Arc<Keys>>);

/// The keys of a gateway.
pub(crate) struct Keys {
    store: Arc<dyn KeyStore>,
    holders: RwLock<Vec<Arc<Holder>>>,
}

impl Access {
    /// Whoever reaches the gateway may do anything: right on loopback, and nowhere else.
    pub fn open() -> Self {
        Self::default()
    }

    /// Those alone who have a key.
    ///
    /// # Errors
    /// The keys cannot be read.
    pub fn keyed(store: Arc<dyn KeyStore>) -> Result<Self, KeyStoreError> {
        let kept = store.keys()?;
        let holder = |(key, spent)| Arc::new(Holder::new(key, spent, Arc::clone(&store)));
        let mut holders: Vec<Arc<Holder>> = kept.into_iter().map(holder).collect();
        holders.sort_by(|one, other| one.key.name.cmp(&other.key.name));
        Ok(Self(Some(Arc::new(Keys {
            store,
            holders: RwLock::new(holders),
        }))))
    }

    /// Whose request it is; anybody's, who may do anything, where no key is asked for.
    pub(crate) fn known(&self, request: &Request) -> Result<Allowance, ApiError> {
        let Some(keys) = &self.0 else {
            return Ok(Allowance::default());
        };
        if scope::is_free(request.uri().path()) {
            return Ok(Allowance::default());
        }
        keys.known(request.headers())
            .map(|holder| Allowance(Some(holder)))
    }

    pub(crate) fn keys(&self) -> Option<&Arc<Keys>> {
        self.0.as_ref()
    }
}

impl Allowance {
    /// Lets a request in, if its key is good for it and it does not come too often.
    pub(crate) fn admit(&self, method: &Method, path: &str, now: Instant) -> Result<(), ApiError> {
        let Some(holder) = &self.0 else {
            return Ok(());
        };
        let key = &holder.key;
        if let Some(needed) = scope::needed(method, path)
            && !key.scopes.contains(&needed)
        {
            let message = format!(
                "the key {} is not good for {method} {path}: that needs the scope '{}'",
                key.name.as_str(),
                scope::word(needed),
            );
            return Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "insufficient_scope",
                message,
            ));
        }
        holder.take(now).map_err(|wait| {
            let message = format!(
                "the key {} may ask {} times a minute; try again after the time in retry-after",
                key.name.as_str(),
                key.requests_per_minute.map_or(0, std::num::NonZeroU32::get),
            );
            ApiError::new(
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limit_exceeded",
                message,
            )
            .retry_after(wait)
        })
    }
}

impl Allowance {
    /// Whether a receipt is for this key to read: one of its own, or any where it is the operator's.
    pub(crate) fn may_read(&self, contract: &ContractId) -> Result<bool, KeyStoreError> {
        match &self.0 {
            Some(holder) if !holder.key.scopes.contains(&Scope::Receipts) => {
                holder.has_asked(contract)
            }
            _ => Ok(true),
        }
    }
}

/// Why a key cannot be made.
#[derive(Debug)]
pub(crate) enum NoKey {
    /// There are as many as there may be.
    Full,
    /// Another has the name.
    Taken,
    /// It cannot be kept.
    Store(KeyStoreError),
}

impl Keys {
    fn known(&self, headers: &HeaderMap) -> Result<Arc<Holder>, ApiError> {
        let refused =
            |message: &str| ApiError::new(StatusCode::UNAUTHORIZED, "invalid_api_key", message);
        let Some(given) = secret::given(headers) else {
            return Err(refused(
                "this gateway asks for a key: send it as 'Authorization: Bearer <key>' or 'x-api-key: <key>'",
            ));
        };
        let digest = Digest::of(given);
        let holders = self.holders.read().unwrap_or_else(PoisonError::into_inner);
        let same = |holder: &&Arc<Holder>| bool::from(holder.key.digest.0.ct_eq(&digest.0));
        // To the end, wherever it is found.
        let found = holders
            .iter()
            .filter(same)
            .fold(None, |_, found| Some(found));
        found.cloned().ok_or_else(|| {
            refused("there is no such key here; ask whoever runs this gateway for one")
        })
    }

    /// All keys, by name.
    pub(crate) fn holders(&self) -> Vec<Arc<Holder>> {
        let holders = self.holders.read().unwrap_or_else(PoisonError::into_inner);
        holders.clone()
    }

    /// Makes a key, which is said once and never again.
    pub(crate) fn create(
        &self,
        describe: impl FnOnce(Digest) -> ApiKey,
    ) -> Result<(String, Arc<Holder>), NoKey> {
        let secret = secret::fresh().map_err(NoKey::Store)?;
        let key = describe(Digest::of(secret.as_bytes()));
        let mut holders = self.holders.write().unwrap_or_else(PoisonError::into_inner);
        if holders.len() >= KEYS_MAX {
            return Err(NoKey::Full);
        }
        let place = match holders.binary_search_by(|holder| holder.key.name.cmp(&key.name)) {
            Ok(_) => return Err(NoKey::Taken),
            Err(place) => place,
        };
        self.store.add(&key).map_err(NoKey::Store)?;
        let store = Arc::clone(&self.store);
        let holder = Arc::new(Holder::new(key, Spent::default(), store));
        holders.insert(place, Arc::clone(&holder));
        Ok((secret, holder))
    }

    /// Whether there was such a key; from now on there is none. What is worked on under it is finished.
    pub(crate) fn remove(&self, name: &KeyName) -> Result<bool, KeyStoreError> {
        let mut holders = self.holders.write().unwrap_or_else(PoisonError::into_inner);
        let Some(place) = holders.iter().position(|holder| holder.key.name == *name) else {
            return Ok(false);
        };
        self.store.remove(&holders[place].key.digest)?;
        holders.remove(place);
        Ok(true)
    }
}
