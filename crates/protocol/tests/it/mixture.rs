//! A synthesis, written by one seat and judged by its peers (DEB-9), and budgets (CON-10).

use llmnet_protocol::{
    message::{Next, ToSeat},
    quote::{Budget, budget},
    replay::{Deviation, replay},
};
use llmnet_types::{
    contract::Strategy,
    message::{Payload, Phase},
    receipt::{Conclusion, SeatOutcome},
    units::{Amount, Score, Tokens},
};

use crate::{
    adversaries::{Ghostwriter, Withholder},
    contract::{outcomes, phases, text},
    network::{Panel, Run, Weather, honest, play, play_in},
    respondent::{Honest, Script},
    world::World,
};

const TITAN: &str = "Titan.";
const RHEA: &str = "Rhea.";
const IAPETUS: &str = "Iapetus.";
const BOTH: &str = "Titan is the largest, Rhea the second.";

/// Three seats of falling reputation: the first of them writes.
fn world() -> World {
    World::reputed(&[6_100, 6_000, 5_900], |terms| {
        terms.strategy = Strategy::Mixture;
    })
}

fn panel(world: &World, prefers: &'static str) -> Panel {
    let says = |text| {
        Script::says(world.answer(text))
            .prefers(prefers)
            .writes(BOTH)
    };
    honest(world, [TITAN, RHEA, IAPETUS].map(says).to_vec())
}

fn mixed(prefers: &'static str) -> Run {
    let world = world();
    let run = play(&world, panel(&world, prefers));
    assert_eq!(
        phases(&run),
        [Phase::Answers, Phase::Round(1), Phase::Ballots]
    );
    run
}

/// DEB-9: the best reputed writes from all answers, the others' stand; what peers prefer is taken.
#[test]
fn a_synthesis_that_peers_prefer_is_taken() {
    let run = mixed(BOTH);
    let verdict = &run.finished.receipt.verdict;
    assert_eq!((text(&run), verdict.winner), (BOTH, Some(0)));
    assert_eq!(
        (verdict.conclusion, verdict.rounds),
        (Conclusion::Ballots, 1)
    );
    assert_eq!(verdict.strengths[0], Score::ONE);
    assert_eq!(*verdict.minority, [1, 2]);
    let (_, round) = &run.finished.transcript[1];
    let said = |text: &str| {
        let of_text = round.iter().filter(|opening| match &opening.payload {
            Payload::Revision(revision) => revision.answer.text.as_str() == text,
            _ => false,
        });
        of_text.count()
    };
    assert_eq!([BOTH, RHEA, IAPETUS, TITAN].map(said), [1, 1, 1, 0]);
    let asked_to_write = run.sent.iter().filter(|(_, message)| {
        matches!(message, ToSeat::Relay(relay) if relay.next == Next::Phase(Phase::Round(1)))
    });
    assert_eq!(asked_to_write.count(), 1);
}

/// DEB-9: one that peers do not prefer was written in vain: its author's first answer stands, can still
/// win, and both texts are paid for.
#[test]
fn a_synthesis_that_peers_do_not_prefer_is_not_taken() {
    let run = mixed(RHEA);
    let receipt = &run.finished.receipt;
    assert_eq!(text(&run), RHEA);
    assert!(receipt.verdict.changed.is_empty());
    // Nobody prefers anything: reputation decides among first answers, not for what was written last.
    let run = mixed("Mimas.");
    assert_eq!(text(&run), TITAN);
    let seats = &run.finished.receipt.seats;
    let tokens = |text: &str| llmnet_types::registration::Tokenizer::Bytes4.count(text).0;
    assert_eq!(seats[0].output, Tokens(tokens(TITAN) + tokens(BOTH)));
    assert_eq!(seats[1].output, Tokens(tokens(RHEA)));
}

/// DEB-9: who agrees needs no synthesis, and with two answers nobody could judge one.
#[test]
fn agreement_and_pairs_write_nothing() {
    let world = world();
    let same = (0..3).map(|_| Script::says(world.answer(TITAN)).writes(BOTH));
    let run = play(&world, honest(&world, same.collect()));
    assert_eq!((phases(&run), text(&run)), (vec![Phase::Answers], TITAN));
    let two = [TITAN, RHEA].map(|text| Script::says(world.answer(text)).writes(BOTH));
    let run = play(&world, honest(&world, two.to_vec()));
    assert_eq!((phases(&run), text(&run)), (vec![Phase::Answers], TITAN));
    assert_eq!(run.finished.receipt.verdict.conclusion, Conclusion::Vote);
}

/// DEB-9, CON-7: an author that fails, withholds what it wrote, or never accounts for it, costs the panel
/// its synthesis and nothing else.
#[test]
fn a_faulty_author_costs_only_the_synthesis() {
    let world = world();
    let mut silent = panel(&world, BOTH);
    let script = Script::says(world.answer(TITAN)).prefers(BOTH);
    silent[0] = Some(Box::new(Honest::new(&world, 0, script.clone())));
    let run = play(&world, silent);
    assert_eq!(
        (text(&run), outcomes(&run)),
        (TITAN, vec![SeatOutcome::Served; 3])
    );

    let withheld = |phase| {
        let mut panel = panel(&world, BOTH);
        let honest = Honest::new(&world, 0, script.clone().writes(BOTH));
        panel[0] = Some(Box::new(Withholder { honest, phase }));
        play(&world, panel)
    };
    let run = withheld(Some(Phase::Round(1)));
    assert_eq!(
        (text(&run), outcomes(&run)),
        (TITAN, vec![SeatOutcome::Served; 3])
    );
    let run = withheld(None);
    assert_eq!(
        (text(&run), outcomes(&run)[0]),
        (RHEA, SeatOutcome::Withheld)
    );
    let mut slow = panel(&world, BOTH);
    let script = script.writes(BOTH).thinks([100, 60_000, 100]);
    slow[0] = Some(Box::new(Honest::new(&world, 0, script)));
    assert_eq!(text(&play(&world, slow)), TITAN);
}

/// DEB-9: who is not asked to write and does so all the same is out, and what it wrote is judged by nobody.
#[test]
fn a_second_author_is_invalid() {
    let world = world();
    let mut panel = panel(&world, IAPETUS);
    panel[2] = Some(Box::new(Ghostwriter {
        honest: Honest::new(&world, 2, Script::says(world.answer(IAPETUS))),
        wrote: world.answer("Iapetus, says everybody."),
        forged: None,
    }));
    let run = play(&world, panel);
    assert_eq!(outcomes(&run)[2], SeatOutcome::Invalid);
    assert_eq!(run.finished.receipt.seats[2].pay, Amount::ZERO);
    assert_ne!(text(&run), "Iapetus, says everybody.");
}

/// DEB-6, DEB-9: from one seed a mixture is the same in all, and its receipt does not play again as any
/// other strategy, or with the synthesis denied.
#[test]
fn a_mixture_plays_again_from_its_seed() {
    let world = world();
    let weather = Weather {
        seed: 7,
        latency_ms_max: 300,
        ..Weather::default()
    };
    let [first, second] = [(); 2].map(|()| play_in(&world, panel(&world, BOTH), weather).finished);
    assert_eq!(first.signed, second.signed);
    let document = world.document(&first);
    assert_eq!(replay(&document), Ok(()));
    let mut denied = document.clone();
    denied.receipt.verdict.winner = Some(1);
    assert_eq!(replay(&denied), Err(Deviation::Verdict));
    let mut debated = document;
    debated.receipt.terms.strategy = Strategy::Debate;
    assert!(replay(&debated).is_err());
}

/// CON-10: what strategies may ask for, as a table; every run's own use is held to it by the audit.
#[test]
fn budgets_are_known_before_work_starts() {
    let rows = |strategy, seats, rounds| {
        let world = World::with(|terms| {
            (terms.strategy, terms.seats, terms.rounds) = (strategy, seats, rounds);
        });
        let Budget {
            answers,
            revisions,
            syntheses,
            ballots,
            comparisons,
            input,
            output,
        } = budget(&world.setup.terms);
        let caps = world.setup.terms.caps;
        let billed = u64::from(seats.clamp(1, 7));
        assert_eq!(input, billed * u64::from(caps.input_tokens.0));
        assert_eq!(output, billed * u64::from(caps.output_tokens.0));
        [answers, revisions, syntheses, ballots, comparisons]
    };
    assert_eq!(rows(Strategy::Single, 1, 4), [2, 0, 0, 0, 0]);
    assert_eq!(rows(Strategy::Vote, 5, 4), [10, 0, 0, 0, 0]);
    assert_eq!(rows(Strategy::Auto, 3, 1), [6, 3, 0, 3, 3]);
    assert_eq!(rows(Strategy::Debate, 5, 2), [10, 10, 0, 5, 30]);
    assert_eq!(rows(Strategy::Debate, 200, 200), [14, 28, 0, 7, 105]);
    assert_eq!(rows(Strategy::Mixture, 4, 1), [8, 0, 1, 4, 12]);
    assert_eq!(rows(Strategy::Mixture, 4, 0), [8, 0, 0, 4, 12]);
    assert_eq!(rows(Strategy::Debate, 1, 2), [2, 0, 0, 0, 0]);
}

/// CON-10: who delivers more than the cap is not paid for it.
#[test]
fn no_more_than_the_cap_is_billed() {
    let world = World::reputed(&[6_000; 3], |terms| {
        terms.strategy = Strategy::Mixture;
        terms.caps.output_tokens = Tokens(3);
        terms.caps.input_tokens = Tokens(4);
    });
    let run = play(&world, panel(&world, BOTH));
    assert_eq!(text(&run), BOTH);
    for seat in &run.finished.receipt.seats {
        let part = &seat.part.as_ref().unwrap().body;
        assert!(seat.output <= Tokens(3) && part.input <= Tokens(4));
    }
}
