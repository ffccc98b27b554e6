//! WIN: until when what can be done, and that all that waits is set free.

use llmnet_ledger::{Key, State, Writes, query};
use llmnet_types::{
    codec::encode,
    id::LineId,
    params::Params,
    rejection::{LeafFault, Rejection},
    transaction::Outcome,
    units::{Amount, Epoch, Slot},
};

use crate::world::{World, credits, params, public, registration, settle};

/// WIN-1: a contract is settled by the end of the epoch after its own, whatever its line allows.
#[test]
fn win_1_contracts_are_settled_by_the_end_of_the_next_epoch() {
    let settled_in = |epoch: u64, blocks: u64| {
        let mut world = World::with_experts(5);
        let line = world.open_line(credits(10), Epoch(8));
        let height = world.height;
        assert_eq!(height.epoch(8), Epoch(0));
        let leaf = world.leaf(line, 1, 0, height, 3);
        world.go_to_epoch(epoch);
        world.blocks(blocks);
        let settlement = world.settlement(vec![leaf]);
        let outcome = world.run("coordinator", settle(settlement));
        let record = query::settlement(&world.state, &public("coordinator"), Slot(0));
        (outcome, record.map(|settled| settled.epoch), world)
    };
    // In the epoch itself, and in the last block of the next.
    for (outcome, epoch, mut world) in [settled_in(0, 0), settled_in(1, 6)] {
        assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
        assert_eq!(epoch, Some(Epoch(0)));
        // Held pay is free with the first block of the fourth epoch after the contract's, not after the
        // settlement's.
        assert_eq!(query::totals(&world.state).held, Amount(3_000));
        world.go_to_epoch(3);
        world.blocks(7);
        assert_eq!(query::totals(&world.state).held, Amount(3_000));
        world.blocks(1);
        assert_eq!(query::totals(&world.state).held, Amount::ZERO);
    }
    let (outcome, epoch, _) = settled_in(1, 7);
    let Outcome::Rejected { reason, .. } = outcome else {
        panic!("{outcome:?}")
    };
    let expected = Rejection::Leaf {
        slot: Slot(0),
        reason: LeafFault::Height,
    };
    assert_eq!((reason, epoch), (expected, None));
}

/// Puts so many lines of a millionth each into a state, as many blocks of many requesters would, to be
/// released with an epoch.
fn flood(world: &mut World, lines: u32, epoch: Epoch) {
    const PAGE: usize = 64;
    let mut writes = Writes::new();
    let first = query::counters(&world.state).line.0;
    let ids: Vec<LineId> = (first..).map(LineId).take(lines as usize).collect();
    let alice = public("alice");
    for id in &ids {
        let line = llmnet_ledger::record::Line {
            requester: alice,
            coordinator: public("coordinator"),
            locked: Amount(1),
            drawn: Amount::ZERO,
            n: 0,
            ends: Epoch(epoch.0 - 4),
            closed: false,
            active: None,
        };
        writes.insert(Key::Line(*id), Some(encode(&line)));
    }
    assert!(world.state.get(&Key::DueCount(epoch)).is_none());
    for (page, ids) in (0..).zip(ids.chunks(PAGE)) {
        let due = ids.iter().copied().map(llmnet_ledger::record::Due::Line);
        let due: Vec<_> = due.collect();
        writes.insert(Key::Due { epoch, page }, Some(encode(&due)));
    }
    writes.insert(Key::DueCount(epoch), Some(encode(&lines)));
    let mut counters = query::counters(&world.state);
    counters.line = LineId(first + lines);
    writes.insert(Key::Counters, Some(encode(&counters)));
    let mut totals = query::totals(&world.state);
    let mut account = query::account(&world.state, &alice);
    for money in [&mut totals.accounts, &mut account.balance] {
        *money = money.saturating_sub(Amount(lines.into()));
    }
    totals.lines = totals.lines.checked_add(Amount(lines.into())).unwrap();
    writes.insert(Key::Totals, Some(encode(&totals)));
    writes.insert(Key::Account(alice), Some(encode(&account)));
    world.state.apply(&writes);
}

/// WIN-2: however many releases an epoch has, each block does a bounded number of them, and all are done in
/// the end.
#[test]
fn win_2_a_flood_of_releases_is_worked_off_in_bounded_blocks() {
    const LINES: u32 = 70_000;
    let mut world = World::new();
    world.go_to_epoch(4);
    world.blocks(7);
    flood(&mut world, LINES, Epoch(5));
    let left = |world: &World| query::totals(&world.state).lines.0;
    let mut before = left(&world);
    let mut blocks = Vec::new();
    while before > 0 {
        let execution = world.block(&[]);
        assert!(
            execution.writes.len() < 34_000,
            "{}",
            execution.writes.len()
        );
        blocks.push(before - left(&world));
        before = left(&world);
    }
    assert_eq!(blocks, [32_768, 32_768, 70_000 - 2 * 32_768]);
    assert_eq!(world.epoch(), Epoch(5));
}

/// WIN-2: lists that are late delay others, and lose nothing that comes meanwhile.
#[test]
fn win_2_what_comes_while_releases_are_late_is_released_as_well() {
    const LINES: u32 = 110_000;
    let mut world = World::with(Params {
        epoch_blocks: 2,
        checkpoint_blocks: 1,
        ..params()
    });
    for number in 0..3 {
        world.register(registration(number, &["physics"]));
    }
    world.go_to_epoch(4);
    world.blocks(1);
    flood(&mut world, LINES, Epoch(5));
    world.block(&[]);
    let line = world.open_line(credits(10), world.epoch());
    let opened = world.epoch();
    let settlement = world.settlement(vec![world.leaf(line, 1, 0, world.height, 3)]);
    let outcome = world.run("coordinator", settle(settlement));
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
    assert_eq!(world.epoch(), Epoch(6));
    assert!(
        query::totals(&world.state).lines > credits(10),
        "the flood is late"
    );
    world.go_to_epoch(opened.0 + 4);
    assert_eq!(query::totals(&world.state).held, Amount::ZERO);
    assert_eq!(query::totals(&world.state).lines, Amount::ZERO);
}
