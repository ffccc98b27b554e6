//! How common each term is, and how much of a question a text covers.

use std::collections::{BTreeMap, BTreeSet};

use llmnet_types::units::Score;

use crate::{
    analysis::{Query, term_set},
    words,
};

/// What a related term is worth against the term itself.
pub(crate) const RELATED_WEIGHT: f64 = 0.5;
/// What a term is worth that only shares its beginning.
const PREFIX_WEIGHT: f64 = 0.7;
/// What a word of everyday speech is worth against a rarer one.
const COMMON_WEIGHT: f64 = 0.4;
/// What a word is worth that no sample has: likely the question is about something else.
const UNKNOWN_WEIGHT: f64 = 1.4;
/// The weight that a question has at least: a single everyday word is no evidence, however well it fits.
const QUESTION_WEIGHT_MIN: f64 = 8.0;
/// The fewest characters that two terms must share to count as kin.
const PREFIX_LENGTH_MIN: usize = 5;

/// Document frequencies over a public sample of passages.
///
/// All seats of a network use one sample: what counts as a rare term is then the same for everybody.
#[derive(Debug, Clone, Default)]
pub struct Frequencies {
    documents: u32,
    counts: BTreeMap<String, u32>,
}

impl Frequencies {
    /// Counts in how many of the texts each term stands.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut frequencies = Self::default();
        for text in texts {
            frequencies.documents = frequencies.documents.saturating_add(1);
            for term in term_set(text) {
                let count = frequencies.counts.entry(term).or_default();
                *count = count.saturating_add(1);
            }
        }
        frequencies
    }

    /// How much it says that a text has this term: more for a rarer one.
    pub fn weight(&self, term: &str) -> f64 {
        let count = f64::from(self.counts.get(term).copied().unwrap_or(0));
        let rarity = ((f64::from(self.documents) + 1.0) / (count + 0.5)).ln();
        if words::is_common(term) {
            return rarity * COMMON_WEIGHT;
        }
        if count == 0.0 {
            return rarity * UNKNOWN_WEIGHT;
        }
        rarity
    }

    /// The share of a question's weight that a text with these terms covers.
    pub fn coverage(&self, query: &Query, terms: &BTreeSet<String>) -> Score {
        self.coverage_in(query, &[terms])
    }

    /// As [`coverage`](Self::coverage), of several sets of terms together.
    pub(crate) fn coverage_in(&self, query: &Query, terms: &[&BTreeSet<String>]) -> Score {
        let (mut covered, mut whole) = (0.0, 0.0);
        for term in &query.terms {
            let weight = self.weight(term);
            whole += weight;
            covered += weight * strength(query, term, terms);
        }
        let whole = whole.max(QUESTION_WEIGHT_MIN);
        // Both sums are finite and the quotient is at most one, so this fits.
        Score::clamped((covered / whole * f64::from(Score::ONE.get())).round() as u64)
    }
}

/// How well one term of the question is met, from 0 to 1.
fn strength(query: &Query, term: &str, sets: &[&BTreeSet<String>]) -> f64 {
    if sets.iter().any(|terms| terms.contains(term)) {
        return 1.0;
    }
    if sets.iter().any(|terms| has_kin(terms, term)) {
        return PREFIX_WEIGHT;
    }
    let related = query.related.get(term).into_iter().flatten();
    if related
        .into_iter()
        .any(|other| sets.iter().any(|terms| terms.contains(other)))
    {
        return RELATED_WEIGHT;
    }
    0.0
}

/// Whether a term with the same beginning is there: "astronaut" and "astronautics".
fn has_kin(terms: &BTreeSet<String>, term: &str) -> bool {
    if term.len() < PREFIX_LENGTH_MIN || !term.is_ascii() {
        return false;
    }
    let longer = terms
        .range(term.to_owned()..)
        .next()
        .is_some_and(|other| other.starts_with(term) && other.len() <= term.len() + 4);
    longer
        || (PREFIX_LENGTH_MIN..term.len())
            .rev()
            .take(3)
            .any(|length| terms.contains(&term[..length]))
}
