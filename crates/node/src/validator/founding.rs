//! Founding a network: founders' public parts become a genesis, the same for whoever makes it from the same
//! files, name and time. So nobody need trust who made it: everybody can make it again and compare.

use borsh::BorshSerialize;
use llmnet_ledger::{Genesis, GenesisAnchor, GenesisError, GenesisValidator};
use llmnet_types::{
    bond::ADDRESS_LENGTH_MAX,
    codec::{List, Text, encode},
    id::{Digest, NetworkId},
    params::Params,
    signature::{BadSignature, Message, PrivateKey, PublicKey, Signature, Signed},
    units::Amount,
};
use serde::{Deserialize, Serialize};

/// The most bytes of a founder's file.
pub const FOUNDER_LENGTH_MAX: u64 = 16 * 1024;
/// What each founder's node has for the fees of its own transactions: it anchors its part of the beacon.
const NODE_BALANCE: Amount = Amount(10 * Amount::CREDIT.0);

/// A validator's public part, signed by its node: whoever passes it on cannot change it unseen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Founder {
    /// What the file is.
    pub format: Format,
    /// The key that votes.
    pub node: PublicKey,
    /// The account that owns the bond and is paid.
    pub operator: PublicKey,
    /// Where others reach it, as `host:port`.
    pub address: Text<ADDRESS_LENGTH_MAX>,
    /// Its first hash chain for the beacon: tip and length.
    pub beacon: (Digest, u32),
    /// The node's, over all above.
    pub signature: Signature,
}

/// What a founder's file calls itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// The first version.
    #[serde(rename = "llmnet/founder/1")]
    Founder1,
}

/// What a founder's node signs.
#[derive(Debug, Clone, BorshSerialize)]
struct Body {
    node: PublicKey,
    operator: PublicKey,
    address: Text<ADDRESS_LENGTH_MAX>,
    beacon: (Digest, u32),
}

impl Message for Body {
    const KIND: &'static str = "llmnet/founder/1";
}

/// There is no network yet that this could be signed for (ENC-4).
const NO_NETWORK: NetworkId = NetworkId([0; 32]);

/// Why a file is no founder's.
#[derive(Debug, thiserror::Error)]
pub enum FounderError {
    /// Not of its shape.
    #[error("it is no founder's file: {0}")]
    Json(#[from] serde_json::Error),
    /// Somebody changed it.
    #[error(transparent)]
    Signature(#[from] BadSignature),
}

impl Founder {
    /// The public part of a node.
    pub fn new(
        node: &PrivateKey,
        operator: PublicKey,
        address: Text<ADDRESS_LENGTH_MAX>,
        beacon: (Digest, u32),
    ) -> Self {
        let body = Body {
            node: node.public_key(),
            operator,
            address,
            beacon,
        };
        let Signed { body, signature } = Signed::new(body, &NO_NETWORK, node);
        Self {
            format: Format::Founder1,
            node: body.node,
            operator: body.operator,
            address: body.address,
            beacon: body.beacon,
            signature,
        }
    }

    /// Reads a founder's file.
    ///
    /// # Errors
    /// See [`FounderError`].
    pub fn from_json(text: &str) -> Result<Self, FounderError> {
        let founder: Self = serde_json::from_str(text)?;
        let body = Body {
            node: founder.node,
            operator: founder.operator,
            address: founder.address.clone(),
            beacon: founder.beacon,
        };
        let signature = founder.signature;
        Signed { body, signature }.verify(&NO_NETWORK, &founder.node)?;
        Ok(founder)
    }

    /// The founder's file.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("plain data");
        text.push('\n');
        text
    }
}

/// What a network is founded with besides its founders.
#[derive(Debug, Clone)]
pub struct Charter {
    /// For people.
    pub name: Text<64>,
    /// When it was made, in Unix milliseconds.
    pub timestamp_ms: u64,
    /// Its parameters.
    pub params: Params,
    /// What each founder's bond is.
    pub bond: Amount,
    /// What each founder's operator has besides.
    pub balance: Amount,
    /// What others have.
    pub accounts: Vec<(PublicKey, Amount)>,
    /// Coordinators whose hash chains are in force from the first block: of founders who make their keys together.
    pub anchors: Vec<GenesisAnchor>,
}

/// A network's parameters where nobody says others: those of a local one, with epochs of a quarter of an
/// hour and terms of two thirds of a day, as long as nothing happens.
pub fn params(epoch_blocks: Option<u32>, term_epochs: Option<u32>) -> Params {
    let local = Params::local();
    let epoch_blocks = epoch_blocks.unwrap_or(1024);
    let checkpoint_blocks = local.checkpoint_blocks.min(epoch_blocks);
    Params {
        epoch_blocks,
        term_epochs: term_epochs.unwrap_or(64),
        // An epoch has 64 checkpoints at most.
        checkpoint_blocks: checkpoint_blocks.max(epoch_blocks.div_ceil(64)),
        coordinator_bond_min: Amount::CREDIT,
        ..local
    }
}

/// Makes a network's genesis. The order of the founders does not matter.
///
/// # Errors
/// Together they make no network.
pub fn found(founders: &[Founder], charter: &Charter) -> Result<Genesis, GenesisError> {
    let mut founders: Vec<&Founder> = founders.iter().collect();
    founders.sort_by_key(|founder| founder.node);
    let validators = founders.iter().map(|founder| GenesisValidator {
        node: founder.node,
        operator: founder.operator,
        bond: charter.bond,
        address: founder.address.clone(),
        beacon: Some(founder.beacon),
    });
    // One operator may have many nodes, or be its own.
    let mut accounts: Vec<(PublicKey, Amount)> = Vec::new();
    let mut give = |owner: PublicKey, amount: Amount| {
        match accounts.iter_mut().find(|(known, _)| *known == owner) {
            Some((_, balance)) => {
                *balance = balance.checked_add(amount).ok_or(GenesisError::Supply)?;
            }
            None => accounts.push((owner, amount)),
        }
        Ok::<_, GenesisError>(())
    };
    for founder in &founders {
        give(founder.node, NODE_BALANCE)?;
        give(founder.operator, charter.balance)?;
    }
    for (owner, amount) in &charter.accounts {
        give(*owner, *amount)?;
    }
    accounts.sort_unstable();
    let keys: Vec<_> = founders
        .iter()
        .map(|founder| (founder.node, founder.beacon))
        .collect();
    let genesis = Genesis {
        name: charter.name.clone(),
        validators: List::truncated(validators),
        params: charter.params.clone(),
        // Of what all founders committed to. The last to show its file may have tried several: it could
        // foresee the panels of the first epoch, in which there are none yet, and of no later one.
        beacon: Digest::tagged(
            "llmnet/first-beacon/1",
            &[&encode(&keys), &charter.timestamp_ms.to_le_bytes()],
        ),
        timestamp_ms: charter.timestamp_ms,
        accounts: List::truncated(accounts),
        anchors: List::truncated(charter.anchors.iter().copied()),
    };
    genesis.check()?;
    Ok(genesis)
}

#[cfg(test)]
mod tests {
    use llmnet_chain::beacon_anchor;

    use super::*;

    fn founder(number: u8) -> Founder {
        let node = PrivateKey::from_seed([number; 32]);
        let operator = PrivateKey::from_seed([number ^ 0x80; 32]).public_key();
        let address = Text::truncated(&format!("10.0.0.{number}:7272"));
        Founder::new(&node, operator, address, beacon_anchor([number; 32]))
    }

    fn charter() -> Charter {
        Charter {
            name: Text::truncated("four"),
            timestamp_ms: 1_700_000_000_000,
            params: params(None, None),
            bond: Amount(100 * Amount::CREDIT.0),
            balance: Amount(1_000 * Amount::CREDIT.0),
            accounts: Vec::new(),
            anchors: Vec::new(),
        }
    }

    #[test]
    fn the_same_files_give_the_same_network_in_any_order() {
        let mut founders: Vec<_> = (1..=4).map(founder).collect();
        let genesis = found(&founders, &charter()).unwrap();
        founders.reverse();
        assert_eq!(found(&founders, &charter()).unwrap(), genesis);
        let read = Genesis::from_json(&genesis.to_json()).unwrap();
        assert_eq!(read.id(), genesis.id());
        let later = Charter {
            timestamp_ms: 1_700_000_000_001,
            ..charter()
        };
        assert_ne!(found(&founders, &later).unwrap().beacon, genesis.beacon);
    }

    #[test]
    fn a_founder_twice_is_no_network_and_an_operator_of_two_is_one_account() {
        let twice = [founder(1), founder(2), founder(1)];
        let refused = found(&twice, &charter()).unwrap_err();
        assert!(matches!(refused, GenesisError::Validators), "{refused}");

        let other = PrivateKey::from_seed([2; 32]);
        let shared = founder(1).operator;
        let second = Founder::new(&other, shared, Text::empty(), beacon_anchor([2; 32]));
        let genesis = found(&[founder(1), second], &charter()).unwrap();
        let account = genesis.accounts.iter().find(|(owner, _)| *owner == shared);
        assert_eq!(account.unwrap().1, Amount(2_000 * Amount::CREDIT.0));
    }

    #[test]
    fn a_changed_file_is_refused() {
        let text = founder(1).to_json();
        assert_eq!(Founder::from_json(&text).unwrap(), founder(1));
        for changed in [
            text.replace("10.0.0.1", "10.0.0.9"),
            text.replace("65536", "65535"),
        ] {
            let error = Founder::from_json(&changed).unwrap_err();
            assert!(matches!(error, FounderError::Signature(_)), "{error}");
        }
        for malformed in ["", "{}", &text.replace("founder/1", "founder/2")] {
            let error = Founder::from_json(malformed).unwrap_err();
            assert!(matches!(error, FounderError::Json(_)), "{error}");
        }
    }

    #[test]
    fn epochs_of_any_length_have_their_checkpoints() {
        for blocks in [1, 31, 64, 1024, 4096, 100_000, 1_000_000] {
            params(Some(blocks), None).check().unwrap();
        }
    }
}
