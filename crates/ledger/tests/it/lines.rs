//! LIN, ANC: locks, their ends, and hash chains.

use llmnet_ledger::query;
use llmnet_types::{
    bond::ChainUse,
    id::Digest,
    rejection::{Field, Rejection},
    transaction::{Instruction, Outcome},
    units::{Amount, Epoch},
};

use crate::world::{World, credits, public};

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

#[test]
fn lin_2_many_lines_of_one_epoch_all_return_though_blocks_are_bounded() {
    let mut world = World::new();
    let alice = crate::world::key("alice");
    let coordinator = public("coordinator");
    for _ in 0..5 {
        let first = query::account(&world.state, &alice.public_key()).nonce;
        let transactions: Vec<_> = (0..104)
            .map(|index| {
                llmnet_types::transaction::Transaction::sign(
                    world.network,
                    &alice,
                    first + index,
                    Instruction::OpenLine {
                        coordinator,
                        amount: Amount(1),
                        expires: Epoch(1),
                    },
                )
            })
            .collect();
        world.block(&transactions);
    }
    world.go_to_epoch(5);
    assert!(
        query::totals(&world.state).lines > Amount::ZERO,
        "carried over"
    );
    world.blocks(1);
    assert_eq!(query::totals(&world.state).lines, Amount::ZERO);
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
