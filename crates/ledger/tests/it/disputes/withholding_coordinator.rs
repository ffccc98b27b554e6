//! A coordinator that takes the work and settles nothing of it.

use llmnet_ledger::query;
use llmnet_types::{
    dispute::{Filing, SettledLeaf},
    id::ProviderId,
    registration::Registration,
    rejection::Rejection,
    signature::Signed,
    transaction::Instruction,
    units::{Amount, Epoch},
};

use super::{Scene, bond, enlist, file, operator, void};
use crate::{
    contract::{Contract, Plan, line_between, node_key},
    world::{credits, public, registration},
};

/// What a seat holds of a contract.
pub fn unpaid(contract: &Contract, seat: usize, void: Option<SettledLeaf>) -> Filing {
    let receipt = &contract.receipt;
    let seat = &receipt.seats[seat];
    Filing::Unpaid {
        provider: seat.provider,
        coordinator: receipt.coordinator,
        void,
        voucher: receipt.voucher.clone(),
        terms: receipt.terms.clone(),
        assign: seat.assign.clone(),
        close: receipt.closes[0].clone(),
        part: seat.part.clone().unwrap(),
    }
}

fn payee(contract: &Contract, seat: usize) -> String {
    operator(contract.receipt.seats[seat].provider)
}

/// DIS-3, BND-5: a slot that was not settled in time pays each seat its base, from the line, and costs the
/// bond once.
#[test]
fn dis_3_a_slot_that_is_never_settled_pays_base() {
    let mut scene = Scene::new();
    let contract = scene.contract();
    for epoch in [0, 1] {
        scene.world.go_to_epoch(epoch);
        // It could still be settled.
        let early = scene.refused(&payee(&contract, 0), file(&unpaid(&contract, 0, None)));
        assert_eq!(early, Rejection::Window);
    }
    scene.world.go_to_epoch(2);
    for seat in [0, 1] {
        let payee = payee(&contract, seat);
        let claim = file(&unpaid(&contract, seat, None));
        // Half of a price of 1,000.
        assert_eq!(scene.gain(&payee, &payee, claim.clone()), Amount(500));
        assert_eq!(scene.bond(), credits(5));
        assert_eq!(scene.refused(&payee, claim), Rejection::Already);
    }
    let line = query::line(&scene.world.state, scene.line).unwrap();
    assert_eq!(line.drawn, Amount(1_000));
    let record = query::coordinator(&scene.world.state, &public("coordinator")).unwrap();
    assert!(record.conduct.last().unwrap().slashed, "REP-6");
}

/// DIS-3, WIN-1: a void leaf need not be waited for; after e+2 nothing is heard.
#[test]
fn dis_3_a_void_leaf_is_claimed_at_once() {
    let mut scene = Scene::new();
    let contract = scene.contract();
    let settled = scene
        .settle_as(&[&contract], |_, leaf| void(leaf))
        .remove(0);
    let first = payee(&contract, 0);
    // The slot is settled: who says it is not must show how.
    let claim = file(&unpaid(&contract, 0, Some(settled.clone())));
    assert_eq!(scene.gain(&first, &first, claim), Amount(500));
    scene.world.go_to_epoch(2);
    let second = payee(&contract, 1);
    let unsettled = scene.refused(&second, file(&unpaid(&contract, 1, None)));
    assert_eq!(unsettled, Rejection::NoFault);
    scene.world.go_to_epoch(3);
    for void in [None, Some(settled)] {
        let late = scene.refused(&second, file(&unpaid(&contract, 1, void)));
        assert_eq!(late, Rejection::Window);
    }
}

/// DIS-3, BND-5: what the line does not pay, the bond does, and is slashed for it.
#[test]
fn dis_3_an_empty_line_is_made_good_by_the_bond() {
    let mut scene = Scene::with_line(Amount(700));
    let contract = scene.contract();
    scene.world.go_to_epoch(2);
    for (seat, left) in [(0, credits(5)), (1, Amount(2_500_000))] {
        let payee = payee(&contract, seat);
        let claim = file(&unpaid(&contract, seat, None));
        assert_eq!(scene.gain(&payee, &payee, claim), Amount(500));
        assert_eq!(scene.bond(), left);
    }
    assert_eq!(query::totals(&scene.world.state).lines, Amount::ZERO);
}

/// DIS-3: a coordinator without a bond leaves the line.
#[test]
fn dis_3_without_a_bond_there_is_the_line() {
    let mut scene = Scene::new();
    let line = line_between(&mut scene.world, "alice", "rival", Amount(700), Epoch(6));
    let mut plan = Plan::new(line, 1, 0, scene.world.height, 2);
    plan.coordinator = "rival".to_owned();
    let contract = Contract::new(&scene.world, plan);
    let epoch = scene.world.epoch().0;
    scene.world.go_to_epoch(epoch + 2);
    for (seat, gain) in [(0, Amount(500)), (1, Amount(200))] {
        let payee = payee(&contract, seat);
        let claim = file(&unpaid(&contract, seat, None));
        assert_eq!(scene.gain(&payee, &payee, claim), gain);
    }
}

/// DIS-3: the terms' cap bounds what a seat says of its own work.
#[test]
fn dis_3_a_seat_gets_at_most_base_of_the_cap() {
    let mut scene = Scene::new();
    let mut contract = scene.contract();
    let network = scene.world.network;
    let coordinator = crate::world::key("coordinator");
    contract.change_seats(&scene.world, |seats| {
        let assign = &mut seats[0].assign;
        assign.body.price.call = credits(1);
        *assign = Signed::new(assign.body.clone(), &network, &coordinator);
    });
    scene.world.go_to_epoch(2);
    let payee = payee(&contract, 0);
    let claim = file(&unpaid(&contract, 0, None));
    let cap = contract.receipt.terms.caps.seat_charge;
    assert_eq!(scene.gain(&payee, &payee, claim), Amount(cap.0 / 2));
}

/// DIS-3, REG-1: a key that left and registered again is paid for what it did before.
#[test]
fn dis_3_who_registered_again_is_paid_for_earlier_work() {
    let mut scene = Scene::new();
    let contract = scene.contract();
    let provider = contract.receipt.seats[0].provider;
    let payee = payee(&contract, 0);
    scene.applied(&payee, Instruction::Retire { provider });
    let again = Registration {
        nonce: 1,
        ..registration(provider.0, &["law"])
    };
    let key = node_key(&again.node);
    let signed = Signed::new(again, &scene.world.network, &key);
    scene.applied(&payee, Instruction::Register(Box::new(signed)));
    scene.world.go_to_epoch(2);
    let mut other = unpaid(&contract, 0, None);
    if let Filing::Unpaid { provider, .. } = &mut other {
        *provider = ProviderId(5);
    }
    // Its new registration had no part in it.
    assert_eq!(scene.refused(&payee, file(&other)), Rejection::NoParty);
    let claim = file(&unpaid(&contract, 0, None));
    assert_eq!(scene.gain(&payee, &payee, claim), Amount(500));
}

/// The innocent twins: who settled owes nothing; nor who voided a slot that nobody worked on, as no close
/// of it was ever signed.
#[test]
fn dis_3_who_settles_in_time_is_not_filed_against() {
    let mut scene = Scene::new();
    let one = scene.contract();
    let empty = Contract::new(&scene.world, scene.plan(2, 1));
    let settled = scene.settle_as(&[&one, &empty], |slot, leaf| {
        if slot == 1 {
            void(leaf);
        }
    });
    let payee = payee(&one, 0);
    for epoch in [1, 2] {
        scene.world.go_to_epoch(epoch);
        let shown = Some(settled[0].clone());
        assert_eq!(
            scene.refused(&payee, file(&unpaid(&one, 0, shown))),
            Rejection::NoFault
        );
    }
    assert_eq!(
        scene.refused(&payee, file(&unpaid(&one, 0, None))),
        Rejection::NoFault
    );
    // The void leaf of another slot is none of this one's.
    let other = Some(settled[1].clone());
    assert!(matches!(
        scene.refused(&payee, file(&unpaid(&one, 0, other))),
        Rejection::Proof { .. }
    ));
    assert_eq!(scene.bond(), bond());
}

/// WIN-1: claims are forgotten with the contracts they are about, and the list has an end.
#[test]
fn win_1_claims_are_forgotten_in_e_plus_4() {
    let mut scene = Scene::new();
    enlist(
        &mut scene.world,
        "rival",
        llmnet_types::bond::Role::Coordinator,
    );
    let contract = scene.contract();
    let epoch = scene.world.epoch().0;
    scene.world.go_to_epoch(epoch + 2);
    let payee = payee(&contract, 0);
    scene.applied(&payee, file(&unpaid(&contract, 0, None)));
    let key = llmnet_ledger::Key::Claims(public("coordinator"), Epoch(epoch));
    let claims = |scene: &Scene| llmnet_ledger::State::get(&scene.world.state, &key).is_some();
    assert!(claims(&scene));
    scene.world.go_to_epoch(epoch + 3);
    assert!(claims(&scene));
    scene.world.go_to_epoch(epoch + 4);
    assert!(!claims(&scene));
}
