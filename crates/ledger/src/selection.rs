//! Selection: who is asked, by public numbers and a seed that nobody chooses (SEL).
//!
//! A coordinator runs it when it takes an order, the ledger when the contract is settled, a verifier
//! whenever it likes: [`order`] looks at nothing but the [`SelectionInputs`], which stand on the receipt.
//!
//! The order does not depend on the seats wanted: newcomers have a chance at every rank but the first,
//! instead of at the last of k seats, so that a panel of any size is a prefix of one order. The ledger
//! can check it without knowing the terms, and asking for more seats changes nobody's place.

mod explain;
mod inputs;
mod quantiles;

use std::cmp::Reverse;

use llmnet_types::{
    contract::{Filters, SEATS_MAX},
    id::{Digest, NetworkId, ProviderId},
    params::Params,
    rejection::LeafFault,
    selection::{Candidate, SelectionInputs},
    settlement::Leaf,
    signature::PublicKey,
    units::{Score, Slot, Tokens},
};

pub use explain::{Place, Reason, explain};
pub use inputs::{ESTABLISHED_MAX, inputs};

use crate::{query, state::State};

/// Ranks of an order: the most candidates that are asked, replacements included (CON-8).
pub const RANKS_MAX: usize = 2 * SEATS_MAX;

/// A version of the rule of selection. Versions never change; the terms name one, a network allows one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Ratings and audited answers from which a candidate is established (SEL-3).
    pub samples_min: u32,
    /// The least chance of each rank but the first to be a newcomer's (SEL-6).
    pub newcomers_min: Score,
    /// The largest such chance.
    pub newcomers_max: Score,
    /// What a credit of price weighs, in millionths of a score (SEL-4).
    pub cost_weight: u32,
    /// What a second of latency weighs, in millionths of a score (SEL-4).
    pub latency_weight: u32,
    /// The most ranks of one family of models (SEL-5).
    pub family_max: u8,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            samples_min: 5,
            newcomers_min: Score::clamped(500),
            newcomers_max: Score::HALF,
            cost_weight: 100_000,
            latency_weight: 5_000,
            family_max: 7,
        }
    }
}

impl Rule {
    /// For networks whose respondents share an engine: a family may fill a panel.
    pub const LOCAL: u16 = 1;
    /// For open networks: at most four ranks of a family.
    pub const OPEN: u16 = 2;

    /// The rule in force.
    pub fn of(params: &Params) -> Self {
        Self::version(params.policy).unwrap_or_default()
    }

    /// The rule of a version, `None` where it is unknown. A verifier finds it by the receipt's terms.
    pub fn version(policy: u16) -> Option<Self> {
        match policy {
            Self::LOCAL => Some(Self::default()),
            Self::OPEN => Some(Self {
                samples_min: 10,
                family_max: 4,
                ..Self::default()
            }),
            _ => None,
        }
    }
}

/// `H(network, B_e, coordinator, slot, c_slot)` (SEL-2).
pub fn seed(
    network: &NetworkId,
    beacon: &Digest,
    coordinator: &PublicKey,
    slot: Slot,
    element: &Digest,
) -> Digest {
    Digest::tagged(
        "llmnet/seed/1",
        &[
            &network.0,
            &beacon.0,
            &coordinator.0,
            &slot.0.to_le_bytes(),
            &element.0,
        ],
    )
}

/// All ranks in order, at most [`RANKS_MAX`]: the panel is the first k, replacements are the next (SEL-7).
pub fn order(
    inputs: &SelectionInputs,
    seed: &Digest,
    rule: &Rule,
    filters: &Filters,
) -> Vec<ProviderId> {
    let ranks = ranks(inputs, seed, rule, filters).into_iter();
    ranks.map(|rank| rank.candidate.provider).collect()
}

/// A rank, and what gave it.
struct Rank<'a> {
    candidate: &'a Candidate,
    by: Claim,
}

/// What gives a rank.
enum Claim {
    /// The best utility of those that were left.
    Best(Weighed),
    /// A draw among newcomers with so much bond in all.
    Drawn { of: u128 },
}

fn ranks<'a>(
    inputs: &'a SelectionInputs,
    seed: &Digest,
    rule: &Rule,
    filters: &Filters,
) -> Vec<Rank<'a>> {
    let eligible = inputs
        .candidates
        .iter()
        .filter(|candidate| passes(filters, candidate));
    let (established, mut newcomers): (Vec<_>, Vec<_>) =
        eligible.partition(|candidate| candidate.samples >= rule.samples_min);
    let mut established: Vec<_> = established
        .into_iter()
        .map(|candidate| (weigh(candidate, seed, rule), candidate))
        .collect();
    // Best first, ties by key (SEL-4).
    established
        .sort_unstable_by_key(|(weighed, candidate)| (Reverse(weighed.utility()), candidate.node));
    let newcomers_chance = newcomers_chance(&established, &newcomers, rule);
    let mut established = established.into_iter();

    let mut taken: Vec<Rank<'a>> = Vec::new();
    while taken.len() < RANKS_MAX {
        let rank = taken.len();
        newcomers.retain(|candidate| fits(&taken, candidate, rule));
        let drawn = |newcomers: &[&'a Candidate]| {
            let (candidate, of) = draw(newcomers, seed, rank)?;
            let by = Claim::Drawn { of };
            Some(Rank { candidate, by })
        };
        let pick = if newcomers_turn(seed, rank, newcomers_chance) && !newcomers.is_empty() {
            drawn(&newcomers)
        } else {
            established
                .find(|(_, candidate)| fits(&taken, candidate, rule))
                .map(|(weighed, candidate)| {
                    let by = Claim::Best(weighed);
                    Rank { candidate, by }
                })
                .or_else(|| drawn(&newcomers))
        };
        let Some(pick) = pick else { break };
        taken.push(pick);
    }
    taken
}

/// The order of a settled contract, computed again from what the ledger remembers of its height: the same
/// that its coordinator computed (SEL-8). `place` is its slot and the slot's element.
///
/// # Errors
/// As [`inputs()`].
pub(crate) fn again(
    state: &dyn State,
    network: &NetworkId,
    coordinator: &PublicKey,
    place: (Slot, Digest),
    leaf: &Leaf,
    filters: &Filters,
) -> Result<Vec<ProviderId>, LeafFault> {
    let (slot, element) = place;
    let inputs = inputs::candidates(state, leaf.height, &leaf.domains)?;
    let seed = seed(network, &inputs.beacon, coordinator, slot, &element);
    // Whatever validators voted for since then (VOT-3).
    let rule = Rule::of(&query::params_of(state, inputs.epoch));
    Ok(order(&inputs, &seed, &rule, filters))
}

/// The requester's own filters (SEL-3).
fn passes(filters: &Filters, candidate: &Candidate) -> bool {
    kept_out(filters, candidate).is_none()
}

/// Which filter keeps a candidate out.
fn kept_out(filters: &Filters, candidate: &Candidate) -> Option<Reason> {
    if !filters.only.is_empty() && !filters.only.contains(&candidate.node) {
        Some(Reason::NotNamed)
    } else if filters.ignore.contains(&candidate.node) {
        Some(Reason::Ignored)
    } else if candidate.mean < filters.reputation_min {
        Some(Reason::Reputation)
    } else {
        None
    }
}

/// What utility is made of, in millionths of a score (SEL-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weighed {
    /// Reputation with this seed's luck, at most the ceiling.
    pub theta: i64,
    /// What the price takes away.
    pub cost: i64,
    /// What the latency takes away.
    pub latency: i64,
}

impl Weighed {
    /// `theta - lambda_cost * cost - lambda_latency * latency`.
    pub const fn utility(&self) -> i64 {
        self.theta
            .saturating_sub(self.cost)
            .saturating_sub(self.latency)
    }
}

fn weigh(candidate: &Candidate, seed: &Digest, rule: &Rule) -> Weighed {
    const MILLIONTHS_PER_POINT: i64 = 100;
    let digest = Digest::tagged("llmnet/theta/1", &[&seed.0, &candidate.node.0]);
    let [low, high, ..] = digest.0;
    let quantile = i64::from(quantiles::normal(u16::from_le_bytes([low, high])));
    let mean = i64::from(candidate.mean.get()).saturating_mul(MILLIONTHS_PER_POINT);
    let deviation = i64::from(candidate.deviation.get()).saturating_mul(MILLIONTHS_PER_POINT);
    let ceiling = i64::from(candidate.ceiling.get()).saturating_mul(MILLIONTHS_PER_POINT);
    // Luck does not lift anybody over what audits found (SEL-9).
    let theta = mean
        .saturating_add(deviation.saturating_mul(quantile) / 1_000_000)
        .min(ceiling);

    // The cost of a usual call: a thousand tokens each way.
    let price = candidate.price.of(Tokens(1_000), Tokens(1_000));
    let cost = weighted(
        price.map_or(u64::MAX, |price| price.0),
        rule.cost_weight,
        1_000_000,
    );
    let latency = weighted(u64::from(candidate.latency_ms), rule.latency_weight, 1_000);
    Weighed {
        theta,
        cost,
        latency,
    }
}

fn weighted(amount: u64, weight: u32, unit: u128) -> i64 {
    let product = u128::from(amount).saturating_mul(u128::from(weight));
    i64::try_from(product.checked_div(unit).unwrap_or(0)).unwrap_or(i64::MAX)
}

/// One rank for each operator and each set of near-duplicates, a cap for each family (SEL-5).
fn fits(taken: &[Rank<'_>], candidate: &Candidate, rule: &Rule) -> bool {
    stands_in_the_way(taken, candidate, rule).is_none()
}

/// Who has a rank that leaves none to this candidate.
fn stands_in_the_way(taken: &[Rank<'_>], candidate: &Candidate, rule: &Rule) -> Option<Reason> {
    let mut relatives: usize = 0;
    for (rank, other) in (0..).zip(taken.iter().map(|rank| rank.candidate)) {
        if other.provider == candidate.provider || other.operator == candidate.operator {
            return Some(Reason::Operator { rank });
        }
        if other.twin == candidate.twin {
            return Some(Reason::Twin { rank });
        }
        relatives = relatives.saturating_add(usize::from(other.family == candidate.family));
    }
    (relatives >= usize::from(rule.family_max)).then_some(Reason::Family {
        most: rule.family_max,
    })
}

/// Sixteen bytes of chance for a rank.
fn chance(seed: &Digest, purpose: &str, rank: usize) -> u128 {
    let rank = u64::try_from(rank).unwrap_or(u64::MAX);
    let digest = Digest::tagged(purpose, &[&seed.0, &rank.to_le_bytes()]);
    let mut bytes = [0; 16];
    for (byte, from) in bytes.iter_mut().zip(digest.0) {
        *byte = from;
    }
    u128::from_le_bytes(bytes)
}

fn bonds<'a>(candidates: impl Iterator<Item = &'a Candidate>) -> u128 {
    candidates.fold(0, |sum, candidate| sum.saturating_add(stake(candidate)))
}

/// What a candidate's chances are in proportion to: its bond, at least a millionth.
fn stake(candidate: &Candidate) -> u128 {
    u128::from(candidate.bond.0.max(1))
}

/// The chance of each rank but the first to be a newcomer's: their part of all bonds, within bounds (SEL-6).
///
/// Where few are known, the known would else be asked again and again, however bad. In proportion to
/// bond, so that more keys win nothing.
fn newcomers_chance(
    established: &[(Weighed, &Candidate)],
    newcomers: &[&Candidate],
    rule: &Rule,
) -> Score {
    let new = bonds(newcomers.iter().copied());
    let known = bonds(established.iter().map(|(_, candidate)| *candidate));
    let share = new
        .saturating_mul(Score::ONE.get().into())
        .checked_div(new.saturating_add(known))
        .unwrap_or(0);
    let share = Score::clamped(u64::try_from(share).unwrap_or(u64::MAX));
    share.max(rule.newcomers_min).min(rule.newcomers_max)
}

/// Whether a rank is a newcomer's before the established (SEL-6). The first never is.
fn newcomers_turn(seed: &Digest, rank: usize, chance_of_newcomers: Score) -> bool {
    let drawn = chance(seed, "llmnet/newcomers/1", rank).checked_rem(Score::ONE.get().into());
    rank > 0 && drawn < Some(chance_of_newcomers.get().into())
}

/// A newcomer, in proportion to bond, and all their bonds: splitting one over more keys wins nothing (SEL-6).
fn draw<'a>(
    newcomers: &[&'a Candidate],
    seed: &Digest,
    rank: usize,
) -> Option<(&'a Candidate, u128)> {
    let total = bonds(newcomers.iter().copied());
    let mut left = chance(seed, "llmnet/newcomer/1", rank).checked_rem(total)?;
    for candidate in newcomers {
        match left.checked_sub(stake(candidate)) {
            Some(rest) => left = rest,
            None => return Some((candidate, total)),
        }
    }
    None
}
