//! Who sits, who is skipped, who is asked instead (SEL-7, CON-8).

use llmnet_types::{
    message::{DeclineReason, Response},
    receipt::{Conclusion, ContractStatus, SeatOutcome},
    units::Amount,
};

use crate::{
    adversaries::{NoShow, Quitter},
    contract::{outcomes, text},
    network::{Panel, honest, play},
    respondent::{Honest, Script},
    world::World,
};

const TITAN: &str = "Titan.";

fn no_show(world: &World, rank: usize) -> Panel {
    let script = Script::says(world.answer(TITAN));
    vec![Some(Box::new(NoShow(Honest::new(world, rank, script))))]
}

/// Everybody from a rank on, agreeing.
fn agreeing(world: &World, ranks: std::ops::Range<usize>) -> Panel {
    let script = |rank| Honest::new(world, rank, Script::says(world.cited(rank, TITAN)));
    ranks
        .map(|rank| Some(Box::new(script(rank)) as Box<_>))
        .collect()
}

/// SEL-1, SEL-2, SEL-7: the panel is the first k of the order that receipt and seed give again.
#[test]
fn the_panel_is_the_first_of_the_order() {
    let means = [9_000, 8_000, 7_000, 6_000, 5_000];
    let world = World::reputed(&means, |_| {});
    let run = play(&world, agreeing(&world, 0..5));
    let receipt = &run.finished.receipt;
    let seats: Vec<_> = receipt.seats.iter().map(|seat| seat.provider).collect();
    assert_eq!(seats, world.setup.order[..3]);
    assert!(receipt.skips.is_empty());
}

/// DEB-1, SEL-7: two of three find nothing and say so; the one that does concludes alone.
#[test]
fn one_answer_of_three_concludes() {
    let world = World::reputed(&[6_000; 3], |terms| terms.quorum = 1);
    let nothing = || Script::declines(&world, DeclineReason::NothingFound);
    let scripts = vec![nothing(), Script::says(world.cited(1, TITAN)), nothing()];
    let run = play(&world, honest(&world, scripts));
    let receipt = &run.finished.receipt;
    assert_eq!(receipt.status, ContractStatus::Concluded);
    assert_eq!(receipt.verdict.conclusion, Conclusion::Unanimous);
    assert_eq!(
        (outcomes(&run), text(&run)),
        (vec![SeatOutcome::Served], TITAN)
    );
    let skipped: Vec<_> = receipt.skips.iter().map(|skip| skip.rank).collect();
    assert_eq!(skipped, [0, 2]);
}

/// SEL-7, CON-9, SET-8: where all decline, nothing is charged, and all have said so themselves.
#[test]
fn a_panel_that_declines_is_void() {
    let world = World::reputed(&[6_000; 6], |_| {});
    let nothing = || Script::declines(&world, DeclineReason::NothingFound);
    let run = play(&world, honest(&world, (0..6).map(|_| nothing()).collect()));
    let receipt = &run.finished.receipt;
    assert_eq!(receipt.status, ContractStatus::Void);
    assert_eq!(receipt.charges.total, Amount::ZERO);
    assert_eq!(receipt.skips.len(), 6);
    for skip in &receipt.skips {
        let reply = skip.reply.as_ref().unwrap();
        assert_eq!(
            reply.body.response,
            Response::Decline(DeclineReason::NothingFound)
        );
    }
    assert_eq!(text(&run), "");
}

/// SEL-7, CON-7: who is busy is skipped with its own word, who is not reached on the coordinator's;
/// the next in order are asked instead.
#[test]
fn the_next_in_order_are_asked() {
    let world = World::new();
    let mut panel = agreeing(&world, 0..6);
    panel[0] = honest(&world, vec![Script::busy(&world)]).remove(0);
    panel[2] = None;
    let run = play(&world, panel);
    let receipt = &run.finished.receipt;
    let ranks: Vec<_> = receipt
        .seats
        .iter()
        .map(|seat| seat.assign.body.rank)
        .collect();
    assert_eq!(ranks, [1, 3, 4]);
    let words = receipt.skips.iter().map(|skip| {
        (
            skip.rank,
            skip.reply.as_ref().map(|reply| reply.body.response),
        )
    });
    assert_eq!(
        words.collect::<Vec<_>>(),
        [(0, Some(Response::Busy)), (2, None)]
    );
}

/// CON-7: who does not say yes in time is passed over; a late yes seats nobody.
#[test]
fn a_late_yes_seats_nobody() {
    let world = World::new();
    let mut panel = agreeing(&world, 0..4);
    let mut late = Script::says(world.answer(TITAN)).thinks([600, 100, 100]);
    late.eager = false;
    panel[1] = Some(Box::new(Honest::new(&world, 1, late)));
    let run = play(&world, panel);
    let receipt = &run.finished.receipt;
    let ranks: Vec<_> = receipt
        .seats
        .iter()
        .map(|seat| seat.assign.body.rank)
        .collect();
    assert_eq!(ranks, [0, 2, 3]);
    assert_eq!(receipt.skips[0].reply, None);
}

/// CON-8: at most 2k are asked, however many there are.
#[test]
fn at_most_twice_as_many_are_asked() {
    let world = World::new();
    let scripts = (0..8).map(|_| Script::busy(&world));
    let run = play(&world, honest(&world, scripts.collect()));
    assert_eq!(run.finished.receipt.skips.len(), 6);
    assert_eq!(run.finished.receipt.status, ContractStatus::Void);
}

/// DIS-5: of k candidates the coordinator's word is taken that they were not reached. With as many behind
/// it, one more is asked; where that is silent too, nobody could be seated any more.
#[test]
fn nobody_sits_behind_more_unreached_than_are_believed() {
    let world = World::new();
    let ranks = |reached: &[usize]| {
        let mut panel: Panel = (0..8).map(|_| None).collect();
        for rank in reached {
            panel[*rank] = agreeing(&world, *rank..*rank + 1).remove(0);
        }
        let run = play(&world, panel);
        let seats = run.finished.receipt.seats.iter();
        let seats: Vec<u8> = seats.map(|seat| seat.assign.body.rank).collect();
        (seats, run.finished.receipt.skips.len())
    };
    // Three are wanted: six may be asked.
    assert_eq!(ranks(&[3, 4, 5]), (vec![3, 4, 5], 3));
    assert_eq!(ranks(&[3, 5]), (vec![3], 4));
    assert_eq!(ranks(&[4, 5]), (vec![], 4));
}

/// CON-8: below the quorum, who accepted and did not answer is replaced, once.
#[test]
fn no_shows_below_the_quorum_are_replaced_once() {
    let world = World::new();
    let mut panel = no_show(&world, 0);
    panel.extend(no_show(&world, 1));
    panel.extend(agreeing(&world, 2..6));
    let run = play(&world, panel);
    use SeatOutcome::{NoShow, Served};
    assert_eq!(outcomes(&run), [NoShow, NoShow, Served, Served, Served]);
    assert_eq!(run.finished.receipt.status, ContractStatus::Concluded);

    let mut panel: Panel = (0..5).flat_map(|rank| no_show(&world, rank)).collect();
    panel.extend(agreeing(&world, 5..6));
    let run = play(&world, panel);
    assert_eq!(run.finished.receipt.status, ContractStatus::Failed);
    assert_eq!(outcomes(&run), [[NoShow; 5].as_slice(), &[Served]].concat());
}

/// CON-8: with a quorum of answers nobody is replaced.
#[test]
fn a_no_show_above_the_quorum_is_not_replaced() {
    let world = World::new();
    let mut panel = no_show(&world, 0);
    panel.extend(agreeing(&world, 1..6));
    let run = play(&world, panel);
    use SeatOutcome::{NoShow, Served};
    assert_eq!(outcomes(&run), [NoShow, Served, Served]);
    assert_eq!(run.finished.receipt.seats[0].pay, Amount::ZERO);
}

/// Accepts, and has nothing after so many milliseconds.
fn gives_up(world: &World, rank: usize, after_ms: u32) -> Panel {
    let script = Script {
        eager: true,
        ..Script::declines(world, DeclineReason::ModelUnavailable).thinks([after_ms, 100, 100])
    };
    vec![Some(Box::new(Honest::new(world, rank, script)))]
}

/// CON-11: above the quorum nobody waits for who gave up, and nobody takes its place.
#[test]
fn who_gave_up_is_not_waited_for() {
    use SeatOutcome::{GaveUp, NoShow, Served};
    let world = World::new();
    let ended = |first: Panel| {
        let mut panel = first;
        panel.extend(agreeing(&world, 1..6));
        let run = play(&world, panel);
        (outcomes(&run), run)
    };
    let (silent, slow) = ended(no_show(&world, 0));
    assert_eq!(silent, [NoShow, Served, Served]);
    let (told, quick) = ended(gives_up(&world, 0, 150));
    assert_eq!(told, [GaveUp, Served, Served]);
    assert!(
        quick.ended_at.after(300) < slow.ended_at,
        "{:?} and {:?}",
        quick.ended_at,
        slow.ended_at
    );
    let receipt = &quick.finished.receipt;
    assert_eq!(receipt.status, ContractStatus::Concluded);
    assert_eq!(
        (receipt.seats[0].pay, receipt.seats[0].score.get()),
        (Amount::ZERO, 0)
    );
    assert!(receipt.skips.is_empty());
    let why = [(0, DeclineReason::ModelUnavailable)];
    assert_eq!(quick.finished.gave_up, why);
    assert!(slow.finished.gave_up.is_empty());
}

/// CON-8, CON-11: below the quorum the next in order is asked at once, has all its time, and is the last.
#[test]
fn who_gave_up_is_replaced_where_the_quorum_hangs_on_it() {
    use SeatOutcome::{GaveUp, Served};
    let world = World::with(|terms| {
        terms.strategy = llmnet_types::contract::Strategy::Single;
        (terms.seats, terms.quorum) = (1, 1);
    });
    let mut panel = gives_up(&world, 0, 150);
    panel.extend(agreeing(&world, 1..3));
    let run = play(&world, panel);
    assert_eq!((outcomes(&run), text(&run)), (vec![GaveUp, Served], TITAN));
    assert_eq!(run.finished.receipt.status, ContractStatus::Concluded);
    assert!(
        run.ended_at < llmnet_types::units::Timestamp(1_000),
        "{:?}",
        run.ended_at
    );

    // At the end of its own time; the next one has as much again.
    let mut panel = gives_up(&world, 0, 5_000);
    let slow = Script::says(world.answer(TITAN)).thinks([4_000, 100, 100]);
    panel.push(Some(Box::new(Honest::new(&world, 1, slow))));
    let run = play(&world, panel);
    assert_eq!(outcomes(&run), [GaveUp, Served]);

    // Once only: the contract has failed then, and costs nothing.
    let mut panel: Panel = (0..2)
        .flat_map(|rank| gives_up(&world, rank, 150))
        .collect();
    panel.extend(agreeing(&world, 2..4));
    let run = play(&world, panel);
    assert_eq!(outcomes(&run), [GaveUp, GaveUp]);
    assert_eq!(run.finished.receipt.status, ContractStatus::Failed);
    assert_eq!(run.finished.receipt.charges.total, Amount::ZERO);
    assert!(
        run.ended_at < llmnet_types::units::Timestamp(1_000),
        "{:?}",
        run.ended_at
    );
}

/// CON-11: a place that stays empty is not filled when another seat declines, and is when the quorum hangs on it.
#[test]
fn an_empty_place_stays_empty_while_a_quorum_can_answer() {
    use SeatOutcome::{GaveUp, Served};
    let world = World::new();
    let late_no = |rank| {
        let script = Script::declines(&world, DeclineReason::NothingFound).thinks([300, 100, 100]);
        Some(Box::new(Honest::new(&world, rank, script)) as Box<_>)
    };
    let mut panel = gives_up(&world, 0, 150);
    panel.push(late_no(1));
    panel.extend(agreeing(&world, 2..6));
    let run = play(&world, panel);
    // One for the one that declined, none for the one that gave up.
    assert_eq!(outcomes(&run), [GaveUp, Served, Served]);
    let ranks: Vec<_> = run
        .finished
        .receipt
        .seats
        .iter()
        .map(|seat| seat.assign.body.rank)
        .collect();
    assert_eq!(ranks, [0, 2, 3]);

    let mut panel: Panel = (0..2)
        .flat_map(|rank| gives_up(&world, rank, 150))
        .collect();
    panel.extend(agreeing(&world, 2..6));
    let run = play(&world, panel);
    assert_eq!(outcomes(&run), [GaveUp, GaveUp, Served, Served, Served]);
}

/// CON-5, CON-11: what was bound stands; nobody gives up what it has handed in.
#[test]
fn nobody_gives_up_what_is_bound() {
    let world = World::new();
    let honest = Honest::new(&world, 0, Script::says(world.cited(0, TITAN)));
    let mut panel: Panel = vec![Some(Box::new(Quitter(honest)))];
    panel.extend(agreeing(&world, 1..3));
    let run = play(&world, panel);
    assert_eq!(outcomes(&run), [SeatOutcome::Served; 3]);
}

/// CON-11, SET-1: seven that give up are no more on a leaf than seven that answer.
#[test]
fn a_panel_that_gives_up_fails_at_once() {
    let world = World::with(|terms| (terms.seats, terms.quorum) = (7, 4));
    let panel: Panel = (0..8)
        .flat_map(|rank| gives_up(&world, rank, 150))
        .collect();
    let run = play(&world, panel);
    assert_eq!(outcomes(&run), [SeatOutcome::GaveUp; 7]);
    assert_eq!(run.finished.receipt.status, ContractStatus::Failed);
    assert_eq!(run.finished.gave_up.len(), 7);
    assert!(
        run.ended_at < llmnet_types::units::Timestamp(1_000),
        "{:?}",
        run.ended_at
    );
}

/// CON-8: a receipt has room for seven seats, so a full panel is not replaced beyond them.
#[test]
fn a_full_panel_stays_on_its_receipt() {
    let world = World::with(|terms| (terms.seats, terms.quorum) = (7, 7));
    let mut panel: Panel = (0..6).flat_map(|rank| no_show(&world, rank)).collect();
    panel.extend(agreeing(&world, 6..8));
    let run = play(&world, panel);
    assert_eq!(outcomes(&run).len(), 7);
    assert_eq!(run.finished.receipt.status, ContractStatus::Failed);
}

/// CON-7, CON-9: where all accept and nobody answers, the contract failed and costs nothing.
#[test]
fn nobody_answers() {
    let world = World::reputed(&[6_000; 3], |_| {});
    let run = play(
        &world,
        (0..3).flat_map(|rank| no_show(&world, rank)).collect(),
    );
    assert_eq!(run.finished.receipt.status, ContractStatus::Failed);
    assert_eq!(run.finished.receipt.verdict.conclusion, Conclusion::None);
    assert_eq!(run.finished.receipt.charges.total, Amount::ZERO);
}

/// CON-7: without any candidate the contract is void at once.
#[test]
fn an_empty_order_is_void() {
    let world = World::reputed(&[], |_| {});
    let run = play(&world, Vec::new());
    assert_eq!(run.finished.receipt.status, ContractStatus::Void);
    assert_eq!(run.ended_at.0, 0);
}
