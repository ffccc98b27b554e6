//! Some seats are asked first, and the others only where these settle nothing (DEB-13).

use llmnet_protocol::{
    message::{ToCoordinator, ToSeat},
    replay::{Deviation, replay},
};
use llmnet_types::{
    codec::List,
    contract::{Strategy, Terms},
    id::Digest,
    message::{Answer, Close, Commit, DeclineReason, Phase},
    receipt::{Conclusion, ContractStatus, SeatOutcome},
    reputation::Audited,
    request::Progress,
    signature::{Message, PublicKey, Signed},
    units::{Amount, Score},
};

use crate::{
    adversaries::{Ghostwriter, NoShow, Withholder},
    contract::{outcomes, phases, text},
    network::{HangUp, Run, Weather, honest, play, play_in},
    respondent::{Honest, Script},
    world::{CANDIDATES, World, audited, held_for},
};

const TITAN: &str = "Titan.";
const RHEA: &str = "Rhea.";
/// Right on four questions of five: two of them are enough.
const KNOWN: u64 = 8_000;
/// Right on one of two: two of them are not.
const STRANGERS: u64 = 5_000;

/// Five seats, of which two are asked first; all of one reputation, which audits bear out.
fn world(mean: u64, change: impl FnOnce(&mut Terms)) -> World {
    let terms = |terms: &mut Terms| {
        (terms.seats, terms.first) = (5, 2);
        terms.strategy = Strategy::Vote;
        change(terms);
    };
    let mut world = World::reputed(&[mean; CANDIDATES], terms);
    world.audited(mean);
    world
}

fn says(world: &World, texts: &[&str]) -> Vec<Script> {
    let ranks = texts.iter().enumerate();
    ranks
        .map(|(rank, text)| Script::says(world.cited(rank, text)).prefers(TITAN))
        .collect()
}

fn run(world: &World, texts: &[&str]) -> Run {
    play(world, honest(world, says(world, texts)))
}

fn offered(run: &Run) -> Vec<(PublicKey, Phase)> {
    let offers = run.sent.iter().filter_map(|(to, message)| match message {
        ToSeat::Offer(offer) => Some((*to, offer.assign.body.phase)),
        _ => None,
    });
    offers.collect()
}

fn closed(run: &Run) -> Vec<(Phase, usize)> {
    let closes = run.finished.receipt.closes.iter();
    closes
        .map(|close| (close.body.phase, close.body.commitments.len()))
        .collect()
}

#[test]
fn two_who_are_known_and_agree_are_enough() {
    let world = world(KNOWN, |_| {});
    let run = run(&world, &[TITAN; 5]);
    let receipt = &run.finished.receipt;
    assert_eq!(offered(&run).len(), 2, "nobody else hears of it");
    assert_eq!(receipt.status, ContractStatus::Concluded);
    assert_eq!(receipt.verdict.conclusion, Conclusion::Unanimous);
    assert_eq!(phases(&run), [Phase::Answers]);
    let both = Amount::sum(receipt.seats.iter().map(|seat| seat.pay));
    assert_eq!(both, Some(receipt.charges.seats));
    assert_eq!(run.progress[0], Progress::Selected { seats: 2 });
}

#[test]
fn where_two_differ_the_others_are_asked() {
    let world = world(KNOWN, |_| {});
    let run = run(&world, &[RHEA, TITAN, TITAN, TITAN, TITAN]);
    assert_eq!(text(&run), TITAN);
    assert_eq!(outcomes(&run), [SeatOutcome::Served; 5]);
    // One list of all first answers, in which nobody can tell who was asked when.
    assert_eq!(phases(&run), [Phase::Further]);
    assert_eq!(closed(&run), [(Phase::Answers, 2), (Phase::Further, 5)]);
    assert_eq!(run.finished.transcript[0].1.len(), 5);
    let expected: Vec<_> = (0..5)
        .map(|rank| {
            (
                world.node(rank),
                if rank < 2 {
                    Phase::Answers
                } else {
                    Phase::Further
                },
            )
        })
        .collect();
    assert_eq!(offered(&run), expected);
    let (first, then) = (
        Progress::Selected { seats: 2 },
        Progress::Selected { seats: 5 },
    );
    assert!(run.progress.contains(&first) && run.progress.contains(&then));
    // Whoever was asked further bound its answer before it was shown any.
    for rank in 2..5 {
        let to_it = run.sent.iter().filter(|(to, _)| *to == world.node(rank));
        let shown = to_it.map(|(_, message)| match message {
            ToSeat::Offer(_) => "offer",
            ToSeat::Close(close) if close.body.phase == Phase::Further => "close",
            ToSeat::Relay(relay) if relay.phase == Phase::Further => "relay",
            _ => "else",
        });
        assert_eq!(shown.collect::<Vec<_>>(), ["offer", "close", "relay"]);
    }
}

#[test]
fn two_strangers_who_agree_settle_nothing() {
    let strangers = world(STRANGERS, |_| {});
    let asked = run(&strangers, &[TITAN; 5]);
    assert_eq!(offered(&asked).len(), 5);
    assert_eq!(asked.finished.receipt.verdict.agreement, Score::ONE);
    // Nor do those whom peers alone praise.
    let mut praised = world(KNOWN, |_| {});
    held_for(&mut praised.setup.selection, |candidate| {
        candidate.audited = Audited::default();
    });
    assert_eq!(offered(&run(&praised, &[TITAN; 5])).len(), 5);
    // Nor do the best known where nobody can tell what the question is about.
    let mut unclear = world(KNOWN, |_| {});
    let domains = unclear.setup.selection.domains.iter().cloned();
    unclear.setup.selection.domains = List::truncated(domains.map(|mut choice| {
        choice.confidence = Score::clamped(4_000);
        choice
    }));
    assert_eq!(offered(&run(&unclear, &[TITAN; 5])).len(), 5);
}

#[test]
fn one_strong_seat_may_do() {
    let alone = |mean| {
        let world = world(mean, |terms| terms.first = 1);
        offered(&run(&world, &[TITAN; 5])).len()
    };
    assert_eq!(alone(9_800), 1);
    assert_eq!(alone(KNOWN), 5);
}

/// CON-9: what the terms require as a minimum is required of those asked first as well.
#[test]
fn as_many_answer_as_the_terms_need() {
    let world = world(KNOWN, |terms| terms.criteria.seats = 3);
    let run = run(&world, &[TITAN; 5]);
    assert_eq!(offered(&run).len(), 5);
    assert_eq!(run.finished.receipt.status, ContractStatus::Concluded);
    // A quorum is of those that were asked.
    let world = self::world(KNOWN, |terms| terms.quorum = 4);
    let run = self::run(&world, &[TITAN; 5]);
    assert_eq!(offered(&run).len(), 2);
    assert_eq!(run.finished.receipt.status, ContractStatus::Concluded);
}

#[test]
fn a_debate_is_among_all() {
    let world = world(KNOWN, |terms| {
        (terms.strategy, terms.rounds) = (Strategy::Auto, 1);
    });
    let mut scripts = says(&world, &[TITAN, RHEA, TITAN, RHEA, "Iapetus."]);
    scripts[1] = scripts[1].clone().convinced_by(TITAN);
    scripts[4] = scripts[4].clone().convinced_by(TITAN);
    let run = play(&world, honest(&world, scripts));
    assert_eq!(
        phases(&run),
        [Phase::Further, Phase::Round(1), Phase::Ballots]
    );
    assert_eq!(text(&run), TITAN);
    assert_eq!(*run.finished.receipt.verdict.changed, [1, 4]);
    assert_eq!(*run.finished.receipt.verdict.minority, [3]);
}

#[test]
fn who_orders_a_debate_has_everybody_at_once() {
    let world = world(KNOWN, |terms| terms.strategy = Strategy::Debate);
    let run = run(&world, &[TITAN; 5]);
    assert!(
        offered(&run)
            .iter()
            .all(|(_, phase)| *phase == Phase::Answers)
    );
    assert_eq!(offered(&run).len(), 5);
}

#[test]
fn where_the_first_say_nothing_the_others_answer() {
    let world = world(KNOWN, |_| {});
    let mut panel = honest(&world, says(&world, &[TITAN; 5]));
    for (rank, seat) in panel.iter_mut().enumerate().take(2) {
        let honest = Honest::new(&world, rank, Script::says(world.answer(TITAN)));
        *seat = Some(Box::new(NoShow(honest)));
    }
    let run = play(&world, panel);
    assert_eq!(closed(&run), [(Phase::Further, 3)]);
    assert_eq!(outcomes(&run)[..2], [SeatOutcome::NoShow; 2]);
    assert_eq!(outcomes(&run)[2..], [SeatOutcome::Served; 3]);
    assert_eq!(run.finished.receipt.status, ContractStatus::Concluded);
}

#[test]
fn where_nobody_else_answers_the_first_stand() {
    let world = world(KNOWN, |_| {});
    let mut scripts = says(&world, &[TITAN, RHEA]);
    let nothing = Script::declines(&world, DeclineReason::NothingFound);
    scripts.resize(CANDIDATES, nothing);
    let run = play(&world, honest(&world, scripts));
    assert_eq!(phases(&run), [Phase::Answers]);
    assert_eq!(outcomes(&run), [SeatOutcome::Served; 2]);
    assert_eq!(run.finished.receipt.skips.len(), CANDIDATES - 2);
    assert_eq!(run.finished.receipt.status, ContractStatus::Concluded);
}

/// CON-9: who opened an answer is owed its base; who was asked since is let go.
#[test]
fn who_hangs_up_meanwhile_owes_the_first() {
    let world = world(KNOWN, |terms| {
        terms.quorum = 1;
        terms.durations.grace_ms = 50;
    });
    let weather = Weather {
        hang_up: HangUp::After(|message| {
            let further = |commit: &Commit| commit.phase == Phase::Further;
            matches!(message, ToCoordinator::Commit(commit) if further(&commit.body))
        }),
        ..Weather::default()
    };
    let mut panel = honest(&world, says(&world, &[TITAN, RHEA, TITAN, TITAN, TITAN]));
    // One is slow to account for itself, while the grace of the others would be over.
    let slow = Script::says(world.cited(0, TITAN));
    panel[0] = Some(Box::new(Withholder {
        honest: Honest::new(&world, 0, slow),
        phase: None,
    }));
    let run = play_in(&world, panel, weather);
    let receipt = &run.finished.receipt;
    assert_eq!(receipt.status, ContractStatus::Failed);
    assert_eq!(phases(&run), [Phase::Answers]);
    let first = [SeatOutcome::Withheld, SeatOutcome::Served];
    assert_eq!(outcomes(&run)[..2], first);
    assert!(receipt.seats[1].pay > Amount::ZERO);
    let excused = |seat: &llmnet_types::receipt::SeatReceipt| {
        (seat.outcome, seat.pay) == (SeatOutcome::Excused, Amount::ZERO)
    };
    assert!(receipt.seats[2..].iter().all(excused));
}

/// DEB-6: a receipt shows whether others had to be asked, and whether they were.
#[test]
fn a_coordinator_asks_others_when_it_must_and_only_then() {
    let document = |mean| {
        let world = world(mean, |_| {});
        let document = world.document(&run(&world, &[TITAN; 5]).finished);
        assert_eq!(replay(&document), Ok(()));
        document
    };
    let held_for = |mean, others| {
        let mut document = document(mean);
        held_for(&mut document.receipt.selection, |candidate| {
            (candidate.mean, candidate.audited) = (Score::clamped(others), audited(others));
        });
        replay(&document)
    };
    let asked = held_for(STRANGERS, KNOWN);
    assert_eq!(asked, Err(Deviation::Further { asked: true }));
    let spared = held_for(KNOWN, STRANGERS);
    assert_eq!(spared, Err(Deviation::Further { asked: false }));
    // Who is asked first has the first ranks.
    let mut swapped = document(STRANGERS);
    let mut seats = swapped.receipt.seats.clone().into_vec();
    seats[0].assign.body.phase = Phase::Further;
    swapped.receipt.seats = List::truncated(seats);
    assert_eq!(replay(&swapped), Err(Deviation::Turn));
}

/// CON-7, CON-8: the slow are waited for until as many have answered as are needed, of both phases together.
#[test]
fn nobody_is_let_go_before_the_quorum() {
    let world = World::with(|terms| {
        (terms.seats, terms.first, terms.quorum) = (3, 2, 2);
        terms.durations.grace_ms = 0;
    });
    let mut scripts = says(&world, &[TITAN; 5]);
    for script in &mut scripts[..2] {
        script.answer = Err(DeclineReason::ModelUnavailable);
    }
    scripts[3].think_ms = [1_000; 3];
    scripts[4].think_ms = [4_000; 3];
    let run = play(&world, honest(&world, scripts));
    let given_up = [SeatOutcome::GaveUp; 2];
    let answered = [
        SeatOutcome::Served,
        SeatOutcome::Served,
        SeatOutcome::Excused,
    ];
    assert_eq!(outcomes(&run)[..2], given_up);
    assert_eq!(outcomes(&run)[2..], answered);
    assert_eq!(run.finished.receipt.status, ContractStatus::Concluded);
}

/// One that breaks a rule later does not undo what it was asked for, and the receipt still replays.
#[test]
fn a_first_seat_that_is_caught_later_had_been_heard() {
    let world = world(KNOWN, |terms| {
        (terms.strategy, terms.rounds, terms.first) = (Strategy::Auto, 1, 3);
    });
    let scripts = says(&world, &[RHEA, TITAN, TITAN, TITAN, TITAN]);
    let mut panel = honest(&world, scripts);
    let honest = Honest::new(&world, 0, Script::says(world.cited(0, RHEA)));
    // Its words are of another class than it says.
    let wrote = Answer {
        class: Digest::ZERO,
        ..world.cited(0, TITAN)
    };
    panel[0] = Some(Box::new(Ghostwriter {
        honest,
        wrote,
        forged: None,
    }));
    let run = play(&world, panel);
    assert_eq!(outcomes(&run)[0], SeatOutcome::Invalid);
    assert_eq!(phases(&run)[0], Phase::Further);
    assert_eq!(run.finished.receipt.status, ContractStatus::Concluded);
}

/// A first seat that keeps back its account cannot undo what both settled, where one answer is enough.
#[test]
fn with_a_quorum_of_one_no_seat_fails_what_was_settled() {
    for (quorum, status) in [(1, ContractStatus::Concluded), (2, ContractStatus::Failed)] {
        let world = world(KNOWN, |terms| terms.quorum = quorum);
        let mut panel = honest(&world, says(&world, &[TITAN; 5]));
        let honest = Honest::new(&world, 0, Script::says(world.answer(TITAN)));
        panel[0] = Some(Box::new(Withholder {
            honest,
            phase: None,
        }));
        let run = play(&world, panel);
        assert_eq!(outcomes(&run), [SeatOutcome::Withheld, SeatOutcome::Served]);
        assert_eq!(run.finished.receipt.status, status, "{quorum}");
    }
}

/// The first answers are those that were bound before any was opened.
#[test]
fn first_answers_are_on_the_first_close() {
    let world = world(KNOWN, |_| {});
    let document = world.document(&run(&world, &[RHEA, TITAN, TITAN, TITAN, TITAN]).finished);
    let altered = |change: &dyn Fn(&mut Vec<Signed<Close>>)| {
        let mut document = document.clone();
        let mut closes = document.receipt.closes.clone().into_vec();
        change(&mut closes);
        document.receipt.closes = List::truncated(closes);
        replay(&document)
    };
    assert_eq!(altered(&|_| {}), Ok(()));
    let first = Err(Deviation::Transcript(Phase::Answers));
    let further = Err(Deviation::Transcript(Phase::Further));
    assert_eq!(altered(&|closes| drop(closes.remove(0))), first);
    let others = altered(&|closes| {
        closes[0].body.commitments = closes[1].body.commitments.clone();
    });
    assert_eq!(others, first);
    let dummy = altered(&|closes| closes[0].body.commitments = List::truncated([Digest::ZERO]));
    assert_eq!(dummy, first);
    let elsewhere = altered(&|closes| closes[0].body.contract.0 = [9; 32]);
    assert_eq!(elsewhere, further);
}

/// CON-8: of the first seats twice as many are asked at the most, whoever is asked further.
#[test]
fn the_first_are_no_crowd() {
    let world = world(STRANGERS, |_| {});
    let mut document = world.document(&run(&world, &[TITAN; 5]).finished);
    let mut seats = document.receipt.seats.clone().into_vec();
    for seat in &mut seats {
        seat.assign.body.phase = Phase::Answers;
        seat.reply.body.assign = seat.assign.body.digest();
    }
    document.receipt.seats = List::truncated(seats);
    let crowd = Deviation::Crowd {
        asked: 5,
        seated: 5,
        wanted: 2,
    };
    assert_eq!(replay(&document), Err(crowd));
}
