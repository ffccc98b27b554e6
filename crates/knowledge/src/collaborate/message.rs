//! What travels between whoever asks and experts. All of it is bounded; what is over a bound does not decode.

use borsh::{BorshDeserialize, BorshSerialize};
use llmnet_types::{
    codec::{List, Text, encode},
    id::Digest,
    passage::{Evidence, PASSAGE_LENGTH_MAX},
    registration::Corpus,
};

use crate::{
    analysis::{QUERY_LENGTH_MAX, QUERY_TERMS_MAX, Query},
    bm25::Statistics,
    store::Hit,
};

/// The most bytes of a term: 40 characters of any script.
pub const TERM_LENGTH_MAX: usize = 160;
/// The most terms that a catalogue counts: the most frequent ones. With these, two experts of five find what they find
/// with all (`evaluation/results/retrieval.md`, routed-N).
pub const CATALOGUE_TERMS_MAX: usize = 16_384;
/// The most bytes of a catalogue's counts: of long terms there are fewer.
pub const CATALOGUE_COUNTS_LENGTH_MAX: usize = 400 * 1024;
/// The most numbers of a vector.
pub const DIMENSIONS_MAX: usize = 8_192;
/// The most passages that an expert is asked for, for each kind of score.
pub const PASSAGES_MAX: usize = 40;
/// The most bytes of a message, of any kind: what the links of a network carry, with room for their own words.
pub const MESSAGE_LENGTH_MAX: usize = 500 * 1024;

/// A term's count.
pub type Count = (Text<TERM_LENGTH_MAX>, u64);

/// What an expert tells of its corpus, once for each root, so that questions find their way.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Catalogue {
    /// The corpus it is of.
    pub corpus: Corpus,
    /// How many terms its passages have together.
    pub words: u64,
    /// In how many passages each term stands.
    pub counts: List<Count, CATALOGUE_TERMS_MAX>,
    /// The model of its vectors; empty where it has none.
    pub model: Text<128>,
    /// Where its corpus is in that model's space; empty where it has none.
    pub centroid: List<f32, DIMENSIONS_MAX>,
}

impl Catalogue {
    /// Tells this state from any other, also of the same corpus: vectors come after their passages.
    pub fn digest(&self) -> Digest {
        Digest::tagged("llmnet/catalogue/1", &[&encode(self)])
    }

    /// Its counts, to be added to others'. No more is believed of them than a corpus of its size can have, so that
    /// nobody makes a term common for all by saying so.
    pub fn statistics(&self) -> Statistics {
        let passages = u64::from(self.corpus.passages);
        let counts = self.counts.iter();
        Statistics {
            passages,
            words: self.words.min(passages * PASSAGE_LENGTH_MAX as u64),
            counts: counts
                .map(|(term, count)| (term.as_str().to_owned(), (*count).min(passages)))
                .collect(),
        }
    }
}

/// A question to an expert.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Ask {
    /// The root to cite under, as it was announced; zeros for the newest.
    pub corpus: Digest,
    /// The question; every expert analyses it alike.
    pub question: Text<QUERY_LENGTH_MAX>,
    /// How many passages all experts have together.
    pub passages: u64,
    /// How many terms those have.
    pub words: u64,
    /// In how many of those the question's terms stand.
    pub counts: List<Count, QUERY_TERMS_MAX>,
    /// The model that the question was embedded by; empty where it was not.
    pub model: Text<128>,
    /// The question as a vector, computed once for all experts.
    pub vector: List<f32, DIMENSIONS_MAX>,
    /// How many passages are wanted for each kind of score.
    pub limit: u16,
}

impl Ask {
    /// A question under shared statistics.
    pub fn new(
        question: &str,
        shared: &Statistics,
        vector: Option<(&str, &[f32])>,
        limit: usize,
    ) -> Self {
        let shared = shared.of(&Query::new(question));
        let counts = shared.counts.iter();
        let (model, vector) = vector.unwrap_or_default();
        Self {
            corpus: Digest::ZERO,
            question: Text::truncated(question),
            passages: shared.passages,
            words: shared.words,
            counts: List::truncated(counts.map(|(term, count)| (Text::truncated(term), *count))),
            model: Text::truncated(model),
            vector: List::truncated(vector.iter().copied()),
            limit: u16::try_from(limit.min(PASSAGES_MAX)).unwrap_or(u16::MAX),
        }
    }

    /// The shared statistics in it.
    pub fn statistics(&self) -> Statistics {
        let counts = self.counts.iter();
        Statistics {
            passages: self.passages,
            words: self.words,
            counts: counts
                .map(|(term, count)| (term.as_str().to_owned(), *count))
                .collect(),
        }
    }

    /// The question's vector with its model's name, if it has one.
    pub fn vector(&self) -> Option<(&str, &[f32])> {
        (!self.vector.is_empty()).then(|| (self.model.as_str(), &self.vector[..]))
    }
}

/// What an expert lets go of a passage.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub enum Shown {
    /// The passage with its citation.
    Passage(Box<Evidence>),
    /// Only which one it is: the expert may answer from it, and shows it to nobody.
    Digest(Digest),
}

/// A passage with what it is worth to the question.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Scored {
    /// The passage, or its name.
    pub shown: Shown,
    /// Its BM25 score under the question's statistics.
    pub lexical: f64,
    /// Its cosine to the question's vector, where both have one.
    pub dense: Option<f32>,
}

impl Scored {
    pub(super) fn new(shown: Shown, hit: &Hit) -> Self {
        Self {
            shown,
            lexical: hit.lexical,
            dense: hit.dense,
        }
    }

    /// The passage, if it is shown.
    pub fn evidence(&self) -> Option<&Evidence> {
        match &self.shown {
            Shown::Passage(evidence) => Some(evidence),
            Shown::Digest(_) => None,
        }
    }
}

/// What an expert found.
#[derive(Debug, Clone, Default, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Found {
    /// Its best passages of each kind of score, both scores on each.
    pub passages: List<Scored, { 2 * PASSAGES_MAX }>,
}

/// What an expert is asked.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub enum Request {
    /// To tell of its corpus, unless there is nothing new to tell.
    Catalogue {
        /// The digest of what it told last; zeros where it told nothing yet.
        known: Digest,
    },
    /// To look something up.
    Ask(Box<Ask>),
}

/// What it says.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub enum Reply {
    /// Of its corpus; `None` while it has no passage.
    Catalogue(Option<Box<Catalogue>>),
    /// What it told last stands.
    Unchanged,
    /// What it found.
    Found(Found),
    /// It does not look things up for others, or failed.
    Declined,
}
