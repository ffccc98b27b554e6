//! What several experts found, as one list.

use std::collections::BTreeMap;

use llmnet_types::id::Digest;

use super::message::{Found, Scored};
use crate::fuse;

/// A passage in the one list.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// Whose it is: the place of its expert among those that were heard.
    pub expert: usize,
    /// Others that found the same text.
    pub also: Vec<usize>,
    /// The passage with its scores.
    pub scored: Scored,
    /// What both scores together are worth.
    pub worth: f64,
}

/// Merges what experts found: one list for each kind of score, of so many passages, then both fused, once. Best first.
///
/// Left out are passages that are not shown, that do not stand under their expert's announced root, whose scores are
/// no numbers, and all but one of equal text.
pub fn merge(found: &[(Digest, Found)], limit: usize) -> Vec<Merged> {
    let mut by_text: BTreeMap<Digest, Merged> = BTreeMap::new();
    for (expert, (root, found)) in found.iter().enumerate() {
        for scored in &found.passages {
            let sound = scored.lexical.is_finite() && scored.dense.is_none_or(f32::is_finite);
            let Some(evidence) = scored.evidence().filter(|_| sound) else {
                continue;
            };
            if evidence.citation.root != *root || !evidence.holds() {
                continue;
            }
            let merged = Merged {
                expert,
                also: Vec::new(),
                scored: scored.clone(),
                worth: 0.0,
            };
            let text = Digest::of(evidence.passage.text.as_bytes());
            match by_text.get_mut(&text) {
                None => {
                    by_text.insert(text, merged);
                }
                Some(known) if known.expert == expert => {}
                // The same text may stand under another title, and be worth more there.
                Some(known) if known.scored.lexical < scored.lexical => {
                    let mut also = std::mem::take(&mut known.also);
                    also.push(known.expert);
                    *known = Merged { also, ..merged };
                }
                Some(known) => known.also.push(expert),
            }
        }
    }
    fused(by_text.into_values().collect(), limit)
}

fn fused(all: Vec<Merged>, limit: usize) -> Vec<Merged> {
    // As one index would: the best of each kind, whoever has them.
    let best = |score: &dyn Fn(&Scored) -> Option<f64>| {
        let mut order: Vec<(f64, usize)> = all
            .iter()
            .enumerate()
            .filter_map(|(place, merged)| Some((score(&merged.scored)?, place)))
            .collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        order.truncate(limit);
        order
            .into_iter()
            .map(|(_, place)| place)
            .collect::<Vec<_>>()
    };
    let mut kept = best(&|scored| (scored.lexical > 0.0).then_some(scored.lexical));
    kept.extend(best(&|scored| scored.dense.map(f64::from)));
    kept.sort_unstable();
    kept.dedup();
    let worth = fuse::hybrid(kept.iter().map(|place| {
        let scored = &all[*place].scored;
        (scored.lexical, scored.dense)
    }));
    let mut all: Vec<Option<Merged>> = all.into_iter().map(Some).collect();
    let mut merged: Vec<Merged> = kept
        .into_iter()
        .zip(worth)
        .filter_map(|(place, worth)| {
            Some(Merged {
                worth,
                ..all[place].take()?
            })
        })
        .collect();
    merged.sort_by(|a, b| b.worth.total_cmp(&a.worth));
    merged
}
