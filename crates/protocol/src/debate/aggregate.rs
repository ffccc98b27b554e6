//! What a panel concluded, from answers, ballots and reputations, in integers (DEB-5).

use llmnet_types::{
    codec::List,
    contract::Strategy,
    id::Digest,
    rating::Ballot,
    receipt::{Conclusion, Verdict},
    reputation::Credence,
    units::Score,
};

use super::ballots::{bradley_terry, credences, weight_among};

/// Where one seat stands when all is said. In the order of the receipt's seats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// How far it is believed.
    pub credence: Credence,
    /// The class of its first answer; `None` without a valid one.
    pub first: Option<Digest>,
    /// The class of its last answer; the first where it never revised.
    pub last: Option<Digest>,
    /// Its judgement of its peers: places are those of `judged`.
    pub ballot: Option<Ballot>,
    /// Whether its last answer is a synthesis of all first ones that its peers prefer (DEB-9).
    pub synthesis: bool,
}

/// What a served answer is worth at the least (RAT-2).
const SERVED: u64 = 1_000;

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
    let synthesis = standings.iter().position(|standing| standing.synthesis);
    let has_ballots = standings.iter().any(|standing| {
        standing
            .ballot
            .as_ref()
            .is_some_and(|ballot| !ballot.is_empty())
    });
    let conclusion = match answered.len() {
        0 => Conclusion::None,
        _ if synthesis.is_some() => Conclusion::Ballots,
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
    let answered = credences(standings);
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
                    votes * u128::from(weight_among(&answered, &voter.credence))
                })
                .sum()
        })
        .collect()
}

fn verdict(
    conclusion: Conclusion,
    rounds: u8,
    standings: &[Standing],
    strengths: &[u128],
    agreement: impl Fn(Option<Digest>) -> Score,
) -> Verdict {
    // A synthesis that peers prefer is taken (DEB-9); else the first of the strongest: seats stand in
    // order of selection, which settles ties.
    let synthesis = standings.iter().position(|standing| standing.synthesis);
    let mean = |seat: usize| standings[seat].credence.mean;
    let strongest = (0..standings.len())
        .filter(|&seat| standings[seat].last.is_some())
        .reduce(|best, seat| {
            let better = (strengths[seat], mean(seat)) > (strengths[best], mean(best));
            if better { seat } else { best }
        });
    let winner = synthesis.or(strongest);
    let class = winner.and_then(|seat| standings[seat].last);
    let most = winner.map_or(0, |seat| strengths[seat]);
    let score = |seat: usize| {
        let standing = &standings[seat];
        if standing.last.is_none() {
            return Score::ZERO;
        }
        if standing.last == class {
            // Whoever was brought to the winning answer by a peer found it second.
            let found = standing.first == class || synthesis == Some(seat);
            return if found { Score::ONE } else { Score::HALF };
        }
        Score::clamped(u64::from(ratio(strengths[seat], most).get()).max(SERVED))
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
