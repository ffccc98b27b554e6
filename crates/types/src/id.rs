//! Digests and the identifiers made of them, a type each, so that none is taken for another.

use borsh::{BorshDeserialize, BorshSerialize};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

/// Text is not the lower-case hexadecimal spelling of so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {} lower-case hexadecimal characters", .bytes * 2)]
pub struct HexError {
    /// Bytes wanted.
    pub bytes: usize,
}

/// Lower-case hexadecimal.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| char::from(DIGITS[usize::from(nibble)]))
        .collect()
}

/// The reverse of [`to_hex`]; upper case is refused, as every value has one spelling.
pub(crate) fn from_hex<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    let error = HexError { bytes: N };
    let nibble = |character: u8| match character {
        b'0'..=b'9' => Ok(character - b'0'),
        b'a'..=b'f' => Ok(character - b'a' + 10),
        _ => Err(error),
    };
    let text = text.as_bytes();
    if text.len() != 2 * N {
        return Err(error);
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Ok(bytes)
}

/// A fixed number of bytes, spelled as lower-case hexadecimal wherever people read it.
macro_rules! bytes_type {
    ($(#[$doc:meta])* $name:ident, $length:literal) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            borsh::BorshSerialize, borsh::BorshDeserialize,
        )]
        pub struct $name(pub [u8; $length]);

        impl $name {
            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $length] {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&$crate::id::to_hex(&self.0))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::id::HexError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::id::from_hex(text).map(Self)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text: String = serde::Deserialize::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use bytes_type;

bytes_type!(
    /// A SHA-256 digest of anything that has no type of its own.
    Digest, 32
);
bytes_type!(
    /// The digest of a genesis with its validators: the name of a network (SPEC NET-1).
    NetworkId, 32
);
bytes_type!(
    /// `H(network, coordinator, slot)`: names one contract, and the receipt that closes it (CON-1).
    ContractId, 32
);
bytes_type!(
    /// The digest of a transaction's canonical bytes, signature included.
    TransactionId, 32
);
bytes_type!(
    /// The Merkle root over the fields of a receipt (REC-1).
    ReceiptRoot, 32
);
bytes_type!(
    /// 32 secret random bytes that keep a digest of short text from being guessed (ENC-5).
    Salt, 32
);

impl Digest {
    /// All zeros: stands where there is no predecessor.
    pub const ZERO: Self = Self([0; 32]);

    /// SHA-256 of bytes, under a tag that keeps one use of a digest from passing for another (ENC-3).
    ///
    /// The tag's length is written before it, so no tag is a prefix of another one's input.
    pub fn tagged(tag: &str, parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        let length = u8::try_from(tag.len()).expect("tags are short");
        hasher.update([length]);
        hasher.update(tag);
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// Plain SHA-256, as tools outside this project compute it.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl Salt {
    /// The sub-salt of one field: HMAC-SHA-256 of the field's name under the contract's salt (ENC-5).
    pub fn field(&self, name: &str) -> Self {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0)
            .expect("HMAC takes keys of any length");
        mac.update(name.as_bytes());
        Self(mac.finalize().into_bytes().into())
    }

    /// The digest of bytes under this salt, which is one field's own.
    pub fn digest(&self, bytes: &[u8]) -> Digest {
        Digest::tagged("llmnet/salted/1", &[&self.0, bytes])
    }
}

/// A number that the ledger hands out in order, a type for each use.
macro_rules! number_type {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default,
            BorshSerialize, BorshDeserialize, serde::Serialize, serde::Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl $name {
            /// The number after this one; `None` after the last.
            pub fn next(self) -> Option<Self> {
                self.0.checked_add(1).map(Self)
            }
        }
    };
}
pub(crate) use number_type;

number_type!(
    /// One registration: a key together with its registration nonce. Standing belongs to this (REG-1).
    ProviderId, u32
);
number_type!(
    /// A requester's line to one coordinator.
    LineId, u32
);
number_type!(
    /// A domain's number, short enough for leaves.
    DomainId, u16
);
