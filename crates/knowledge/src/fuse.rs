//! Reciprocal rank fusion: of two kinds of score that cannot be added, the ranks can.
//!
//! It joins *kinds of score* over one list of passages, and never experts: each expert's first passage has rank one, so
//! four experts that know nothing would push out the one that does. Passages of several experts are first put into
//! one list by scores under shared statistics ([`crate::collaborate`]), then fused, once.

/// How fast the worth of a rank falls: the customary constant.
pub const RANK_OFFSET: f64 = 60.0;

/// The fused worth of each passage, from its lexical and its dense score. A passage without a score of a kind, or with
/// lexical score 0, has no rank of that kind.
pub fn hybrid(scores: impl Iterator<Item = (f64, Option<f32>)>) -> Vec<f64> {
    let scores: Vec<_> = scores.collect();
    let lexical = scores
        .iter()
        .map(|(lexical, _)| (*lexical > 0.0).then_some(*lexical));
    let dense = scores.iter().map(|(_, dense)| dense.map(f64::from));
    let mut fused = vec![0.0; scores.len()];
    for list in [lexical.collect::<Vec<_>>(), dense.collect()] {
        for (place, rank) in ranks(&list) {
            fused[place] += 1.0 / (RANK_OFFSET + rank as f64);
        }
    }
    fused
}

/// Places with their ranks from 1; equal scores by place, so that equal input gives equal output.
fn ranks(scores: &[Option<f64>]) -> impl Iterator<Item = (usize, usize)> {
    let mut order: Vec<(usize, f64)> = scores
        .iter()
        .enumerate()
        .filter_map(|(place, score)| Some((place, (*score).filter(|score| score.is_finite())?)))
        .collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    order
        .into_iter()
        .enumerate()
        .map(|(rank, (place, _))| (place, rank + 1))
}

#[cfg(test)]
mod tests;
