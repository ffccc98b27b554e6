//! What a panel concluded, from answers, ballots and reputations, in integers (DEB-5).

use llmnet_types::{
    codec::List,
    contract::Strategy,
    id::Digest,
    rating::{Ballot, Preference},
    receipt::{Conclusion, Verdict},
    units::Score,
};

/// Where one seat stands when all is said. In the order of the receipt's seats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its reputation in the request's domains.
    pub mean: Score,
    /// The class of its first answer; `None` without a valid one.
    pub first: Option<Digest>,
    /// The class of its last answer; the first where it never revised.
    pub last: Option<Digest>,
    /// Its judgement of its peers: places are those of `judged`.
    pub ballot: Option<Ballot>,
}

/// Fixed point for strengths: one is 2^32.
const ONE: u128 = 1 << 32;
/// Enough for a panel of seven to settle to a basis point.
const ITERATIONS: usize = 64;
/// What a served answer is worth at the least (RAT-2).
const SERVED: u64 = 1_000;

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

/// A seat's weight in a vote: the log-odds of its reputation against guessing among ten, at least a
/// little, so that nobody is silenced by reputation alone (DEB-7).
pub(super) fn weight(mean: Score) -> u64 {
    let mean = u64::from(mean.get()).clamp(1, 9_999);
    let odds = log2(mean * 9) - log2(10_000 - mean);
    u64::try_from(odds).unwrap_or(0).max(1 << 12)
}

/// The panel's verdict (DEB-5, DEB-6).
///
/// `judged` gives, for each place that ballots speak of, the place of the seat in `standings`.
pub fn conclude(
    strategy: Strategy,
    rounds: u8,
    standings: &[Standing],
    judged: &[Option<usize>],
) -> Verdict {
    let answered: Vec<usize> = (0..standings.len())
        .filter(|&seat| standings[seat].last.is_some())
        .collect();
    let unanimous = answered
        .windows(2)
        .all(|pair| standings[pair[0]].last == standings[pair[1]].last);
    let has_ballots = standings.iter().any(|standing| {
        standing
            .ballot
            .as_ref()
            .is_some_and(|ballot| !ballot.is_empty())
    });
    let conclusion = match answered.len() {
        0 => Conclusion::None,
        _ if unanimous => Conclusion::Unanimous,
        _ if has_ballots && strategy != Strategy::Vote => Conclusion::Ballots,
        _ => Conclusion::Vote,
    };
    let votes = votes(standings);
    let strengths = match conclusion {
        Conclusion::Ballots => bradley_terry(standings, judged, &votes),
        _ => votes.clone(),
    };
    let agreement = |class| match conclusion {
        Conclusion::Ballots => agreement(standings, &strengths, class, false),
        _ => agreement(standings, &votes, class, true),
    };
    verdict(conclusion, rounds, standings, &strengths, agreement)
}

/// The share of all weight that is behind a class. Votes belong to a class and are counted once for
/// it, however many seats stand there; strengths belong to each seat.
fn agreement(standings: &[Standing], weights: &[u128], class: Option<Digest>, once: bool) -> Score {
    let mut seen: Vec<Digest> = Vec::new();
    let (mut behind, mut total) = (0, 0);
    for (standing, weight) in standings.iter().zip(weights) {
        let Some(last) = standing.last else { continue };
        if once && seen.contains(&last) {
            continue;
        }
        seen.push(last);
        total += weight;
        if class == Some(last) {
            behind += weight;
        }
    }
    ratio(behind, total)
}

/// Each seat's votes: the weight of all first and last answers in the class of its last one. First
/// answers stay in the vote, so that a debate cannot erase what was seen alone (DEB-3).
fn votes(standings: &[Standing]) -> Vec<u128> {
    standings
        .iter()
        .map(|standing| {
            let Some(class) = standing.last else { return 0 };
            standings
                .iter()
                .map(|voter| {
                    let votes = [voter.first, voter.last]
                        .into_iter()
                        .filter(|vote| *vote == Some(class))
                        .count() as u128;
                    votes * u128::from(weight(voter.mean))
                })
                .sum()
        })
        .collect()
}

/// Bradley-Terry strengths by minorisation-maximisation (Hunter 2004), each comparison weighted by its
/// judge's reputation, with the votes as a prior against a phantom of average strength.
fn bradley_terry(standings: &[Standing], judged: &[Option<usize>], votes: &[u128]) -> Vec<u128> {
    let seats = standings.len();
    let mut wins = vec![0u128; seats];
    let mut games = vec![vec![0u128; seats]; seats];
    for (judge_place, judge) in standings.iter().enumerate() {
        let weight = u128::from(weight(judge.mean));
        let mut judged_pairs = Vec::new();
        for comparison in judge.ballot.iter().flat_map(|ballot| ballot.iter()) {
            let place = |at: u8| judged.get(usize::from(at)).copied().flatten();
            let (Some(first), Some(second)) = (place(comparison.first), place(comparison.second))
            else {
                continue;
            };
            // Nobody rates itself, and a pair said twice is said once (DEB-5, RAT-1).
            let pair = (first.min(second), first.max(second));
            let own = first == judge_place || second == judge_place;
            if first == second || own || judged_pairs.contains(&pair) {
                continue;
            }
            judged_pairs.push(pair);
            games[first][second] += 2 * weight;
            games[second][first] += 2 * weight;
            match comparison.better {
                Preference::First => wins[first] += 2 * weight,
                Preference::Second => wins[second] += 2 * weight,
                Preference::Tie => {
                    wins[first] += weight;
                    wins[second] += weight;
                }
            }
        }
    }
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
            let prior_games = all_votes;
            let mut expected = (prior_games << 32) / (previous[seat] + ONE);
            for peer in (0..seats).filter(|&peer| peer != seat) {
                if games[seat][peer] > 0 {
                    expected +=
                        (games[seat][peer] << 32) / (previous[seat] + previous[peer]).max(1);
                }
            }
            let won = wins[seat] + votes[seat];
            strengths[seat] = (won << 32) / expected.max(1);
        }
    }
    strengths
}

fn verdict(
    conclusion: Conclusion,
    rounds: u8,
    standings: &[Standing],
    strengths: &[u128],
    agreement: impl Fn(Option<Digest>) -> Score,
) -> Verdict {
    // The first of the strongest: seats stand in order of selection, which settles ties.
    let winner = (0..standings.len())
        .filter(|&seat| standings[seat].last.is_some())
        .reduce(|best, seat| {
            let better =
                (strengths[seat], standings[seat].mean) > (strengths[best], standings[best].mean);
            if better { seat } else { best }
        });
    let class = winner.and_then(|seat| standings[seat].last);
    let strongest = winner.map_or(0, |seat| strengths[seat]);
    let score = |seat: usize| {
        let standing = &standings[seat];
        if standing.last.is_none() {
            return Score::ZERO;
        }
        if standing.last == class {
            // Whoever was brought to the winning answer by a peer found it second.
            let found = standing.first == class;
            return if found { Score::ONE } else { Score::HALF };
        }
        Score::clamped(u64::from(ratio(strengths[seat], strongest).get()).max(SERVED))
    };
    let places = |keep: &dyn Fn(usize) -> bool| {
        List::truncated(
            (0..standings.len())
                .filter(|&seat| keep(seat))
                .filter_map(|seat| u8::try_from(seat).ok()),
        )
    };
    Verdict {
        conclusion,
        rounds,
        winner: winner.and_then(|seat| u8::try_from(seat).ok()),
        agreement: agreement(class),
        strengths: List::truncated((0..standings.len()).map(score)),
        minority: places(&|seat| standings[seat].last.is_some() && standings[seat].last != class),
        changed: places(&|seat| standings[seat].last != standings[seat].first),
    }
}

fn ratio(part: u128, whole: u128) -> Score {
    if whole == 0 {
        return Score::ZERO;
    }
    let points = part.saturating_mul(u128::from(Score::ONE.get())) / whole;
    Score::clamped(u64::try_from(points).unwrap_or(u64::MAX))
}
