//! Who stands for a node with money, and in which role (BND).

use std::net::Ipv6Addr;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    codec::Text,
    signature::{Message, PublicKey},
    units::{Amount, Epoch},
};

/// The most bytes of a node's address.
pub const ADDRESS_LENGTH_MAX: usize = 128;

/// The most bytes of a part of a host's name.
const LABEL_LENGTH_MAX: usize = 63;

/// Reads where a node is reached, `host:port` (BND-1): a name or an IPv4 address, or an IPv6 address in
/// brackets, and a port from 1 on. Whether anybody is there, nobody looks.
pub fn host_and_port(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let plain = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
    let port: u16 = port.parse().ok().filter(|_| plain)?;
    let bracketed = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let is_host = bracketed.map_or_else(
        || host.split('.').all(is_label),
        |host| host.parse::<Ipv6Addr>().is_ok(),
    );
    is_host.then_some((host, port))
}

fn is_label(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=LABEL_LENGTH_MAX).contains(&text.len())
        && text.bytes().all(plain)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// What a bond stands for. A node has a bond for each of its roles.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Role {
    /// Answers; joins by a registration.
    Respondent = 0,
    /// Selects panels and settles.
    Coordinator = 1,
    /// Orders and checks; may audit as well.
    Validator = 2,
    /// Asks questions with known answers.
    Auditor = 3,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Respondent => "respondent",
            Self::Coordinator => "coordinator",
            Self::Validator => "validator",
            Self::Auditor => "auditor",
        })
    }
}

/// A node agrees that an operator posts its bond for a role: coordinator, validator or auditor (BND-1). Where
/// it is coordinator or validator already, it agrees to be reached elsewhere (BND-7).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enlistment {
    /// The key that serves.
    pub node: PublicKey,
    /// The account that posts the bond and is paid.
    pub operator: PublicKey,
    /// As what.
    pub role: Role,
    /// Where others reach it, as `host:port`: validators a validator, respondents a coordinator. Empty where
    /// they are told otherwise.
    pub address: Text<ADDRESS_LENGTH_MAX>,
    /// How much it posts; nothing where it moves.
    pub bond: Amount,
    /// The last epoch in which the ledger takes this: an old consent is none.
    pub until: Epoch,
}

impl Message for Enlistment {
    const KIND: &'static str = "llmnet/enlistment/1";
}

/// What the elements of a hash chain are for (ANC-1, EPO-2).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ChainUse {
    /// A coordinator's slots.
    Slots = 0,
    /// A validator's part of the beacon.
    Beacon = 1,
}
