//! From one committee to the next: why a receipt still holds after its validators left (COM-2, PRF-3).
//!
//! ```text
//! electorate of term 0 --finalizes--> last header of term 0 --names--> committee of term 1
//! electorate of term 1 --finalizes--> last header of term 1 --names--> ...
//! ```
//!
//! Whoever trusts one committee can follow it to any later one, offline. Signatures cannot tell that keys
//! of long ago were not used again to forge another history: begin at the latest committee you know.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::{
    block::Header,
    certificate::{CertificateError, FinalityCertificate},
    codec::List,
    file::{self, FileError},
    network::{Committee, Electorate},
    units::Term,
};

/// The most hand-overs at once; whoever has followed them goes on with others.
pub const HAND_OVERS_MAX: usize = 4_096;
/// The most bytes of a file of hand-overs.
pub const SUCCESSION_LENGTH_MAX: usize = 64 * 1024 * 1024;

/// The end of a term: its last header, final by its own committee, and the committee that this names.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOver {
    /// The last header of the term.
    pub header: Header,
    /// The votes of the term's committee on it.
    pub certificate: FinalityCertificate,
    /// The committee of the next term.
    pub next: Committee,
}

/// Why a hand-over does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandOverError {
    /// The header is not the last of a term.
    #[error("its header names no next committee")]
    NotLast,
    /// The committee shown is not the one that the header names.
    #[error("its header names another committee")]
    Committee,
    /// Terms have come to their end.
    #[error("no term can follow")]
    Terms,
    /// The committee in office did not finalize the header.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

impl HandOver {
    /// The electorate of the next term, where that of this term is known.
    ///
    /// # Errors
    /// What does not hold.
    pub fn follow(&self, known: &Electorate) -> Result<Electorate, HandOverError> {
        let named = self.header.next_committee.ok_or(HandOverError::NotLast)?;
        if named != self.next.digest() {
            return Err(HandOverError::Committee);
        }
        let term = known.term.next().ok_or(HandOverError::Terms)?;
        self.certificate.verify(known, &self.header)?;
        Ok(Electorate {
            network: known.network,
            term,
            committee: self.next.clone(),
        })
    }
}

/// Hand-overs of terms that follow one another without a gap.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, Serialize)]
#[serde(transparent)]
pub struct Succession(List<HandOver, HAND_OVERS_MAX>);

/// Hand-overs that make no succession.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a succession is at most {HAND_OVERS_MAX} hand-overs of terms that follow one another")]
pub struct InvalidSuccession;

/// Why the committee of a term is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SuccessionError {
    /// A link does not hold.
    #[error("the hand-over at the end of term {term} does not hold: {error}")]
    Link {
        /// The term that it ends.
        term: Term,
        /// Why not.
        error: HandOverError,
    },
    /// Links are missing.
    #[error("nothing leads from the committee of term {reached} to that of term {wanted}")]
    Short {
        /// The last term whose committee is known.
        reached: Term,
        /// The term asked for.
        wanted: Term,
    },
}

impl Succession {
    /// Takes hand-overs in order.
    ///
    /// # Errors
    /// Too many, or not of terms that follow one another.
    pub fn new(hand_overs: Vec<HandOver>) -> Result<Self, InvalidSuccession> {
        let follows = hand_overs
            .windows(2)
            .all(|pair| pair[0].header.term.next() == Some(pair[1].header.term));
        if !follows {
            return Err(InvalidSuccession);
        }
        List::from_vec(hand_overs)
            .map(Self)
            .map_err(|_| InvalidSuccession)
    }

    /// The hand-overs, in order.
    pub fn hand_overs(&self) -> &[HandOver] {
        &self.0
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The electorate of a term, followed from one that is known. Links that end earlier terms than the
    /// known one's, the wanted one or later ones, are not looked at.
    ///
    /// # Errors
    /// The link that does not hold, or where links are missing.
    pub fn follow(&self, known: &Electorate, wanted: Term) -> Result<Electorate, SuccessionError> {
        let mut electorate = known.clone();
        for hand_over in &self.0 {
            let term = hand_over.header.term;
            if term < known.term || term >= wanted {
                continue;
            }
            if term != electorate.term {
                break;
            }
            electorate = hand_over
                .follow(&electorate)
                .map_err(|error| SuccessionError::Link { term, error })?;
        }
        if electorate.term == wanted {
            return Ok(electorate);
        }
        Err(SuccessionError::Short {
            reached: electorate.term,
            wanted,
        })
    }
}

impl BorshDeserialize for Succession {
    fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<Self> {
        let hand_overs = List::<HandOver, HAND_OVERS_MAX>::deserialize_reader(reader)?;
        Self::new(hand_overs.into_vec()).map_err(|error| {
            std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string())
        })
    }
}

impl<'de> Deserialize<'de> for Succession {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let hand_overs: List<HandOver, HAND_OVERS_MAX> = Deserialize::deserialize(deserializer)?;
        Self::new(hand_overs.into_vec()).map_err(D::Error::custom)
    }
}

/// What a file of hand-overs calls itself.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum SuccessionFormat {
    /// The first version.
    #[serde(rename = "llmnet/succession/1")]
    Succession1 = 1,
}

/// A network's hand-overs as a file, in one spelling (REC-2). One such file serves all of its receipts.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuccessionDocument {
    /// The file's format.
    pub format: SuccessionFormat,
    /// The hand-overs.
    pub succession: Succession,
}

impl SuccessionDocument {
    /// The file's bytes: indented JSON and a line end.
    pub fn to_bytes(&self) -> Vec<u8> {
        file::write(self)
    }

    /// Reads a file and insists on its one spelling (REC-2).
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FileError> {
        file::read(bytes, SUCCESSION_LENGTH_MAX)
    }
}
