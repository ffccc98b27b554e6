//! What a question is about, as a short normalised name.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::codec::Text;

/// The most bytes a domain's name has.
pub const DOMAIN_LENGTH_MAX: usize = 32;

/// A field of knowledge: 1 to 32 characters of `a-z`, `0-9` and inner `-`. Normal by being.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, Serialize)]
#[serde(transparent)]
pub struct Domain(Text<DOMAIN_LENGTH_MAX>);

/// Text that names no domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a domain: use 1 to 32 characters of a-z, 0-9 and -, neither first nor last a -"
)]
pub struct InvalidDomain(pub String);

impl Domain {
    /// Normalises what a person wrote: trims, lower-cases, turns spaces and `_` into `-`.
    ///
    /// # Errors
    /// What remains is not a domain's name.
    pub fn new(text: &str) -> Result<Self, InvalidDomain> {
        let name: String = text
            .trim()
            .chars()
            .map(|character| match character {
                ' ' | '_' => '-',
                other => other.to_ascii_lowercase(),
            })
            .collect();
        Self::normal(name)
    }

    fn normal(name: String) -> Result<Self, InvalidDomain> {
        let fits = (1..=DOMAIN_LENGTH_MAX).contains(&name.len())
            && name
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && !name.starts_with('-')
            && !name.ends_with('-');
        match Text::new(name.as_str()) {
            Ok(text) if fits => Ok(Self(text)),
            _ => Err(InvalidDomain(name)),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Domain {
    type Err = InvalidDomain;

    fn from_str(text: &str) -> Result<Self, InvalidDomain> {
        Self::new(text)
    }
}

impl BorshDeserialize for Domain {
    fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<Self> {
        let name = Text::<DOMAIN_LENGTH_MAX>::deserialize_reader(reader)?;
        Self::normal(name.to_string()).map_err(|error| {
            std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string())
        })
    }
}

impl<'de> Deserialize<'de> for Domain {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name: String = Deserialize::deserialize(deserializer)?;
        Self::normal(name).map_err(serde::de::Error::custom)
    }
}
