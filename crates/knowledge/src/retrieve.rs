//! A corpus one can ask: index, evidence score and citations together.

use std::sync::Arc;

use llmnet_model::library::{Finding, Library, LibraryError};
use llmnet_types::{id::Digest, passage::Passage, units::Score};

use crate::{
    analysis::Query,
    corpus::Corpus,
    frequencies::Fields,
    index::{Index, IndexError, lexical::Lexical},
    sample::Sample,
};

/// How many hits are looked at for each passage wanted.
const CANDIDATES_MIN: usize = 12;

/// A respondent's documents.
pub struct Shelf {
    corpus: Corpus,
    index: Box<dyn Index>,
    sample: Arc<Sample>,
    analysed: Vec<Fields>,
}

impl std::fmt::Debug for Shelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shelf")
            .field("root", &self.corpus.root())
            .finish_non_exhaustive()
    }
}

impl Shelf {
    /// A corpus with the default index in memory.
    ///
    /// # Errors
    /// The index failed.
    pub fn new(corpus: Corpus, sample: Arc<Sample>) -> Result<Self, IndexError> {
        let index = Lexical::in_memory(crate::index::lexical::Weights::default())?;
        Self::with_index(corpus, sample, Box::new(index))
    }

    /// A corpus with an index of the caller's choice, which is filled anew.
    ///
    /// # Errors
    /// The index failed.
    pub fn with_index(
        corpus: Corpus,
        sample: Arc<Sample>,
        index: Box<dyn Index>,
    ) -> Result<Self, IndexError> {
        index.replace(corpus.sections())?;
        let analysed = corpus
            .sections()
            .iter()
            .map(|section| Fields::of_passage(&section.passage, &section.terms))
            .collect();
        Ok(Self {
            corpus,
            index,
            sample,
            analysed,
        })
    }

    /// What is looked things up in.
    pub const fn corpus(&self) -> &Corpus {
        &self.corpus
    }

    /// A passage's search words, as far as they are public or the respondent's own.
    fn terms(&self, passage: &Passage) -> Option<&str> {
        let own = || {
            let place = self.corpus.place(passage)?;
            Some(self.corpus.sections().get(place)?.terms.as_str())
        };
        self.sample.terms(passage).or_else(own)
    }
}

impl Library for Shelf {
    fn version(&self) -> String {
        let Digest(root) = self.corpus.root();
        format!(
            "bm25/1 corpus {:02x}{:02x}{:02x}{:02x}",
            root[0], root[1], root[2], root[3]
        )
    }

    fn find(&self, question: &str, limit: usize) -> Result<Vec<Finding>, LibraryError> {
        let query = Query::new(question);
        let hits = self
            .index
            .search(&query, limit.max(CANDIDATES_MIN))
            .map_err(|error| LibraryError(error.to_string()))?;
        let mut findings: Vec<_> = hits
            .into_iter()
            .filter_map(|hit| {
                let fields = self.analysed.get(hit.place)?;
                Some(Finding {
                    evidence: self.corpus.cite(hit.place)?,
                    rank: hit.score,
                    coverage: self.sample.frequencies().coverage(&query, fields),
                })
            })
            .collect();
        findings.truncate(limit);
        Ok(findings)
    }

    fn compare(&self, question: &str, passages: &[&Passage]) -> Vec<Score> {
        let query = Query::new(question);
        let terms: Vec<_> = passages.iter().map(|passage| self.terms(passage)).collect();
        let all_known = terms.iter().all(Option::is_some);
        let score = |(passage, terms): (&&Passage, &Option<&str>)| {
            let terms = terms.filter(|_| all_known).unwrap_or_default();
            let fields = Fields::of_passage(passage, terms);
            self.sample.frequencies().coverage(&query, &fields)
        };
        passages.iter().zip(&terms).map(score).collect()
    }

    fn coverage(&self, question: &str, text: &str) -> Score {
        self.sample
            .frequencies()
            .coverage(&Query::new(question), &Fields::of_text(text))
    }
}

#[cfg(test)]
mod tests;
