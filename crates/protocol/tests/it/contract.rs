//! A contract among those who keep the rules (CON).

use llmnet_protocol::{
    message::{ToSeat, opening_commitment},
    replay::{Deviation, replay},
};
use llmnet_types::{
    codec::List,
    message::{Payload, Phase},
    receipt::{Conclusion, ContractStatus, SeatOutcome},
    request::Progress,
    signature::Message,
    units::{Amount, Score, Timestamp},
};

use crate::{
    network::{Run, honest, play},
    respondent::Script,
    world::World,
};

const TITAN: &str = "Titan.";
const RHEA: &str = "Rhea.";

pub fn outcomes(run: &Run) -> Vec<SeatOutcome> {
    run.finished
        .receipt
        .seats
        .iter()
        .map(|seat| seat.outcome)
        .collect()
}

pub fn phases(run: &Run) -> Vec<Phase> {
    run.finished
        .transcript
        .iter()
        .map(|(phase, _)| *phase)
        .collect()
}

pub fn text(run: &Run) -> &str {
    run.finished
        .answer
        .as_ref()
        .map_or("", |answer| answer.text.as_str())
}

/// CON-1, DEB-4, DEB-5: three who agree conclude at once, and each is paid in full.
#[test]
fn a_unanimous_panel_concludes_without_a_debate() {
    let world = World::new();
    let scripts = (0..3).map(|rank| Script::says(world.cited(rank, TITAN)));
    let run = play(&world, honest(&world, scripts.collect()));
    let receipt = &run.finished.receipt;
    assert_eq!(receipt.contract(), world.contract());
    assert_eq!(receipt.status, ContractStatus::Concluded);
    assert_eq!(receipt.verdict.conclusion, Conclusion::Unanimous);
    assert_eq!(receipt.verdict.agreement, Score::ONE);
    assert_eq!(phases(&run), [Phase::Answers]);
    assert_eq!(text(&run), TITAN);
    for seat in &receipt.seats {
        let part = &seat.part.as_ref().unwrap().body;
        assert_eq!((seat.score, seat.class), (Score::ONE, 1));
        let full = seat.assign.body.price.of(part.input, part.output).unwrap();
        assert_eq!(seat.pay, full);
        assert_eq!(*part.version, *"script/1");
        assert_eq!(part.citations.len(), 1);
    }
    let told = [
        Progress::Selected { seats: 3 },
        Progress::Answered {
            answers: 1,
            seats: 3,
        },
        Progress::Answered {
            answers: 2,
            seats: 3,
        },
        Progress::Answered {
            answers: 3,
            seats: 3,
        },
        Progress::Concluded,
    ];
    assert_eq!(run.progress, told);
}

/// CON-2, CON-3: an offer has everything that a seat needs, and binds voucher, terms and request.
#[test]
fn an_offer_holds_all_that_is_agreed() {
    let world = World::new();
    let scripts = (0..3).map(|_| Script::says(world.answer(TITAN)));
    let run = play(&world, honest(&world, scripts.collect()));
    let offers = run.sent.iter().filter_map(|(to, message)| match message {
        ToSeat::Offer(offer) => Some((to, offer)),
        _ => None,
    });
    for (rank, (to, offer)) in offers.enumerate() {
        let assign = &offer.assign.body;
        assert_eq!((usize::from(assign.rank), assign.seat), (rank, *to));
        assert_eq!(assign.height, world.setup.selection.height);
        assert_eq!(assign.voucher, offer.voucher.body.digest());
        assert_eq!(offer.voucher.body.terms, offer.terms.digest());
        assert_eq!(
            offer.terms.request,
            offer.request.digest(&offer.request_salt)
        );
        assert_eq!(assign.durations, offer.terms.durations);
    }
}

/// CON-5: nothing is opened before its phase is closed, and what is relayed was bound, in the order of
/// the Close, which is not the seats' order on every contract.
#[test]
fn phases_are_bound_closed_and_opened() {
    let world = World::new();
    let says = [TITAN, RHEA, "Iapetus."];
    let scripts = says.map(|text| Script::says(world.answer(text)).prefers(TITAN));
    let run = play(&world, honest(&world, scripts.to_vec()));
    assert_eq!(
        phases(&run),
        [Phase::Answers, Phase::Round(1), Phase::Ballots]
    );
    let mut shown = world.setup.terms.request;
    let closes = &run.finished.receipt.closes;
    for (close, (phase, openings)) in closes.iter().zip(&run.finished.transcript) {
        assert_eq!(close.body.phase, *phase);
        let opened = openings
            .iter()
            .map(|opening| opening_commitment(opening, &shown));
        assert_eq!(opened.collect::<Vec<_>>(), *close.body.commitments);
        shown = close.body.digest();
    }
    let place = |wanted: &dyn Fn(&ToSeat) -> bool| {
        run.sent
            .iter()
            .position(|(_, message)| wanted(message))
            .unwrap()
    };
    let closed = place(&|message| matches!(message, ToSeat::Close(_)));
    let relayed = place(&|message| matches!(message, ToSeat::Relay(_)));
    assert!(closed < relayed);
}

/// CON-6: the Part says what was committed, how it began and ended, and how it judged.
#[test]
fn a_part_accounts_for_all_phases() {
    let world = World::new();
    let scripts = vec![
        Script::says(world.cited(0, TITAN)),
        Script::says(world.answer(RHEA)).convinced_by(TITAN),
        Script::says(world.answer("Iapetus.")).prefers(TITAN),
    ];
    let run = play(&world, honest(&world, scripts));
    let receipt = &run.finished.receipt;
    assert_eq!(
        phases(&run).len(),
        4,
        "a move, a round without one, ballots"
    );
    for seat in &receipt.seats {
        assert_eq!(seat.part.as_ref().unwrap().body.commitments.len(), 4);
    }
    let moved = &receipt.seats[1].part.as_ref().unwrap().body;
    assert_eq!(moved.first_class, world.answer(RHEA).class);
    assert_eq!(moved.last_class, world.answer(TITAN).class);
    assert_eq!(
        moved.citations,
        receipt.seats[0].part.as_ref().unwrap().body.citations
    );
    let ballots = run.finished.transcript.last().unwrap();
    let opened: Vec<_> = ballots
        .1
        .iter()
        .map(|opening| match &opening.payload {
            Payload::Ballot(ballot) => ballot.clone(),
            _ => panic!("the last phase has ballots only"),
        })
        .collect();
    for seat in &receipt.seats {
        assert!(opened.contains(&seat.part.as_ref().unwrap().body.ballot));
    }
}

/// CON-7: after the quorum the slow have the grace, and no more.
#[test]
fn an_answer_after_the_grace_is_not_waited_for() {
    let world = World::new();
    let slow = |think_ms| {
        let quick = (0..2).map(|_| Script::says(world.answer(TITAN)));
        let slow = Script::says(world.answer(RHEA)).thinks([think_ms, 100, 100]);
        play(&world, honest(&world, quick.chain([slow]).collect()))
    };
    let run = slow(4_000);
    assert_eq!(outcomes(&run)[2], SeatOutcome::NoShow);
    assert_eq!(run.finished.receipt.status, ContractStatus::Concluded);
    assert!(run.ended_at < Timestamp(1_000));
    assert_eq!(outcomes(&slow(400))[2], SeatOutcome::Served);
}

/// CON-7: without patience a quorum answers at once; who is about as fast is not left out by chance.
#[test]
fn terms_without_patience_end_with_the_quorum() {
    let world = World::with(|terms| terms.durations.grace_ms = 0);
    let third = |think_ms| {
        let quick = (0..2).map(|_| Script::says(world.answer(TITAN)).thinks([3_200, 100, 100]));
        let slow = Script::says(world.answer(RHEA)).thinks([think_ms, 100, 100]);
        play(&world, honest(&world, quick.chain([slow]).collect()))
    };
    assert_eq!(outcomes(&third(3_250)), [SeatOutcome::Served; 3]);
    let run = third(4_500);
    let served = SeatOutcome::Served;
    assert_eq!(outcomes(&run), [served, served, SeatOutcome::Excused]);
    assert_eq!(run.finished.receipt.status, ContractStatus::Concluded);
    assert!(run.ended_at < Timestamp(3_900), "{:?}", run.ended_at);
    let late = &run.finished.receipt.seats[2];
    assert_eq!((late.pay, late.score), (Amount::ZERO, Score::ZERO));
    let let_go = |message: &ToSeat| matches!(message, ToSeat::Cancel(_));
    let told: Vec<_> = run.sent.iter().filter(|(_, said)| let_go(said)).collect();
    assert_eq!(told.len(), 1, "it works for nothing no longer");
    assert_eq!(replay(&world.document(&run.finished)), Ok(()));
}

/// CON-7: who had twice the quorum's time is no longer excused, nor does the coordinator's word make it so.
#[test]
fn who_had_its_time_is_a_no_show() {
    let world = World::with(|terms| terms.durations.grace_ms = 3_000);
    let quick = (0..2).map(|_| Script::says(world.answer(TITAN)).thinks([1_000, 100, 100]));
    let slow = Script::says(world.answer(RHEA)).thinks([4_500, 100, 100]);
    let run = play(&world, honest(&world, quick.chain([slow]).collect()));
    assert_eq!(outcomes(&run)[2], SeatOutcome::NoShow);
    let mut document = world.document(&run.finished);
    let mut seats = document.receipt.seats.clone().into_vec();
    seats[2].outcome = SeatOutcome::Excused;
    document.receipt.seats = List::truncated(seats);
    assert_eq!(replay(&document), Err(Deviation::Excused { rank: 2 }));
}

/// CON-7: a seat that answered waits as long as the rules give its slowest peer.
#[test]
fn the_quick_wait_for_the_slowest() {
    let world = World::with(|terms| terms.quorum = 3);
    let quick = (0..2).map(|_| Script::says(world.answer(TITAN)));
    let slow = Script::says(world.answer(TITAN)).thinks([5_400, 100, 100]);
    let run = play(&world, honest(&world, quick.chain([slow]).collect()));
    assert_eq!(outcomes(&run)[..2], [SeatOutcome::Served; 2]);
    assert!(run.ended_at > Timestamp(5_000));
}

/// CON-7: a round in which nobody says anything concludes on what stands.
#[test]
fn a_silent_round_concludes_on_what_stands() {
    let world = World::new();
    let says = [TITAN, TITAN, RHEA];
    let scripts = says.map(|text| Script::says(world.answer(text)).thinks([100, 9_000, 100]));
    let run = play(&world, honest(&world, scripts.to_vec()));
    assert_eq!(phases(&run), [Phase::Answers]);
    assert_eq!(outcomes(&run), [SeatOutcome::Served; 3]);
    let verdict = &run.finished.receipt.verdict;
    assert_eq!((verdict.conclusion, verdict.rounds), (Conclusion::Vote, 0));
    assert_eq!(text(&run), TITAN);
}

/// CON-6, CON-7: whoever is late in a round is left out of it, accounts for the rest and is paid.
#[test]
fn a_seat_late_in_a_round_is_paid_for_its_answer() {
    let world = World::new();
    let mut scripts =
        [TITAN, RHEA, RHEA].map(|text| Script::says(world.answer(text)).prefers(TITAN));
    scripts[0].think_ms[1] = 9_000;
    let run = play(&world, honest(&world, scripts.to_vec()));
    assert_eq!(outcomes(&run), [SeatOutcome::Served; 3]);
    let receipt = &run.finished.receipt;
    assert_eq!(
        receipt.seats[0]
            .part
            .as_ref()
            .unwrap()
            .body
            .commitments
            .len(),
        1
    );
    assert!(receipt.seats[0].pay.0 > 0);
}
