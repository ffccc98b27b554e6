//! Passages of a corpus and the citations that prove where they stood.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    codec::{Text, encode},
    id::{Digest, Salt},
    merkle::Path,
};

/// The most bytes of a passage's text.
pub const PASSAGE_LENGTH_MAX: usize = 4_000;

/// A piece of a document, small enough to quote whole.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passage {
    /// The document it is from.
    pub document: Text<128>,
    /// Its heading there.
    pub title: Text<128>,
    /// What it says.
    pub text: Text<PASSAGE_LENGTH_MAX>,
}

impl Passage {
    /// Names the passage, whoever holds it: equal text has an equal digest.
    pub fn digest(&self) -> Digest {
        Digest::tagged("llmnet/passage/1", &[&encode(self)])
    }

    /// The leaf that stands for it in a corpus: salted, so that a path says nothing of its neighbours.
    pub fn leaf(&self, salt: &Salt) -> [u8; 32] {
        salt.digest(&encode(self)).0
    }
}

/// Proof that a passage stood under a corpus root (COR-2). It proves presence, not truth.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Citation {
    /// The corpus, as announced.
    pub root: Digest,
    /// The passage's own salt, revealed with it.
    pub salt: Salt,
    /// The way from the passage to the root.
    pub path: Path,
}

/// A passage with its proof.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// What is quoted.
    pub passage: Passage,
    /// Where it stands.
    pub citation: Citation,
}

impl Evidence {
    /// Whether the passage stands under the root it names.
    pub fn holds(&self) -> bool {
        self.citation
            .path
            .holds(&self.passage.leaf(&self.citation.salt), &self.citation.root)
    }
}
