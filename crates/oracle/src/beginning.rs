//! How a history begins (NET-2).

use std::collections::{BTreeMap, BTreeSet};

use llmnet_types::{
    bond::Role,
    id::{Digest, NetworkId},
    params::Params,
    signature::PublicKey,
};

use crate::{
    Account, Bond, Chain, Chains, Oracle,
    office::{Office, committee_of},
};

/// A validator of the first committee.
#[derive(Debug, Clone)]
pub struct FirstValidator {
    /// Its key.
    pub node: PublicKey,
    /// Who posted its bond.
    pub operator: PublicKey,
    /// Its bond.
    pub bond: u64,
    /// Where it is reached.
    pub address: String,
    /// Its hash chain's end and length, where it has one.
    pub beacon: Option<(Digest, u32)>,
}

/// What a genesis says.
#[derive(Debug, Clone)]
pub struct Beginning {
    /// The network's name.
    pub network: NetworkId,
    /// The parameters.
    pub params: Params,
    /// `B_0`.
    pub beacon: Digest,
    /// Everybody's first balance.
    pub accounts: Vec<(PublicKey, u64)>,
    /// Coordinators with the ends and lengths of their hash chains.
    pub anchors: Vec<(PublicKey, Digest, u32)>,
    /// The first validators.
    pub validators: Vec<FirstValidator>,
}

impl Oracle {
    /// The state before the first block.
    pub fn new(beginning: &Beginning) -> Self {
        // ANC-2: a genesis anchor is in force at once.
        let first = |tip: Digest, length: u32| Chains {
            all: vec![Chain {
                from: 0,
                position: tip,
                left: length,
            }],
            anchored: None,
        };
        let account = |balance: u64| Account {
            balance: balance.into(),
            nonce: 0,
        };
        let bond = |validator: &FirstValidator| Bond {
            operator: validator.operator,
            standing: validator.bond.into(),
            leaving: BTreeMap::new(),
            enlisted: true,
            since: None,
            address: validator.address.clone(),
        };
        let validators = &beginning.validators;
        let accounts = beginning.accounts.iter();
        let anchors = beginning.anchors.iter();
        Self {
            network: beginning.network,
            params: beginning.params.clone(),
            params_ever: vec![beginning.params.clone()],
            height: 0,
            beacons: vec![beginning.beacon],
            mix: Digest::ZERO,
            accounts: accounts
                .map(|(owner, balance)| (*owner, account(*balance)))
                .collect(),
            lines: Vec::new(),
            providers: Vec::new(),
            domains: Vec::new(),
            vacant: Vec::new(),
            bonds: validators
                .iter()
                .map(|validator| ((validator.node, Role::Validator), bond(validator)))
                .collect(),
            listed: Vec::new(),
            coordinators: BTreeMap::new(),
            slot_chains: anchors
                .map(|(coordinator, tip, length)| (*coordinator, first(*tip, *length)))
                .collect(),
            beacon_chains: validators
                .iter()
                .filter_map(|validator| {
                    let (tip, length) = validator.beacon?;
                    Some((validator.node, first(tip, length)))
                })
                .collect(),
            settled: Vec::new(),
            happened: Vec::new(),
            audits: Vec::new(),
            audited: BTreeMap::new(),
            challenges: Vec::new(),
            claims: Vec::new(),
            offences: BTreeSet::new(),
            promises: Vec::new(),
            office: Office {
                term: 0,
                committee: committee_of(validators.iter().map(|validator| validator.node)),
            },
            proposals: Vec::new(),
            decided: None,
            led: Vec::new(),
            pool: 0,
            burnt: 0,
        }
    }
}
