//! Passages of a corpus and the citations that prove where they stood.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    codec::{List, Text, encode},
    id::{Digest, ProviderId, Salt},
    merkle::Path,
    registration::Tokenizer,
    signature::PublicKey,
    units::Tokens,
};

/// The most bytes of a passage's text.
pub const PASSAGE_LENGTH_MAX: usize = 4_000;
/// The most passages that all seats of a contract are shown.
pub const SHARED_MAX: usize = 8;

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

/// A passage of one expert's corpus that all seats of a contract are shown before they answer (COR-5).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shared {
    /// Whose corpus it is of.
    pub provider: ProviderId,
    /// That provider's key.
    pub node: PublicKey,
    /// The day that its corpus is current to, as announced.
    pub as_of_day: u32,
    /// What is shown, with its proof.
    pub evidence: Evidence,
}

/// What all seats of a contract are shown, best first.
pub type SharedPassages = List<Shared, SHARED_MAX>;

/// What a model reads of shared passages, as it is billed (CON-10).
pub fn shared_tokens(shared: &[Shared]) -> Tokens {
    let texts = shared.iter().flat_map(|shared| {
        let Passage { title, text, .. } = &shared.evidence.passage;
        [title.as_str(), text.as_str()]
    });
    let counts = texts.map(|text| Tokenizer::Bytes4.count(text).0);
    Tokens(counts.fold(0, u32::saturating_add))
}

/// What a seat has seen before its first answer: the request, by its salted digest, and passages where some are shown.
/// Its first commitment covers this, so that what was shown stands on the receipt by every seat's own word (COR-5).
pub fn seen_first(request: &Digest, shared: &[Shared]) -> Digest {
    if shared.is_empty() {
        return *request;
    }
    let shared: Vec<Vec<u8>> = shared.iter().map(encode).collect();
    let parts: Vec<&[u8]> = std::iter::once(&request.0[..])
        .chain(shared.iter().map(Vec::as_slice))
        .collect();
    Digest::tagged("llmnet/seen/1", &parts)
}
