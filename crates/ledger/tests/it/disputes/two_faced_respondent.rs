//! A respondent that tells of one answer in two ways.

use llmnet_ledger::query;
use llmnet_types::{
    bond::Role,
    codec::{List, Text},
    dispute::FaultProof,
    id::{ContractId, Digest, ProviderId},
    message::Part,
    rating::{Comparison, Preference},
    registration::{Registration, Rotated},
    rejection::{ProofPart, Rejection},
    signature::Signed,
    transaction::{Instruction, Outcome},
    units::{Amount, Tokens},
};

use super::fault;
use crate::{
    contract::{Contract, Plan, part},
    world::{World, key, public, registration},
};

/// A contract's first seat, as its node's name and its account.
fn seat(world: &World) -> (String, Part) {
    let plan = Plan::new(Default::default(), 1, 0, world.height, 2);
    let contract = Contract::new(world, plan);
    let seat = &contract.receipt.seats[0];
    let name = format!("node-{}", seat.provider);
    (name, seat.part.clone().unwrap().body)
}

fn proof(world: &World, node: &str, first: &Part, second: &Part) -> FaultProof {
    let sign = |part: &Part| Signed::new(part.clone(), &world.network, &key(node));
    FaultProof::Parts {
        node: public(node),
        first: sign(first),
        second: sign(second),
    }
}

fn bond(world: &World, node: &str) -> Amount {
    query::bond(&world.state, &public(node), Role::Respondent)
        .unwrap()
        .total()
}

fn with(part: &Part, change: impl FnOnce(&mut Part)) -> Part {
    let mut other = part.clone();
    change(&mut other);
    other
}

/// An account of a debate that went on: the same first answer, more commitments, another mind.
fn later(part: &Part) -> Part {
    with(part, |part| {
        let revised = Digest::of(b"revised");
        part.commitments = List::truncated([part.commitments[0], revised]);
        part.last_class = Digest::of(b"convinced");
        part.output = Tokens(80);
        part.citations = List::truncated([Digest::of(b"passage")]);
        part.ballot = ballot(Preference::First);
    })
}

fn ballot(better: Preference) -> llmnet_types::rating::Ballot {
    List::truncated([Comparison {
        first: 0,
        second: 1,
        better,
    }])
}

/// DIS-1, BND-5: whatever follows from the same commitments cannot be told in two ways.
#[test]
fn dis_1_two_accounts_of_one_answer_cost_the_bond() {
    let lies: [&dyn Fn(&mut Part); 4] = [
        &|part| part.first_class = Digest::of(b"right"),
        &|part| part.last_class = Digest::of(b"right"),
        &|part| part.output = Tokens(400),
        &|part| part.citations = List::truncated([Digest::of(b"passage")]),
    ];
    for lie in lies {
        let mut world = World::with_experts(3);
        let (node, part) = seat(&world);
        let before = bond(&world, &node);
        let other = with(&part, lie);
        let proof = proof(&world, &node, &part, &other);
        let outcome = world.run("bob", fault(&proof));
        assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
        let half = Amount(before.0 / 2);
        assert_eq!(bond(&world, &node), half);
        let again = FaultProof::Parts {
            node: public(&node),
            first: Signed::new(other, &world.network, &key(&node)),
            second: Signed::new(part, &world.network, &key(&node)),
        };
        assert_eq!(world.rejection("bob", fault(&again)), Rejection::Already);
    }
}

/// DIS-1: of the first answer no debate makes another, and of a ballot no delay.
#[test]
fn dis_1_first_class_and_ballot_stay_however_the_debate_goes_on() {
    let turned = |part: &Part| {
        with(&later(part), |part| {
            part.ballot = ballot(Preference::Second)
        })
    };
    let right = |part: &Part| with(&later(part), |part| part.first_class = Digest::of(b"right"));
    for debated in [false, true] {
        let mut world = World::with_experts(3);
        let (node, part) = seat(&world);
        let (first, second) = if debated {
            (later(&part), turned(&part))
        } else {
            (part.clone(), right(&part))
        };
        let proof = proof(&world, &node, &first, &second);
        let outcome = world.run("bob", fault(&proof));
        assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
    }
    // The ballots of two ways through a debate are two.
    let mut world = World::with_experts(3);
    let (node, part) = seat(&world);
    let elsewhere = with(&turned(&part), |part| {
        part.commitments = List::truncated([part.commitments[0], Digest::of(b"other")]);
    });
    let proof = proof(&world, &node, &later(&part), &elsewhere);
    assert_eq!(world.rejection("bob", fault(&proof)), Rejection::NoFault);
}

/// The innocent twins: one that was cut off and later went on; one that worked twice, and of whose revision
/// and ballot one time nothing arrived; one that began anew after a crash and bound other words; one whose
/// program was renewed, or that was sent more; one that simply repeats itself.
#[test]
fn dis_1_accounts_of_different_words_are_no_fault() {
    let mut world = World::with_experts(3);
    let (node, part) = seat(&world);
    let before = bond(&world, &node);
    let anew = with(&part, |part| {
        part.commitments = List::truncated([Digest::of(b"another answer")]);
        part.first_class = Digest::of(b"other");
        part.last_class = Digest::of(b"other");
        part.output = Tokens(7);
    });
    let renewed = with(&part, |part| {
        part.version = Text::new("extractive-2").unwrap();
        part.input = Tokens(900);
    });
    let silent = with(&part, |part| part.commitments = List::new());
    let silent_too = with(&silent, |part| part.first_class = Digest::of(b"other"));
    let lost = with(&later(&part), |lost| {
        lost.last_class = part.last_class;
        lost.output = part.output;
        lost.citations = List::new();
        lost.ballot = List::new();
    });
    let pairs = [
        (&part, &later(&part)),
        (&later(&part), &lost),
        (&part, &anew),
        (&part, &renewed),
        (&part, &part),
        (&silent, &silent_too),
    ];
    for (first, second) in pairs {
        for (first, second) in [(first, second), (second, first)] {
            let proof = proof(&world, &node, first, second);
            assert_eq!(world.rejection("bob", fault(&proof)), Rejection::NoFault);
        }
    }
    // Two contracts have two accounts.
    let elsewhere = with(&part, |part| part.contract = ContractId([7; 32]));
    let elsewhere = proof(&world, &node, &part, &elsewhere);
    let expected = Rejection::Proof {
        part: ProofPart::Contract,
    };
    assert_eq!(world.rejection("bob", fault(&elsewhere)), expected);
    assert_eq!(bond(&world, &node), before);
}

/// REG-6, BND-5: a bond answers for the keys before it, also where the last of them left and registered
/// again; and for none that is over for so long that nothing of it can be disputed.
#[test]
fn reg_6_no_way_of_changing_keys_leaves_an_offence_behind() {
    let mut world = World::with_experts(3);
    let (node, part) = seat(&world);
    let provider = query::provider_of(&world.state, &public(&node)).unwrap().0;
    let operator = format!("operator-{provider}");
    let other = with(&part, |part| part.output = Tokens(400));
    let proof = proof(&world, &node, &part, &other);
    let rotate = |world: &mut World, provider, old: &str, new: &str| {
        let (old, new) = (key(old), key(new));
        let rotated = Rotated::sign(provider, &world.network, &old, &new);
        world.apply(&operator, Instruction::Rotate(Box::new(rotated)));
    };
    rotate(&mut world, provider, &node, "second");
    world.apply(&operator, Instruction::Retire { provider });
    let again = Registration {
        node: public("second"),
        nonce: 1,
        ..registration(provider.0, &["law"])
    };
    let again = Signed::new(again, &world.network, &key("second"));
    world.apply(&operator, Instruction::Register(Box::new(again)));
    rotate(&mut world, ProviderId(3), "second", "third");
    let before = bond(&world, "third");
    let mut late = World {
        params: world.params.clone(),
        state: world.state.clone(),
        ..world
    };
    world.go_to_epoch(3);
    world.apply("bob", fault(&proof));
    assert_eq!(bond(&world, "third").0, before.0.div_ceil(2));
    late.go_to_epoch(4);
    let role = Role::Respondent;
    let gone = Rejection::NotEnlisted { role };
    assert_eq!(late.rejection("bob", fault(&proof)), gone);
    assert_eq!(bond(&late, "third"), before);
}

/// DIS-1: nobody is convicted by what another signed.
#[test]
fn dis_1_forged_accounts_convict_nobody() {
    let mut world = World::with_experts(3);
    let (node, own) = seat(&world);
    let other = with(&own, |part| part.output = Tokens(400));
    let mut forged = proof(&world, &node, &own, &other);
    if let FaultProof::Parts { second, .. } = &mut forged {
        *second = Signed::new(second.body.clone(), &world.network, &key("bob"));
    }
    let expected = Rejection::Proof {
        part: ProofPart::Signature,
    };
    assert_eq!(world.rejection("bob", fault(&forged)), expected);
    // Nor does a key without a registration leave a trace.
    let stranger = part(own.contract, "scattering", &key("bob"));
    let lie = with(&stranger, |part| part.output = Tokens(400));
    let stranger = proof(&world, "bob", &stranger, &lie);
    assert!(matches!(
        world.rejection("bob", fault(&stranger)),
        Rejection::NotEnlisted { .. }
    ));
}
