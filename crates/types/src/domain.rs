//! What a question is about, as a short normalised name.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// The most bytes a domain's name has.
pub const DOMAIN_LENGTH_MAX: usize = 32;

/// A field of knowledge: 1 to 32 characters of `a-z`, `0-9` and inner `-`. Normal by being.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, Serialize)]
#[serde(transparent)]
pub struct Domain(String);

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
        if fits {
            Ok(Self(name))
        } else {
            Err(InvalidDomain(name))
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
        let invalid =
            |message: String| std::io::Error::new(std::io::ErrorKind::InvalidData, message);
        let length = u32::deserialize_reader(reader)? as usize;
        if length > DOMAIN_LENGTH_MAX {
            return Err(invalid(format!("a domain of {length} bytes")));
        }
        let mut bytes = vec![0; length];
        reader.read_exact(&mut bytes)?;
        let name = String::from_utf8(bytes).map_err(|error| invalid(error.to_string()))?;
        Self::normal(name).map_err(|error| invalid(error.to_string()))
    }
}

impl<'de> Deserialize<'de> for Domain {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name: String = Deserialize::deserialize(deserializer)?;
        Self::normal(name).map_err(serde::de::Error::custom)
    }
}
