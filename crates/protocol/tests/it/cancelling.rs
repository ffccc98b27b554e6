//! A requester that hangs up, in each stage (CON-9).

use llmnet_protocol::{
    message::{Next, ToCoordinator, ToSeat},
    replay::replay,
};
use llmnet_types::{
    message::Phase,
    receipt::{ContractStatus, SeatOutcome},
    units::Amount,
};

use crate::{
    contract::{outcomes, phases},
    network::{HangUp, Run, Weather, honest, play_in},
    respondent::Script,
    world::World,
};

fn world() -> World {
    World::with(|terms| terms.rounds = 1)
}

/// Three opinions that go through all phases, unless somebody hangs up.
fn hang_up(hang_up: HangUp) -> Run {
    let world = world();
    let says = ["Titan.", "Rhea.", "Iapetus."];
    let scripts = says.map(|text| Script::says(world.cited(0, text)));
    let mut scripts = scripts.to_vec();
    for (rank, script) in scripts.iter_mut().enumerate() {
        script.answer = Ok(world.cited(rank, says[rank]));
        // One after the other, so that there is a time when some are bound and others are not.
        script.think_ms = [100, 100, 100].map(|ms| ms * (u32::try_from(rank).unwrap() + 1));
    }
    let weather = Weather {
        hang_up,
        ..Weather::default()
    };
    play_in(&world, honest(&world, scripts), weather)
}

fn owed_base(run: &Run) {
    let receipt = &run.finished.receipt;
    assert_eq!(receipt.status, ContractStatus::Failed);
    assert_eq!(
        outcomes(run),
        [SeatOutcome::Served; 3],
        "what was opened is accounted for"
    );
    for seat in &receipt.seats {
        let part = &seat.part.as_ref().unwrap().body;
        let full = seat.assign.body.price.of(part.input, part.output).unwrap();
        assert_eq!(seat.pay, full.share(receipt.terms.split.base));
    }
}

/// CON-9, SET-8: before anybody said yes, the contract is void.
#[test]
fn before_anybody_accepted() {
    let run = hang_up(HangUp::Seeing(|message| {
        matches!(message, ToSeat::Offer(_))
    }));
    assert_eq!(run.finished.receipt.status, ContractStatus::Void);
    let cancelled = |message: &ToSeat| matches!(message, ToSeat::Cancel(_));
    let told = run
        .sent
        .iter()
        .filter(|(_, message)| cancelled(message))
        .count();
    assert_eq!(told, 3);
}

/// CON-9: before answers were opened, nothing is owed; nobody's text was seen.
#[test]
fn before_answers_are_opened() {
    let run = hang_up(HangUp::After(|message| {
        matches!(message, ToCoordinator::Commit(_))
    }));
    assert_eq!(run.finished.receipt.status, ContractStatus::Failed);
    assert_eq!(run.finished.receipt.charges.total, Amount::ZERO);
    assert!(run.finished.answer.is_none() && phases(&run).is_empty());
    assert_eq!(
        outcomes(&run),
        [SeatOutcome::Excused; 3],
        "who accepted is no no-show"
    );
    let document = world().document(&run.finished);
    assert_eq!(replay(&document), Ok(()));
}

/// CON-9: while answers are opened, and from then on, each opened answer is owed its base.
#[test]
fn while_answers_are_opened() {
    let run = hang_up(HangUp::After(|message| {
        matches!(message, ToCoordinator::Open(_))
    }));
    owed_base(&run);
    assert_eq!(phases(&run), [Phase::Answers]);
}

/// CON-6, CON-9: in a round, what some had bound already never was, for the coordinator and for them.
#[test]
fn while_a_round_is_bound() {
    let in_round = |message: &ToCoordinator| match message {
        ToCoordinator::Commit(commit) => matches!(commit.body.phase, Phase::Round(_)),
        _ => false,
    };
    let run = hang_up(HangUp::After(in_round));
    owed_base(&run);
    assert_eq!(phases(&run), [Phase::Answers]);
}

/// CON-9: while a round is opened, it is still opened.
#[test]
fn while_a_round_is_opened() {
    let closes_round = |message: &ToSeat| match message {
        ToSeat::Close(close) => matches!(close.body.phase, Phase::Round(_)),
        _ => false,
    };
    let run = hang_up(HangUp::Seeing(closes_round));
    owed_base(&run);
    assert_eq!(phases(&run), [Phase::Answers, Phase::Round(1)]);
}

/// CON-9: while peers judge.
#[test]
fn while_ballots_are_bound() {
    let bound_ballot = |message: &ToCoordinator| match message {
        ToCoordinator::Commit(commit) => commit.body.phase == Phase::Ballots,
        _ => false,
    };
    let run = hang_up(HangUp::After(bound_ballot));
    owed_base(&run);
    assert_eq!(phases(&run), [Phase::Answers, Phase::Round(1)]);
}

/// CON-9: while seats account for what they did, base is owed and no more.
#[test]
fn while_seats_account() {
    let finishes =
        |message: &ToSeat| matches!(message, ToSeat::Relay(relay) if relay.next == Next::Finish);
    let run = hang_up(HangUp::Seeing(finishes));
    owed_base(&run);
    assert_eq!(phases(&run).last(), Some(&Phase::Ballots));
}
