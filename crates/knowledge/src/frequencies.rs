//! How common each term is, and how much of a question a text covers.

use std::collections::{BTreeMap, BTreeSet};

use llmnet_types::{passage::Passage, units::Score};

use crate::{
    analysis::{Query, term_set},
    words,
};

/// What a related term is worth against the term itself.
pub(crate) const RELATED_WEIGHT: f64 = 0.35;
/// What a term is worth that only shares its beginning.
const PREFIX_WEIGHT: f64 = 0.4;
/// What speaks for a passage: a word of everyday speech against a rarer one, another one in the title against
/// one elsewhere, and words that stand together in one phrase on top of what each is worth.
const COMMON_EVIDENCE: f64 = 0.6;
const TITLE_EVIDENCE: f64 = 1.5;
const TOGETHER_EVIDENCE: f64 = 1.3;
/// What speaks against it: a word that it lacks. Everyday speech hardly does, a word that names some other
/// subject or that no sample has does, and the rest by how rare it is.
const COMMON_LACK: f64 = 0.24;
const UNKNOWN_LACK: f64 = 0.95;
const SUBJECT_LACK: f64 = 1.05;
const RARITY_LACK: f64 = 0.65;
/// What a passage must have for it to be no chance: somewhat less than one rare word.
const CHANCE: f64 = 0.7;
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

    /// How rare a term is, from next to 0 for one that every text has to 1 for one that none has.
    pub fn rarity(&self, term: &str) -> f64 {
        let count = f64::from(self.counts.get(term).copied().unwrap_or(0));
        let texts = f64::from(self.documents) + 1.0;
        (texts / (count + 0.5)).ln() / (texts / 0.5).ln()
    }

    /// How far a passage answers to a question: what speaks for it against all there is to weigh, chance
    /// included. So one rare word is not enough where others are missing, two in one phrase often are, and
    /// chatter around them takes little away.
    pub fn coverage(&self, query: &Query, fields: &Fields) -> Score {
        let (mut evidence, mut lack) = (0.0, 0.0);
        let mut met = Vec::new();
        for term in &query.terms {
            let strength = strength(query, term, &fields.all);
            lack += (1.0 - strength) * self.lack(term);
            if strength > 0.0 {
                let telling = !words::is_common(term) && !words::is_subject(term);
                let in_title = telling && fields.title.contains(term);
                let title = if in_title { TITLE_EVIDENCE } else { 1.0 };
                evidence += strength * title * self.evidence(term);
                met.push(term);
            }
        }
        if met.is_empty() {
            return Score::ZERO;
        }
        evidence += TOGETHER_EVIDENCE * self.together(query, &met, fields);
        let share = evidence / (evidence + lack + CHANCE);
        // A sum of what is positive over a larger one: from 0 to 1.
        Score::clamped((share * f64::from(Score::ONE.get())).round() as u64)
    }

    fn evidence(&self, term: &str) -> f64 {
        let common = if words::is_common(term) {
            COMMON_EVIDENCE
        } else {
            1.0
        };
        self.rarity(term) * common
    }

    fn lack(&self, term: &str) -> f64 {
        if words::is_subject(term) {
            SUBJECT_LACK
        } else if words::is_common(term) {
            COMMON_LACK
        } else if !self.counts.contains_key(term) {
            UNKNOWN_LACK
        } else {
            RARITY_LACK * self.rarity(term)
        }
    }

    /// The most that terms met in one phrase are worth, the strongest of them left out: it says nothing yet.
    fn together(&self, query: &Query, met: &[&String], fields: &Fields) -> f64 {
        let worth = |phrase: &BTreeSet<String>| {
            let (mut sum, mut strongest) = (0.0, 0.0_f64);
            for term in met {
                let worth = self.evidence(term) * strength(query, term, phrase);
                sum += worth;
                strongest = strongest.max(worth);
            }
            sum - strongest
        };
        if met.len() < 2 {
            return 0.0;
        }
        fields.phrases.iter().map(worth).fold(0.0, f64::max)
    }
}

/// The different terms of a passage, by where they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// In the title, which says what it is about.
    title: BTreeSet<String>,
    /// Anywhere.
    all: BTreeSet<String>,
    /// In each stretch between two punctuation marks that has several.
    phrases: Vec<BTreeSet<String>>,
}

impl Fields {
    /// Of text without a title.
    pub fn of_text(text: &str) -> Self {
        let mut fields = Self::default();
        fields.add(text);
        fields
    }

    /// Of what a citation carries, and search words where they are known.
    pub fn of_passage(passage: &Passage, search_words: &str) -> Self {
        let mut fields = Self {
            title: term_set(&passage.title),
            ..Self::default()
        };
        for text in [&*passage.title, &*passage.text, search_words] {
            fields.add(text);
        }
        fields
    }

    fn add(&mut self, text: &str) {
        for phrase in text.split(['.', ',', ';', ':', '!', '?', '\n']) {
            let terms = term_set(phrase);
            self.all.extend(terms.iter().cloned());
            if terms.len() > 1 {
                self.phrases.push(terms);
            }
        }
    }
}

/// How well one term of the question is met by terms that are there.
fn strength(query: &Query, term: &str, terms: &BTreeSet<String>) -> f64 {
    if terms.contains(term) {
        return 1.0;
    }
    if has_kin(terms, term) {
        return PREFIX_WEIGHT;
    }
    let mut related = query.related.get(term).into_iter().flatten();
    if related.any(|other| terms.contains(other)) {
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
