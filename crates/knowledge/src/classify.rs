//! Which domains a question belongs to, by a public lexical model over labelled sample passages.
//!
//! The samples that fit a question best vote for their domains. A question that hardly touches any sample
//! belongs nowhere, and its confidence says so: it is the share of the vote times the share of the question
//! that the best sample covers.

use std::collections::BTreeMap;

use llmnet_types::{domain::Domain, id::Digest, units::Score};

use crate::{
    analysis::{Query, terms},
    frequencies::{Fields, Frequencies, RELATED_WEIGHT},
    words,
};

/// Changes with the rules of this file.
const VERSION: &str = "llmnet/classifier/1";
/// How many samples vote.
const VOTERS: usize = 5;
/// BM25: how soon repetitions stop to count, and how much a sample's length does.
const SATURATION: f64 = 1.2;
const LENGTH: f64 = 0.6;
/// Below this share of the question covered, a sample has no say.
const COVERAGE_MIN: Score = Score::clamped(1_800);

#[derive(Debug, Clone)]
struct Sample {
    domain: Domain,
    counts: BTreeMap<String, u32>,
    fields: Fields,
    length: f64,
}

/// Compares a question with labelled sample passages.
#[derive(Debug, Clone)]
pub struct Classifier {
    version: Digest,
    samples: Vec<Sample>,
    frequencies: Frequencies,
    length_mean: f64,
}

impl Classifier {
    /// A classifier over public samples. Equal samples in equal order give equal classifications.
    pub fn new(samples: &[(Domain, String)]) -> Self {
        let frequencies = Frequencies::new(samples.iter().map(|(_, text)| text.as_str()));
        let analysed: Vec<_> = samples
            .iter()
            .map(|(domain, text)| {
                let mut counts = BTreeMap::<String, u32>::new();
                for term in terms(text) {
                    *counts.entry(term).or_default() += 1;
                }
                Sample {
                    domain: domain.clone(),
                    length: f64::from(counts.values().sum::<u32>()),
                    fields: Fields::of_text(text),
                    counts,
                }
            })
            .collect();
        let length: f64 = analysed.iter().map(|sample| sample.length).sum();
        Self {
            version: version(samples),
            length_mean: (length / analysed.len().max(1) as f64).max(1.0),
            samples: analysed,
            frequencies,
        }
    }

    /// Digest of all that the classifier was built from: what a network agrees on.
    pub const fn version(&self) -> Digest {
        self.version
    }

    /// The best two domains with the confidence in each, best first; none where nothing in the question
    /// is known. Confidences add up to one at most.
    pub fn classify(&self, question: &str) -> Vec<(Domain, Score)> {
        let query = Query::new(question);
        let mut votes: Vec<_> = self
            .samples
            .iter()
            .map(|sample| (self.fit(&query, sample), sample))
            .filter(|(fit, _)| *fit > 0.0)
            .collect();
        votes.sort_by(|a, b| b.0.total_cmp(&a.0));
        votes.truncate(VOTERS);
        let covered = votes
            .iter()
            .map(|(_, sample)| self.frequencies.coverage(&query, &sample.fields))
            .max()
            .unwrap_or_default();
        if covered < COVERAGE_MIN {
            return Vec::new();
        }
        let mut domains = BTreeMap::<&Domain, f64>::new();
        let mut whole = 0.0;
        for (fit, sample) in &votes {
            // Squared, so that one very good sample outweighs several middling ones.
            *domains.entry(&sample.domain).or_default() += fit * fit;
            whole += fit * fit;
        }
        let mut ranked: Vec<_> = domains.into_iter().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
        ranked
            .into_iter()
            .take(2)
            .map(|(domain, vote)| {
                let confidence = vote / whole * f64::from(covered.get());
                (domain.clone(), Score::clamped(confidence as u64))
            })
            .collect()
    }

    fn fit(&self, query: &Query, sample: &Sample) -> f64 {
        let norm = SATURATION * (1.0 - LENGTH + LENGTH * sample.length / self.length_mean);
        let part = |term: &str| {
            let count = sample
                .counts
                .get(term)
                .map_or(0.0, |count| f64::from(*count));
            self.frequencies.rarity(term) * count * (SATURATION + 1.0) / (count + norm)
        };
        let best_related = |term: &String| {
            let related = query.related.get(term).into_iter().flatten();
            related.map(|other| part(other)).fold(0.0, f64::max)
        };
        let worth = |term: &String| part(term).max(RELATED_WEIGHT * best_related(term));
        let sum = query.terms.iter().map(worth).sum::<f64>();
        if sum <= 0.0 {
            // Most samples: what they cover need not be measured.
            return 0.0;
        }
        sum * f64::from(self.frequencies.coverage(query, &sample.fields).get())
    }
}

fn version(samples: &[(Domain, String)]) -> Digest {
    let mut parts: Vec<[u8; 32]> = vec![Digest::of(VERSION.as_bytes()).0];
    parts.extend(words::LISTS.map(|list| Digest::of(list.as_bytes()).0));
    for (domain, text) in samples {
        parts.push(Digest::of(domain.as_str().as_bytes()).0);
        parts.push(Digest::of(text.as_bytes()).0);
    }
    let parts: Vec<&[u8]> = parts.iter().map(<[u8; 32]>::as_slice).collect();
    Digest::tagged(VERSION, &parts)
}

#[cfg(test)]
mod tests;
