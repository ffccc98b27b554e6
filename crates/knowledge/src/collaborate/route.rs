//! Which experts to ask: those whose corpus is likely to have something, by what they told of it.

use std::borrow::Borrow;

use super::{message::Catalogue, near::Scale};
use crate::{analysis::Query, bm25::Statistics, fuse};

/// How much of a term's chance is that of all corpora together, so that one word that a corpus lacks does not rule it
/// out.
const SMOOTHING: f64 = 0.5;
/// What counts beside how much of a corpus is about a term: how much it has of it in all. A small corpus may be about
/// little else and still have less to find.
const AMOUNT: f64 = 0.4;

/// An expert that may be asked.
#[derive(Debug, Clone)]
pub struct Expert {
    /// Its corpus' counts.
    statistics: Statistics,
    model: String,
    centroid: Vec<f32>,
}

impl Expert {
    /// By what it told.
    pub fn new(catalogue: &Catalogue) -> Self {
        Self {
            statistics: catalogue.statistics(),
            model: catalogue.model.as_str().to_owned(),
            centroid: catalogue.centroid.to_vec(),
        }
    }

    /// Its corpus' counts.
    pub const fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// The model of its vectors; empty where it has none.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Whether it told of any term of a question.
    pub fn knows(&self, query: &Query) -> bool {
        let counts = &self.statistics.counts;
        query.terms.iter().any(|term| counts.contains_key(term))
    }

    /// How likely the question's terms are in this corpus against all of them, and how much it has of them.
    fn lexical(&self, query: &Query, shared: &Statistics) -> f64 {
        let count = |statistics: &Statistics, term: &String| {
            statistics.counts.get(term).copied().unwrap_or(0) as f64
        };
        let chance = |statistics: &Statistics, term: &String| {
            (count(statistics, term) / statistics.words.max(1) as f64).min(1.0)
        };
        let mut sum = 0.0;
        for term in &query.terms {
            let anywhere = chance(shared, term);
            if anywhere > 0.0 {
                let here = chance(&self.statistics, term) / anywhere;
                sum += (SMOOTHING + (1.0 - SMOOTHING) * here).ln();
                sum += AMOUNT * count(&self.statistics, term).ln_1p();
            }
        }
        sum
    }

    /// Whether its corpus as a whole is near a question: then it may know what it has no word of.
    pub fn is_near(&self, vector: Option<(&str, &[f32])>, scale: Option<Scale>) -> bool {
        let near = self.dense(vector).zip(scale);
        near.is_some_and(|(cosine, scale)| cosine >= scale.concerns())
    }

    fn dense(&self, vector: Option<(&str, &[f32])>) -> Option<f32> {
        let (model, vector) = vector?;
        let fits = model == self.model && vector.len() == self.centroid.len();
        let vector = crate::store::direction(vector)?;
        fits.then(|| crate::store::dot(&self.centroid, &vector))
    }
}

/// All experts' counts together.
pub fn shared(experts: &[impl Borrow<Expert>]) -> Statistics {
    let mut shared = Statistics::default();
    for expert in experts {
        shared.add(&expert.borrow().statistics);
    }
    shared
}

/// The places of experts, most promising first. Those that `trusted` refuses are left out.
pub fn order(
    query: &Query,
    vector: Option<(&str, &[f32])>,
    experts: &[impl Borrow<Expert>],
    shared: &Statistics,
    trusted: impl Fn(usize) -> bool,
) -> Vec<usize> {
    let mut places: Vec<usize> = (0..experts.len()).filter(|place| trusted(*place)).collect();
    // Logarithms may be negative, and only their order counts here.
    let lexical = |place: &usize| experts[*place].borrow().lexical(query, shared).exp();
    let scores = places
        .iter()
        .map(|place| (lexical(place), experts[*place].borrow().dense(vector)));
    let worth = fuse::hybrid(scores);
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|a, b| worth[*b].total_cmp(&worth[*a]).then(a.cmp(b)));
    places = order.into_iter().map(|at| places[at]).collect();
    places
}
