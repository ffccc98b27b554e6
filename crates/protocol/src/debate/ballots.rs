//! What peers' ballots come to, in integers: strengths by Bradley-Terry, and whether one answer is
//! preferred to all others (DEB-5, DEB-9, DEB-10).

use llmnet_types::{rating::Preference, reputation::Credence, units::Score};

use super::Standing;

/// Fixed point for strengths: one is 2^32.
const ONE: u128 = 1 << 32;
/// Enough to settle within a basis point where one seat has nearly all of the weight, which takes longest;
/// most panels stand still after a hundred.
const ITERATIONS: usize = 2_048;
/// Strengths stand still when none moves by more than this part of the strongest, as a power of two.
const STILL_BITS: u32 = 24;
/// From so many judges of a pair on, none of them counts for more than the others together (DEB-10).
const JUDGES_CLIPPED: usize = 3;

/// log2 of a positive number, in 1/2^16, by repeated squaring.
pub(super) fn log2(value: u64) -> i64 {
    let whole = i64::from(value.ilog2());
    let mut mantissa = u128::from(value) << 63 >> value.ilog2();
    let mut result = whole << 16;
    for bit in (0..16).rev() {
        mantissa = (mantissa * mantissa) >> 63;
        if mantissa >= 1 << 64 {
            mantissa >>= 1;
            result += 1 << bit;
        }
    }
    result
}

/// The least weight of a seat, a sixteenth of a bit: nobody is silenced by reputation (DEB-7).
const LEAST: u64 = 1 << 12;

/// A seat's weight in a vote by its reputation: the log-odds against guessing among ten.
pub(super) fn weight(mean: Score) -> u64 {
    let mean = u64::from(mean.get()).clamp(1, 9_999);
    let odds = log2(mean * 9) - log2(10_000 - mean);
    u64::try_from(odds).unwrap_or(0).max(LEAST)
}

/// A seat's weight among those who answered: the vote is the best few's, as far as audits tell who they
/// are. Peers cannot: those who agree in error praise each other (DEB-5).
pub(crate) fn weight_among(answered: &[Credence], own: &Credence) -> u64 {
    let mut others = answered.iter();
    if others.any(|other| own.audited.is_far_behind(&other.audited)) {
        return LEAST;
    }
    weight(own.mean)
}

/// Of those who answered.
pub(crate) fn credences(standings: &[Standing]) -> Vec<Credence> {
    let answered = standings.iter().filter(|standing| standing.last.is_some());
    answered.map(|standing| standing.credence).collect()
}

/// What was said for each answer against each other: `wins[a][b]` is the weight of those that prefer a
/// to b, twice; a tie gives half of it to each.
pub(super) struct Tally {
    wins: Vec<Vec<u128>>,
}

/// Adds up the ballots. Nobody rates itself, and a pair said twice is said once (DEB-5, RAT-1).
pub(super) fn tally(standings: &[Standing], judged: &[Option<usize>]) -> Tally {
    let seats = standings.len();
    let answered = credences(standings);
    let mut said: Vec<Vec<Vec<(u128, Preference)>>> = vec![vec![Vec::new(); seats]; seats];
    for (judge_place, judge) in standings.iter().enumerate() {
        let mut pairs = Vec::new();
        let weight = u128::from(weight_among(&answered, &judge.credence));
        for comparison in judge.ballot.iter().flat_map(|ballot| ballot.iter()) {
            let place = |at: u8| judged.get(usize::from(at)).copied().flatten();
            let (Some(first), Some(second)) = (place(comparison.first), place(comparison.second))
            else {
                continue;
            };
            let (low, high) = (first.min(second), first.max(second));
            let own = low == judge_place || high == judge_place;
            let silent = standings[low].last.is_none() || standings[high].last.is_none();
            if low == high || own || silent || pairs.contains(&(low, high)) {
                continue;
            }
            pairs.push((low, high));
            let better = match comparison.better {
                Preference::First if first == high => Preference::Second,
                Preference::Second if first == high => Preference::First,
                better => better,
            };
            said[low][high].push((weight, better));
        }
    }
    let mut wins = vec![vec![0; seats]; seats];
    for low in 0..seats {
        for high in low + 1..seats {
            let judges = &said[low][high];
            let all: u128 = judges.iter().map(|(weight, _)| weight).sum();
            for (weight, better) in judges {
                let counts = match judges.len() {
                    JUDGES_CLIPPED.. => (*weight).min(all - weight),
                    _ => *weight,
                };
                let (for_low, for_high) = match better {
                    Preference::First => (2, 0),
                    Preference::Second => (0, 2),
                    Preference::Tie => (1, 1),
                };
                wins[low][high] += for_low * counts;
                wins[high][low] += for_high * counts;
            }
        }
    }
    Tally { wins }
}

impl Tally {
    /// Whether an answer loses to no other, and wins more than it loses: those who judged it prefer it.
    pub(super) fn prefers(&self, seat: usize) -> bool {
        let pairs =
            || (0..self.wins.len()).map(|peer| (self.wins[seat][peer], self.wins[peer][seat]));
        let (won, lost) = pairs().fold((0, 0), |(won, lost), (wins, losses)| {
            (won + wins, lost + losses)
        });
        pairs().all(|(wins, losses)| wins >= losses) && won > lost
    }
}

/// Bradley-Terry strengths by minorisation-maximisation (Hunter 2004), each comparison weighted by its
/// judge's reputation, with the votes as a prior against a phantom of average strength.
pub(super) fn bradley_terry(
    standings: &[Standing],
    judged: &[Option<usize>],
    votes: &[u128],
) -> Vec<u128> {
    let seats = standings.len();
    let Tally { wins } = tally(standings, judged);
    let all_votes: u128 = votes.iter().sum::<u128>().max(1);
    let mut strengths: Vec<u128> = vec![ONE; seats];
    for _ in 0..ITERATIONS {
        let previous = strengths.clone();
        for seat in 0..seats {
            if standings[seat].last.is_none() {
                strengths[seat] = 0;
                continue;
            }
            // The prior: as many games against the phantom as there are votes, won in proportion.
            // Games for each unit of strength keep 32 bits of fraction: as whole numbers, those of little
            // reputed judges would be off by basis points.
            let mut expected = (all_votes << 64) / (previous[seat] + ONE);
            let mut won = votes[seat];
            for peer in (0..seats).filter(|&peer| peer != seat) {
                let games = wins[seat][peer] + wins[peer][seat];
                won += wins[seat][peer];
                if games > 0 {
                    expected += (games << 64) / (previous[seat] + previous[peer]).max(1);
                }
            }
            strengths[seat] = (won << 64) / expected.max(1);
        }
        let most = strengths.iter().max().copied().unwrap_or(0);
        let mut moves = strengths.iter().zip(&previous);
        if moves.all(|(now, before)| now.abs_diff(*before) <= most >> STILL_BITS) {
            break;
        }
    }
    strengths
}

#[cfg(test)]
mod tests;
