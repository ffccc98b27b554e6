//! How a network begins: its first state, and by that its name (NET-1, NET-2).

use borsh::{BorshDeserialize, BorshSerialize};
use llmnet_types::{
    bond::{ADDRESS_LENGTH_MAX, Role, host_and_port},
    codec::{List, Text, encode},
    id::{Digest, NetworkId},
    network::{COMMITTEE_MAX, Committee, NetworkRoot},
    params::{Params, ParamsError},
    signature::PublicKey,
    units::{Amount, Epoch, Height, Term},
};
use serde::{Deserialize, Serialize};

use crate::{
    record::{
        Account, BEACONS, Bond, Chain, Chains, Clock, Coordinator, Counters, Office, Totals,
        Validators,
    },
    selection::Rule,
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

/// A validator of the first committee.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisValidator {
    /// Its key.
    pub node: PublicKey,
    /// Who is paid for it, and may take its bond back.
    pub operator: PublicKey,
    /// Its bond, a part of the supply.
    pub bond: Amount,
    /// Where the others reach it, as `host:port`; empty where they are told otherwise.
    pub address: Text<ADDRESS_LENGTH_MAX>,
    /// The `c_0` of its hash chain for the beacon, in force at once, and its length.
    pub beacon: Option<(Digest, u32)>,
}

impl GenesisValidator {
    /// A validator that is its own operator and has no part in the beacon.
    pub const fn plain(node: PublicKey, bond: Amount) -> Self {
        Self {
            node,
            operator: node,
            bond,
            address: Text::empty(),
            beacon: None,
        }
    }
}

/// The first state of a network. Who changes anything in it makes another network.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// For people.
    pub name: Text<64>,
    /// The first validators, sorted by key.
    pub validators: List<GenesisValidator, COMMITTEE_MAX>,
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
    /// The rule of selection is unknown.
    #[error("selection rule {0} is unknown to this version")]
    Policy(u16),
    /// No validators, more than a committee has, one twice, out of order, with too small a bond, or with an
    /// address that is none.
    #[error(
        "validators are different keys in ascending order, a committee's at most, each with the least bond \
         and, where it names one, an address host:port"
    )]
    Validators,
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

fn first_chain(tip: Digest, length: u32) -> Chains {
    Chains {
        chains: vec![Chain {
            from: Epoch(0),
            position: tip,
            left: length,
        }],
        anchored: None,
    }
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
        if Rule::version(self.params.policy).is_none() {
            return Err(GenesisError::Policy(self.params.policy));
        }
        self.check_validators()?;
        self.supply().ok_or(GenesisError::Supply)?;
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

    fn check_validators(&self) -> Result<(), GenesisError> {
        let ascending = self.validators.windows(2).all(|pair| match pair {
            [first, second] => first.node < second.node,
            _ => true,
        });
        let lengths = 1..=self.params.anchor_length_max;
        let able = |validator: &GenesisValidator| {
            validator.bond >= self.params.validator_bond_min
                && (validator.address.is_empty() || host_and_port(&validator.address).is_some())
                && validator
                    .beacon
                    .is_none_or(|(_, length)| lengths.contains(&length))
        };
        let seats = usize::try_from(self.params.committee_max).unwrap_or(usize::MAX);
        let count = self.validators.len();
        if !(1..=seats).contains(&count) || !ascending || !self.validators.iter().all(able) {
            return Err(GenesisError::Validators);
        }
        Ok(())
    }

    /// All money: balances and bonds.
    fn supply(&self) -> Option<Amount> {
        let balances = self.accounts.iter().map(|(_, balance)| *balance);
        Amount::sum(balances)?.checked_add(self.bonds()?)
    }

    fn bonds(&self) -> Option<Amount> {
        Amount::sum(self.validators.iter().map(|validator| validator.bond))
    }

    /// The first committee.
    ///
    /// # Panics
    /// With validators that [`Genesis::check`] refuses.
    pub fn committee(&self) -> Committee {
        let keys = self.validators.iter().map(|validator| validator.node);
        Committee::new(keys.collect()).expect("a checked genesis has a committee")
    }

    /// What a verifier needs: the committee, and the digest of the rest (NET-1).
    pub fn root(&self) -> NetworkRoot {
        let rest = (
            (&self.name, &self.params, &self.beacon, &self.validators),
            (&self.timestamp_ms, &self.accounts, &self.anchors),
        );
        NetworkRoot {
            committee: self.committee(),
            genesis: Digest::tagged("llmnet/genesis/1", &[&encode(&rest)]),
        }
    }

    /// The network's name.
    pub fn id(&self) -> NetworkId {
        self.root().id()
    }

    /// The state before the first block, at height 0 (NET-2).
    pub fn writes(&self) -> Writes {
        let supply = self.supply().unwrap_or_default();
        let bonds = self.bonds().unwrap_or_default();
        let mut writes = Writes::new();
        let mut put = |key, value| writes.insert(key, Some(value));
        put(Key::Params, encode(&self.params));
        let clock = Clock {
            height: Height(0),
            epoch: Epoch(0),
            beacons: [self.beacon; BEACONS],
            mix: Digest::ZERO,
        };
        put(Key::Clock, encode(&clock));
        let totals = Totals {
            supply,
            accounts: supply.saturating_sub(bonds),
            bonds,
            ..Totals::default()
        };
        put(Key::Totals, encode(&totals));
        put(Key::Counters, encode(&Counters::default()));
        let office = Office {
            term: Term(0),
            committee: self.committee(),
        };
        put(Key::Office, encode(&office));
        let enlisted = self.validators.iter().map(|validator| validator.node);
        let enlisted = Validators::truncated(enlisted);
        put(Key::Validators, encode(&enlisted));
        for validator in &self.validators {
            let bond = Bond {
                operator: validator.operator,
                standing: validator.bond,
                leaving: Vec::new(),
                enlisted: true,
                since: None,
                address: validator.address.clone(),
            };
            put(Key::Bond(validator.node, Role::Validator), encode(&bond));
            if let Some((tip, length)) = validator.beacon {
                put(
                    Key::Beacon(validator.node),
                    encode(&first_chain(tip, length)),
                );
            }
        }
        for (owner, balance) in &self.accounts {
            let account = Account {
                balance: *balance,
                nonce: 0,
                asked: None,
            };
            put(Key::Account(*owner), encode(&account));
        }
        for anchor in &self.anchors {
            let coordinator = Coordinator {
                chains: first_chain(anchor.tip, anchor.length),
                ..Coordinator::default()
            };
            put(Key::Coordinator(anchor.coordinator), encode(&coordinator));
        }
        writes
    }
}
