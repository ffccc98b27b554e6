//! When two texts are near in meaning, by a model of which nothing is known but its vectors.
//!
//! Some models give 0.1 to texts that have nothing to do with each other, some 0.7. So a model is shown texts that do not,
//! once, and what it makes of them is where nearness begins.

use crate::store::{direction, dot};

/// Sentences that have nothing to do with each other, nor with most corpora.
pub const UNRELATED: [&str; 8] = [
    "The train to the coast leaves at a quarter past six.",
    "Add the onions when the butter begins to brown.",
    "Her grandmother taught her how to mend a fishing net.",
    "The committee postponed its vote on the new library.",
    "Nobody had watered the tomatoes since Tuesday.",
    "He lost the chess game after a careless move with his rook.",
    "A thin layer of snow covered the football field.",
    "The violinist tuned her strings before the rehearsal.",
];
/// How far from there to equal meaning a passage bears on a question.
const BEARS: f32 = 0.35;
/// How far a corpus as a whole may have something on it.
const CONCERNS: f32 = 0.1;

/// A model's scale of cosines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    unrelated: f32,
}

impl Scale {
    /// Of the model that made these vectors of [`UNRELATED`]; `None` of vectors that no model makes.
    pub fn of(vectors: &[Vec<f32>]) -> Option<Self> {
        let directions = vectors.iter().map(|vector| direction(vector));
        let directions = directions.collect::<Option<Vec<_>>>()?;
        let pairs = directions.iter().enumerate().flat_map(|(place, one)| {
            let others = directions.get(place + 1..).unwrap_or_default();
            others.iter().map(move |other| (one, other))
        });
        let (mut sum, mut count) = (0.0, 0.0_f32);
        for (one, other) in pairs {
            if one.len() != other.len() {
                return None;
            }
            sum += dot(one, other);
            count += 1.0;
        }
        (count > 0.0).then(|| Self {
            unrelated: (sum / count).clamp(0.0, 1.0),
        })
    }

    /// The cosine from which on a passage bears on a question.
    pub fn bears(&self) -> f32 {
        self.at(BEARS)
    }

    /// The cosine of its mean direction from which on a corpus may have something on a question.
    pub fn concerns(&self) -> f32 {
        self.at(CONCERNS)
    }

    fn at(&self, share: f32) -> f32 {
        self.unrelated + share * (1.0 - self.unrelated)
    }
}
