//! The expert's side: what a store says of itself, and to a question.

use llmnet_types::codec::{self, List, Text};

use super::message::{
    Ask, CATALOGUE_COUNTS_LENGTH_MAX, CATALOGUE_TERMS_MAX, Catalogue, Count, Found, PASSAGES_MAX,
    Scored, Shown,
};
use crate::{
    analysis::Query,
    store::{Filter, Proofs, Store, StoreError, Wanted},
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

impl Disclosure {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Passages, Self::Digests, Self::Nothing];

    /// As commands and stores spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passages => "passages",
            Self::Digests => "digests",
            Self::Nothing => "nothing",
        }
    }

    /// What is spelt so.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }
}

/// What a store tells of itself as it was announced; `None` while that is empty.
///
/// Counts are of the store as it is now, which may be a few passages ahead: they say where a question may be answered,
/// and a score is checked by the counts that it was asked with.
///
/// # Errors
/// The store failed.
pub fn catalogue(
    store: &Store,
    announced: &Proofs,
    model: Option<&str>,
) -> Result<Option<Catalogue>, StoreError> {
    let Some(corpus) = announced.registration() else {
        return Ok(None);
    };
    let statistics = store.statistics(CATALOGUE_TERMS_MAX)?;
    let mut counts: Vec<Count> = statistics
        .counts
        .into_iter()
        .filter_map(|(term, count)| Some((Text::new(term).ok()?, count)))
        .collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.as_str().cmp(b.0.as_str())));
    let mut length = 0;
    counts.retain(|count| {
        length += codec::length(count);
        length <= CATALOGUE_COUNTS_LENGTH_MAX
    });
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

/// How many hits are looked at for each passage wanted: some may have come after the announcement.
const CANDIDATES: usize = 2;

/// What a store has on a question, of what was announced.
///
/// # Errors
/// The store failed.
pub fn answer(
    store: &Store,
    announced: &Proofs,
    ask: &Ask,
    disclosure: Disclosure,
) -> Result<Found, StoreError> {
    if disclosure == Disclosure::Nothing {
        return Ok(Found::default());
    }
    let query = Query::new(&ask.question);
    let limit = usize::from(ask.limit).min(PASSAGES_MAX);
    let is_newest = store.generation()? == announced.generation();
    let mut hits = store.search(&Wanted {
        query: &query,
        vector: ask.vector(),
        statistics: &ask.statistics(),
        limit: if is_newest { limit } else { limit * CANDIDATES },
        filter: &Filter::default(),
    })?;
    // Those announced, and of them the best of each kind again.
    hits.retain(|hit| announced.ids().binary_search(&hit.id).is_ok());
    let mut best: Vec<i64> = Vec::new();
    hits.sort_by(|a, b| b.lexical.total_cmp(&a.lexical).then(a.id.cmp(&b.id)));
    let by_words = hits.iter().filter(|hit| hit.lexical > 0.0);
    best.extend(by_words.take(limit).map(|hit| hit.id));
    hits.sort_by(|a, b| {
        let dense = |hit: &crate::store::Hit| hit.dense.unwrap_or(f32::NEG_INFINITY);
        dense(b).total_cmp(&dense(a)).then(a.id.cmp(&b.id))
    });
    let by_vectors = hits.iter().filter(|hit| hit.dense.is_some());
    best.extend(by_vectors.take(limit).map(|hit| hit.id));
    hits.retain(|hit| best.contains(&hit.id));
    hits.sort_by_key(|hit| hit.id);
    let mut passages = Vec::with_capacity(hits.len());
    for hit in &hits {
        // It went between search and citation: there is nothing to show.
        let Some(evidence) = store.cite(announced, hit.id)? else {
            continue;
        };
        let shown = match disclosure {
            Disclosure::Digests => Shown::Digest(evidence.passage.digest()),
            _ => Shown::Passage(Box::new(evidence)),
        };
        passages.push(Scored::new(shown, hit));
    }
    Ok(Found {
        passages: List::truncated(passages),
    })
}
