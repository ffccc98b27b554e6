//! How common each term is, and how much of a question a text covers.

use std::collections::{BTreeMap, BTreeSet};

use llmnet_types::{passage::Passage, units::Score};

use crate::{
    analysis::{Query, term_set},
    words,
};

/// What a related term is worth against the term itself.
pub(crate) const RELATED_WEIGHT: f64 = 0.5;
/// What a term is worth that only shares its beginning.
const PREFIX_WEIGHT: f64 = 0.7;
/// What a word of everyday speech is worth against a rarer one.
const COMMON_WEIGHT: f64 = 0.7;
/// What a word is worth that no sample has: likely the question is about something else.
const UNKNOWN_WEIGHT: f64 = 1.8;
/// What a word of everyday speech says against a rarer one, as evidence that the subject is met.
const COMMON_EVIDENCE: f64 = 0.5;
/// What a word in the title says against one elsewhere.
const TITLE_EVIDENCE: f64 = 2.0;
/// How far no evidence at all is trusted, and how much each word adds.
const TRUST_BASE: f64 = 0.35;
const TRUST_SLOPE: f64 = 0.3;
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

    /// The share of a question's weight that a passage covers, less where little speaks for it: a single
    /// word in common is chance more often than two, and one in the title less often than one elsewhere.
    pub fn coverage(&self, query: &Query, fields: &Fields) -> Score {
        let (mut covered, mut whole, mut evidence) = (0.0, 0.0, 0.0);
        for term in &query.terms {
            let weight = self.weight(term);
            let strength = strength(query, term, fields);
            whole += weight;
            covered += weight * strength;
            let common = if words::is_common(term) {
                COMMON_EVIDENCE
            } else {
                1.0
            };
            let title = if fields.title.contains(term) {
                TITLE_EVIDENCE
            } else {
                1.0
            };
            evidence += strength * common * title;
        }
        if whole <= 0.0 {
            return Score::ZERO;
        }
        let trust = f64::min(1.0, TRUST_BASE + TRUST_SLOPE * evidence);
        // Both factors are finite and from 0 to 1, so this fits.
        let share = covered / whole * trust;
        Score::clamped((share * f64::from(Score::ONE.get())).round() as u64)
    }
}

/// The different terms of a passage, by where they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// In the title, which says what it is about.
    pub title: BTreeSet<String>,
    /// In the text.
    pub text: BTreeSet<String>,
    /// Among the search words, where they are known.
    pub terms: BTreeSet<String>,
}

impl Fields {
    /// Of text without a title.
    pub fn of_text(text: &str) -> Self {
        Self {
            text: term_set(text),
            ..Self::default()
        }
    }

    /// Of what a citation carries.
    pub fn of_passage(passage: &Passage) -> Self {
        Self {
            title: term_set(&passage.title),
            text: term_set(&passage.text),
            terms: BTreeSet::new(),
        }
    }

    fn sets(&self) -> [&BTreeSet<String>; 3] {
        [&self.title, &self.text, &self.terms]
    }
}

/// How well one term of the question is met.
fn strength(query: &Query, term: &str, fields: &Fields) -> f64 {
    let sets = fields.sets();
    if sets.iter().any(|terms| terms.contains(term)) {
        return 1.0;
    }
    if sets.iter().any(|terms| has_kin(terms, term)) {
        return PREFIX_WEIGHT;
    }
    let mut related = query.related.get(term).into_iter().flatten();
    if related.any(|other| sets.iter().any(|terms| terms.contains(other))) {
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
