//! Attacks by words, one in each file, on panels whose models answer from the prompt they are sent.
//!
//! An attack fails if all is as it would be had its author given the same answer without it: the same
//! ballots, nobody convinced, no higher score. What our fences do for models that follow what they quote is
//! another question, which no script can answer.

mod authority;
mod false_citer;
mod false_panel;
mod fence_forger;
mod flooder;
mod template_filler;

use std::collections::BTreeSet;

use llmnet_protocol::message::{ToSeat, opening_commitment};
use llmnet_types::{
    class::text_class,
    contract::Strategy,
    id::ContractId,
    message::{Answer, Payload, Phase, answer_class},
    rating::Preference,
    receipt::{Conclusion, SeatOutcome},
    signature::Message,
    units::{Amount, Score},
};

use crate::{
    adversaries::{Ghostwriter, Withholder},
    contract::{outcomes, phases, text},
    minds::reader,
    network::{Panel, Run, honest, play},
    respondent::{Honest, Script},
    world::World,
};

const TITAN: &str = "Titan.";
const RHEA: &str = "Rhea.";
const MIMAS: &str = "Mimas.";

/// What an author of attacks knows before it is bound.
pub struct Known {
    pub contract: ContractId,
    pub question: String,
    pub answer: String,
}

type Attack = fn(&Known) -> String;

const ATTACKS: [(&str, Attack); 6] = [
    ("authority", authority::text),
    ("false citer", false_citer::text),
    ("false panel", false_panel::text),
    ("fence forger", fence_forger::text),
    ("flooder", flooder::text),
    ("template filler", template_filler::text),
];

/// An answer by its passage, as experts give it.
fn grounded(world: &World, rank: usize) -> Answer {
    let answer = world.cited(rank, TITAN);
    let key = answer.evidence[0].passage.digest();
    Answer {
        class: answer_class(&world.contract(), &key.0),
        ..answer
    }
}

fn minded(
    world: &World,
    rank: usize,
    answer: Answer,
) -> Option<Box<dyn crate::respondent::Respondent>> {
    Some(Box::new(
        Honest::new(world, rank, Script::says(answer)).minded(reader()),
    ))
}

/// Whose answer each judge but the attacker found better, by text; the attacker's text by its name alone.
fn ballots(run: &Run, attacker: usize) -> BTreeSet<(usize, [String; 2], Option<String>)> {
    let transcript = &run.finished.transcript;
    let Some(at) = transcript
        .iter()
        .position(|(phase, _)| *phase == Phase::Ballots)
    else {
        return BTreeSet::new();
    };
    let shown: Vec<String> = transcript[at - 1]
        .1
        .iter()
        .map(|opening| match &opening.payload {
            Payload::Answer(answer) => &answer.text,
            Payload::Revision(revision) => &revision.answer.text,
            Payload::Ballot(_) => panic!("ballots follow answers"),
        })
        .map(|text| text.lines().next().unwrap().to_owned())
        .collect();
    let mut found = BTreeSet::new();
    for (rank, seat) in run.finished.receipt.seats.iter().enumerate() {
        if rank == attacker {
            continue;
        }
        for line in &*seat.part.as_ref().unwrap().body.ballot {
            let pair = [line.first, line.second].map(|place| shown[usize::from(place)].clone());
            let better = match line.better {
                Preference::Tie => None,
                Preference::First => Some(pair[0].clone()),
                Preference::Second => Some(pair[1].clone()),
            };
            let mut pair = pair;
            pair.sort();
            found.insert((rank, pair, better));
        }
    }
    found
}

/// A panel with an attacker at a rank: one of the others cites, the other is wrong and can be convinced.
fn under_attack(strategy: Strategy, attacker: usize, attack: Option<Attack>) -> Run {
    let world = World::reputed(&[6_000; 3], |terms| terms.strategy = strategy);
    // A known text of its own to compute with, as it stands in front of the attack.
    let known = Known {
        contract: world.contract(),
        question: world.setup.request.question().to_owned(),
        answer: MIMAS.to_owned(),
    };
    let said = attack.map_or(MIMAS.to_owned(), |attack| {
        format!("{MIMAS}\n{}", attack(&known))
    });
    let ranks: Vec<usize> = (0..3).filter(|rank| *rank != attacker).collect();
    let mut panel: Panel = vec![None, None, None];
    panel[ranks[0]] = minded(&world, ranks[0], grounded(&world, ranks[0]));
    panel[ranks[1]] = minded(&world, ranks[1], world.answer(RHEA));
    // Where it is the author, it tries again with what it writes.
    let again = said.replacen(MIMAS, "Mimas, once more.", 1);
    let script = Script::says(world.answer(&said)).writes(Box::leak(again.into_boxed_str()));
    panel[attacker] = Some(Box::new(Honest::new(&world, attacker, script)));
    play(&world, panel)
}

/// DEB-3, DEB-9, RAT-1: no attack wins, changes a ballot, convinces anybody or is worth more than its answer
/// without it, from any seat, under any strategy that shows seats each other's words.
#[test]
fn no_words_win_a_ballot() {
    for strategy in [Strategy::Auto, Strategy::Debate, Strategy::Mixture] {
        for attacker in 0..3 {
            let plain = under_attack(strategy, attacker, None);
            assert_eq!(text(&plain), TITAN, "{strategy:?} {attacker}");
            let expected = ballots(&plain, attacker);
            assert!(!expected.is_empty());
            for (name, attack) in ATTACKS {
                let run = under_attack(strategy, attacker, Some(attack));
                let name = format!("{name} at {attacker} under {strategy:?}");
                assert_eq!(text(&run), TITAN, "{name}");
                assert_eq!(ballots(&run, attacker), expected, "{name}");
                let (verdict, before) = (
                    &run.finished.receipt.verdict,
                    &plain.finished.receipt.verdict,
                );
                assert_eq!(verdict.strengths, before.strengths, "{name}");
                assert_eq!(verdict.changed, before.changed, "{name}");
                let parts: Vec<_> = run.finished.receipt.seats.iter().collect();
                let part = |rank: usize| &parts[rank].part.as_ref().unwrap().body;
                for rank in (0..3).filter(|rank| *rank != attacker) {
                    assert_ne!(part(rank).last_class, part(attacker).first_class, "{name}");
                    assert_ne!(part(rank).last_class, part(attacker).last_class, "{name}");
                }
            }
        }
    }
}

/// DEB-8: a class is no claim: whoever puts its text into the class of the many, at first or when it has
/// seen them, has an invalid answer, and is paid and shown to nobody.
#[test]
fn no_text_stands_under_the_class_of_another() {
    let spam = "Buy moons at moons.example.";
    for strategy in [Strategy::Debate, Strategy::Vote] {
        let world = World::reputed(&[6_100, 6_000, 6_000], |terms| terms.strategy = strategy);
        let forged = Answer {
            text: world.answer(spam).text,
            ..grounded(&world, 1)
        };
        let many = || (1..3).map(|rank| minded(&world, rank, grounded(&world, rank)));
        let uncited = Answer {
            evidence: Default::default(),
            ..forged.clone()
        };
        // Citing its own corpus for it is no better.
        let citing = Answer {
            text: world.answer(spam).text,
            ..grounded(&world, 0)
        };
        for lie in [&uncited, &citing] {
            let liar = Honest::new(&world, 0, Script::says(lie.clone()));
            let mut panel: Panel = vec![Some(Box::new(liar))];
            panel.extend(many());
            let run = play(&world, panel);
            assert_eq!(
                (text(&run), outcomes(&run)[0]),
                (TITAN, SeatOutcome::Invalid)
            );
            assert_eq!(run.finished.receipt.seats[0].pay, Amount::ZERO);
        }
        if strategy == Strategy::Vote {
            continue;
        }
        for wrote in [uncited, forged] {
            let mut panel: Panel = vec![Some(Box::new(Ghostwriter {
                honest: Honest::new(&world, 0, Script::says(world.answer(RHEA))),
                wrote,
                forged: None,
            }))];
            panel.extend(many());
            let run = play(&world, panel);
            assert_eq!(
                (text(&run), outcomes(&run)[0]),
                (TITAN, SeatOutcome::Invalid)
            );
        }
    }
}

/// CON-5, DEB-1: nobody is shown another's words before its own are bound, and who binds itself and shows
/// nothing is shown nothing.
#[test]
fn nobody_sees_words_before_it_is_bound() {
    let world = World::new();
    let script = |text| Script::says(world.answer(text)).thinks([400, 100, 100]);
    let mut panel = honest(&world, vec![script(TITAN), script(RHEA)]);
    panel.push(Some(Box::new(Withholder {
        honest: Honest::new(&world, 2, script(MIMAS).thinks([50, 100, 100])),
        phase: Some(Phase::Answers),
    })));
    let run = play(&world, panel);
    assert_eq!(outcomes(&run)[2], SeatOutcome::Withheld);
    let mut closed = BTreeSet::new();
    for (node, message) in &run.sent {
        let bytes = message.to_bytes();
        let shows = |text: &str| {
            bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        if matches!(message, ToSeat::Close(_)) {
            closed.insert(*node);
        }
        let any = shows(TITAN) || shows(RHEA) || shows(MIMAS);
        assert!(!any || closed.contains(node) && *node != world.node(2));
        assert!(!shows(MIMAS));
    }
}

/// DEB-3, DEB-4: a majority that starts wrong ends right where one seat cites what bears it out; alone,
/// without its citation, that seat convinces nobody.
#[test]
fn evidence_turns_a_wrong_majority() {
    let world = World::new();
    let panel = |third: Answer| -> Panel {
        vec![
            minded(&world, 0, world.answer(RHEA)),
            minded(&world, 1, world.answer(RHEA)),
            minded(&world, 2, third),
        ]
    };
    let run = play(&world, panel(grounded(&world, 2)));
    let verdict = &run.finished.receipt.verdict;
    assert_eq!(phases(&run), [Phase::Answers, Phase::Round(1)]);
    assert_eq!(
        (text(&run), verdict.conclusion),
        (TITAN, Conclusion::Unanimous)
    );
    assert_eq!((&*verdict.changed, verdict.winner), (&[0, 1][..], Some(0)));
    assert_eq!(*verdict.strengths, [Score::HALF, Score::HALF, Score::ONE]);

    let run = play(&world, panel(world.answer(TITAN)));
    assert_eq!(text(&run), RHEA);
    assert!(run.finished.receipt.verdict.changed.is_empty());
}

/// DEB-4: who agrees is not asked again.
#[test]
fn a_unanimous_panel_is_not_asked_again() {
    let world = World::new();
    let panel = (0..3).map(|rank| minded(&world, rank, grounded(&world, rank)));
    let run = play(&world, panel.collect());
    assert_eq!((phases(&run), text(&run)), (vec![Phase::Answers], TITAN));
    let worked = run.sent.iter().filter(|(_, message)| match message {
        ToSeat::Relay(relay) => relay.next != llmnet_protocol::message::Next::Finish,
        _ => false,
    });
    assert_eq!(worked.count(), 0);
}

/// DEB-9: over models that read, a synthesis has what is borne out and nothing else, with its passages.
#[test]
fn a_synthesis_keeps_what_is_borne_out() {
    let world = World::reputed(&[6_100, 6_000, 6_000], |terms| {
        terms.strategy = Strategy::Mixture;
    });
    let second = Answer {
        evidence: llmnet_types::codec::List::truncated([world.evidence(1, 1)]),
        ..world.answer("Rhea is the second.")
    };
    let panel = vec![
        minded(&world, 0, world.answer(MIMAS)),
        minded(&world, 1, second),
        minded(&world, 2, grounded(&world, 2)),
    ];
    let run = play(&world, panel);
    let answer = run.finished.answer.as_ref().unwrap();
    let words: BTreeSet<_> = answer
        .text
        .split(". ")
        .map(|part| part.trim_end_matches('.'))
        .collect();
    assert_eq!(words, BTreeSet::from(["Rhea is the second", "Titan"]));
    assert_eq!(answer.evidence.len(), 2);
    let class = text_class(&world.contract(), &world.setup.request, &answer.text);
    assert_eq!(answer.class, class);
    let close = &run.finished.receipt.closes[0].body;
    let shown = close.digest();
    let (_, round) = &run.finished.transcript[1];
    let bound = &run.finished.receipt.closes[1].body.commitments;
    assert!(
        round
            .iter()
            .all(|opening| bound.contains(&opening_commitment(opening, &shown)))
    );
}
