//! A store one can ask, as it stood when its root was announced.
//!
//! A contract's panel is selected at a height, and what a seat cites must stand under the root that its respondent had on
//! the ledger there (COR-2). So each announced state of a store is a library of its own: passages that came since
//! are not found by it, those that went are found by none.

use std::sync::Arc;

use llmnet_model::library::{Finding, Library, LibraryError};
use llmnet_types::{passage::Passage, units::Score};

use crate::{
    analysis::Query,
    frequencies::Fields,
    sample::Sample,
    store::{Filter, Proofs, Store, StoreError, Wanted},
};

/// How many hits are looked at for each passage wanted: some may have come after the announcement.
const CANDIDATES: usize = 2;

/// A store at one of its roots.
#[derive(Debug, Clone)]
pub struct Stored {
    store: Arc<Store>,
    proofs: Arc<Proofs>,
    sample: Arc<Sample>,
}

impl Stored {
    /// What stands under the root of these proofs; evidence is measured by the public sample.
    pub const fn new(store: Arc<Store>, proofs: Arc<Proofs>, sample: Arc<Sample>) -> Self {
        Self {
            store,
            proofs,
            sample,
        }
    }

    fn search(&self, query: &Query, limit: usize) -> Result<Vec<Finding>, StoreError> {
        let hits = self.store.best(&Wanted {
            query,
            vector: None,
            statistics: &self.store.statistics_of(query)?,
            limit: limit.saturating_mul(CANDIDATES),
            filter: &Filter::default(),
        })?;
        let mut findings = Vec::new();
        for hit in hits {
            if findings.len() == limit {
                break;
            }
            let Some(evidence) = self.store.cite(&self.proofs, hit.id)? else {
                continue;
            };
            let fields = Fields::of_passage(&evidence.passage, "");
            findings.push(Finding {
                rank: hit.lexical,
                coverage: self.sample.frequencies().coverage(query, &fields),
                evidence,
            });
        }
        Ok(findings)
    }
}

impl Library for Stored {
    fn version(&self) -> String {
        "bm25/2 documents".to_owned()
    }

    fn find(&self, question: &str, limit: usize) -> Result<Vec<Finding>, LibraryError> {
        let found = self.search(&Query::new(question), limit);
        found.map_err(|error| LibraryError(error.to_string()))
    }

    fn compare(&self, question: &str, passages: &[&Passage]) -> Vec<Score> {
        let query = Query::new(question);
        // Passages of a store have no search words: those of none count.
        let score = |passage: &&Passage| {
            let fields = Fields::of_passage(passage, "");
            self.sample.frequencies().coverage(&query, &fields)
        };
        passages.iter().map(score).collect()
    }

    fn coverage(&self, question: &str, text: &str) -> Score {
        let frequencies = self.sample.frequencies();
        frequencies.coverage(&Query::new(question), &Fields::of_text(text))
    }
}

#[cfg(test)]
mod tests;
