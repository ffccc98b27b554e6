//! A coordinator that sells one slot twice: two orders, one chance.

use llmnet_ledger::query;
use llmnet_types::{
    dispute::FaultProof,
    id::NetworkId,
    rejection::{ProofPart, Rejection},
    signature::Signed,
    units::{Amount, Slot},
};

use super::{Scene, bond, fault, slashed};
use crate::{
    contract::Contract,
    world::{credits, key, public},
};

/// An offer of a contract's, by the place of the seat.
fn assign(contract: &Contract, seat: usize) -> Signed<llmnet_types::contract::Assign> {
    contract.receipt.seats[seat].assign.clone()
}

fn proof(first: (&Contract, usize), second: (&Contract, usize)) -> FaultProof {
    FaultProof::Assigns {
        coordinator: public("coordinator"),
        first: assign(first.0, first.1),
        second: assign(second.0, second.1),
    }
}

/// DIS-1, BND-5: punished once, whatever pair of its offers is shown, and whoever shows it gets nothing.
#[test]
fn dis_1_a_slot_sold_twice_costs_the_bond_once() {
    let mut scene = Scene::new();
    let one = scene.contract();
    let other = Contract::new(&scene.world, scene.plan(2, 0));
    let proof_of = |first, second| proof((&one, first), (&other, second));

    let gain = scene.gain("bob", "bob", fault(&proof_of(0, 0)));
    assert_eq!((gain, scene.bond()), (Amount::ZERO, credits(5)));
    let record = query::coordinator(&scene.world.state, &public("coordinator")).unwrap();
    assert!(record.conduct.last().unwrap().slashed, "REP-6");
    for again in [
        proof_of(0, 0),
        proof_of(1, 0),
        proof((&other, 1), (&one, 0)),
    ] {
        assert_eq!(scene.refused("carol", fault(&again)), Rejection::Already);
    }
    // Another slot is another offence, and is one at any time (WIN-1 bounds what is about settled leaves).
    scene.world.go_to_epoch(6);
    let one = Contract::new(&scene.world, scene.plan(3, 1));
    let other = Contract::new(&scene.world, scene.plan(4, 1));
    let events = scene.applied("bob", fault(&proof((&one, 0), (&other, 0))));
    assert_eq!(slashed(&events), Some((Amount(2_500_000), Amount::ZERO)));
}

/// DIS-1: nor may it try the heights of an epoch until a panel pleases it.
#[test]
fn dis_1_a_slot_is_selected_at_one_height() {
    let mut scene = Scene::new();
    let one = scene.contract();
    scene.world.block(&[]);
    let later = scene.contract();
    assert_eq!(one.receipt.voucher, later.receipt.voucher);
    scene.applied("bob", fault(&proof((&one, 0), (&later, 0))));
    assert_eq!(scene.bond(), credits(5));
}

/// DIS-1: nobody is convicted by what another signed, whichever of the two it is.
#[test]
fn dis_1_forged_offers_convict_nobody() {
    let mut scene = Scene::new();
    let one = scene.contract();
    let other = Contract::new(&scene.world, scene.plan(2, 0));
    let forge = |offer: &mut Signed<llmnet_types::contract::Assign>| {
        *offer = Signed::new(offer.body.clone(), &one.receipt.network, &key("bob"));
    };
    for place in 0..2 {
        let mut proof = proof((&one, 0), (&other, 0));
        if let FaultProof::Assigns { first, second, .. } = &mut proof {
            forge([first, second][place]);
        }
        let part = ProofPart::Signature;
        let refused = scene.refused("bob", fault(&proof));
        assert_eq!(refused, Rejection::Proof { part });
    }
    assert_eq!(scene.bond(), bond());
}

/// The innocent twin: an honest coordinator offers a slot to many seats, and many slots to one seat.
#[test]
fn dis_1_offers_of_one_order_are_no_fault() {
    let mut scene = Scene::new();
    let one = scene.contract();
    let next = Contract::new(&scene.world, scene.plan(2, 1));
    let cases = [
        (proof((&one, 0), (&one, 1)), Rejection::NoFault),
        (proof((&one, 0), (&one, 0)), Rejection::NoFault),
        (
            proof((&one, 0), (&next, 0)),
            Rejection::Proof {
                part: ProofPart::Contract,
            },
        ),
    ];
    for (proof, expected) in cases {
        assert_eq!(scene.refused("bob", fault(&proof)), expected);
    }
    assert_eq!(scene.bond(), bond());
}

/// DIS-1: what it did not sign, or signed for another network or coordinator, is not its own word.
#[test]
fn dis_1_only_its_own_words_convict() {
    let mut scene = Scene::new();
    let one = scene.contract();
    let other = Contract::new(&scene.world, scene.plan(2, 0));
    let signature = Rejection::Proof {
        part: ProofPart::Signature,
    };
    let contract = Rejection::Proof {
        part: ProofPart::Contract,
    };
    let forged = |change: &dyn Fn(&mut Signed<llmnet_types::contract::Assign>)| {
        let mut second = assign(&other, 0);
        change(&mut second);
        FaultProof::Assigns {
            coordinator: public("coordinator"),
            first: assign(&one, 0),
            second,
        }
    };
    let network = scene.world.network;
    let cases = [
        (
            forged(&|assign| *assign = Signed::new(assign.body.clone(), &network, &key("rival"))),
            &signature,
        ),
        (
            forged(&|assign| {
                let elsewhere = NetworkId([7; 32]);
                *assign = Signed::new(assign.body.clone(), &elsewhere, &key("coordinator"));
            }),
            &signature,
        ),
        (
            forged(&|assign| assign.body.voucher = llmnet_types::id::Digest::ZERO),
            &signature,
        ),
        (forged(&|assign| assign.body.slot = Slot(9)), &contract),
    ];
    for (proof, expected) in &cases {
        assert_eq!(scene.refused("bob", fault(proof)), **expected);
    }
    // A key that stands for nothing leaves no trace.
    let mut of_nobody = proof((&one, 0), (&other, 0));
    if let FaultProof::Assigns { coordinator, .. } = &mut of_nobody {
        *coordinator = public("bob");
    }
    assert!(matches!(
        scene.refused("carol", fault(&of_nobody)),
        Rejection::NotEnlisted { .. }
    ));
}
