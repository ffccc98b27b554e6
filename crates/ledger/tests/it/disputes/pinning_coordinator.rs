//! A biased coordinator that pins a friend to a seat: openly, or behind a filter that nobody asked for.

use llmnet_types::{
    contract::Filters,
    dispute::{FaultProof, SettledLeaf},
    id::ProviderId,
    rejection::{ProofPart, Rejection},
    signature::Signed,
    units::{Amount, Epoch},
};

use super::{Scene, answer, bond, challenge, fault, operator, slashed};
use crate::{
    contract::Contract,
    world::{credits, public},
};

/// A contract whose second seat is a friend's, at the rank of whom the order puts there.
fn pinned(scene: &Scene) -> (Contract, ProviderId) {
    let mut contract = scene.contract();
    let friend = scene.world.order("coordinator", 0, scene.world.height)[4];
    contract.change_seats(&scene.world, |seats| seats[1].provider = friend);
    (contract, friend)
}

fn shown(settled: &SettledLeaf) -> FaultProof {
    FaultProof::Panel(settled.clone())
}

/// SEL-8, DIS-1, BND-5
#[test]
fn sel_8_a_pinned_seat_costs_the_bond_once() {
    let mut scene = Scene::new();
    let (contract, _) = pinned(&scene);
    let settled = scene.settle(&[&contract]).remove(0);
    let events = scene.applied("bob", fault(&shown(&settled)));
    assert_eq!(slashed(&events), Some((credits(5), Amount::ZERO)));
    assert_eq!(scene.bond(), credits(5));
    let again = scene.refused("carol", fault(&shown(&settled)));
    assert_eq!(again, Rejection::Already);
}

/// SEL-8: nor may a seat stand at another rank than its own, though it is in the order.
#[test]
fn sel_8_a_seat_has_its_rank_and_no_other() {
    let mut scene = Scene::new();
    let mut contract = scene.contract();
    contract.change_seats(&scene.world, |seats| seats[1].assign.body.rank = 2);
    let settled = scene.settle(&[&contract]).remove(0);
    scene.applied("bob", fault(&shown(&settled)));
    assert_eq!(scene.bond(), credits(5));
}

/// SEL-8: the slots of a settlement have seeds of their own, each computed down from its opening.
#[test]
fn sel_8_each_slot_of_a_settlement_is_recomputed_by_its_own_seed() {
    let mut scene = Scene::new();
    let mut contracts: Vec<Contract> = (0..5)
        .map(|slot| Contract::new(&scene.world, scene.plan(slot + 1, u64::from(slot))))
        .collect();
    let friend = scene.world.order("coordinator", 3, scene.world.height)[4];
    contracts[3].change_seats(&scene.world, |seats| seats[0].provider = friend);
    let all: Vec<&Contract> = contracts.iter().collect();
    let settled = scene.settle(&all);
    for (slot, settled) in settled.iter().enumerate().filter(|(slot, _)| *slot != 3) {
        let reason = scene.refused("bob", fault(&shown(settled)));
        assert_eq!(reason, Rejection::NoFault, "slot {slot}");
    }
    scene.applied("bob", fault(&shown(&settled[3])));
}

/// SEL-8, WIN-1: the innocent twin. Its panel recomputes whenever it is shown, and is not looked at
/// later. A leaf that skips ranks is no fault by itself: the skipped are on the receipt (DIS-5).
#[test]
fn sel_8_an_honest_panel_recomputes_in_all_of_its_windows() {
    let mut scene = Scene::new();
    let mut plan = scene.plan(1, 0);
    plan.busy = vec![1];
    let contract = Contract::new(&scene.world, plan);
    let settled = scene.settle(&[&contract]).remove(0);
    while scene.world.epoch() < Epoch(3) {
        let reason = scene.refused("bob", fault(&shown(&settled)));
        let still = scene.world.epoch() < Epoch(3);
        let expected = if still {
            Rejection::NoFault
        } else {
            Rejection::Window
        };
        assert_eq!(reason, expected);
    }
    assert_eq!(
        scene.refused("bob", fault(&shown(&settled))),
        Rejection::Window
    );
    scene.world.go_to_epoch(4);
    assert!(matches!(
        scene.refused("bob", fault(&shown(&settled))),
        Rejection::Settlement { .. }
    ));
    assert_eq!(scene.bond(), bond());
}

/// SEL-8: a proof is of the leaf that was settled, at its own place, by its own coordinator.
#[test]
fn sel_8_only_what_was_settled_convicts() {
    let mut scene = Scene::new();
    let one = scene.contract();
    let two = Contract::new(&scene.world, scene.plan(2, 1));
    let settled = scene.settle(&[&one, &two]);
    let leaf = Rejection::Proof {
        part: ProofPart::Leaf,
    };
    let changed = |change: &dyn Fn(&mut SettledLeaf)| {
        let mut changed = settled[0].clone();
        change(&mut changed);
        shown(&changed)
    };
    let cases = [
        (
            changed(&|shown| shown.leaf = settled[1].leaf.clone()),
            &leaf,
        ),
        (
            changed(&|shown| shown.path = settled[1].path.clone()),
            &leaf,
        ),
        (changed(&|shown| shown.path.index = 1), &leaf),
        (changed(&|shown| shown.path.size = 3), &leaf),
    ];
    for (proof, expected) in &cases {
        assert_eq!(scene.refused("bob", fault(proof)), **expected);
    }
    let elsewhere = changed(&|shown| shown.first_slot = llmnet_types::units::Slot(1));
    assert!(matches!(
        scene.refused("bob", fault(&elsewhere)),
        Rejection::Settlement { .. }
    ));
    let of_another = changed(&|shown| shown.coordinator = public("rival"));
    assert!(matches!(
        scene.refused("bob", fault(&of_another)),
        Rejection::Settlement { .. }
    ));
}

/// DIS-5, DIS-6: a leaf that claims a filter escapes the recomputation, and not the challenge. The filter
/// is not in the terms that the voucher names, and no other voucher is the requester's.
#[test]
fn dis_5_a_filter_that_nobody_asked_for_cannot_be_opened() {
    let mut scene = Scene::new();
    let (mut contract, friend) = pinned(&scene);
    let settled = scene.settle_as(&[&contract], |_, leaf| leaf.filtered = true);
    let settled = settled[0].clone();
    assert_eq!(
        scene.refused("bob", fault(&shown(&settled))),
        Rejection::NoFault
    );

    scene.applied("alice", challenge(&settled));
    let expected = Rejection::Proof {
        part: ProofPart::Contract,
    };
    assert_eq!(
        scene.refused("coordinator", answer(&contract, &settled.leaf)),
        expected
    );
    // The root stands on the leaf: another receipt does not open it.
    let network = scene.world.network;
    contract.receipt.terms.filters = Filters {
        only: [public(&format!("node-{friend}"))]
            .to_vec()
            .try_into()
            .unwrap(),
        ..Filters::default()
    };
    let mut voucher = contract.receipt.voucher.body.clone();
    voucher.terms = contract.receipt.terms.digest();
    contract.receipt.voucher = Signed::new(voucher, &network, &crate::world::key("coordinator"));
    let expected = Rejection::Proof {
        part: ProofPart::Disclosure,
    };
    assert_eq!(
        scene.refused("coordinator", answer(&contract, &settled.leaf)),
        expected
    );
    let charge = settled.leaf.charge;
    let before = scene.balance("alice");
    scene.world.go_to_epoch(4);
    let deposit = scene.world.params.deposit;
    let returned = before.0 + charge.0 + deposit.0;
    assert_eq!(
        (scene.balance("alice"), scene.bond()),
        (Amount(returned), credits(5))
    );
}

/// DIS-5: a coordinator that forges the filter from the start lacks the requester's signature.
#[test]
fn dis_5_the_terms_are_the_requesters() {
    let mut scene = Scene::new();
    let friend = scene.world.order("coordinator", 0, scene.world.height)[4];
    let mut plan = scene.plan(1, 0);
    plan.answers = vec!["scattering"];
    plan.filters.only = [public(&format!("node-{friend}"))]
        .to_vec()
        .try_into()
        .unwrap();
    let ordered = Contract::new(&scene.world, plan.clone());
    // Alice ordered without a filter; her voucher is what settles.
    let mut forged = ordered;
    let network = scene.world.network;
    let voucher = forged.receipt.voucher.body.clone();
    forged.receipt.voucher = Signed::new(voucher, &network, &crate::world::key("coordinator"));
    plan.filters = Filters::default();
    let alices = Contract::new(&scene.world, plan).receipt.voucher;
    let mut settlement = crate::contract::settlement(&[&forged]);
    settlement.vouchers = vec![alices].try_into().unwrap();
    let settled = forged.settled(&settlement);
    scene.applied("coordinator", crate::world::settle(settlement));
    // A seat may ask as well.
    scene.applied(&operator(friend), challenge(&settled));
    let expected = Rejection::Proof {
        part: ProofPart::Signature,
    };
    assert_eq!(
        scene.refused("coordinator", answer(&forged, &settled.leaf)),
        expected
    );
}

/// DIS-5: the innocent twin. A filter that the requester asked for opens, under its own order.
#[test]
fn dis_5_a_filter_of_the_requesters_opens() {
    let mut scene = Scene::new();
    let friends = &scene.world.order("coordinator", 0, scene.world.height)[3..];
    let friends: Vec<_> = friends
        .iter()
        .map(|friend| public(&format!("node-{friend}")))
        .collect();
    let mut plan = scene.plan(1, 0);
    plan.filters.only = friends.try_into().unwrap();
    let contract = Contract::new(&scene.world, plan);
    let settled = scene.settle(&[&contract]).remove(0);
    assert!(settled.leaf.filtered);
    assert_eq!(
        scene.refused("bob", fault(&shown(&settled))),
        Rejection::NoFault
    );
    scene.applied("alice", challenge(&settled));
    scene.applied("coordinator", answer(&contract, &settled.leaf));
    assert_eq!(scene.bond(), bond());
}
