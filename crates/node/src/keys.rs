//! The keys of a network in one directory, all derived from its seed.
//!
//! A local network is its owner's own: one secret makes every role's key, and none is asked for a
//! passphrase. Keys that others must trust live in their owners' keystores.

use llmnet_types::{
    id::{Digest, Salt},
    signature::PrivateKey,
    units::{Epoch, Slot},
};

/// The seed of a directory.
#[derive(Clone)]
pub struct Keys([u8; 32]);

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    /// All keys of a seed.
    pub const fn new(seed: [u8; 32]) -> Self {
        Self(seed)
    }

    fn secret(&self, role: &str) -> [u8; 32] {
        Digest::tagged("llmnet/local-key/1", &[&self.0, role.as_bytes()]).0
    }

    fn key(&self, role: &str) -> PrivateKey {
        PrivateKey::from_seed(self.secret(role))
    }

    /// A validator.
    pub fn validator(&self, number: usize) -> PrivateKey {
        self.key(&format!("validator/{number}"))
    }

    /// The coordinator.
    pub fn coordinator(&self) -> PrivateKey {
        self.key("coordinator")
    }

    /// The account that the gateway orders from.
    pub fn requester(&self) -> PrivateKey {
        self.key("requester")
    }

    /// The account that a respondent is paid on.
    pub fn operator(&self, respondent: &str) -> PrivateKey {
        self.key(&format!("operator/{respondent}"))
    }

    /// The key that a respondent answers with.
    pub fn respondent(&self, respondent: &str) -> PrivateKey {
        self.key(&format!("respondent/{respondent}"))
    }

    /// The secret that a corpus is salted with.
    pub fn corpus(&self, respondent: &str) -> Salt {
        Salt(self.secret(&format!("corpus/{respondent}")))
    }

    /// The last element of the coordinator's hash chain that was made to be in force from an epoch on.
    pub fn chain(&self, from: Epoch) -> Digest {
        Digest(self.secret(&format!("chain/{from}")))
    }

    /// The salt of a contract: unguessable without the seed, and the same after a crash.
    pub fn contract(&self, slot: Slot) -> Salt {
        Salt(self.secret(&format!("contract/{slot}")))
    }

    /// The first beacon: random, as nobody may choose it.
    pub fn beacon(&self) -> Digest {
        Digest(self.secret("beacon"))
    }
}
