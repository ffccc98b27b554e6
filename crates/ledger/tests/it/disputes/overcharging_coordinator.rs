//! A coordinator that charges more than was agreed, within what the voucher would let it.

use llmnet_types::{
    contract::Voucher,
    message::Part,
    receipt::{ContractStatus, SeatReceipt},
    rejection::{LeafFault, ProofPart, Rejection},
    settlement::Leaf,
    signature::Signed,
    units::{Amount, Tokens},
};

use super::{Scene, answer, challenge};
use crate::{
    contract::{Contract, node_key},
    world::key,
};

/// What becomes of the answer of a contract that was changed before its receipt was signed.
fn answered(change: impl FnOnce(&Scene, &mut Contract)) -> Option<Rejection> {
    let mut scene = Scene::new();
    let mut contract = scene.contract();
    change(&scene, &mut contract);
    let settled = scene.settle(&[&contract]).remove(0);
    scene.applied("alice", challenge(&settled));
    let transaction = scene
        .world
        .sign("coordinator", answer(&contract, &settled.leaf));
    match scene.world.block(&[transaction]).outcomes.remove(0) {
        llmnet_types::transaction::Outcome::Applied { .. } => None,
        llmnet_types::transaction::Outcome::Rejected { reason, .. } => Some(reason),
    }
}

fn first(contract: &mut Contract, scene: &Scene, change: impl FnOnce(&mut SeatReceipt)) {
    contract.change_seats(&scene.world, |seats| change(&mut seats[0]));
}

/// Lets a seat account for something else, as a friend would.
fn account(seat: &mut SeatReceipt, scene: &Scene, change: impl FnOnce(&mut Part)) {
    let mut part = seat.part.as_ref().unwrap().body.clone();
    change(&mut part);
    let node = node_key(&seat.assign.body.seat);
    seat.part = Some(Signed::new(part, &scene.world.network, &node));
}

const SUMS: Option<Rejection> = Some(Rejection::Leaf {
    slot: llmnet_types::units::Slot(0),
    reason: LeafFault::Sums,
});

/// DIS-5: a seat earns at most what its own account comes to at the price it registered, and at most the cap.
#[test]
fn dis_5_a_seat_earns_at_most_what_it_accounts_for() {
    let overpaid = answered(|scene, contract| {
        first(contract, scene, |seat| seat.pay = Amount(1_001));
    });
    assert_eq!(overpaid, SUMS);
    let unaccounted = answered(|scene, contract| first(contract, scene, |seat| seat.part = None));
    assert_eq!(unaccounted, SUMS);
    let more_than_delivered = answered(|scene, contract| {
        first(contract, scene, |seat| seat.output = Tokens(41));
    });
    assert_eq!(more_than_delivered, SUMS);
    let of_another_contract = answered(|scene, contract| {
        first(contract, scene, |seat| {
            account(seat, scene, |part| {
                part.contract = llmnet_types::id::ContractId([1; 32])
            });
        });
    });
    assert_eq!(of_another_contract, SUMS);
    let forged = answered(|scene, contract| {
        first(contract, scene, |seat| {
            let part = seat.part.as_ref().unwrap().body.clone();
            seat.part = Some(Signed::new(part, &scene.world.network, &key("coordinator")));
        });
    });
    let expected = Rejection::Proof {
        part: ProofPart::Signature,
    };
    assert_eq!(forged, Some(expected));
}

/// DIS-5, CON-9: of what failed nobody earns more than the base.
#[test]
fn dis_5_a_failed_contract_pays_base_and_no_more() {
    let failed = |pay| {
        answered(move |scene, contract| {
            contract.change_seats(&scene.world, |seats| {
                seats.iter_mut().for_each(|seat| seat.pay = Amount(pay));
            });
            contract.receipt.status = ContractStatus::Failed;
            let earned = Amount(pay * 2);
            contract.receipt.charges =
                llmnet_ledger::charges(&scene.world.params, earned, Amount::ZERO).unwrap();
        })
    };
    assert_eq!(failed(500), None);
    assert_eq!(failed(501), SUMS);
}

/// DIS-5: the coordinator's own part is the terms' share of what the seats earn.
#[test]
fn dis_5_the_coordinators_part_is_the_terms() {
    let part = |part| {
        answered(move |scene, contract| {
            let seats = contract.receipt.charges.seats;
            contract.receipt.charges =
                llmnet_ledger::charges(&scene.world.params, seats, Amount(part)).unwrap();
        })
    };
    // 5% of 1,800.
    assert_eq!(part(90), None);
    assert_eq!(part(91), SUMS);
    assert_eq!(part(0), None, "nobody is forced to earn");
}

/// Lets the receipt have another voucher of alice's.
fn order(scene: &Scene, contract: &mut Contract, change: impl FnOnce(&mut Voucher)) {
    let mut voucher = contract.receipt.voucher.body.clone();
    change(&mut voucher);
    contract.receipt.voucher = Signed::new(voucher, &scene.world.network, &key("alice"));
}

/// DIS-5: what is opened is the order that was settled, and no other that alice gave.
#[test]
fn dis_5_the_order_that_is_opened_is_the_one_that_was_settled() {
    let changes: [fn(&mut Voucher); 2] = [|voucher| voucher.line.0 += 1, |voucher| voucher.n += 1];
    for change in changes {
        let mut scene = Scene::new();
        let mut contract = scene.contract();
        let mut opened = contract.clone();
        order(&scene, &mut opened, change);
        contract.told = Some(Leaf {
            receipt: opened.root(),
            ..contract.leaf()
        });
        let settled = scene.settle(&[&contract]).remove(0);
        scene.applied("alice", challenge(&settled));
        let refused = scene.refused("coordinator", answer(&opened, &settled.leaf));
        let part = ProofPart::Contract;
        assert_eq!(refused, Rejection::Proof { part });
    }
}

/// DIS-5: what is opened says what was settled, and what alice ordered.
#[test]
fn dis_5_what_is_opened_agrees_with_the_leaf() {
    let changes: [fn(&Scene, &mut Contract); 6] = [
        // Under another policy than that of its epoch; by a seat that took another time.
        |scene, contract| {
            contract.receipt.terms.policy += 1;
            let terms = contract.receipt.terms.digest();
            order(scene, contract, |voucher| voucher.terms = terms);
        },
        |_, contract| {
            let mut leaf = contract.leaf();
            let mut seats = leaf.seats.to_vec();
            seats[0].latency_ms += 1;
            leaf.seats = seats.try_into().unwrap();
            contract.told = Some(leaf);
        },
        // Held in another way than was ordered.
        |scene, contract| {
            contract.receipt.terms.strategy = llmnet_types::contract::Strategy::Debate;
            let terms = contract.receipt.terms.digest();
            order(scene, contract, |voucher| voucher.terms = terms);
            contract.told = Some(Leaf {
                strategy: llmnet_types::contract::Strategy::Vote,
                ..contract.leaf()
            });
        },
        // The leaf says Vote, as the receipt's terms did when the voucher was signed.
        |scene, contract| {
            contract.receipt.terms.strategy = llmnet_types::contract::Strategy::Debate;
            let _ = scene;
        },
        |scene, contract| {
            let mut voucher = contract.receipt.voucher.body.clone();
            voucher.terms = llmnet_types::id::Digest::ZERO;
            contract.receipt.voucher = Signed::new(voucher, &scene.world.network, &key("alice"));
        },
        |scene, contract| {
            contract.receipt.terms.domain = Some(llmnet_types::domain::Domain::new("law").unwrap());
            let mut voucher = contract.receipt.voucher.body.clone();
            voucher.terms = contract.receipt.terms.digest();
            contract.receipt.voucher = Signed::new(voucher, &scene.world.network, &key("alice"));
        },
    ];
    let expected = Some(Rejection::Proof {
        part: ProofPart::Contract,
    });
    for change in changes {
        assert_eq!(answered(change), expected);
    }
}
