//! Checked integers, a type for each unit. None wraps around; what could overflow returns `None`.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::id::number_type;

number_type!(
    /// Money in millionths of a credit (1 credit = 1,000,000).
    Amount, u64
);
number_type!(
    /// A block's place in the chain; genesis is 0.
    Height, u64
);
number_type!(
    /// A run of blocks of the length the parameters say; the first is 0.
    Epoch, u64
);
number_type!(
    /// A committee's time in office: so many epochs as the parameters say; the first is 0 (COM-1).
    Term, u64
);
number_type!(
    /// A coordinator's contracts, counted up from 0 without a gap (CON-1).
    Slot, u64
);
number_type!(
    /// Units of text as a tokenizer counts them.
    Tokens, u32
);
number_type!(
    /// Milliseconds on the reader's own monotonic clock; never compared between machines.
    Timestamp, u64
);

impl Amount {
    /// No money.
    pub const ZERO: Self = Self(0);
    /// One credit.
    pub const CREDIT: Self = Self(1_000_000);

    /// The sum, or `None` where it does not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or `None` where it is negative.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The difference, or nothing where it is negative.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The sum of many, or `None` where it does not fit.
    pub fn sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }

    /// So many basis points of this, rounded down.
    pub fn share(self, share: Score) -> Self {
        // Most amounts are small, and 64 bits divide far quicker than 128.
        if let Some(product) = self.0.checked_mul(u64::from(share.get())) {
            return Self(product / u64::from(Score::ONE.get()));
        }
        let product = u128::from(self.0) * u128::from(share.get()) / u128::from(Score::ONE.get());
        Self(u64::try_from(product).expect("a share is at most the whole"))
    }

    /// In credits, with as many decimals as are needed: `0.0123`.
    pub fn credits(self) -> String {
        let (whole, rest) = (self.0 / 1_000_000, self.0 % 1_000_000);
        let text = format!("{whole}.{rest:06}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

impl Height {
    /// The epoch this block is in, for epochs of `length` blocks.
    ///
    /// # Panics
    /// Never: a length of 0 counts as 1.
    pub fn epoch(self, length: u64) -> Epoch {
        Epoch(self.0 / length.max(1))
    }
}

impl Epoch {
    /// The term this epoch is in, for terms of `length` epochs; a length of 0 counts as 1.
    pub fn term(self, length: u64) -> Term {
        Term(self.0 / length.max(1))
    }

    /// So many epochs later; `None` where it does not fit.
    pub fn after(self, epochs: u64) -> Option<Self> {
        self.0.checked_add(epochs).map(Self)
    }

    /// So many epochs earlier, the first at the earliest.
    pub const fn before(self, epochs: u64) -> Self {
        Self(self.0.saturating_sub(epochs))
    }
}

impl Timestamp {
    /// This moment and so many milliseconds more; the end of time where that does not fit.
    pub const fn after(self, duration_ms: u32) -> Self {
        Self(self.0.saturating_add(duration_ms as u64))
    }

    /// Milliseconds since an earlier moment, 0 if that is later.
    pub fn since(self, earlier: Self) -> u32 {
        u32::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(u32::MAX)
    }
}

/// A share, confidence or score between 0 and 1, in basis points (1/10,000).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, Serialize,
)]
#[serde(transparent)]
pub struct Score(u16);

/// A score above one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a score is at most 10000 basis points, found {0}")]
pub struct ScoreTooLarge(pub u16);

impl Score {
    /// 0.
    pub const ZERO: Self = Self(0);
    /// 1/2.
    pub const HALF: Self = Self(5_000);
    /// 1.
    pub const ONE: Self = Self(10_000);

    /// A score of so many basis points.
    ///
    /// # Errors
    /// More than 10,000.
    pub const fn new(basis_points: u16) -> Result<Self, ScoreTooLarge> {
        if basis_points > Self::ONE.0 {
            return Err(ScoreTooLarge(basis_points));
        }
        Ok(Self(basis_points))
    }

    /// A score of so many basis points, at most 1.
    pub const fn clamped(basis_points: u64) -> Self {
        if basis_points > Self::ONE.0 as u64 {
            return Self::ONE;
        }
        Self(basis_points as u16)
    }

    /// `part` of `whole`, rounded down, at most 1; 0 of nothing is 0.
    pub fn ratio(part: u64, whole: u64) -> Self {
        if whole == 0 {
            return Self::ZERO;
        }
        let points = u128::from(part) * u128::from(Self::ONE.0) / u128::from(whole);
        Self::clamped(u64::try_from(points).unwrap_or(u64::MAX))
    }

    /// Basis points.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl BorshDeserialize for Score {
    fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<Self> {
        Self::new(u16::deserialize_reader(reader)?).map_err(|error| {
            std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string())
        })
    }
}

impl<'de> Deserialize<'de> for Score {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let basis_points: u16 = Deserialize::deserialize(deserializer)?;
        Self::new(basis_points).map_err(serde::de::Error::custom)
    }
}
