//! What is measured of runs.

/// A mean over runs, with half the width of its 95% interval.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The interval is the mean, this less and this more.
    pub within: f64,
}

/// Quantiles of Student's distribution at 97.5%, for 1 to 30 degrees of freedom; beyond, that of the normal one.
const STUDENT: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
];

impl Estimate {
    /// Over runs, which are independent given the recordings. Of a single run nothing is known.
    pub fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count.max(1.0);
        if values.len() < 2 {
            return Self {
                mean,
                within: f64::NAN,
            };
        }
        let squares: f64 = values
            .iter()
            .map(|value| (value - mean) * (value - mean))
            .sum();
        let deviation = (squares / (count - 1.0)).sqrt();
        let quantile = STUDENT.get(values.len() - 2).copied().unwrap_or(1.96);
        Self {
            mean,
            within: quantile * deviation / count.sqrt(),
        }
    }

    /// Its ends.
    pub fn interval(&self) -> [f64; 2] {
        [self.mean - self.within, self.mean + self.within]
    }
}

/// Kendall's tau-b between two rankings: 1 where they agree, 0 where one says nothing about the other.
pub fn kendall(one: &[f64], other: &[f64]) -> f64 {
    let (mut both, mut ones, mut others) = (0.0, 0.0, 0.0);
    let sign = |a: f64, b: f64| match a.total_cmp(&b) {
        std::cmp::Ordering::Less => -1.0,
        std::cmp::Ordering::Equal => 0.0,
        std::cmp::Ordering::Greater => 1.0,
    };
    for place in 0..one.len() {
        for earlier in 0..place {
            let (a, b): (f64, f64) = (
                sign(one[place], one[earlier]),
                sign(other[place], other[earlier]),
            );
            both += a * b;
            ones += a * a;
            others += b * b;
        }
    }
    let scale = f64::sqrt(ones * others);
    if scale > 0.0 { both / scale } else { 0.0 }
}

/// The first question at which the mean over the last 250 and that over the next 500 are both at least `mark`.
pub fn first_within(shares: &[f64], mark: f64) -> Option<usize> {
    const BEFORE: usize = 250;
    const AFTER: usize = 500;
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    (BEFORE..=shares.len().checked_sub(AFTER)?).find(|place| {
        mean(&shares[place - BEFORE..*place]) >= mark
            && mean(&shares[*place..place + AFTER]) >= mark
    })
}

/// The value under which a share of all lies.
pub fn quantile(sorted: &[u32], share: f64) -> u32 {
    let place = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied().unwrap_or(0)
}

/// Gini's coefficient of amounts that are not negative: 0 where all have the same, near 1 where one has all.
pub fn gini(amounts: &[f64]) -> f64 {
    let mut sorted = amounts.to_vec();
    sorted.sort_by(f64::total_cmp);
    let sum: f64 = sorted.iter().sum();
    let count = sorted.len() as f64;
    if sum <= 0.0 {
        return 0.0;
    }
    let ranked: f64 = (1..)
        .zip(&sorted)
        .map(|(rank, amount)| f64::from(rank) * amount)
        .sum();
    2.0 * ranked / (count * sum) - (count + 1.0) / count
}
