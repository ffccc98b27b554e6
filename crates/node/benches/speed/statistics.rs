//! Percentiles and what was added.

use serde_json::{Value, json};

/// The value below which this share of them lies, the nearest one; zero of none.
pub(crate) fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place among a few thousand"
    )]
    let place = (share * last as f64).round() as usize;
    sorted.get(place.min(last)).copied().unwrap_or_default()
}

/// Of blocks of milliseconds: all together, and against the same turns' blocks of what they are compared with.
///
/// Medians are added block by block, so that what slows the machine for a while slows both. For the 99th percentile a block
/// is too short: all of one are held against all of the other, which is honest on a quiet machine alone.
pub(crate) fn blocks(ours: &[Vec<f64>], direct: &[Vec<f64>]) -> Value {
    let all = |blocks: &[Vec<f64>]| blocks.concat();
    let added: Vec<f64> = ours
        .iter()
        .zip(direct)
        .map(|(ours, direct)| percentile(ours, 0.5) - percentile(direct, 0.5))
        .collect();
    let (ours, direct) = (all(ours), all(direct));
    let beyond = |share| percentile(&ours, share) - percentile(&direct, share);
    json!({
        "requests": ours.len(),
        "p50": percentile(&ours, 0.5),
        "p95": percentile(&ours, 0.95),
        "p99": percentile(&ours, 0.99),
        "added_p50": percentile(&added, 0.5),
        "added_p50_quartiles": [percentile(&added, 0.25), percentile(&added, 0.75)],
        "added_p95": beyond(0.95),
        "added_p99": beyond(0.99),
    })
}
