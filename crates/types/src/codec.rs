//! The one canonical encoding, and lists and texts that cannot outgrow their bound.
//!
//! Values are written as [Borsh](https://borsh.io) says: fixed-width little-endian integers, one
//! spelling for every value. Two things are our own: whatever repeats is a [`List`] and whatever is
//! text is a [`Text`], both with a bound in their type and a two-byte count, so that a decoder never
//! allocates more than the rules allow (SPEC ENC-1, ENC-2).

use std::{
    fmt,
    io::{self, Read, Write},
    ops::Deref,
};

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Why bytes are not a value of the wanted type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The input is longer than this kind of value may be.
    #[error("{found} bytes where at most {limit} are allowed")]
    TooLong {
        /// Bytes received.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The bytes do not spell a value, or spell one and go on.
    #[error("not a canonical encoding: {0}")]
    Malformed(String),
}

/// A list has more items, or a text more bytes, than its type allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{found} where at most {limit} are allowed")]
pub struct TooMany {
    /// How many there were.
    pub found: usize,
    /// How many there may be.
    pub limit: usize,
}

/// The canonical bytes of a value.
pub fn encode<T: BorshSerialize>(value: &T) -> Vec<u8> {
    // Writing into memory cannot fail, and every length is bounded by its type.
    borsh::to_vec(value).expect("canonical types always encode")
}

/// How many canonical bytes a value has.
pub fn length<T: BorshSerialize>(value: &T) -> usize {
    borsh::object_length(value).expect("canonical types always encode")
}

/// Reads a value that came from outside.
///
/// # Errors
/// Refuses input over `limit` bytes, any spelling but the canonical one, and trailing bytes.
pub fn decode<T: BorshDeserialize>(bytes: &[u8], limit: usize) -> Result<T, DecodeError> {
    if bytes.len() > limit {
        return Err(DecodeError::TooLong {
            found: bytes.len(),
            limit,
        });
    }
    borsh::from_slice(bytes).map_err(|error| DecodeError::Malformed(error.to_string()))
}

fn invalid(message: impl fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.to_string())
}

/// At most `MAX` items, in order. Written as a two-byte count and the items.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct List<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> List<T, MAX> {
    /// How many items there may be.
    pub const MAX: usize = MAX;

    /// No items.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Takes a vector that is short enough.
    ///
    /// # Errors
    /// More than `MAX` items.
    pub fn from_vec(items: Vec<T>) -> Result<Self, TooMany> {
        const { assert!(MAX <= u16::MAX as usize) };
        if items.len() > MAX {
            return Err(TooMany {
                found: items.len(),
                limit: MAX,
            });
        }
        Ok(Self(items))
    }

    /// The first `MAX` items of an iterator; the rest is dropped.
    pub fn truncated(items: impl IntoIterator<Item = T>) -> Self {
        Self(items.into_iter().take(MAX).collect())
    }

    /// Adds an item if there is room, and says whether there was.
    #[must_use = "a full list drops the item"]
    pub fn push(&mut self, item: T) -> bool {
        let room = self.0.len() < MAX;
        if room {
            self.0.push(item);
        }
        room
    }

    /// The items, unbounded again.
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const MAX: usize> Deref for List<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const MAX: usize> TryFrom<Vec<T>> for List<T, MAX> {
    type Error = TooMany;

    fn try_from(items: Vec<T>) -> Result<Self, TooMany> {
        Self::from_vec(items)
    }
}

impl<'a, T, const MAX: usize> IntoIterator for &'a List<T, MAX> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: fmt::Debug, const MAX: usize> fmt::Debug for List<T, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: BorshSerialize, const MAX: usize> BorshSerialize for List<T, MAX> {
    fn serialize<W: Write>(&self, writer: &mut W) -> io::Result<()> {
        let count = u16::try_from(self.0.len()).map_err(invalid)?;
        BorshSerialize::serialize(&count, writer)?;
        self.0
            .iter()
            .try_for_each(|item| BorshSerialize::serialize(item, writer))
    }
}

impl<T: BorshDeserialize, const MAX: usize> BorshDeserialize for List<T, MAX> {
    fn deserialize_reader<R: Read>(reader: &mut R) -> io::Result<Self> {
        let count = usize::from(u16::deserialize_reader(reader)?);
        if count > MAX {
            return Err(invalid(TooMany {
                found: count,
                limit: MAX,
            }));
        }
        // Grows as items arrive: a count alone must not make us allocate.
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(T::deserialize_reader(reader)?);
        }
        Ok(Self(items))
    }
}

impl<T: Serialize, const MAX: usize> Serialize for List<T, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Serialize::serialize(&self.0, serializer)
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for List<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items: Vec<T> = Deserialize::deserialize(deserializer)?;
        Self::from_vec(items).map_err(D::Error::custom)
    }
}

/// UTF-8 text of at most `MAX` bytes. Written as a two-byte count and the bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// How many bytes there may be.
    pub const MAX: usize = MAX;

    /// Takes text that is short enough.
    ///
    /// # Errors
    /// More than `MAX` bytes.
    pub fn new(text: impl Into<String>) -> Result<Self, TooMany> {
        const { assert!(MAX <= u16::MAX as usize) };
        let text = text.into();
        if text.len() > MAX {
            return Err(TooMany {
                found: text.len(),
                limit: MAX,
            });
        }
        Ok(Self(text))
    }

    /// No text.
    pub const fn empty() -> Self {
        Self(String::new())
    }

    /// The longest prefix that fits, cut at a character.
    pub fn truncated(text: &str) -> Self {
        Self(text[..text.floor_char_boundary(MAX)].to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> Deref for Text<MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> fmt::Debug for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MAX: usize> BorshSerialize for Text<MAX> {
    fn serialize<W: Write>(&self, writer: &mut W) -> io::Result<()> {
        let count = u16::try_from(self.0.len()).map_err(invalid)?;
        BorshSerialize::serialize(&count, writer)?;
        writer.write_all(self.0.as_bytes())
    }
}

impl<const MAX: usize> BorshDeserialize for Text<MAX> {
    fn deserialize_reader<R: Read>(reader: &mut R) -> io::Result<Self> {
        let count = usize::from(u16::deserialize_reader(reader)?);
        if count > MAX {
            return Err(invalid(TooMany {
                found: count,
                limit: MAX,
            }));
        }
        // As with lists: room is made for bytes that are there, not for those that are announced.
        let mut bytes = Vec::new();
        reader.take(count as u64).read_to_end(&mut bytes)?;
        if bytes.len() < count {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        String::from_utf8(bytes).map(Self).map_err(invalid)
    }
}

impl<const MAX: usize> Serialize for Text<MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Serialize::serialize(&self.0, serializer)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text: String = Deserialize::deserialize(deserializer)?;
        Self::new(text).map_err(D::Error::custom)
    }
}
