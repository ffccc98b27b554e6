//! The public sample of passages that all seats of a network measure evidence by.

use std::collections::BTreeMap;

use llmnet_types::{id::Digest, passage::Passage};

use crate::{
    frequencies::Frequencies,
    ingest::{Document, Section},
};

/// How common terms are, and the search words of public passages.
///
/// A citation does not carry search words. Those of a public passage are known to everybody, so that a seat
/// can measure a peer's passage as it measures its own, whether or not it holds it.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    frequencies: Frequencies,
    terms: BTreeMap<Digest, String>,
}

impl Sample {
    /// The sample that these public documents make.
    pub fn new(documents: &[Document]) -> Self {
        let sections = || documents.iter().flat_map(|document| &document.sections);
        let texts: Vec<String> = sections().map(Section::searchable).collect();
        let terms = |section: &Section| (section.passage.digest(), section.terms.clone());
        Self {
            frequencies: Frequencies::new(texts.iter().map(String::as_str)),
            terms: sections().map(terms).collect(),
        }
    }

    /// How common terms are.
    pub const fn frequencies(&self) -> &Frequencies {
        &self.frequencies
    }

    /// The search words of a passage, if it is public.
    pub fn terms(&self, passage: &Passage) -> Option<&str> {
        self.terms.get(&passage.digest()).map(String::as_str)
    }
}
