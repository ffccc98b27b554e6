//! What answers say about the truth, and the truth about who answered.
//!
//! A question has a difficulty, the same for all seats, and a provider a skill in each domain: its chance to be
//! right is `1 / (1 + e^(difficulty - skill))` (Rasch's model). Who is wrong gives one of a few wrong answers.
//! Without the difficulty, seats that are asked only where others disagree would be held for bad ones: they see
//! the hard questions alone.
//!
//! The difficulty is normal, and is summed over seven points; so is everything here.

use super::number::{exp, ln, log_odds};

/// Points of the difficulty, in its deviations.
const POINTS: [f64; 7] = [-2.4, -1.6, -0.8, 0.0, 0.8, 1.6, 2.4];
/// Classes told apart in one contract; further ones count as the last.
pub(super) const CLASSES_MAX: usize = 62;

/// How much the difficulty of questions varies, as its deviation; and what follows.
#[derive(Debug, Clone)]
pub struct Skills {
    /// Weight and `e^difficulty` of each point.
    points: [(f64, f64); POINTS.len()],
    /// By how much skills are spread for the difficulty to be averaged out.
    spread: f64,
}

/// A seat in a contract, as far as it counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Voice {
    /// Its skill.
    pub skill: f64,
    /// The number of its class in the contract, from 0; `None` without an answer.
    pub class: Option<usize>,
    /// How much its answer counts: less than one where it repeats another's.
    pub weight: f64,
}

/// What is believed once answers are known.
#[derive(Debug, Clone, PartialEq)]
pub struct Posterior {
    /// For each class, the chance that it is right.
    pub classes: Vec<f64>,
    /// For each voice, the chance that it was right.
    pub right: Vec<f64>,
    /// For each voice, how right it was to be expected, given how hard the question proved to be.
    pub expected: Vec<f64>,
}

impl Skills {
    /// For difficulties with this deviation.
    pub fn new(deviation: f64) -> Self {
        let weights = POINTS.map(|point| exp(-point * point / 2.0));
        let total: f64 = weights.iter().sum();
        let mut points = [(0.0, 0.0); POINTS.len()];
        for ((point, weight), own) in POINTS.iter().zip(weights).zip(&mut points) {
            *own = (weight / total, exp(point * deviation));
        }
        // The logistic curve with a normal difficulty averaged out is nearly a flatter logistic curve.
        let spread = (1.0 + 0.346 * deviation * deviation).sqrt();
        Self { points, spread }
    }

    /// The skill of who is right on such a share of all questions.
    pub fn of_share(&self, share: f64) -> f64 {
        log_odds(share.clamp(0.005, 0.995)) * self.spread
    }

    /// What the voices say, where who is wrong gives one of `wrong` answers.
    ///
    /// With `truth`, the classes that an audit found to be right: voices are then judged by it.
    pub fn posterior(&self, voices: &[Voice], wrong: f64, truth: Option<u64>) -> Posterior {
        let count = voices
            .iter()
            .filter_map(|voice| voice.class)
            .max()
            .map_or(0, |last| last + 1);
        let unnamed = (wrong + 1.0 - count as f64).max(1.0);
        let odds: Vec<f64> = voices.iter().map(|voice| exp(voice.skill)).collect();
        let mut posterior = Posterior {
            classes: vec![0.0; count],
            right: vec![0.0; voices.len()],
            expected: vec![0.0; voices.len()],
        };
        let mut total = 0.0;
        let mut chances = vec![0.0; voices.len()];
        let mut lifts = vec![1.0; count];
        for (weight, difficulty) in self.points {
            // The likelihood that all are wrong, and by what each class is likelier.
            let mut all_wrong = weight;
            lifts.fill(1.0);
            for ((voice, odds), chance) in voices.iter().zip(&odds).zip(&mut chances) {
                *chance = odds / (odds + difficulty);
                let missed = 1.0 - *chance;
                match voice.class {
                    None => all_wrong *= missed,
                    Some(class) => {
                        let wrong_so = power(missed / wrong, voice.weight);
                        all_wrong *= wrong_so;
                        lifts[class] *= power(*chance, voice.weight) / wrong_so;
                    }
                }
            }
            let mut here = 0.0;
            for (class, lift) in lifts.iter_mut().enumerate() {
                let possible = truth.is_none_or(|truth| truth >> class & 1 == 1);
                *lift *= if possible { all_wrong } else { 0.0 };
                posterior.classes[class] += *lift;
                here += *lift;
            }
            if truth.is_none_or(|truth| truth == 0) {
                here += all_wrong * unnamed;
            }
            for (place, voice) in voices.iter().enumerate() {
                if let Some(class) = voice.class {
                    posterior.right[place] += lifts[class];
                }
                posterior.expected[place] += chances[place] * here;
            }
            total += here;
        }
        let parts = [
            &mut posterior.classes,
            &mut posterior.right,
            &mut posterior.expected,
        ];
        for part in parts.into_iter().flatten() {
            *part /= total;
        }
        posterior
    }
}

/// `x^weight`, without rounding where the weight is one.
fn power(x: f64, weight: f64) -> f64 {
    if weight >= 1.0 {
        x
    } else {
        exp(weight * ln(x))
    }
}
