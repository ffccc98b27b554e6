//! Runs on the synthetic set.

use llmnet_protocol::policy::Settings;

use super::synthetic::{MODELS, board};
use crate::{
    adversary::{Adversaries, AdversariesError},
    board::Board,
    game::{Game, Setup},
    policy::Name,
    summary::Summary,
};

const QUERIES: usize = 500;

fn setup(audits: f64, adversaries: Option<&str>, seed: u64) -> Setup {
    Setup {
        queries: QUERIES,
        audits,
        adversaries: adversaries.map(|text| text.parse().expect("a kind and a share")),
        seed,
    }
}

fn settings(calls: f64) -> Settings {
    Settings {
        calls,
        ..Settings::default()
    }
}

fn summary(board: &Board, audits: f64, adversaries: Option<&str>, calls: f64) -> Summary {
    let games: Vec<(u64, Game)> = (0..4)
        .map(|seed| {
            (
                seed,
                Name::Cascade.play(board, &setup(audits, adversaries, seed), settings(calls)),
            )
        })
        .collect();
    Summary::of(board, &games)
}

const ALL: [Name; 4] = [Name::Cascade, Name::Production, Name::Peers, Name::Random];

#[test]
fn the_same_seed_plays_the_same_run() {
    let board = board(QUERIES);
    for name in ALL {
        let play = |seed| {
            name.play(
                &board,
                &setup(0.05, Some("camouflage=0.3"), seed),
                settings(4.0),
            )
        };
        assert!(
            play(7) == play(7),
            "{name} is played by something besides its seed"
        );
        assert!(play(7) != play(8), "{name} does not heed its seed");
    }
}

/// What is right decides nothing before an audit shows it: whom to ask, what to take, whom to audit.
#[test]
fn the_gold_of_questions_that_are_not_audited_changes_no_decision() {
    let board = board(QUERIES);
    for name in ALL {
        for audits in [0.0, 0.05] {
            let setup = setup(audits, None, 3);
            let game = name.play(&board, &setup, settings(4.0));
            let mut scrambled = board.clone();
            let mut changed = 0;
            for played in game
                .contracts
                .iter()
                .filter(|played| played.audited.is_none())
            {
                scrambled.questions[played.question].right.reverse();
                for right in &mut scrambled.questions[played.question].right {
                    *right = !*right;
                    changed += 1;
                }
            }
            assert!(changed > QUERIES);
            let again = name.play(&scrambled, &setup, settings(4.0));
            let decisions = |game: &Game| -> Vec<_> {
                let of = game.contracts.iter();
                of.map(|played| {
                    (
                        played.question,
                        played.seats.clone(),
                        played.taken,
                        played.audited.clone(),
                    )
                })
                .collect()
            };
            assert!(
                decisions(&game) == decisions(&again),
                "{name} saw gold without an audit"
            );
            assert!(game.reputation == again.reputation);
            // The test can fail: scores do follow the gold.
            assert!(
                game.contracts
                    .iter()
                    .zip(&again.contracts)
                    .any(|(one, other)| one.right != other.right)
            );
        }
    }
}

#[test]
fn calls_and_audits_stay_within_what_is_allowed() {
    let board = board(QUERIES);
    for calls in [1.5, 2.8, 5.0] {
        for audits in [0.0, 0.02, 0.05] {
            let summary = summary(&board, audits, None, calls);
            for run in &summary.runs {
                // The opening is made up for over the first hundreds of questions.
                assert!(
                    run.calls <= calls * 1.03 + 0.1,
                    "{} calls of {calls} with {audits}",
                    run.calls
                );
                assert!(run.audits <= audits, "{} audits of {audits}", run.audits);
                assert_eq!(run.audits > 0.0, audits > 0.0);
            }
        }
    }
}

#[test]
fn the_cascade_beats_the_best_single_model_and_ranks_them() {
    let board = board(QUERIES);
    let summary = summary(&board, 0.0, None, 4.0);
    assert!(summary.gain.mean > 1.0, "{:?}", summary.gain);
    // A few seeds of a few hundred questions: give or take a fifth.
    assert!(summary.tau.mean > 0.6, "{:?}", summary.tau);
    assert_eq!(summary.curve.len(), QUERIES);
    assert_eq!(summary.providers.len(), MODELS);
}

#[test]
fn with_audits_no_ring_is_seated_for_long() {
    let board = board(QUERIES);
    let honest = summary(&board, 0.05, None, 4.0);
    for kind in ["collude", "random", "always-wrong", "lazy"] {
        let summary = summary(&board, 0.05, Some(&format!("{kind}=0.3")), 4.0);
        assert_eq!(summary.captured, 0, "{kind}");
        assert!(
            summary.adversary_seats_late.mean < 1.0,
            "{kind}: {:?}",
            summary.adversary_seats_late
        );
        assert!(
            summary.accuracy.mean > honest.accuracy.mean - 2.0,
            "{kind}: {:?}",
            summary.accuracy
        );
    }
}

#[test]
fn adversaries_are_added_until_they_are_the_share() {
    let board = board(50);
    let mut setup = setup(0.0, Some("collude=0.3"), 1);
    setup.queries = 50;
    let game = Name::Random.play(&board, &setup, settings(1.0));
    assert_eq!(
        game.honest.iter().filter(|member| member.is_none()).count(),
        3
    );
    assert_eq!(game.honest.len(), MODELS + 3);
}

#[test]
fn kinds_and_shares_that_make_no_sense_are_refused() {
    let refused = |text: &str| text.parse::<Adversaries>().expect_err("refused");
    assert_eq!(
        refused("collude"),
        AdversariesError::Form("collude".to_owned())
    );
    assert_eq!(
        refused("nice=0.3"),
        AdversariesError::Kind("nice".to_owned())
    );
    assert_eq!(
        refused("collude=1.5"),
        AdversariesError::Share("1.5".to_owned())
    );
    assert_eq!(
        refused("collude=NaN"),
        AdversariesError::Share("NaN".to_owned())
    );
}
