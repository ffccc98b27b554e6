//! BND: who joins with which bond, and how it leaves. What offences cost is tested where no instruction
//! is needed for it, beside the rule.

use llmnet_ledger::{EventKind, query};
use llmnet_types::{
    bond::{ChainUse, Enlistment, Role},
    id::{Digest, ProviderId},
    params::Params,
    rejection::{Field, Rejection},
    signature::Signed,
    transaction::{Instruction, Outcome},
    units::{Amount, Epoch},
};

use crate::world::{VALIDATORS, World, credits, key, params, public, registration};

const ROLES: [Role; 3] = [Role::Coordinator, Role::Validator, Role::Auditor];

fn add(node: &str, role: Role, amount: Amount) -> Instruction {
    let node = public(node);
    Instruction::Bond { node, role, amount }
}

fn take(node: &str, role: Role, amount: Amount) -> Instruction {
    let node = public(node);
    Instruction::Unbond { node, role, amount }
}

fn delist(node: &str, role: Role) -> Instruction {
    let node = public(node);
    Instruction::Delist { node, role }
}

fn anchor(purpose: ChainUse) -> Instruction {
    Instruction::Anchor {
        purpose,
        tip: Digest::ZERO,
        length: 8,
    }
}

/// Bonds that coordinators need too.
fn bonded() -> Params {
    Params {
        coordinator_bond_min: credits(2),
        validator_bond_min: credits(2),
        auditor_bond_min: credits(2),
        ..params()
    }
}

#[test]
fn bnd_1_node_and_operator_sign_and_the_bond_is_enough() {
    let mut world = World::with(bonded());
    for role in ROLES {
        let enough = world.enlist("node", "bob", role, credits(2));
        assert_eq!(
            world.rejection("alice", enough.clone()),
            Rejection::Operator
        );
        let little = world.enlist("node", "bob", role, Amount(1_999_999));
        let needed = credits(2);
        let available = Amount(1_999_999);
        assert_eq!(
            world.rejection("bob", little),
            Rejection::Bond { needed, available }
        );
        let much = world.enlist("node", "bob", role, credits(200));
        let poor = world.rejection("bob", much);
        assert!(matches!(poor, Rejection::Balance { .. }));
        let Instruction::Enlist(mut forged) = enough.clone() else {
            unreachable!("it enlists")
        };
        forged.body.bond = credits(3);
        let forged = Instruction::Enlist(forged);
        assert_eq!(world.rejection("bob", forged), Rejection::NodeSignature);

        world.apply("bob", enough.clone());
        let bond = query::bond(&world.state, &public("node"), role).unwrap();
        assert_eq!((bond.operator, bond.standing), (public("bob"), credits(2)));
        assert_eq!(world.rejection("bob", enough), Rejection::Enlisted { role });
    }
    assert_eq!(query::validators(&world.state).len(), 5);
    // A respondent joins by its registration.
    let role = Role::Respondent;
    let respondent = world.enlist("node", "bob", role, credits(2));
    assert_eq!(
        world.rejection("bob", respondent),
        Rejection::Enlisted { role }
    );
}

#[test]
fn bnd_1_an_old_consent_is_none() {
    let mut world = World::new();
    world.go_to_epoch(2);
    let consent = |until| Enlistment {
        node: public("node"),
        operator: public("bob"),
        role: Role::Auditor,
        address: Default::default(),
        bond: credits(1),
        until: Epoch(until),
    };
    let sign = |until| Signed::new(consent(until), &world.network, &key("node"));
    let (old, last) = (Box::new(sign(1)), Box::new(sign(2)));
    assert_eq!(
        world.rejection("bob", Instruction::Enlist(old)),
        Rejection::Expired
    );
    world.apply("bob", Instruction::Enlist(last));
}

#[test]
fn bnd_1_the_operator_is_the_same_while_anything_of_the_bond_is_left() {
    let mut world = World::new();
    world.apply(
        "bob",
        world.enlist("node", "bob", Role::Auditor, credits(3)),
    );
    world.apply("bob", delist("node", Role::Auditor));
    let other = world.enlist("node", "carol", Role::Auditor, credits(1));
    assert_eq!(world.rejection("carol", other.clone()), Rejection::Operator);
    // Its own operator may go on at once, with new money.
    world.apply(
        "bob",
        world.enlist("node", "bob", Role::Auditor, credits(1)),
    );
    let bond = query::bond(&world.state, &public("node"), Role::Auditor).unwrap();
    assert_eq!(
        (bond.standing, &bond.leaving[..]),
        (credits(1), &[(Epoch(6), credits(3))][..])
    );
    world.apply("bob", delist("node", Role::Auditor));
    world.go_to_epoch(6);
    assert_eq!(
        query::bond(&world.state, &public("node"), Role::Auditor),
        None
    );
    world.apply("carol", other);
    let bond = query::bond(&world.state, &public("node"), Role::Auditor).unwrap();
    assert_eq!(bond.operator, public("carol"));

    // The same holds for registrations.
    world.register(registration(0, &["law"]));
    let provider = ProviderId(0);
    world.apply("operator-0", Instruction::Retire { provider });
    let mut moved = registration(0, &["law"]);
    (moved.operator, moved.nonce) = (public("operator-1"), 1);
    let reason = |outcome| match outcome {
        Outcome::Rejected { reason, .. } => reason,
        Outcome::Applied { .. } => panic!("applied"),
    };
    assert_eq!(reason(world.register(moved.clone())), Rejection::Operator);
    world.go_to_epoch(world.epoch().0 + 6);
    let outcome = world.register(moved);
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
}

/// The list of validators is full: who wants to lock others out has to outbid them all.
#[test]
fn bnd_1_a_full_list_takes_a_larger_bond_in_place_of_the_smallest_out_of_office() {
    let mut world = World::new();
    let bond = |number: u64| Amount(1_000_000 + number);
    let transactions: Vec<_> = (0..252_u64)
        .map(|number| {
            let enlist = world.enlist(
                &format!("stranger-{number}"),
                "rich",
                Role::Validator,
                bond(number),
            );
            llmnet_types::transaction::Transaction::sign(
                world.network,
                &key("rich"),
                number,
                enlist,
            )
        })
        .collect();
    for owner in ["alice", "bob", "carol"] {
        let (to, amount) = (public("rich"), credits(95));
        world.apply(owner, Instruction::Transfer { to, amount });
    }
    for chunk in transactions.chunks(84) {
        let outcomes = world.block(chunk).outcomes;
        let applied = |outcome: &Outcome| matches!(outcome, Outcome::Applied { .. });
        assert!(outcomes.iter().all(applied), "{outcomes:?}");
    }
    assert_eq!(query::validators(&world.state).len(), 256);

    let field = Field::Validators;
    let equal = world.enlist("newcomer", "operator-1", Role::Validator, bond(0));
    assert_eq!(
        world.rejection("operator-1", equal),
        Rejection::Full { field }
    );
    let larger = world.enlist("newcomer", "operator-1", Role::Validator, bond(1));
    world.apply("operator-1", larger);
    let enlisted = query::validators(&world.state);
    assert_eq!(enlisted.len(), 256);
    assert!(enlisted.contains(&public("newcomer")));
    assert!(!enlisted.contains(&public("stranger-0")));
    // Those in office keep their places, even with the smallest bonds of all.
    for name in VALIDATORS {
        world.apply(name, take(name, Role::Validator, credits(9)));
    }
    let equal = world.enlist("latecomer", "operator-2", Role::Validator, bond(1));
    assert_eq!(
        world.rejection("operator-2", equal),
        Rejection::Full { field }
    );
    // Who made room has its money back in time, and may outbid in turn.
    let free = Epoch(world.epoch().0 + 6);
    let evicted = query::bond(&world.state, &public("stranger-0"), Role::Validator).unwrap();
    assert!(!evicted.enlisted);
    assert_eq!(evicted.leaving, [(free, bond(0))]);
    let again = world.enlist("stranger-0", "rich", Role::Validator, bond(500));
    world.apply("rich", again);
    assert!(!query::validators(&world.state).contains(&public("newcomer")));

    let office = query::office(&world.state).unwrap().committee;
    let enlisted = query::validators(&world.state);
    assert!(office.keys().iter().all(|node| enlisted.contains(node)));
}

#[test]
fn bnd_2_the_operator_adds_and_takes_what_the_role_does_not_need() {
    let mut world = World::with(bonded());
    for role in ROLES {
        world.apply("bob", world.enlist("node", "bob", role, credits(2)));
        let zero = Rejection::Bounds {
            field: Field::Amount,
        };
        assert_eq!(
            world.rejection("bob", add("node", role, Amount::ZERO)),
            zero
        );
        assert_eq!(
            world.rejection("bob", take("node", role, Amount::ZERO)),
            zero
        );
        let stranger = Rejection::NotEnlisted { role };
        for attempt in [
            add("node", role, credits(1)),
            take("node", role, credits(1)),
            delist("node", role),
        ] {
            assert_eq!(world.rejection("carol", attempt), stranger);
        }
        let (needed, available) = (Amount(2_000_001), credits(2));
        assert_eq!(
            world.rejection("bob", take("node", role, Amount(1))),
            Rejection::Bond { needed, available }
        );
        let too_much = world.rejection("bob", take("node", role, Amount(u64::MAX)));
        assert_eq!(too_much, Rejection::Overflow);

        world.apply("bob", add("node", role, credits(5)));
        world.apply("bob", take("node", role, credits(5)));
        let bond = query::bond(&world.state, &public("node"), role).unwrap();
        let free = Epoch(world.epoch().0 + 6);
        assert_eq!(
            (bond.standing, &bond.leaving[..]),
            (credits(2), &[(free, credits(5))][..])
        );
    }
    // A respondent's registered bonds stay, as long as it is registered.
    world.register(registration(0, &["law", "art"]));
    let role = Role::Respondent;
    world.apply("operator-0", add("node-0", role, credits(1)));
    let (needed, available) = (Amount(3_000_001), credits(3));
    assert_eq!(
        world.rejection("operator-0", take("node-0", role, Amount(1_000_001))),
        Rejection::Bond { needed, available }
    );
    assert_eq!(
        world.rejection("operator-0", delist("node-0", role)),
        Rejection::NotEnlisted { role }
    );
    world.apply("operator-0", take("node-0", role, credits(1)));
}

#[test]
fn bnd_3_what_leaves_is_free_six_epochs_later_by_itself() {
    let mut world = World::new();
    let role = Role::Auditor;
    world.apply("bob", world.enlist("node", "bob", role, credits(9)));
    // Many takes of an epoch are one, and each epoch's is free in its turn.
    for epoch in 0..3 {
        world.go_to_epoch(epoch);
        world.apply("bob", take("node", role, credits(1)));
        world.apply("bob", take("node", role, credits(1)));
    }
    world.apply("bob", delist("node", role));
    let leaving = query::bond(&world.state, &public("node"), role)
        .unwrap()
        .leaving;
    let expected = [(6, 2), (7, 2), (8, 5)].map(|(epoch, amount)| (Epoch(epoch), credits(amount)));
    assert_eq!(leaving, expected);
    // Nothing is added to a bond that stands for nothing: it would have no way out.
    assert_eq!(
        world.rejection("bob", add("node", role, credits(1))),
        Rejection::NotEnlisted { role }
    );
    let mut before = query::account(&world.state, &public("bob")).balance;
    for (epoch, amount) in [(5, 0), (6, 2), (7, 2), (8, 5)] {
        world.go_to_epoch(epoch);
        let balance = query::account(&world.state, &public("bob")).balance;
        assert_eq!(balance.0 - before.0, credits(amount).0, "{epoch}");
        before = balance;
    }
    assert_eq!(query::bond(&world.state, &public("node"), role), None);
}

#[test]
fn bnd_3_a_delisted_validator_is_off_the_list_and_told_of() {
    let mut world = World::new();
    world.apply(
        "bob",
        world.enlist("node", "bob", Role::Validator, credits(2)),
    );
    let transaction = world.sign("bob", delist("node", Role::Validator));
    let events = world.block(&[transaction]).events;
    let delisted = EventKind::Delisted {
        node: public("node"),
        role: Role::Validator,
    };
    assert!(events.iter().any(|event| event.kind == delisted));
    assert!(!query::validators(&world.state).contains(&public("node")));
    let role = Role::Validator;
    assert_eq!(
        world.rejection("bob", delist("node", role)),
        Rejection::NotEnlisted { role }
    );
}

#[test]
fn bnd_4_where_a_coordinator_needs_a_bond_it_anchors_with_one() {
    let role = Role::Coordinator;
    let mut world = World::new();
    world.apply("carol", anchor(ChainUse::Slots));

    let mut world = World::with(bonded());
    assert_eq!(
        world.rejection("carol", anchor(ChainUse::Slots)),
        Rejection::NotEnlisted { role }
    );
    world.apply("bob", world.enlist("carol", "bob", role, credits(2)));
    world.apply("carol", anchor(ChainUse::Slots));
    world.apply("bob", delist("carol", role));
    world.go_to_epoch(1);
    assert_eq!(
        world.rejection("carol", anchor(ChainUse::Slots)),
        Rejection::NotEnlisted { role }
    );
}

/// ANC-2: chains for the beacon are the validators' own.
#[test]
fn bnd_4_only_validators_anchor_for_the_beacon() {
    let mut world = World::new();
    let role = Role::Validator;
    assert_eq!(
        world.rejection("carol", anchor(ChainUse::Beacon)),
        Rejection::NotEnlisted { role }
    );
    world.apply("bob", world.enlist("carol", "bob", role, credits(1)));
    world.apply("carol", anchor(ChainUse::Beacon));
    assert_eq!(
        world.rejection("carol", anchor(ChainUse::Beacon)),
        Rejection::AnchoredAlready
    );
}
