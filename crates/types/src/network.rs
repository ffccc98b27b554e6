//! What a network is called, and why a receipt can name it without having all of its genesis.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    codec::{List, encode},
    id::{Digest, NetworkId},
    signature::PublicKey,
    units::Term,
};

/// The most validators a committee has.
pub const COMMITTEE_MAX: usize = 128;

/// The validators of a term, each with one vote; sorted by key, none twice (COM-1).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, Serialize)]
#[serde(transparent)]
pub struct Committee(List<PublicKey, COMMITTEE_MAX>);

/// Keys that make no committee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a committee is 1 to 128 different keys in ascending order")]
pub struct InvalidCommittee;

impl Committee {
    /// Sorts the keys.
    ///
    /// # Errors
    /// None, too many, or one of them twice.
    pub fn new(mut keys: Vec<PublicKey>) -> Result<Self, InvalidCommittee> {
        keys.sort_unstable();
        Self::sorted(keys)
    }

    fn sorted(keys: Vec<PublicKey>) -> Result<Self, InvalidCommittee> {
        let ascending = keys.windows(2).all(|pair| pair[0] < pair[1]);
        if keys.is_empty() || !ascending {
            return Err(InvalidCommittee);
        }
        List::from_vec(keys).map(Self).map_err(|_| InvalidCommittee)
    }

    /// The keys in order; a validator's number is its place here.
    pub fn keys(&self) -> &[PublicKey] {
        &self.0
    }

    /// The digest by which a header names its successors (COM-2).
    pub fn digest(&self) -> Digest {
        Digest::tagged("llmnet/committee/1", &[&encode(self)])
    }

    /// How many votes make a certificate: all but the faulty that `3f + 1` allows.
    pub fn quorum(&self) -> usize {
        self.0.len() - (self.0.len() - 1) / 3
    }
}

impl BorshDeserialize for Committee {
    fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<Self> {
        let keys = List::<PublicKey, COMMITTEE_MAX>::deserialize_reader(reader)?;
        Self::sorted(keys.into_vec()).map_err(|error| {
            std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string())
        })
    }
}

impl<'de> Deserialize<'de> for Committee {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let keys: List<PublicKey, COMMITTEE_MAX> = Deserialize::deserialize(deserializer)?;
        Self::sorted(keys.into_vec()).map_err(serde::de::Error::custom)
    }
}

/// All of a genesis that a verifier needs: its validators, and the digest of the rest (NET-1).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkRoot {
    /// The first committee.
    pub committee: Committee,
    /// The digest of everything else in the genesis: parameters, accounts, beacon.
    pub genesis: Digest,
}

impl NetworkRoot {
    /// The network's id: who changes a validator or a parameter makes another network.
    pub fn id(&self) -> NetworkId {
        NetworkId(Digest::tagged("llmnet/network/1", &[&encode(self)]).0)
    }

    /// The first committee in its office: all that a verifier has to trust.
    pub fn electorate(&self) -> Electorate {
        Electorate {
            network: self.id(),
            term: Term(0),
            committee: self.committee.clone(),
        }
    }
}

/// A committee in its office: whose votes make which headers final (FIN-1, COM-1).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Electorate {
    /// Of which network.
    pub network: NetworkId,
    /// In which term; its votes count in no other.
    pub term: Term,
    /// Who votes.
    pub committee: Committee,
}
