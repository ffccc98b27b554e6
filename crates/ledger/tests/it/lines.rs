//! LIN, ANC: locks, their ends, and hash chains.

use llmnet_ledger::query;
use llmnet_types::{
    bond::ChainUse,
    id::Digest,
    rejection::{Field, Rejection},
    transaction::{Instruction, Outcome},
    units::{Amount, Epoch},
};

use crate::world::{World, credits, public, settle};

fn balance(world: &World) -> Amount {
    query::account(&world.state, &public("alice")).balance
}

#[test]
fn lin_1_a_line_locks_its_money() {
    let mut world = World::new();
    let before = balance(&world);
    let line = world.open_line(credits(10), Epoch(2));
    assert!(balance(&world) < Amount(before.0 - credits(10).0 + 1));
    assert_eq!(query::line(&world.state, line).unwrap().locked, credits(10));
    for expires in [9, u64::MAX] {
        let open = Instruction::OpenLine {
            coordinator: public("coordinator"),
            amount: credits(1),
            expires: Epoch(expires),
        };
        let reason = world.rejection("alice", open);
        assert_eq!(
            reason,
            Rejection::Bounds {
                field: Field::Expiry
            }
        );
    }
}

#[test]
fn lin_2_the_rest_returns_by_itself_four_epochs_after_the_end() {
    let mut world = World::new();
    let line = world.open_line(credits(10), Epoch(2));
    let after = balance(&world);
    world.go_to_epoch(5);
    world.blocks(7);
    assert!(query::line(&world.state, line).is_some());
    world.go_to_epoch(6);
    assert!(query::line(&world.state, line).is_none());
    assert!(query::line_of(&world.state, &public("alice"), &public("coordinator")).is_none());
    assert_eq!(balance(&world), Amount(after.0 + credits(10).0));
}

#[test]
fn lin_2_a_closed_line_returns_earlier_and_once() {
    let mut world = World::new();
    let line = world.open_line(credits(10), Epoch(8));
    let not_yours = world.rejection("bob", Instruction::CloseLine { line });
    assert_eq!(not_yours, Rejection::Line { line });
    let outcome = world.run("alice", Instruction::CloseLine { line });
    assert!(matches!(outcome, Outcome::Applied { .. }));
    let again = world.rejection("alice", Instruction::CloseLine { line });
    assert_eq!(again, Rejection::LineClosed { line });
    let after = balance(&world);
    world.go_to_epoch(4);
    assert_eq!(balance(&world), Amount(after.0 + credits(10).0));
    world.go_to_epoch(13);
    assert_eq!(balance(&world), Amount(after.0 + credits(10).0));
}

/// LIN-5
#[test]
fn lin_5_its_owner_locks_more_on_a_line_that_takes_orders() {
    let mut world = World::with_experts(5);
    let line = world.open_line(Amount(3_000), Epoch(1));
    let more = |amount| Instruction::TopUp { line, amount };
    let leaf = world.leaf(line, 1, 0, world.height, 3);
    assert!(leaf.charge > Amount(3_000));
    let settlement = world.settlement(vec![leaf.clone()]);
    let too_much = world.rejection("coordinator", settle(settlement.clone()));
    assert_eq!(too_much, Rejection::Voucher { line });

    let reason = world.rejection("bob", more(Amount(1)));
    assert_eq!(reason, Rejection::Line { line });
    let reason = world.rejection("alice", more(Amount::ZERO));
    let expected = Rejection::Bounds {
        field: Field::Amount,
    };
    assert_eq!(reason, expected);
    let reason = world.rejection("alice", more(credits(1_000)));
    assert!(matches!(reason, Rejection::Balance { .. }));

    let before = balance(&world);
    let outcome = world.run("alice", more(Amount(2_000)));
    let Outcome::Applied { fee } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(balance(&world), Amount(before.0 - 2_000 - fee.0));
    assert_eq!(
        query::line(&world.state, line).unwrap().locked,
        Amount(5_000)
    );
    let outcome = world.run("coordinator", settle(settlement));
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
    assert_eq!(
        query::line(&world.state, line).unwrap().rest(),
        Amount(5_000 - leaf.charge.0)
    );

    // An expired line takes no more, and neither does a closed one.
    let other = world.open_line(credits(1), Epoch(8));
    world.run("alice", Instruction::CloseLine { line: other });
    let closed = Instruction::TopUp {
        line: other,
        amount: Amount(1),
    };
    let reason = world.rejection("alice", closed);
    assert_eq!(reason, Rejection::LineClosed { line: other });
    world.go_to_epoch(2);
    let reason = world.rejection("alice", more(Amount(1)));
    assert_eq!(reason, Rejection::LineClosed { line });
}

/// LIN-1: a line pays its coordinator and nobody else.
#[test]
fn lin_1_a_line_is_of_one_coordinator() {
    let mut world = World::with_experts(5);
    let line = world.open_line(credits(1), Epoch(8));
    let mut settlement = world.settlement(vec![world.leaf(line, 1, 0, world.height, 3)]);
    settlement.opening = crate::world::element("rival", 0);
    let reason = world.rejection("rival", settle(settlement));
    assert_eq!(reason, Rejection::Line { line });
}

#[test]
fn anc_2_one_anchor_per_epoch_in_force_from_the_next() {
    let mut world = World::new();
    let anchor = |tip: &[u8]| Instruction::Anchor {
        purpose: ChainUse::Slots,
        tip: Digest::of(tip),
        length: 10,
    };
    assert!(matches!(
        world.run("coordinator", anchor(b"1")),
        Outcome::Applied { .. }
    ));
    assert_eq!(
        world.rejection("coordinator", anchor(b"2")),
        Rejection::AnchoredAlready
    );
    let record = query::coordinator(&world.state, &public("coordinator")).unwrap();
    assert_ne!(
        record.chains.of(Epoch(0)).unwrap().position,
        Digest::of(b"1")
    );
    assert_eq!(
        record.chains.of(Epoch(1)).unwrap().position,
        Digest::of(b"1")
    );
    for epoch in 1..6_u64 {
        world.go_to_epoch(epoch);
        world.run("coordinator", anchor(&epoch.to_le_bytes()));
        let record = query::coordinator(&world.state, &public("coordinator")).unwrap();
        assert!(record.chains.chains.len() <= 5);
    }
    let empty = Instruction::Anchor {
        purpose: ChainUse::Slots,
        tip: Digest::ZERO,
        length: 0,
    };
    let reason = world.rejection("bob", empty);
    assert_eq!(
        reason,
        Rejection::Bounds {
            field: Field::Length
        }
    );
}
