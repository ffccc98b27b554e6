//! SET, LIN-3, LIN-4, REP, ANC: what is settled, paid and rated, and what is refused.

use llmnet_ledger::{EventKind, query};
use llmnet_types::{
    codec::List,
    id::{Digest, LineId, ProviderId},
    receipt::{ContractStatus, SeatOutcome},
    rejection::{Field, LeafFault, Rejection},
    settlement::{Leaf, Settlement},
    transaction::{Instruction, Outcome},
    units::{Amount, Epoch, Height, Score, Slot},
};

use crate::world::{World, credits, element, public, registration, served, settle};

fn world() -> (World, LineId) {
    let mut world = World::with_experts(5);
    let line = world.open_line(credits(10), Epoch(8));
    (world, line)
}

fn apply(settlement: Settlement, world: &mut World) {
    let outcome = world.run("coordinator", settle(settlement));
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
}

fn balance(world: &World, name: &str) -> u64 {
    query::account(&world.state, &public(name)).balance.0
}

/// What becomes of one leaf after a change to it, or to its settlement.
fn refused(
    change: impl FnOnce(&World, &mut Leaf),
    after: impl FnOnce(&World, &mut Settlement),
) -> Rejection {
    let (mut world, line) = world();
    let mut leaf = world.leaf(line, 1, 0, world.height, 3);
    change(&world, &mut leaf);
    let mut settlement = world.settlement(vec![leaf]);
    after(&world, &mut settlement);
    world.rejection("coordinator", settle(settlement))
}

fn fault(change: impl FnOnce(&World, &mut Leaf)) -> LeafFault {
    match refused(change, |_, _| {}) {
        Rejection::Leaf {
            slot: Slot(0),
            reason,
        } => reason,
        other => panic!("{other}"),
    }
}

fn seats(leaf: &mut Leaf, change: impl FnOnce(&mut Vec<llmnet_types::settlement::LeafSeat>)) {
    let mut seats = leaf.seats.to_vec();
    change(&mut seats);
    leaf.seats = List::from_vec(seats).unwrap();
}

#[test]
fn set_6_co_signed_pay_is_free_at_once_other_pay_when_the_windows_close() {
    let (mut world, line) = world();
    let leaf = world.leaf(line, 1, 0, world.height, 3);
    let quick = leaf.seats[0].provider;
    let slow = leaf.seats[1].provider;
    let mut settlement = world.settlement(vec![leaf]);
    world.co_sign(&mut settlement, quick.0);
    let names = [quick, slow].map(|provider| format!("operator-{}", provider.0));
    let before = names.clone().map(|name| balance(&world, &name));
    apply(settlement, &mut world);
    assert_eq!(balance(&world, &names[0]), before[0] + 1_000);
    assert_eq!(balance(&world, &names[1]), before[1]);
    let totals = query::totals(&world.state);
    assert_eq!(totals.held, Amount(2_000));
    let settled = query::settlement(&world.state, &public("coordinator"), Slot(0)).unwrap();
    assert_eq!(settled.held.len(), 2);
    world.go_to_epoch(4);
    assert_eq!(balance(&world, &names[1]), before[1] + 1_000);
    assert_eq!(query::totals(&world.state).held, Amount::ZERO);
}

/// SET-3, SET-5
#[test]
fn set_3_and_5_charge_is_pay_part_and_fee_and_the_fee_is_halved() {
    let (mut world, line) = world();
    let leaf = world.leaf(line, 1, 0, world.height, 3);
    let (charge, fee) = (leaf.charge, leaf.fee);
    assert_eq!((charge, fee), (Amount(3_675), Amount(175)));
    let before = query::totals(&world.state);
    let settlement = world.settlement(vec![leaf]);
    let transaction = world.sign("coordinator", settle(settlement));
    let execution = world.block(&[transaction]);
    let paid = execution.events.iter().find_map(|event| match event.kind {
        EventKind::FeePaid { fee, .. } => Some(fee.0),
        _ => None,
    });
    let paid = paid.unwrap();
    let after = query::totals(&world.state);
    assert_eq!(after.burnt.0 - before.burnt.0, paid / 2 + 87);
    assert_eq!(after.pool.0 - before.pool.0, paid - paid / 2 + 88);
    assert_eq!(before.lines.0 - after.lines.0, charge.0);
    assert_eq!(query::line(&world.state, line).unwrap().drawn, charge);
    assert_eq!(execution.settlements.len(), 1, "SET-7");
    assert_eq!(
        fault(|_, leaf| leaf.charge = Amount(leaf.charge.0 + 100)),
        LeafFault::Sums
    );
    assert_eq!(
        fault(|_, leaf| leaf.fee = Amount(leaf.fee.0 - 1)),
        LeafFault::Sums
    );
    assert_eq!(
        fault(|_, leaf| leaf.fee = Amount(u64::MAX)),
        LeafFault::Sums
    );
    // CON-9: nothing for the coordinator of a failed contract.
    assert_eq!(
        fault(|_, leaf| leaf.status = ContractStatus::Failed),
        LeafFault::Sums
    );
}

/// SET-2, ANC-1
#[test]
fn set_2_slots_follow_and_the_opening_hashes_down() {
    let (mut world, line) = world();
    let height = world.height;
    let leaves: Vec<_> = (0..5)
        .map(|slot| world.leaf(line, slot + 1, u64::from(slot), height, 3))
        .collect();
    apply(world.settlement(leaves), &mut world);
    let record = query::coordinator(&world.state, &public("coordinator")).unwrap();
    assert_eq!(record.next_slot, Slot(5));
    assert_eq!(record.chains.chains[0].position, element("coordinator", 4));

    let skipping = refused(|_, _| {}, |_, settlement| settlement.first_slot = Slot(1));
    assert_eq!(
        skipping,
        Rejection::Slot {
            expected: Slot(0),
            found: Slot(1)
        }
    );
    let wrong = refused(|_, _| {}, |_, settlement| settlement.opening = Digest::ZERO);
    assert_eq!(wrong, Rejection::Opening);
    let ahead = refused(
        |_, _| {},
        |_, settlement| settlement.opening = element("coordinator", 1),
    );
    assert_eq!(ahead, Rejection::Opening);
    let empty = refused(|_, _| {}, |_, settlement| settlement.leaves = List::new());
    assert_eq!(
        empty,
        Rejection::Bounds {
            field: Field::Leaves
        }
    );
    let stranger = world.settlement(vec![world.leaf(line, 6, 5, world.height, 3)]);
    assert_eq!(
        world.rejection("bob", settle(stranger)),
        Rejection::NoAnchor
    );
}

/// SEL-8: who sits where is not looked at when a panel is settled: whoever sees that the order puts others
/// there shows the leaf. Skips stand on the receipt, not on the leaf.
#[test]
fn sel_8_a_settlement_is_taken_whatever_the_order_says() {
    let (mut world, line) = world();
    let order = world.order("coordinator", 0, world.height);
    let mut leaf = world.leaf(line, 1, 0, world.height, 3);
    seats(&mut leaf, |seats| {
        seats[0].provider = order[4];
        seats[2].rank = 5;
    });
    apply(world.settlement(vec![leaf]), &mut world);
}

#[test]
fn rep_4_filtered_failed_and_related_seats_are_not_rated() {
    let rated = |change: &dyn Fn(&World, &mut Leaf)| {
        let (mut world, line) = world();
        let mut leaf = world.leaf(line, 1, 0, world.height, 3);
        change(&world, &mut leaf);
        apply(world.settlement(vec![leaf]), &mut world);
        let physics = world.domain("physics");
        (0..5)
            .filter(|id| query::reputation(&world.state, ProviderId(*id), physics).samples > 0)
            .count()
    };
    assert_eq!(rated(&|_, _| {}), 3);
    assert_eq!(rated(&|_, leaf| leaf.filtered = true), 0);
    let failed = |_: &World, leaf: &mut Leaf| {
        leaf.status = ContractStatus::Failed;
        leaf.fee = Amount(150);
        leaf.charge = Amount(3_150);
    };
    assert_eq!(rated(&failed), 0);
    // A filtered leaf may seat anybody who is registered, and nobody else.
    let pinned = |provider| {
        move |_: &World, leaf: &mut Leaf| {
            leaf.filtered = true;
            seats(leaf, |seats| *seats = vec![served(ProviderId(provider), 9)]);
            leaf.fee = Amount(75);
            leaf.charge = Amount(1_575);
        }
    };
    assert_eq!(rated(&pinned(4)), 0);
    assert_eq!(fault(pinned(5)), LeafFault::Unknown);
}

#[test]
fn rep_4_own_seats_are_not_rated_unless_waived() {
    for waive_operator in [false, true] {
        let mut world = World::with(llmnet_types::params::Params {
            waive_operator,
            ..crate::world::params()
        });
        for number in 0..3 {
            world.register(registration(number, &["physics"]));
        }
        // The requester is the operator of provider 0.
        let open = Instruction::OpenLine {
            coordinator: public("coordinator"),
            amount: credits(1),
            expires: Epoch(2),
        };
        world.run("operator-0", open);
        let line = LineId(0);
        let leaf = world.leaf(line, 1, 0, world.height, 3);
        let mut settlement = world.settlement(vec![leaf]);
        let voucher = world.voucher("operator-0", line, 1, credits(1));
        settlement.vouchers = List::from_vec(vec![voucher]).unwrap();
        apply(settlement, &mut world);
        let physics = world.domain("physics");
        let samples = |id| query::reputation(&world.state, ProviderId(id), physics).samples;
        assert_eq!([samples(0), samples(1)], [u32::from(waive_operator), 1]);
    }
}

#[test]
fn rat_2_who_was_excused_is_not_rated() {
    let (mut world, line) = world();
    let mut leaf = world.leaf(line, 1, 0, world.height, 2);
    seats(&mut leaf, |seats| {
        seats[1].outcome = SeatOutcome::Excused;
        seats[1].score = Score::ZERO;
        seats[1].pay = Amount::ZERO;
    });
    leaf.fee = Amount(75);
    leaf.charge = Amount(1_575);
    let ids = [leaf.seats[0].provider, leaf.seats[1].provider];
    apply(world.settlement(vec![leaf]), &mut world);
    let physics = world.domain("physics");
    let [served, excused] = ids.map(|id| query::reputation(&world.state, id, physics));
    assert_eq!((served.samples, excused.samples), (1, 0));
    assert_eq!(
        (excused.positive, excused.negative, excused.latency_ms),
        (0, 0, 0)
    );
}

#[test]
fn rep_1_to_3_evidence_adds_up_and_decays_when_read() {
    let (mut world, line) = world();
    let mut leaf = world.leaf(line, 1, 0, world.height, 2);
    seats(&mut leaf, |seats| {
        seats[1].outcome = SeatOutcome::NoShow;
        seats[1].score = Score::ZERO;
        seats[1].pay = Amount::ZERO;
    });
    leaf.fee = Amount(75);
    leaf.charge = Amount(1_575);
    let ids = [leaf.seats[0].provider, leaf.seats[1].provider];
    apply(world.settlement(vec![leaf]), &mut world);
    let physics = world.domain("physics");
    let [served, no_show] = ids.map(|id| query::reputation(&world.state, id, physics));
    // The fee of 75 buys 3.75 units of evidence for two seats, and a seat counts for one at most.
    assert_eq!((served.positive, served.negative), (800_000, 200_000));
    assert_eq!((no_show.positive, no_show.negative), (0, 1_000_000));
    assert_eq!((served.latency_ms, no_show.latency_ms), (400, 0));
    world.go_to_epoch(2);
    let later = query::reputation(&world.state, ids[0], physics);
    assert_eq!((later.positive, later.samples), (768_320, 1));
    let prior = world.params.prior;
    assert!(
        no_show.mean(&prior) < Score::clamped(3_333) && served.mean(&prior) > no_show.mean(&prior)
    );
}

#[test]
fn lin_3_vouchers_are_signed_highest_and_cover() {
    let voucher = |signer: &'static str, n, limit| {
        refused(
            |_, _| {},
            move |world, settlement| {
                let voucher = world.voucher(signer, LineId(0), n, limit);
                settlement.vouchers = List::from_vec(vec![voucher]).unwrap();
            },
        )
    };
    let expected = Rejection::Voucher { line: LineId(0) };
    assert_eq!(voucher("coordinator", 1, credits(9)), expected);
    assert_eq!(voucher("alice", 2, credits(9)), expected);
    assert_eq!(voucher("alice", 1, Amount(3_674)), expected);
    let missing = refused(|_, _| {}, |_, settlement| settlement.vouchers = List::new());
    assert_eq!(missing, expected);
    let more_than_locked = refused(
        |_, leaf| {
            leaf.fee = credits(1);
            leaf.charge = credits(21);
        },
        |_, _| {},
    );
    assert_eq!(more_than_locked, expected);
}

#[test]
fn lin_4_orders_go_up_and_none_is_settled_twice() {
    let (mut world, line) = world();
    apply(
        world.settlement(vec![world.leaf(line, 3, 0, world.height, 3)]),
        &mut world,
    );
    for n in [1, 3] {
        let leaf = world.leaf(line, n, 1, world.height, 3);
        let settlement = world.settlement(vec![leaf]);
        let reason = world.rejection("coordinator", settle(settlement));
        let expected = Rejection::Leaf {
            slot: Slot(1),
            reason: LeafFault::Order,
        };
        assert_eq!(reason, expected);
    }
    assert!(matches!(
        refused(|_, leaf| leaf.line = LineId(9), |_, _| {}),
        Rejection::Line { .. }
    ));
}

#[test]
fn lin_2_a_line_is_settled_against_for_one_epoch_after_its_end() {
    let settle_in = |epoch: u64| {
        let (mut world, line) = world();
        world.run("alice", Instruction::CloseLine { line });
        let height = world.height;
        world.go_to_epoch(epoch);
        let leaf = world.leaf(
            line,
            1,
            0,
            height.max(Height(epoch.saturating_sub(1) * 8)),
            3,
        );
        let settlement = world.settlement(vec![leaf]);
        world.run("coordinator", settle(settlement))
    };
    // Closed in epoch 0, with an order of that epoch.
    assert!(matches!(settle_in(1), Outcome::Applied { .. }));
    for late in [settle_in(2), settle_in(3)] {
        let Outcome::Rejected { reason, .. } = late else {
            panic!("{late:?}")
        };
        assert_eq!(reason, Rejection::LineClosed { line: LineId(0) });
    }
}

#[test]
fn set_8_a_void_leaf_is_empty() {
    let (mut world, line) = world();
    let void = Leaf {
        n: 0,
        status: ContractStatus::Void,
        charge: Amount::ZERO,
        fee: Amount::ZERO,
        seats: List::new(),
        ..world.leaf(line, 1, 0, world.height, 3)
    };
    apply(world.settlement(vec![void]), &mut world);
    assert_eq!(
        fault(|_, leaf| leaf.status = ContractStatus::Void),
        LeafFault::Void
    );
}

type Change = fn(&World, &mut Leaf);

#[test]
fn set_1_leaves_keep_their_own_rules() {
    let cases: [(LeafFault, Change); 9] = [
        (LeafFault::Height, |world, leaf| {
            leaf.height = world.height.next().unwrap()
        }),
        (LeafFault::Seats, |_, leaf| seats(leaf, Vec::clear)),
        (LeafFault::Seats, |_, leaf| {
            seats(leaf, |seats| seats.swap(0, 1))
        }),
        (LeafFault::Seats, |_, leaf| {
            seats(leaf, |seats| seats[2].rank = 14)
        }),
        (LeafFault::Seats, |_, leaf| {
            leaf.filtered = true;
            seats(leaf, |seats| seats[1].provider = seats[0].provider);
        }),
        (LeafFault::Outcome, |_, leaf| {
            seats(leaf, |seats| seats[0].outcome = SeatOutcome::Withheld)
        }),
        (LeafFault::Unknown, |_, leaf| leaf.domains = List::new()),
        (LeafFault::Unknown, |_, leaf| {
            leaf.domains = List::truncated(
                [leaf.domains[0], leaf.domains[0]].map(|(id, _)| (id, Score::HALF)),
            );
        }),
        (LeafFault::Sums, |_, leaf| {
            leaf.domains = List::truncated([leaf.domains[0]; 2]);
        }),
    ];
    for (expected, change) in cases {
        assert_eq!(fault(change), expected);
    }
}

#[test]
fn set_6_co_signatures_are_the_seats_own() {
    let forged = refused(
        |_, _| {},
        |world, settlement| {
            let provider = settlement.leaves[0].seats[0].provider;
            world.co_sign(settlement, provider.0);
            let (_, mut line_ok) = settlement.line_oks[0].clone();
            line_ok.body.total = Amount(2_000);
            settlement.line_oks = List::from_vec(vec![(provider, line_ok)]).unwrap();
        },
    );
    assert!(matches!(forged, Rejection::LineOk { .. }));
    let of_nobody = refused(
        |_, _| {},
        |world, settlement| {
            let absent = (0..5)
                .find(|id| {
                    settlement.leaves[0]
                        .seats
                        .iter()
                        .all(|seat| seat.provider.0 != *id)
                })
                .unwrap();
            world.co_sign(settlement, absent);
        },
    );
    assert!(matches!(of_nobody, Rejection::LineOk { .. }));
}

/// ANC-3: a slot has one possible element, that of the chain in force at its height.
#[test]
fn anc_3_a_settlement_keeps_to_the_chain_of_its_heights() {
    let (mut world, line) = world();
    let anchor = Instruction::Anchor {
        purpose: llmnet_types::bond::ChainUse::Slots,
        tip: llmnet_ledger::chain_element(&Digest::ZERO, 10, 0),
        length: 10,
    };
    world.run("coordinator", anchor);
    world.go_to_epoch(world.epoch().0 + 2);
    let old = world.settlement(vec![world.leaf(line, 1, 0, world.height, 3)]);
    world.block(&[]);
    assert_eq!(
        world.rejection("coordinator", settle(old)),
        Rejection::Opening
    );
    let void = Leaf {
        n: 0,
        status: ContractStatus::Void,
        charge: Amount::ZERO,
        fee: Amount::ZERO,
        seats: List::new(),
        ..world.leaf(line, 1, 0, world.height, 3)
    };
    let mut new = world.settlement(vec![void]);
    new.opening = llmnet_ledger::chain_element(&Digest::ZERO, 10, 1);
    apply(new, &mut world);
}

/// SET-9
#[test]
fn set_9_the_contracts_of_a_settlement_are_of_one_epoch() {
    let (mut world, line) = world();
    let first = world.leaf(line, 1, 0, world.height, 3);
    world.go_to_epoch(world.epoch().0 + 1);
    world.block(&[]);
    let second = world.leaf(line, 2, 1, world.height, 3);
    let both = world.settlement(vec![first.clone(), second]);
    assert_eq!(
        world.rejection("coordinator", settle(both)),
        Rejection::Epochs
    );
    apply(world.settlement(vec![first]), &mut world);
}
