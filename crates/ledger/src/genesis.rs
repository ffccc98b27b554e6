//! How a network begins: its first state, and by that its name (NET-1, NET-2).

use borsh::{BorshDeserialize, BorshSerialize};
use llmnet_types::{
    codec::{List, Text, encode},
    id::{Digest, NetworkId},
    network::{Committee, NetworkRoot},
    signature::PublicKey,
    units::{Amount, Epoch, Height},
};
use serde::{Deserialize, Serialize};

use crate::{
    params::{Params, ParamsError},
    record::{Account, Chain, Clock, Coordinator, Counters, Totals},
    state::{Key, Writes},
};

/// The most accounts of a genesis.
pub const GENESIS_ACCOUNTS_MAX: usize = 1024;
/// The most coordinators anchored by a genesis.
pub const GENESIS_ANCHORS_MAX: usize = 64;

/// A coordinator whose hash chain is in force from the first block (ANC-2).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct GenesisAnchor {
    /// Who.
    pub coordinator: PublicKey,
    /// The chain's `c_0`.
    pub tip: Digest,
    /// How many slots it serves.
    pub length: u32,
}

/// The first state of a network. Who changes anything in it makes another network.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// For people.
    pub name: Text<64>,
    /// The first validators.
    pub committee: Committee,
    /// The parameters.
    pub params: Params,
    /// The first epoch's beacon, `B_0`: whoever chose it could foresee that epoch's panels.
    pub beacon: Digest,
    /// The first block's time in Unix milliseconds. No rule depends on it.
    pub timestamp_ms: u64,
    /// Everybody's first balance; together the supply.
    pub accounts: List<(PublicKey, Amount), GENESIS_ACCOUNTS_MAX>,
    /// The first coordinators.
    pub anchors: List<GenesisAnchor, GENESIS_ANCHORS_MAX>,
}

/// Why a genesis makes no network.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    /// Not JSON of this shape.
    #[error("not a genesis: {0}")]
    Json(#[from] serde_json::Error),
    /// A parameter is out of its bounds.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// An account stands there twice.
    #[error("account {0} stands there twice")]
    Account(PublicKey),
    /// The balances do not fit in 64 bits together.
    #[error("the balances are more than there can be money")]
    Supply,
    /// A coordinator is anchored twice, or for no slots, or for too many.
    #[error("the anchor of {0} stands there twice or has a bad length")]
    Anchor(PublicKey),
}

fn twice(mut keys: Vec<PublicKey>) -> Option<PublicKey> {
    keys.sort_unstable();
    keys.windows(2).find_map(|pair| match pair {
        [first, second] if first == second => Some(*first),
        _ => None,
    })
}

impl Genesis {
    /// Reads and checks a genesis file.
    ///
    /// # Errors
    /// It is malformed or makes no network.
    pub fn from_json(text: &str) -> Result<Self, GenesisError> {
        let genesis: Self = serde_json::from_str(text)?;
        genesis.check()?;
        Ok(genesis)
    }

    /// The genesis as a file.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a genesis is plain data")
    }

    /// Checks everything that the types do not.
    ///
    /// # Errors
    /// It makes no network.
    pub fn check(&self) -> Result<(), GenesisError> {
        self.params.check()?;
        if let Some(owner) = twice(self.accounts.iter().map(|(owner, _)| *owner).collect()) {
            return Err(GenesisError::Account(owner));
        }
        Amount::sum(self.accounts.iter().map(|(_, balance)| *balance))
            .ok_or(GenesisError::Supply)?;
        let coordinators = self.anchors.iter().map(|anchor| anchor.coordinator);
        if let Some(coordinator) = twice(coordinators.collect()) {
            return Err(GenesisError::Anchor(coordinator));
        }
        let lengths = 1..=self.params.anchor_length_max;
        match self
            .anchors
            .iter()
            .find(|anchor| !lengths.contains(&anchor.length))
        {
            Some(anchor) => Err(GenesisError::Anchor(anchor.coordinator)),
            None => Ok(()),
        }
    }

    /// What a verifier needs: the committee, and the digest of the rest (NET-1).
    pub fn root(&self) -> NetworkRoot {
        let rest = (
            (&self.name, &self.params, &self.beacon),
            (&self.timestamp_ms, &self.accounts, &self.anchors),
        );
        NetworkRoot {
            committee: self.committee.clone(),
            genesis: Digest::tagged("llmnet/genesis/1", &[&encode(&rest)]),
        }
    }

    /// The network's name.
    pub fn id(&self) -> NetworkId {
        self.root().id()
    }

    /// The state before the first block, at height 0 (NET-2).
    pub fn writes(&self) -> Writes {
        let supply = Amount::sum(self.accounts.iter().map(|(_, balance)| *balance));
        let supply = supply.unwrap_or_default();
        let mut writes = Writes::new();
        let mut put = |key, value| writes.insert(key, Some(value));
        put(Key::Params, encode(&self.params));
        let clock = Clock {
            height: Height(0),
            epoch: Epoch(0),
            beacon: self.beacon,
            beacon_before: self.beacon,
        };
        put(Key::Clock, encode(&clock));
        let totals = Totals {
            supply,
            accounts: supply,
            ..Totals::default()
        };
        put(Key::Totals, encode(&totals));
        put(Key::Counters, encode(&Counters::default()));
        for (owner, balance) in &self.accounts {
            let account = Account {
                balance: *balance,
                nonce: 0,
            };
            put(Key::Account(*owner), encode(&account));
        }
        for anchor in &self.anchors {
            let coordinator = Coordinator {
                chains: vec![Chain {
                    from: Epoch(0),
                    position: anchor.tip,
                    left: anchor.length,
                }],
                ..Coordinator::default()
            };
            put(Key::Coordinator(anchor.coordinator), encode(&coordinator));
        }
        writes
    }
}
