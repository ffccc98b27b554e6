//! From what experts found to what a panel is shown: checked, merged, and bearing on the question (COR-4, COR-5).

use llmnet_types::id::Digest;

use super::{
    check::{self, Check, Record},
    merge::{Merged, merge},
    message::{Found, Scored},
    near::Scale,
};
use crate::{
    analysis::Query,
    bm25::{self, Counts, Statistics},
};

/// Scores of an expert that are computed again beside those of passages that are used.
const OTHERS: usize = 2;
/// The share of what a question's terms tell that a passage must have: what is below costs every seat of a panel its
/// reading. Of what is found without a bar this leaves 98.6% (`evaluation/results/retrieval.md`, shown-N); long questions
/// pay for a higher one.
pub const BEARING_MIN: f64 = 0.15;

/// What came of a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Gathered {
    /// Passages that bear on it, best first; `Merged::expert` is a place among those heard.
    pub passages: Vec<Merged>,
    /// For each of those heard, what checking its scores showed.
    pub records: Vec<Record>,
}

/// Checks and merges what experts said to one question that all were asked under the same statistics, and keeps at most
/// so many passages.
///
/// Every lexical score of a passage that is kept was computed again, and by `chance`, which nobody could know before, some
/// of the rest. A cosine takes a model to compute: a sample is [`check::dense`]'s, by who has one. What stands under
/// another root than was announced is as wrong as a wrong score: one of either, and of that expert nothing is kept.
pub fn gather(
    query: &Query,
    statistics: &Statistics,
    heard: &[(Digest, Found)],
    bearing: Bearing,
    limit: usize,
    chance: u64,
) -> Gathered {
    let mut records = vec![Record::default(); heard.len()];
    for (place, (root, found)) in heard.iter().enumerate() {
        let chance = chance.wrapping_add(place as u64);
        for at in check::sample(found.passages.len(), 0, OTHERS, chance) {
            if let Some(scored) = found.passages.get(at) {
                records[place].note(checked(query, statistics, root, scored));
            }
        }
    }
    loop {
        let honest: Vec<(Digest, Found)> = heard
            .iter()
            .zip(&records)
            .map(|((root, found), record)| match record.wrong {
                0 => (*root, found.clone()),
                _ => (*root, Found::default()),
            })
            .collect();
        let mut passages = merge(&honest, limit);
        passages.retain(|merged| bearing.has(query, statistics, &merged.scored));
        passages.truncate(limit);
        let mut caught = false;
        for merged in &passages {
            let root = &heard[merged.expert].0;
            let check = checked(query, statistics, root, &merged.scored);
            records[merged.expert].note(check);
            caught |= check == Check::Wrong;
        }
        // Each time round one expert fewer is believed.
        if !caught {
            return Gathered { passages, records };
        }
    }
}

fn checked(query: &Query, statistics: &Statistics, root: &Digest, scored: &Scored) -> Check {
    match scored.evidence() {
        Some(evidence) if evidence.citation.root != *root || !evidence.holds() => Check::Wrong,
        _ => check::lexical(query, statistics, scored),
    }
}

/// From where on a passage bears on a question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bearing {
    /// The share of what the question's terms tell.
    pub words: f64,
    /// Or the cosine, where there are vectors: see [`Scale::bears`].
    pub cosine: Option<f32>,
}

impl Bearing {
    /// The bars that panels have, where questions have vectors on this scale.
    pub fn by(scale: Option<Scale>) -> Self {
        Self {
            words: BEARING_MIN,
            cosine: scale.map(|scale| scale.bears()),
        }
    }

    /// Whether a passage that is shown does.
    pub fn has(&self, query: &Query, statistics: &Statistics, scored: &Scored) -> bool {
        let near = self.cosine.zip(scored.dense);
        let near = near.is_some_and(|(least, cosine)| cosine >= least);
        scored.evidence().is_some_and(|evidence| {
            near || {
                let counts = Counts::of(&evidence.passage);
                bm25::share(query, &counts, statistics) >= self.words
            }
        })
    }
}
