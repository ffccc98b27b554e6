//! How far one source of evidence may go (REP-5).

use llmnet_types::signature::PublicKey;

use crate::reputation::UNIT;

/// Sources that are told apart.
const SOURCES_MAX: usize = 8;

/// What one source said in an epoch, in millionths.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) key: PublicKey,
    pub(crate) positive: u128,
    pub(crate) negative: u128,
}

impl Source {
    fn weight(&self) -> u128 {
        self.positive + self.negative
    }
}

/// Adds what a source says. Where there is no room, it takes the place of the smallest, of equal ones that
/// with the largest key, and inherits its sum (Space-Saving).
pub(crate) fn add(sources: &mut Vec<Source>, key: &PublicKey, said: (u128, u128)) {
    let known = sources.iter().position(|source| source.key == *key);
    let place = known.unwrap_or_else(|| {
        if sources.len() < SOURCES_MAX {
            sources.push(Source {
                key: *key,
                positive: 0,
                negative: 0,
            });
            return sources.len() - 1;
        }
        let smallest = (0..sources.len()).min_by(|one, other| {
            let (one, other) = (&sources[*one], &sources[*other]);
            one.weight()
                .cmp(&other.weight())
                .then(other.key.cmp(&one.key))
        });
        smallest.expect("there are eight")
    });
    let source = &mut sources[place];
    source.key = *key;
    source.positive += said.0;
    source.negative += said.1;
}

/// Each source gives at most as much as all others together, or one unit. Says which were cut.
pub(crate) fn halved(sources: &mut [Source]) -> Vec<bool> {
    let total: u128 = sources.iter().map(Source::weight).sum();
    let mut cut = Vec::new();
    for source in sources {
        let own = source.weight();
        let most = (total - own).max(UNIT);
        cut.push(own > most);
        if own > most {
            source.positive = source.positive * most / own;
            source.negative = source.negative * most / own;
        }
    }
    cut
}

/// What each says for a provider counts up to the largest share that half of the weight supports, of those
/// that were not cut.
pub(crate) fn clipped(sources: &mut [Source], cut: &[bool]) {
    let asked = sources.iter().zip(cut).filter(|(_, cut)| !**cut);
    let asked: Vec<Source> = asked.map(|(source, _)| source.clone()).collect();
    let total: u128 = asked.iter().map(Source::weight).sum();
    let supported = |share: &&Source| {
        let at_least =
            |other: &&Source| other.positive * share.weight() >= share.positive * other.weight();
        let support: u128 = asked.iter().filter(at_least).map(Source::weight).sum();
        share.weight() > 0 && support * 2 >= total
    };
    // The largest of their shares that is supported.
    let share = asked.iter().filter(supported).max_by(|one, other| {
        let left = one.positive * other.weight();
        left.cmp(&(other.positive * one.weight()))
    });
    if let Some(share) = share {
        for source in sources {
            let most = source.weight() * share.positive / share.weight();
            source.positive = source.positive.min(most);
        }
    }
}

/// For and against, added up.
pub(crate) fn sum(sources: &[Source]) -> (u128, u128) {
    let positive = sources.iter().map(|source| source.positive).sum();
    (positive, sources.iter().map(|source| source.negative).sum())
}
