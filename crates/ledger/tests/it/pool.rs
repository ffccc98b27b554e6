//! POL: who is paid from the pool, and what stays in it.

use std::collections::BTreeMap;

use llmnet_ledger::{BlockInfo, EventKind, Key, execute, query, record::Audited};
use llmnet_types::{
    codec::encode,
    params::Params,
    signature::PublicKey,
    transaction::Instruction,
    units::{Amount, Score},
};

use crate::world::{VALIDATORS, World, credits, genesis, params, public};

fn balance(world: &World, owner: &PublicKey) -> u64 {
    query::account(&world.state, owner).balance.0
}

fn pool(world: &World) -> u64 {
    query::totals(&world.state).pool.0
}

fn spend(world: &mut World) {
    let (to, amount) = (public("bob"), credits(1));
    world.apply("alice", Instruction::Transfer { to, amount });
}

/// Counts items of complete audits, as their closing does.
fn audited(world: &mut World, items: &[(PublicKey, u32)]) {
    let items = Audited::truncated(items.iter().copied());
    world
        .state
        .apply(&[(Key::Audited, Some(encode(&items)))].into());
}

#[test]
fn pol_1_and_2_an_epochs_fees_go_to_operators_of_leaders_by_blocks_led() {
    let mut genesis = genesis(params());
    let mut validators = genesis.validators.to_vec();
    for validator in &mut validators {
        // Two of the validators have one operator.
        let joint = [public("validator-0"), public("validator-1")].contains(&validator.node);
        validator.operator = public(if joint { "joint" } else { "other" });
    }
    genesis.validators = validators.try_into().unwrap();
    let mut world = World::new();
    world.state = Default::default();
    world.state.apply(&genesis.writes());
    world.network = genesis.id();

    // Blocks 1 to 7 are epoch 0: validator-0 leads one of them, each other two.
    spend(&mut world);
    world.blocks(6);
    let earned = pool(&world);
    assert_eq!(query::turns(&world.state).len(), 4);
    let events = world.block(&[]).events;
    let share = earned - earned * 3 / 10;
    let (joint, other) = (share / 7 + share * 2 / 7, 2 * (share * 2 / 7));
    assert_eq!(balance(&world, &public("joint")), joint);
    assert_eq!(balance(&world, &public("other")), other);
    // No audits: their share stays, and so does what rounding leaves.
    assert_eq!(pool(&world), earned - joint - other);
    let paid: BTreeMap<_, _> = events
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::PoolPaid { operator, amount } => Some((operator, amount.0)),
            _ => None,
        })
        .collect();
    assert_eq!(
        paid,
        [(public("joint"), joint), (public("other"), other)].into()
    );
    // The new epoch counts from its first block on, whose own fees are the next payout's.
    let leader = public(VALIDATORS[0]);
    assert_eq!(query::turns(&world.state), [(leader, 1)]);
}

#[test]
fn pol_2_the_auditors_share_goes_by_items_and_nothing_is_lost() {
    let mut world = World::with(Params {
        audit_share: Score::clamped(3_333),
        ..params()
    });
    spend(&mut world);
    let items = [(public("auditor"), 2), (public("validator-0"), 5)];
    audited(&mut world, &items);
    world.blocks(6);
    let earned = pool(&world);
    let supply = query::totals(&world.state).supply;
    world.blocks(1);
    let audits = earned * 3_333 / 10_000;
    let blocks = earned - audits;
    assert_eq!(balance(&world, &public("auditor")), audits * 2 / 7);
    // Who leads and audits is paid for both.
    assert_eq!(
        balance(&world, &public("validator-0")),
        audits * 5 / 7 + blocks / 7
    );
    assert!(pool(&world) < 7, "what rounding leaves");
    assert_eq!(query::totals(&world.state).supply, supply);
    // Items are paid once.
    let before = balance(&world, &public("auditor"));
    spend(&mut world);
    world.blocks(8);
    assert_eq!(balance(&world, &public("auditor")), before);
}

#[test]
fn pol_2_bounds_of_the_shares_are_reached() {
    for (audit_share, expected) in [(Score::ZERO, true), (Score::ONE, false)] {
        let mut world = World::with(Params {
            audit_share,
            ..params()
        });
        spend(&mut world);
        world.blocks(7);
        assert_eq!(balance(&world, &public("validator-1")) > 0, expected);
    }
}

/// An epoch has the leaders of one committee; whatever a chain might say, the list is bounded.
#[test]
fn pol_2_no_more_leaders_are_counted_than_a_committee_has() {
    let mut world = World::with(Params {
        epoch_blocks: 256,
        checkpoint_blocks: 4,
        ..params()
    });
    (0..20).for_each(|_| spend(&mut world));
    for number in 0..200_u32 {
        let leader = public(&format!("leader-{number}"));
        let block = BlockInfo {
            network: world.network,
            height: world.height.next().unwrap(),
            leader,
            reveal: None,
        };
        let execution = execute(&world.state, &block, &[]);
        assert_eq!(execution.fault, None);
        world.state.apply(&execution.writes);
        world.height = block.height;
    }
    assert_eq!(query::turns(&world.state).len(), 128);
    world.go_to_epoch(1);
    assert_eq!(balance(&world, &public("leader-199")), 0);
    assert!(balance(&world, &public("leader-100")) > 0);
    assert!(Amount(pool(&world)) > Amount::ZERO);
}
