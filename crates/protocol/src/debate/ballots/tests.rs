use llmnet_types::{
    contract::Strategy,
    id::Digest,
    rating::{Ballot, Comparison},
    receipt::Conclusion,
};
use proptest::{prelude::*, strategy::Strategy as _};

use super::*;
use crate::debate::conclude;

const SEATS: usize = 7;

fn class(number: usize) -> Option<Digest> {
    Some(Digest([u8::try_from(number).unwrap() + 1; 32]))
}

/// Seats that stand alone, each with a ballot on all pairs but its own, `better` saying who wins.
fn panel(means: &[u64], better: impl Fn(usize, usize, usize) -> Preference) -> Vec<Standing> {
    let seats = means.len();
    let ballot = |judge: usize| {
        let pairs =
            (0..seats).flat_map(|first| (first + 1..seats).map(move |second| (first, second)));
        let others = pairs.filter(move |(first, second)| *first != judge && *second != judge);
        Ballot::truncated(others.map(|(first, second)| Comparison {
            first: u8::try_from(first).unwrap(),
            second: u8::try_from(second).unwrap(),
            better: better(judge, first, second),
        }))
    };
    let standing = |(seat, mean): (usize, &u64)| Standing {
        credence: Credence {
            mean: Score::clamped(*mean),
            ..Credence::default()
        },
        first: class(seat),
        last: class(seat),
        ballot: Some(ballot(seat)),
        synthesis: false,
    };
    means.iter().enumerate().map(standing).collect()
}

fn places(seats: usize) -> Vec<Option<usize>> {
    (0..seats).map(Some).collect()
}

fn preference(number: u8) -> Preference {
    [Preference::Tie, Preference::First, Preference::Second][usize::from(number) % 3]
}

/// The same by floating point and far more steps: what the integers should come to.
fn by_analysis(standings: &[Standing], judged: &[Option<usize>], votes: &[u128]) -> Vec<f64> {
    let Tally { wins } = tally(standings, judged);
    let all: f64 = votes.iter().map(|votes| *votes as f64).sum();
    let mut strengths = vec![1.0; standings.len()];
    for _ in 0..20_000 {
        let previous = strengths.clone();
        for seat in 0..standings.len() {
            let mut expected = all / (previous[seat] + 1.0);
            let mut won = votes[seat] as f64;
            for peer in (0..standings.len()).filter(|peer| *peer != seat) {
                won += wins[seat][peer] as f64;
                let games = (wins[seat][peer] + wins[peer][seat]) as f64;
                expected += games / (previous[seat] + previous[peer]);
            }
            strengths[seat] = won / expected;
        }
    }
    strengths
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// DEB-5: where all judges of equal reputation rank the answers alike, the best of them wins, whatever
    /// its place, and strengths follow the ranks.
    #[test]
    fn the_best_of_consistent_ballots_wins(
        seats in 3..=SEATS,
        mean in 0..=10_000_u64,
        order in Just((0..SEATS).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let rank = |seat: usize| order.iter().position(|other| *other == seat).unwrap();
        let standings = panel(&vec![mean; seats], |_, first, second| {
            if rank(first) < rank(second) { Preference::First } else { Preference::Second }
        });
        let verdict = conclude(Strategy::Debate, 1, &standings, &places(seats));
        let best = (0..seats).min_by_key(|seat| rank(*seat)).unwrap();
        prop_assert_eq!(verdict.conclusion, Conclusion::Ballots);
        prop_assert_eq!(verdict.winner.map(usize::from), Some(best));
        let votes = vec![2 * u128::from(weight(Score::clamped(mean))); seats];
        let strengths = bradley_terry(&standings, &places(seats), &votes);
        let mut by_rank: Vec<_> = (0..seats).collect();
        by_rank.sort_by_key(|seat| rank(*seat));
        prop_assert!(by_rank.windows(2).all(|pair| strengths[pair[0]] > strengths[pair[1]]));
    }

    /// DEB-5, DEB-6: neither the order of a ballot's lines, nor how its pairs are written, nor in which order
    /// answers were shown changes a strength.
    #[test]
    fn the_order_of_ballots_does_not_matter(
        means in prop::collection::vec(0..=10_000_u64, 3..=SEATS),
        said in prop::collection::vec(any::<u8>(), SEATS * SEATS * SEATS),
        shuffled in Just((0..SEATS).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let seats = means.len();
        let standings = panel(&means, |judge, first, second| {
            preference(said[(judge * SEATS + first) * SEATS + second])
        });
        let votes: Vec<u128> = means.iter().map(|mean| u128::from(*mean)).collect();
        let plain = bradley_terry(&standings, &places(seats), &votes);
        // Shown in another order, written backwards, and some lines with their pair turned around.
        let shown: Vec<usize> = shuffled.into_iter().filter(|seat| *seat < seats).collect();
        let place = |seat: u8| {
            let found = shown.iter().position(|other| *other == usize::from(seat));
            u8::try_from(found.unwrap()).unwrap()
        };
        let turned = standings.iter().map(|standing| {
            let lines = standing.ballot.iter().flat_map(|ballot| ballot.iter()).rev();
            let lines = lines.map(|line| {
                let better = match line.better {
                    Preference::First => Preference::Second,
                    Preference::Second => Preference::First,
                    Preference::Tie => Preference::Tie,
                };
                Comparison { first: place(line.second), second: place(line.first), better }
            });
            Standing { ballot: Some(Ballot::truncated(lines)), ..standing.clone() }
        });
        let turned: Vec<_> = turned.collect();
        let judged: Vec<_> = shown.iter().copied().map(Some).collect();
        prop_assert_eq!(bradley_terry(&turned, &judged, &votes), plain);
    }

    /// DEB-5: integers settle within a basis point of the strongest, as analysis has it, also where hardly
    /// any weight is there, or nearly all of it with one seat.
    #[test]
    fn integers_come_to_what_analysis_says(
        means in prop::collection::vec(prop_oneof![Just(0), 0..=10_000_u64, Just(10_000)], 3..=SEATS),
        said in prop::collection::vec(any::<u8>(), SEATS * SEATS * SEATS),
    ) {
        let standings = panel(&means, |judge, first, second| {
            preference(said[(judge * SEATS + first) * SEATS + second])
        });
        let votes: Vec<u128> = standings
            .iter()
            .map(|standing| 2 * u128::from(weight(standing.credence.mean)))
            .collect();
        let judged = places(means.len());
        let integers = bradley_terry(&standings, &judged, &votes);
        let floats = by_analysis(&standings, &judged, &votes);
        let most = floats.iter().copied().fold(0.0, f64::max);
        for (integer, float) in integers.iter().zip(&floats) {
            let integer = *integer as f64 / ONE as f64;
            prop_assert!((integer - float).abs() / most < 0.000_1, "{integer} {float} of {most}");
        }
    }

    /// DEB-10: of three judges or more of a pair, none counts for more than the others together; so one of
    /// the highest reputation cannot decide alone against them.
    #[test]
    fn no_judge_outweighs_all_others(low in 0..=9_000_u64, high in 9_000..=10_000_u64) {
        // Seat 2 praises seat 0 to the skies; seats 3 and 4 prefer seat 1.
        let standings = panel(&[5_000, 5_000, high, low, low], |judge, first, second| {
            match (judge, first, second) {
                (2, 0, 1) => Preference::First,
                (_, 0, 1) => Preference::Second,
                _ => Preference::Tie,
            }
        });
        let Tally { wins } = tally(&standings, &places(5));
        prop_assert!(wins[0][1] <= wins[1][0], "{} {}", wins[0][1], wins[1][0]);
        prop_assert!(wins[0][1] > 0, "clipped, not silenced");
    }
}

/// DEB-10: with two judges there is no majority to hold one to: reputations alone weigh.
#[test]
fn of_two_judges_each_counts_as_reputed() {
    let standings = panel(
        &[5_000, 5_000, 9_900, 3_000],
        |judge, first, second| match (judge, first, second) {
            (2, 0, 1) => Preference::First,
            (3, 0, 1) => Preference::Second,
            _ => Preference::Tie,
        },
    );
    let Tally { wins } = tally(&standings, &places(4));
    let twice = |mean| 2 * u128::from(weight(Score::clamped(mean)));
    assert_eq!((wins[0][1], wins[1][0]), (twice(9_900), twice(3_000)));
}

/// DEB-9: preferred is what loses to none and wins more than it loses; silence prefers nothing.
#[test]
fn preferred_loses_to_none() {
    let prefers = |better: fn(usize, usize, usize) -> Preference| {
        tally(&panel(&[6_000; 4], better), &places(4)).prefers(0)
    };
    assert!(prefers(|_, first, _| match first {
        0 => Preference::First,
        _ => Preference::Tie,
    }));
    assert!(!prefers(|_, _, _| Preference::Tie));
    assert!(!prefers(|_, first, second| match (first, second) {
        (0, 3) => Preference::Second,
        _ => Preference::First,
    }));
    assert!(prefers(|judge, first, second| {
        match (judge, first, second) {
            (1, 0, _) => Preference::First,
            _ => Preference::Tie,
        }
    }));
    let silent: Vec<Standing> = panel(&[6_000; 3], |_, _, _| Preference::First)
        .into_iter()
        .map(|standing| Standing {
            ballot: None,
            ..standing
        })
        .collect();
    assert!(!tally(&silent, &places(3)).prefers(0));
}
