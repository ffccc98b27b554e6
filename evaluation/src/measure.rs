//! nDCG@10 and how sure one can be of its mean.

use std::collections::BTreeSet;

/// How many documents of an answer count.
pub(crate) const DEPTH: usize = 10;
/// How often queries are drawn anew.
const DRAWS: usize = 10_000;

/// nDCG@10 of documents in order, each judged relevant or not.
pub(crate) fn ndcg(ranked: &[String], relevant: &BTreeSet<String>) -> f64 {
    let gain = |rank: usize| 1.0 / ((rank + 2) as f64).log2();
    let ideal: f64 = (0..relevant.len().min(DEPTH)).map(gain).sum();
    let found = ranked.iter().take(DEPTH).enumerate();
    let sum: f64 = found
        .filter(|(_, id)| relevant.contains(*id))
        .map(|(rank, _)| gain(rank))
        .sum();
    if ideal > 0.0 { sum / ideal } else { 0.0 }
}

/// A value with the interval that holds it in 95 of 100 draws.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub(crate) struct Interval {
    /// Over the queries as they are.
    pub(crate) value: f64,
    /// 2.5 of 100 draws are below.
    pub(crate) low: f64,
    /// And above.
    pub(crate) high: f64,
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The mean, by drawing queries with replacement.
pub(crate) fn of_mean(values: &[f64]) -> Interval {
    draw(values.len(), |places| {
        places.iter().map(|place| values[*place]).sum::<f64>() / places.len() as f64
    })
}

/// The ratio of two means over the same queries, which are drawn together.
pub(crate) fn of_ratio(over: &[f64], under: &[f64]) -> Interval {
    draw(over.len().min(under.len()), |places| {
        let sum = |values: &[f64]| places.iter().map(|place| values[*place]).sum::<f64>();
        let under = sum(under);
        if under > 0.0 { sum(over) / under } else { 0.0 }
    })
}

/// A value below which so many hundredths of the others are.
pub(crate) fn percentile(values: &[f64], hundredths: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (hundredths / 100.0 * (sorted.len().saturating_sub(1)) as f64).round() as usize;
    sorted.get(place).copied().unwrap_or(0.0)
}

fn draw(length: usize, statistic: impl Fn(&[usize]) -> f64) -> Interval {
    let all: Vec<usize> = (0..length).collect();
    let value = if length == 0 { 0.0 } else { statistic(&all) };
    // The same draws at every run: two reports of the same answers are the same.
    let mut state = 0x5eed_u64;
    let mut values = Vec::with_capacity(DRAWS);
    for _ in 0..DRAWS.min(length * DRAWS) {
        let places: Vec<usize> = (0..length)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as usize % length
            })
            .collect();
        values.push(statistic(&places));
    }
    Interval {
        value,
        low: percentile(&values, 2.5),
        high: percentile(&values, 97.5),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ndcg_by_hand() {
        let relevant: BTreeSet<String> = ["a", "b"].map(String::from).into();
        let ranked = ["x", "a", "y"].map(String::from);
        let ideal = 1.0 + 1.0 / 3.0_f64.log2();
        assert!((ndcg(&ranked, &relevant) - (1.0 / 3.0_f64.log2()) / ideal).abs() < 1e-12);
        assert_eq!(ndcg(&["a", "b"].map(String::from), &relevant), 1.0);
        let late: Vec<String> = (0..10).map(|x| x.to_string()).chain(["a".into()]).collect();
        assert_eq!(ndcg(&late, &relevant), 0.0);
    }

    #[test]
    fn intervals_hold_their_value_and_shrink_with_more_queries() {
        let values = |count: usize| (0..count).map(|x| (x % 2) as f64).collect::<Vec<_>>();
        let (few, many) = (of_mean(&values(10)), of_mean(&values(1_000)));
        assert_eq!((few.value, many.value), (0.5, 0.5));
        assert!(few.low < 0.5 && 0.5 < few.high);
        assert!(many.high - many.low < (few.high - few.low) / 5.0);
        let ratio = of_ratio(&[0.5, 1.0], &[1.0, 2.0]);
        assert_eq!((ratio.low, ratio.value, ratio.high), (0.5, 0.5, 0.5));
    }
}
