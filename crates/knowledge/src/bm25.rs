//! BM25 as a pure function of a question, a passage and statistics, so that whoever has all three can compute a
//! score again: an index only proposes passages, this decides what they are worth.
//!
//! Statistics are counts, so those of several corpora add up. Scores under one sum of statistics can be compared,
//! whoever computed them.

use std::collections::BTreeMap;

use llmnet_types::passage::Passage;

use crate::analysis::{Query, terms};

/// How soon repetitions stop to count.
pub const SATURATION: f64 = 1.2;
/// How much a passage's length does.
pub const LENGTH: f64 = 0.75;
/// How often a word in the title counts.
pub const TITLE_WEIGHT: u32 = 1;

/// How many passages there are, how long they are, and in how many of them each term stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statistics {
    /// How many passages.
    pub passages: u64,
    /// How many terms all of them have together, repetitions included.
    pub words: u64,
    /// In how many passages a term stands; a term that is missing stands in none.
    pub counts: BTreeMap<String, u64>,
}

impl Statistics {
    /// Adds another corpus' counts. Sums stay at the largest number rather than wrap.
    pub fn add(&mut self, other: &Self) {
        self.passages = self.passages.saturating_add(other.passages);
        self.words = self.words.saturating_add(other.words);
        for (term, count) in &other.counts {
            let sum = self.counts.entry(term.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
    }

    /// Only what a question needs.
    pub fn of(&self, query: &Query) -> Self {
        let count = |term: &String| Some((term.clone(), *self.counts.get(term)?));
        Self {
            counts: query.terms.iter().filter_map(count).collect(),
            passages: self.passages,
            words: self.words,
        }
    }

    /// How much a term tells, above 0. A count above that of all passages, which nobody honest has, tells next to
    /// nothing.
    pub fn rarity(&self, term: &str) -> f64 {
        let all = self.passages as f64;
        let count = (self.counts.get(term).copied().unwrap_or(0) as f64).min(all);
        (1.0 + (all - count + 0.5) / (count + 0.5)).ln()
    }

    /// How long a passage is, in the mean: 1 at least.
    pub(crate) fn length_mean(&self) -> f64 {
        (self.words as f64 / self.passages.max(1) as f64).max(1.0)
    }
}

/// How often each term stands in a passage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    counts: BTreeMap<String, u32>,
    length: u32,
}

impl Counts {
    /// Of a passage, from nothing but what a citation carries.
    pub fn of(passage: &Passage) -> Self {
        let (title, text) = (terms(&passage.title), terms(&passage.text));
        Self::of_terms(
            title.iter().map(String::as_str),
            text.iter().map(String::as_str),
        )
    }

    /// Of terms that were analysed before, those of a question only; all count for the length.
    pub fn within<'a>(
        query: &Query,
        title: impl Iterator<Item = &'a str>,
        text: impl Iterator<Item = &'a str>,
    ) -> Self {
        let mut counts = vec![0_u32; query.terms.len()];
        let mut length = 0_u32;
        let weighted = title.map(|term| (term, TITLE_WEIGHT));
        for (term, weight) in weighted.chain(text.map(|term| (term, 1))) {
            length = length.saturating_add(weight);
            if let Some(place) = query.terms.iter().position(|wanted| wanted == term) {
                counts[place] = counts[place].saturating_add(weight);
            }
        }
        let counts = query.terms.iter().cloned().zip(counts);
        Self {
            counts: counts.filter(|(_, count)| *count > 0).collect(),
            length,
        }
    }

    /// Of terms that were analysed before.
    pub fn of_terms<'a>(
        title: impl Iterator<Item = &'a str>,
        text: impl Iterator<Item = &'a str>,
    ) -> Self {
        let mut counts = Self::default();
        let weighted = title.map(|term| (term, TITLE_WEIGHT));
        for (term, weight) in weighted.chain(text.map(|term| (term, 1))) {
            let count = counts.counts.entry(term.to_owned()).or_default();
            *count = count.saturating_add(weight);
            counts.length = counts.length.saturating_add(weight);
        }
        counts
    }

    /// How many terms, repetitions included.
    pub const fn length(&self) -> u32 {
        self.length
    }

    /// The different terms, with how often each stands there.
    pub fn each(&self) -> impl Iterator<Item = (&str, u32)> {
        self.counts
            .iter()
            .map(|(term, count)| (term.as_str(), *count))
    }

    /// The different terms.
    pub fn terms(&self) -> impl Iterator<Item = &str> {
        self.counts.keys().map(String::as_str)
    }
}

/// What a passage is worth to a question: 0 where it has none of its terms.
pub fn score(query: &Query, counts: &Counts, statistics: &Statistics) -> f64 {
    let length = f64::from(counts.length) / statistics.length_mean();
    let norm = SATURATION * (1.0 - LENGTH + LENGTH * length);
    let worth = |term: &String| {
        let count = f64::from(*counts.counts.get(term)?);
        Some(statistics.rarity(term) * count * (SATURATION + 1.0) / (count + norm))
    };
    // A sum of nothing is -0, which is not what is written of 0 elsewhere.
    query.terms.iter().filter_map(worth).sum::<f64>() + 0.0
}

/// The share of what a question's terms tell together that a passage's terms do, from 0 to 1; 0 of a question without
/// terms. Unlike a score it can be compared between questions.
pub fn share(query: &Query, counts: &Counts, statistics: &Statistics) -> f64 {
    let worth = |term: &&String| statistics.rarity(term);
    let all: f64 = query.terms.iter().map(|term| worth(&term)).sum();
    let there = query.terms.iter();
    let there = there.filter(|term| counts.counts.contains_key(*term));
    let there: f64 = there.map(|term| worth(&term)).sum();
    if all > 0.0 { there / all } else { 0.0 }
}

#[cfg(test)]
mod tests;
