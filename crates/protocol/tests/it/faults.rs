//! Seats that break the rules, one kind in each test, against two that keep them.

use llmnet_types::{
    codec::List,
    message::{Opening, Payload, Phase},
    receipt::{ContractStatus, SeatOutcome},
    units::{Amount, Score},
};

use crate::{
    adversaries::{Copier, CutOff, Equivocator, Injector, Leaker, Withholder},
    contract::{outcomes, phases, text},
    network::{Panel, Run, honest, play},
    respondent::{Honest, Respondent, Script},
    world::{World, salt},
};

use SeatOutcome::{Invalid, NoShow, Served, Withheld};

const TITAN: &str = "Titan.";
const RHEA: &str = "Rhea.";

/// Two that say Titan, and somebody else.
fn against_two(world: &World, third: impl Respondent + 'static) -> Run {
    let scripts = (0..2).map(|rank| Script::says(world.cited(rank, TITAN)));
    let mut panel: Panel = honest(world, scripts.collect());
    panel.push(Some(Box::new(third)));
    play(world, panel)
}

fn unpaid(run: &Run, rank: usize, outcome: SeatOutcome) {
    let seat = &run.finished.receipt.seats[rank];
    assert_eq!(seat.outcome, outcome);
    assert_eq!((seat.pay, seat.score), (Amount::ZERO, Score::ZERO));
    assert_eq!(run.finished.receipt.status, ContractStatus::Concluded);
    assert_eq!(text(run), TITAN);
}

/// CON-5, CON-7: an answer that was bound and not opened is a fault; the others go on without it.
#[test]
fn a_withheld_answer_is_a_fault() {
    let world = World::new();
    let honest = Honest::new(&world, 2, Script::says(world.answer(RHEA)));
    let phase = Some(Phase::Answers);
    let run = against_two(&world, Withholder { honest, phase });
    unpaid(&run, 2, Withheld);
    assert_eq!(phases(&run), [Phase::Answers], "the two agree");
}

/// CON-7: a revision or ballot that was not opened is left out; the seat is paid for what it opened.
#[test]
fn a_withheld_revision_or_ballot_is_left_out() {
    let world = World::new();
    for phase in [Phase::Round(1), Phase::Ballots] {
        let script = Script::says(world.answer(RHEA)).convinced_by(TITAN);
        let script = match phase {
            Phase::Ballots => Script::says(world.answer(RHEA)),
            _ => script,
        };
        let honest = Honest::new(&world, 2, script);
        let run = against_two(
            &world,
            Withholder {
                honest,
                phase: Some(phase),
            },
        );
        assert_eq!(outcomes(&run), [Served; 3], "{phase:?}");
        let part = &run.finished.receipt.seats[2].part.as_ref().unwrap().body;
        assert_eq!(part.last_class, world.answer(RHEA).class, "{phase:?}");
    }
}

/// CON-7: after the first answers, a seat whose link ended is not waited for; that it opened one earns nothing
/// without its account (CON-6).
#[test]
fn a_seat_that_is_cut_off_is_not_waited_for() {
    let world = World::new();
    for phase in [Phase::Round(1), Phase::Ballots] {
        let honest = || Honest::new(&world, 2, Script::says(world.answer(RHEA)));
        let fair = against_two(&world, honest()).ended_at;
        let cut_off = CutOff {
            honest: honest(),
            phase,
            cut: false,
        };
        let run = against_two(&world, cut_off);
        unpaid(&run, 2, Withheld);
        let at = run.ended_at;
        assert!(
            at <= fair.after(100),
            "{phase:?}: {at:?}, and {fair:?} with all"
        );
    }
}

/// CON-6: who opened an answer and never accounts for it is paid nothing, and says nothing.
#[test]
fn a_seat_without_a_part_is_paid_nothing() {
    let world = World::new();
    let honest = Honest::new(&world, 2, Script::says(world.answer(RHEA)));
    let run = against_two(
        &world,
        Withholder {
            honest,
            phase: None,
        },
    );
    unpaid(&run, 2, Withheld);
    assert!(run.finished.receipt.verdict.minority.is_empty());
}

/// CON-5: of two commitments the first counts, and another payload than it binds is not looked at.
#[test]
fn another_payload_than_was_bound_is_ignored() {
    let world = World::new();
    let run = against_two(
        &world,
        Equivocator {
            honest: Honest::new(&world, 2, Script::says(world.answer(RHEA))),
            shown: world.setup.terms.request,
            other: Opening {
                salt: salt("second thoughts"),
                payload: Payload::Answer(world.answer(TITAN)),
            },
        },
    );
    unpaid(&run, 2, Withheld);
}

/// CON-5: what another seat bound is that seat's; whoever binds the same has bound nothing.
#[test]
fn a_copied_commitment_does_not_count() {
    let world = World::new();
    let leak = std::rc::Rc::default();
    let script = Script::says(world.answer(TITAN));
    let leaker = Leaker {
        honest: Honest::new(&world, 0, script.clone()),
        leak: std::rc::Rc::clone(&leak),
    };
    let copier = Copier {
        honest: Honest::new(&world, 2, script.clone().thinks([200, 100, 100])),
        leak,
    };
    let second = honest(&world, vec![script.clone(), script]).remove(1);
    let run = play(
        &world,
        vec![Some(Box::new(leaker)), second, Some(Box::new(copier))],
    );
    unpaid(&run, 2, NoShow);
    assert_eq!(outcomes(&run)[..2], [Served; 2]);
}

/// CON-4: forged signatures, messages of other contracts and networks, repetitions and late messages
/// change nothing, for the sender or for anybody else.
#[test]
fn what_does_not_belong_changes_nothing() {
    let world = World::new();
    let says = |text| Script::says(world.answer(text)).prefers(TITAN);
    let plain = play(
        &world,
        honest(&world, vec![says(TITAN), says(TITAN), says(RHEA)]),
    );
    let mut panel = honest(&world, vec![says(TITAN), says(TITAN)]);
    panel.push(Some(Box::new(Injector {
        honest: Honest::new(&world, 2, says(RHEA)),
        victim: world.key(0),
        sent: Vec::new(),
    })));
    let run = play(&world, panel);
    assert_eq!(phases(&run), phases(&plain));
    assert_eq!(
        outcomes(&run)[..2],
        [Served; 2],
        "nobody speaks for another"
    );
    // Its first commitment is for another contract, the second is the one it opens.
    assert_eq!(run.finished.receipt.verdict, plain.finished.receipt.verdict);
    assert_eq!(run.finished.receipt.charges, plain.finished.receipt.charges);
}

/// DEB-1, COR-2: a first answer that cites another's corpus, or a passage that does not stand under its
/// own, is invalid, and never shown to anybody.
#[test]
fn a_first_answer_cites_its_own_corpus() {
    let world = World::new();
    let mut moved = world.evidence(2, 0);
    moved.citation.path = world.evidence(2, 1).citation.path;
    for evidence in [world.evidence(1, 0), moved] {
        let mut answer = world.answer(RHEA);
        answer.evidence = List::truncated([world.evidence(2, 1), evidence]);
        let run = against_two(&world, Honest::new(&world, 2, Script::says(answer)));
        unpaid(&run, 2, Invalid);
        assert_eq!(run.finished.transcript[0].1.len(), 2);
    }
}

/// DEB-1: an empty text is no answer.
#[test]
fn an_empty_answer_is_invalid() {
    let world = World::new();
    let run = against_two(
        &world,
        Honest::new(&world, 2, Script::says(world.answer(""))),
    );
    unpaid(&run, 2, Invalid);
}

/// DEB-3, COR-2: in a debate one may cite what stands under a peer's root, and nothing else.
#[test]
fn a_revision_cites_the_panel_only() {
    use llmnet_protocol::debate::{Speaker, read};
    use llmnet_types::{codec::Text, message::Revision};
    let world = World::new();
    let panel: Vec<_> = (0..3)
        .map(|rank| world.evidence(rank, 0).citation.root)
        .collect();
    let before = world.answer(TITAN);
    let reads = |rank| {
        let payload = Payload::Revision(Revision {
            answer: world.cited(rank, TITAN),
            convinced_by: None,
            reason: Text::default(),
        });
        let salt = salt("opening");
        let speaker = Speaker {
            corpus: &panel[0],
            panel: &panel,
            before: Some(&before),
            is_author: false,
        };
        let opening = Opening { salt, payload };
        read(&world.case(), Phase::Round(1), &opening, &speaker).is_some()
    };
    assert!(reads(0) && reads(1));
    assert!(!reads(5));
}
