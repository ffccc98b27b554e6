//! A coordinator that does not answer a challenge.

use llmnet_ledger::{event::EventKind, query};
use llmnet_types::{
    rejection::{ProofPart, Rejection},
    units::{Amount, Slot},
};

use super::{Scene, answer, bond, challenge, opening, slashed};
use crate::{
    contract::Contract,
    world::{credits, public},
};

fn deposits(scene: &Scene) -> Amount {
    query::totals(&scene.world.state).deposits
}

/// DIS-6, WIN-1: the deposit returns, the charge is refunded from the bond, the rest of the price is burnt.
#[test]
fn dis_6_silence_costs_the_bond_and_refunds_the_requester() {
    let mut scene = Scene::new();
    let contract = scene.contract();
    let settled = scene.settle(&[&contract]).remove(0);
    let charge = settled.leaf.charge;
    scene.applied("alice", challenge(&settled));
    assert_eq!(deposits(&scene), scene.world.params.deposit);
    let before = scene.balance("alice");
    scene.world.go_to_epoch(3);
    scene.world.blocks(7);
    assert_eq!((scene.balance("alice"), scene.bond()), (before, bond()));

    let execution = scene.world.block(&[]);
    assert_eq!(scene.world.epoch().0, 4);
    let events: Vec<EventKind> = execution
        .events
        .into_iter()
        .map(|event| event.kind)
        .collect();
    let unanswered = EventKind::Unanswered {
        coordinator: public("coordinator"),
        slot: Slot(0),
    };
    assert!(events.contains(&unanswered));
    let burnt = Amount(credits(5).0 - charge.0);
    assert_eq!(slashed(&events), Some((burnt, charge)));
    let deposit = scene.world.params.deposit;
    assert_eq!(
        scene.balance("alice"),
        Amount(before.0 + charge.0 + deposit.0)
    );
    assert_eq!((deposits(&scene), scene.bond()), (Amount::ZERO, credits(5)));
    let late = scene.refused("coordinator", answer(&contract, &settled.leaf));
    assert_eq!(late, Rejection::NoChallenge { slot: Slot(0) });
}

/// DIS-4, DIS-5: the innocent twin answers in the last block it can, and gets the deposit.
#[test]
fn dis_5_an_answer_in_time_gets_the_deposit() {
    let mut scene = Scene::new();
    let contract = scene.contract();
    let settled = scene.settle(&[&contract]).remove(0);
    let seat = format!("operator-{}", settled.leaf.seats[0].provider);
    scene.applied(&seat, challenge(&settled));
    // A slot is challenged once, by whomever.
    for other in [&seat, "alice"] {
        assert_eq!(
            scene.refused(other, challenge(&settled)),
            Rejection::Already
        );
    }
    scene.world.go_to_epoch(3);
    scene.world.blocks(6);
    let gain = scene.gain(
        "coordinator",
        "coordinator",
        answer(&contract, &settled.leaf),
    );
    assert_eq!(
        (gain, scene.world.epoch().0),
        (scene.world.params.deposit, 3)
    );
    assert_eq!(
        scene.refused("coordinator", answer(&contract, &settled.leaf)),
        // By now it is forgotten: the epoch is over.
        Rejection::NoChallenge { slot: Slot(0) }
    );
    assert_eq!((deposits(&scene), scene.bond()), (Amount::ZERO, bond()));
}

/// DIS-5: it is answered once, for its own slot, by its own coordinator.
#[test]
fn dis_5_only_the_challenged_coordinator_answers_and_once() {
    let mut scene = Scene::new();
    let one = scene.contract();
    let two = Contract::new(&scene.world, scene.plan(2, 1));
    let settled = scene.settle(&[&one, &two]);
    let unchallenged = Rejection::NoChallenge { slot: Slot(0) };
    let early = scene.refused("coordinator", answer(&one, &settled[0].leaf));
    assert_eq!(early, unchallenged);
    scene.applied("alice", challenge(&settled[0]));
    let other = scene.refused("rival", answer(&one, &settled[0].leaf));
    assert_eq!(other, unchallenged);
    // Another leaf of the same settlement, or the own one with another's fields, is no answer.
    let mut mixed = opening(&two, &settled[1].leaf);
    mixed.slot = Slot(0);
    let mixed = llmnet_types::transaction::Instruction::Answer(Box::new(mixed));
    let leaf = Rejection::Proof {
        part: ProofPart::Leaf,
    };
    assert_eq!(scene.refused("coordinator", mixed), leaf);
    let disclosure = Rejection::Proof {
        part: ProofPart::Disclosure,
    };
    let mixed = answer(&two, &settled[0].leaf);
    assert!(matches!(
        scene.refused("coordinator", mixed),
        Rejection::NoChallenge { .. }
    ));
    let mut mixed = opening(&one, &settled[0].leaf);
    std::mem::swap(&mut mixed.seats, &mut mixed.skips);
    let mixed = llmnet_types::transaction::Instruction::Answer(Box::new(mixed));
    assert_eq!(scene.refused("coordinator", mixed), disclosure);

    scene.applied("coordinator", answer(&one, &settled[0].leaf));
    let again = scene.refused("coordinator", answer(&one, &settled[0].leaf));
    assert_eq!(again, Rejection::Already);
    let again = scene.refused("alice", challenge(&settled[0]));
    assert_eq!(again, Rejection::Already);
    scene.world.go_to_epoch(5);
    assert_eq!((deposits(&scene), scene.bond()), (Amount::ZERO, bond()));
}

/// BND-5, DIS-6: a refund is at most half of what the offence costs.
#[test]
fn bnd_5_a_refund_is_at_most_half_of_the_price() {
    let mut scene = Scene::new();
    let mut contract = scene.contract();
    contract.change_seats(&scene.world, |seats| seats[0].pay = credits(6));
    let settled = scene.settle(&[&contract]).remove(0);
    assert!(settled.leaf.charge > credits(6));
    scene.applied("alice", challenge(&settled));
    let before = scene.balance("alice");
    scene.world.go_to_epoch(4);
    let deposit = scene.world.params.deposit;
    let after = Amount(before.0 + deposit.0 + 2_500_000);
    assert_eq!((scene.balance("alice"), scene.bond()), (after, credits(5)));
}
