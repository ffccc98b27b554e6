//! The expert's side: what a store says of itself, and to a question.

use llmnet_types::codec::{List, Text};

use super::message::{Ask, CATALOGUE_TERMS_MAX, Catalogue, Found, PASSAGES_MAX, Scored, Shown};
use crate::{
    analysis::Query,
    store::{Filter, Store, StoreError, Wanted},
};

/// What may leave an expert besides its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Disclosure {
    /// Passages with their citations.
    #[default]
    Passages,
    /// Only digests and scores of passages: who asks learns that they are there, not what they say.
    Digests,
    /// Nothing.
    Nothing,
}

/// What a store tells of itself; `None` while it is empty.
///
/// # Errors
/// The store failed.
pub fn catalogue(store: &Store, model: Option<&str>) -> Result<Option<Catalogue>, StoreError> {
    let Some(corpus) = store.proofs()?.registration() else {
        return Ok(None);
    };
    let statistics = store.statistics(CATALOGUE_TERMS_MAX)?;
    let counts = statistics.counts.into_iter();
    let counts = counts.filter_map(|(term, count)| Some((Text::new(term).ok()?, count)));
    let centroid = match model {
        Some(model) => store.centroid(model)?,
        None => None,
    };
    Ok(Some(Catalogue {
        corpus,
        words: statistics.words,
        counts: List::truncated(counts),
        model: Text::truncated(model.filter(|_| centroid.is_some()).unwrap_or_default()),
        centroid: List::truncated(centroid.unwrap_or_default()),
    }))
}

/// What a store has on a question.
///
/// # Errors
/// The store failed.
pub fn answer(store: &Store, ask: &Ask, disclosure: Disclosure) -> Result<Found, StoreError> {
    if disclosure == Disclosure::Nothing {
        return Ok(Found::default());
    }
    let query = Query::new(&ask.question);
    let hits = store.search(&Wanted {
        query: &query,
        vector: ask.vector(),
        statistics: &ask.statistics(),
        limit: usize::from(ask.limit).min(PASSAGES_MAX),
        filter: &Filter::default(),
    })?;
    let proofs = store.proofs()?;
    let mut passages = Vec::with_capacity(hits.len());
    for hit in &hits {
        let shown = if disclosure == Disclosure::Digests {
            Shown::Digest(store.passage(hit.id)?.digest())
        } else {
            match store.cite(&proofs, hit.id)? {
                Some(evidence) => Shown::Passage(Box::new(evidence)),
                // It went between search and citation: there is nothing to show.
                None => continue,
            }
        };
        passages.push(Scored::new(shown, hit));
    }
    Ok(Found {
        passages: List::truncated(passages),
    })
}
