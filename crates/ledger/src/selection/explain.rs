//! Why a selection came out as it did: the walk of [`order`](super::order), with its reasons (SEL-7).

use llmnet_types::{
    contract::Filters,
    id::{Digest, ProviderId},
    selection::SelectionInputs,
};

use super::{Claim, Rule, Weighed, kept_out, ranks, stands_in_the_way, weigh};

/// Where a selection put a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The candidate.
    pub provider: ProviderId,
    /// Why there.
    pub reason: Reason,
}

/// Why a candidate has its rank, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Ranked by utility among the established (SEL-4).
    Best {
        /// From 0.
        rank: u8,
        /// What its utility is made of.
        weighed: Weighed,
    },
    /// Drawn among the newcomers (SEL-6).
    Drawn {
        /// From 0.
        rank: u8,
        /// The bonds of all that could be drawn, in micro-credits; its own part of it was its chance.
        of: u128,
    },
    /// The requester named others (SEL-3).
    NotNamed,
    /// The requester wants no answer from it (SEL-3).
    Ignored,
    /// Its mean is under what the requester asks for (SEL-3).
    Reputation,
    /// Its operator has this rank (SEL-5).
    Operator {
        /// From 0.
        rank: u8,
    },
    /// The same model with the same corpus has this rank (SEL-5).
    Twin {
        /// From 0.
        rank: u8,
    },
    /// Its family has as many ranks as the rule allows one (SEL-5).
    Family {
        /// So many.
        most: u8,
    },
    /// Established, and worse than all who have a rank (SEL-4).
    Behind {
        /// What its utility is made of.
        weighed: Weighed,
    },
    /// A newcomer that was not drawn (SEL-6).
    NotDrawn,
}

impl Reason {
    /// The rank it gives.
    pub const fn rank(&self) -> Option<u8> {
        match self {
            Self::Best { rank, .. } | Self::Drawn { rank, .. } => Some(*rank),
            _ => None,
        }
    }
}

/// Where a selection puts each of its candidates: ranks first, in order, then who has none, by provider.
pub fn explain(
    inputs: &SelectionInputs,
    seed: &Digest,
    rule: &Rule,
    filters: &Filters,
) -> Vec<Place> {
    let ranks = ranks(inputs, seed, rule, filters);
    let ranked = (0..).zip(&ranks).map(|(rank, found)| Place {
        provider: found.candidate.provider,
        reason: match found.by {
            Claim::Best(weighed) => Reason::Best { rank, weighed },
            Claim::Drawn { of } => Reason::Drawn { rank, of },
        },
    });
    let mut places: Vec<Place> = ranked.collect();
    for candidate in &inputs.candidates {
        let provider = candidate.provider;
        if ranks.iter().any(|rank| rank.candidate.provider == provider) {
            continue;
        }
        let left_out = || {
            if candidate.samples >= rule.samples_min {
                let weighed = weigh(candidate, seed, rule);
                Reason::Behind { weighed }
            } else {
                Reason::NotDrawn
            }
        };
        let reason = kept_out(filters, candidate)
            .or_else(|| stands_in_the_way(&ranks, candidate, rule))
            .unwrap_or_else(left_out);
        places.push(Place { provider, reason });
    }
    places
}
