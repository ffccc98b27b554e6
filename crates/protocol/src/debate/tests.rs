use llmnet_types::{
    contract::Strategy,
    id::Digest,
    rating::{Ballot, Comparison, PAIRS_MAX, Preference},
    receipt::{Conclusion, Verdict},
    reputation::{Audited, Credence},
    units::Score,
};

use super::{
    Found, Gate, Standing, after_answers, after_round,
    aggregate::conclude,
    ballots::{log2, weight},
};
use llmnet_types::codec::List;

fn class(number: u8) -> Digest {
    Digest([number; 32])
}

/// Believed by what peers say alone.
fn unaudited(mean: impl Into<u64>) -> Credence {
    Credence {
        mean: Score::clamped(mean.into()),
        ..Credence::default()
    }
}

fn seat(mean: u16, first: u8, last: u8, ballot: &[(u8, u8, Preference)]) -> Standing {
    let comparisons = ballot.iter().map(|(first, second, better)| Comparison {
        first: *first,
        second: *second,
        better: *better,
    });
    Standing {
        credence: unaudited(mean),
        first: Some(class(first)),
        last: Some(class(last)),
        ballot: Some(Ballot::truncated(comparisons)),
        synthesis: false,
    }
}

fn silent(mean: u16) -> Standing {
    Standing {
        credence: unaudited(mean),
        first: None,
        last: None,
        ballot: None,
        synthesis: false,
    }
}

/// Seats shown in their own order.
fn concluded(standings: &[Standing]) -> Verdict {
    let judged: Vec<_> = (0..standings.len()).map(Some).collect();
    conclude(Strategy::Auto, 1, standings, &judged)
}

use Preference::{First, Second, Tie};

/// DEB-5: powers of two are exact, between them it is within its last place.
#[test]
fn log2_is_that_of_analysis() {
    for power in 0..63 {
        assert_eq!(log2(1 << power), i64::from(power) << 16);
    }
    for value in [3, 5, 9, 10, 1_000, 9_999, 89_991, u64::MAX] {
        let exact = (value as f64).log2() * 65_536.0;
        assert!((log2(value) as f64 - exact).abs() <= 2.0, "{value}");
    }
}

/// DEB-5, DEB-7: a weight grows with reputation, and is never nothing.
#[test]
fn a_weight_grows_and_never_vanishes() {
    let weights: Vec<_> = (0..=10_000)
        .map(|mean| weight(Score::clamped(mean)))
        .collect();
    assert!(weights.windows(2).all(|pair| pair[0] <= pair[1]));
    assert!(weights[0] > 0);
    // Right half of the time against guessing among ten: odds of nine to one.
    assert_eq!(weights[5_000], u64::try_from(log2(9)).unwrap());
    assert!(
        weights[10_000] < 20 * weights[5_000],
        "nobody outweighs everybody"
    );
}

fn found(mean: u64, number: u8, cites: bool) -> Found {
    Found {
        class: class(number),
        credence: unaudited(mean),
        cites,
    }
}

/// DEB-4, DEB-9: the gate, as a table.
#[test]
fn the_gate() {
    let plain = |numbers: [u8; 3]| numbers.map(|number| found(6_000, number, false));
    let (same, apart) = (plain([1, 1, 1]), plain([1, 2, 1]));
    let cases = [
        (Strategy::Auto, &same[..], 2, Gate::Conclude),
        (Strategy::Auto, &apart, 2, Gate::Debate),
        (Strategy::Auto, &apart, 0, Gate::Ballots),
        (Strategy::Auto, &apart[..1], 2, Gate::Conclude),
        (Strategy::Auto, &[], 2, Gate::Conclude),
        (Strategy::Vote, &apart, 2, Gate::Conclude),
        (Strategy::Single, &apart, 2, Gate::Conclude),
        (Strategy::Debate, &same, 2, Gate::Debate),
        (Strategy::Debate, &same[..1], 2, Gate::Conclude),
        (Strategy::Mixture, &same, 2, Gate::Conclude),
        (Strategy::Mixture, &apart, 2, Gate::Synthesis),
        (Strategy::Mixture, &apart, 0, Gate::Ballots),
        (Strategy::Mixture, &apart[..2], 2, Gate::Conclude),
    ];
    for (strategy, found, rounds, gate) in cases {
        assert_eq!(
            after_answers(strategy, found, Score::ONE, rounds),
            gate,
            "{strategy:?} {rounds}"
        );
    }
    let (same, apart) = ([class(1); 3], [class(1), class(2), class(1)]);
    let auto = |classes, moved, round| after_round(Strategy::Auto, classes, moved, round, 2);
    assert_eq!(auto(&same, 1, 1), Gate::Conclude);
    assert_eq!(auto(&apart, 1, 1), Gate::Debate);
    assert_eq!(auto(&apart, 0, 1), Gate::Ballots);
    assert_eq!(auto(&apart, 1, 2), Gate::Ballots);
    let mixture = |classes| after_round(Strategy::Mixture, classes, 1, 1, 2);
    assert_eq!(mixture(&same[..]), Gate::Ballots);
    assert_eq!(mixture(&same[..1]), Gate::Conclude);
}

/// DEB-4: what nine tenths of the weight say needs no debate, unless the domain is in doubt, or only who
/// dissents cites; and never where a debate is ordered.
#[test]
fn a_dominant_class_is_not_debated() {
    let panel = |dissent_cites, many_cite| {
        [
            found(9_900, 1, many_cite),
            found(9_900, 1, false),
            found(3_000, 2, dissent_cites),
        ]
    };
    let gate = |found: &[Found], confidence| {
        after_answers(Strategy::Auto, found, Score::clamped(confidence), 1)
    };
    assert_eq!(gate(&panel(false, false), 9_000), Gate::Conclude);
    assert_eq!(gate(&panel(false, false), 4_999), Gate::Debate);
    assert_eq!(gate(&panel(true, false), 9_000), Gate::Debate);
    assert_eq!(gate(&panel(true, true), 9_000), Gate::Conclude);
    let close = [found(9_900, 1, false), found(9_000, 2, false)];
    assert_eq!(gate(&close, 9_000), Gate::Debate);
    let ordered = after_answers(Strategy::Debate, &panel(false, false), Score::ONE, 1);
    assert_eq!(ordered, Gate::Debate);
}

/// DEB-5: where ballots and reputations say nothing, the first in order wins; a better reputation is
/// asked before the order.
#[test]
fn symmetric_ballots_are_settled_by_order() {
    let seats = [
        seat(6_000, 1, 1, &[(1, 2, Tie)]),
        seat(6_000, 2, 2, &[(0, 2, Tie)]),
        seat(6_000, 3, 3, &[(0, 1, Tie)]),
    ];
    let verdict = concluded(&seats);
    assert_eq!(
        (verdict.conclusion, verdict.winner),
        (Conclusion::Ballots, Some(0))
    );
    let cycle = [
        seat(6_000, 1, 1, &[(1, 2, First)]),
        seat(6_000, 2, 2, &[(0, 2, Second)]),
        seat(6_000, 3, 3, &[(0, 1, First)]),
    ];
    assert_eq!(concluded(&cycle).winner, Some(0));
    let verdict = concluded(&[silent(0), seats[1].clone(), seats[2].clone()]);
    assert_eq!(verdict.winner, Some(1));
}

/// DEB-5, RAT-2: a clear winner wins from any place, and strengths follow the ballots.
#[test]
fn a_clear_winner_wins() {
    let seats = [
        seat(6_000, 1, 1, &[(1, 2, Second)]),
        seat(6_000, 2, 2, &[(0, 2, Second)]),
        seat(6_000, 3, 3, &[(0, 1, First)]),
    ];
    let verdict = concluded(&seats);
    assert_eq!(verdict.winner, Some(2));
    let [first, second, third] = verdict.strengths[..] else {
        panic!("a strength for each seat");
    };
    assert!(third == Score::ONE && first > second && second >= Score::clamped(1_000));
    assert!(verdict.agreement > Score::clamped(3_333));
}

/// DEB-5: nobody's word on its own answer counts, and a pair counts once in a ballot.
#[test]
fn stuffing_wins_nothing() {
    let honest = |ballot: &[_]| {
        [
            seat(6_000, 1, 1, &[(1, 2, Tie)]),
            seat(6_000, 2, 2, ballot),
            seat(6_000, 3, 3, &[(0, 1, First)]),
        ]
    };
    let plain = concluded(&honest(&[(0, 2, Second)]));
    let stuffed = vec![(0, 2, Second); PAIRS_MAX];
    assert_eq!(concluded(&honest(&stuffed)), plain);
    let own = [
        (0, 2, Second),
        (0, 1, Second),
        (1, 2, First),
        (2, 1, Second),
        (1, 1, First),
        (9, 0, First),
    ];
    assert_eq!(concluded(&honest(&own)), plain);
}

/// DEB-5: two of low reputation that praise each other lose to one of high reputation.
#[test]
fn a_ring_of_two_loses_to_reputation() {
    let seats = [
        seat(2_000, 1, 1, &[(1, 2, First)]),
        seat(2_000, 2, 2, &[(0, 2, First)]),
        seat(9_500, 3, 3, &[(0, 1, Tie)]),
    ];
    assert_eq!(concluded(&seats).winner, Some(2));
}

/// Of so many audited answers this share was right.
fn audited(standing: Standing, right: u64, wrong: u64) -> Standing {
    let credence = Credence {
        audited: Audited::of(right * 1_000_000, wrong * 1_000_000),
        ..standing.credence
    };
    Standing {
        credence,
        ..standing
    }
}

/// DEB-5, AUD-6: where audits tell that three voters are far behind the fourth, they do not outvote it, however
/// much peers praise them; who was hardly audited votes as reputed, and who gave no answer puts nobody behind.
#[test]
fn audits_say_whose_vote_it_is() {
    let weak = |right, wrong| audited(seat(8_000, 2, 2, &[]), right, wrong);
    let strong = audited(seat(9_000, 1, 1, &[]), 36, 4);
    let winner = |panel: &[Standing]| {
        let verdict = conclude(Strategy::Vote, 0, panel, &[]);
        assert_eq!(verdict.strengths.len(), panel.len());
        verdict.winner
    };
    let audits_agree = [strong.clone(), weak(20, 20), weak(22, 18), weak(18, 22)];
    assert_eq!(winner(&audits_agree), Some(0));
    let hardly = [strong.clone(), weak(0, 1), weak(0, 0), weak(2, 1)];
    assert_eq!(winner(&hardly), Some(1));
    let as_good = [strong.clone(), weak(34, 6), weak(33, 7), weak(35, 5)];
    assert_eq!(winner(&as_good), Some(1));
    let gone = Standing {
        first: None,
        last: None,
        ..strong
    };
    let other = audited(seat(9_990, 3, 3, &[]), 20, 20);
    let without = [gone, weak(20, 20), weak(22, 18), other];
    assert_eq!(winner(&without), Some(3));
}

/// DEB-4, AUD-6: what one says whom audits put far before the others needs no debate.
#[test]
fn the_gate_weighs_by_audits() {
    let found = |class_number, right: u64, wrong: u64| Found {
        credence: Credence {
            audited: Audited::of(right * 1_000_000, wrong * 1_000_000),
            ..unaudited(8_000_u64)
        },
        ..found(8_000, class_number, false)
    };
    let gate = |panel: &[Found]| after_answers(Strategy::Auto, panel, Score::ONE, 1);
    let ahead = [found(1, 76, 4), found(2, 30, 30), found(3, 30, 30)];
    assert_eq!(gate(&ahead), Gate::Conclude);
    let near = [found(1, 76, 4), found(2, 74, 6), found(3, 30, 30)];
    assert_eq!(gate(&near), Gate::Debate);
}

/// DEB-3, DEB-5: first answers stay in the vote: one that all left still has their weight.
#[test]
fn first_answers_stay_in_the_vote() {
    let seats = [
        seat(6_000, 1, 1, &[]),
        seat(6_000, 1, 2, &[]),
        seat(6_000, 2, 2, &[]),
    ];
    let verdict = concluded(&seats);
    assert_eq!(verdict.conclusion, Conclusion::Vote);
    // Three votes each: reputation and order settle it.
    assert_eq!((verdict.winner, verdict.agreement), (Some(0), Score::HALF));
    assert_eq!(verdict.changed, List::truncated([1]));
}

/// DEB-5: no answer, no verdict.
#[test]
fn no_answer_is_no_verdict() {
    for standings in [vec![], vec![silent(6_000), silent(9_000)]] {
        let verdict = concluded(&standings);
        assert_eq!(
            (verdict.conclusion, verdict.winner),
            (Conclusion::None, None)
        );
        assert_eq!(verdict.agreement, Score::ZERO);
        assert!(verdict.strengths.iter().all(|score| *score == Score::ZERO));
    }
}
