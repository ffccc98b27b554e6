//! BND-6, BND-7: which coordinators respondents find on the ledger, and how nodes move.

use llmnet_ledger::{EventKind, query, record::LISTED_MAX};
use llmnet_types::{
    bond::{Enlistment, Role},
    codec::Text,
    params::Params,
    rejection::Rejection,
    signature::Signed,
    transaction::{Instruction, Outcome, Transaction},
    units::{Amount, Epoch},
};

use crate::world::{World, credits, key, params, public};

const COORDINATOR: Role = Role::Coordinator;

/// A world in which coordinators need two credits.
fn bonded() -> World {
    World::with(Params {
        coordinator_bond_min: credits(2),
        ..params()
    })
}

/// A node's consent to be reached there.
fn at(
    world: &World,
    node: &str,
    operator: &str,
    role: Role,
    address: &str,
    bond: Amount,
) -> Instruction {
    let enlistment = Enlistment {
        node: public(node),
        operator: public(operator),
        role,
        address: Text::new(address).unwrap(),
        bond,
        until: Epoch(u64::MAX),
    };
    let signed = Signed::new(enlistment, &world.network, &key(node));
    Instruction::Enlist(Box::new(signed))
}

fn listed(world: &World) -> Vec<(String, Amount)> {
    let listed = query::listed_coordinators(&world.state).into_iter();
    listed
        .map(|one| (one.address.to_string(), one.bond))
        .collect()
}

fn is_listed(world: &World, node: &str) -> bool {
    let listed = query::listed_coordinators(&world.state);
    listed.iter().any(|one| one.node == public(node))
}

fn address(world: &World, node: &str, role: Role) -> String {
    let bond = query::bond(&world.state, &public(node), role).unwrap();
    bond.address.to_string()
}

fn bond(node: &str, amount: Amount) -> Instruction {
    let (node, role) = (public(node), COORDINATOR);
    Instruction::Bond { node, role, amount }
}

fn delist(node: &str) -> Instruction {
    let (node, role) = (public(node), COORDINATOR);
    Instruction::Delist { node, role }
}

fn applied(world: &mut World, signer: &str, instruction: Instruction) -> Vec<EventKind> {
    let transaction = world.sign(signer, instruction);
    let execution = world.block(&[transaction]);
    assert!(matches!(execution.outcomes[0], Outcome::Applied { .. }));
    execution.events.into_iter().map(|one| one.kind).collect()
}

#[test]
fn bnd_1_an_address_leads_somewhere() {
    let mut world = World::new();
    for role in [Role::Coordinator, Role::Validator, Role::Auditor] {
        for text in ["nowhere", "node.example:", "node.example:0", ":7"] {
            let enlist = at(&world, "node", "bob", role, text, credits(1));
            assert_eq!(world.rejection("bob", enlist), Rejection::Address, "{text}");
        }
    }
    let enlist = at(
        &world,
        "node",
        "bob",
        COORDINATOR,
        "node.example:7",
        credits(1),
    );
    world.apply("bob", enlist);
    assert_eq!(address(&world, "node", COORDINATOR), "node.example:7");
    let wrong = at(
        &world,
        "node",
        "bob",
        COORDINATOR,
        "node.example",
        Amount::ZERO,
    );
    assert_eq!(world.rejection("bob", wrong), Rejection::Address);
}

#[test]
fn bnd_6_a_coordinator_with_an_address_is_listed_until_it_leaves() {
    let mut world = bonded();
    for (node, address) in [("one", "one.example:7"), ("quiet", ""), ("two", "[::1]:7")] {
        let enlist = at(&world, node, "bob", COORDINATOR, address, credits(2));
        world.apply("bob", enlist);
    }
    let one = ("one.example:7".to_owned(), credits(2));
    let two = ("[::1]:7".to_owned(), credits(2));
    assert_eq!(listed(&world), [one, two.clone()]);
    // Other roles are not.
    for role in [Role::Validator, Role::Auditor] {
        let enlist = at(
            &world,
            "other",
            "carol",
            role,
            "other.example:7",
            credits(2),
        );
        world.apply("carol", enlist);
    }
    assert_eq!(listed(&world).len(), 2);

    world.apply("bob", delist("one"));
    assert_eq!(listed(&world), std::slice::from_ref(&two));
    // Adding to a bond lists nobody who cannot be reached.
    world.apply("bob", bond("quiet", credits(3)));
    assert_eq!(listed(&world), std::slice::from_ref(&two));
    // Who comes back says again where it is.
    let enlist = at(&world, "one", "bob", COORDINATOR, "", credits(2));
    world.apply("bob", enlist);
    assert_eq!(listed(&world), [two]);
    assert_eq!(address(&world, "one", COORDINATOR), "");
}

/// The list of coordinators is full: who wants to be found has to outbid somebody, and ends no role.
#[test]
fn bnd_6_a_full_list_takes_a_larger_bond_in_place_of_the_smallest_which_keeps_its_role() {
    let mut world = World::new();
    let count = u64::try_from(LISTED_MAX).unwrap();
    let sum = |number: u64| Amount(1_000 + number);
    let name = |number: u64| format!("stranger-{number}");
    let transactions: Vec<_> = (0..count)
        .map(|number| {
            let place = format!("10.0.0.1:{}", 1 + number);
            let enlist = at(
                &world,
                &name(number),
                "bob",
                COORDINATOR,
                &place,
                sum(number),
            );
            Transaction::sign(world.network, &key("bob"), number, enlist)
        })
        .collect();
    for chunk in transactions.chunks(64) {
        let outcomes = world.block(chunk).outcomes;
        let applied = |outcome: &Outcome| matches!(outcome, Outcome::Applied { .. });
        assert!(outcomes.iter().all(applied), "{outcomes:?}");
    }
    assert_eq!(listed(&world).len(), LISTED_MAX);

    // As much as the smallest has is not more: it has the role, and is not listed.
    let enlist = at(
        &world,
        "late",
        "carol",
        COORDINATOR,
        "late.example:7",
        sum(0),
    );
    world.apply("carol", enlist);
    let has_role = |world: &World, node: &str| {
        query::bond(&world.state, &public(node), COORDINATOR).is_some_and(|bond| bond.enlisted)
    };
    assert!(has_role(&world, "late") && !is_listed(&world, "late"));
    assert_eq!(listed(&world).len(), LISTED_MAX);
    // It is as soon as it adds.
    let events = applied(&mut world, "carol", bond("late", Amount(1)));
    let node = public("stranger-0");
    assert!(events.contains(&EventKind::Unlisted { node }));
    assert!(is_listed(&world, "late") && !is_listed(&world, "stranger-0"));
    assert!(has_role(&world, "stranger-0"));
    assert_eq!(listed(&world).len(), LISTED_MAX);
    let unlisted = query::bond(&world.state, &node, COORDINATOR).unwrap();
    assert_eq!((unlisted.standing, unlisted.leaving.len()), (sum(0), 0));

    // Of equal bonds, that of the smallest key makes room: here two have 1,001.
    let equal = ["late", "stranger-1"];
    let first = equal.into_iter().min_by_key(|node| public(node)).unwrap();
    let enlist = at(
        &world,
        "later",
        "carol",
        COORDINATOR,
        "later.example:7",
        credits(1),
    );
    world.apply("carol", enlist);
    for node in equal {
        assert_eq!(is_listed(&world, node), node != first, "{node}");
    }
    // Where somebody left there is room for who says again where it is.
    world.apply("bob", delist(&name(7)));
    let again = at(
        &world,
        "stranger-0",
        "bob",
        COORDINATOR,
        "10.0.0.2:7",
        Amount::ZERO,
    );
    world.apply("bob", again);
    assert!(is_listed(&world, "stranger-0"));
    assert_eq!(listed(&world).len(), LISTED_MAX);
}

#[test]
fn bnd_7_a_node_moves_with_both_signatures_and_without_a_further_bond() {
    let mut world = bonded();
    for role in [Role::Coordinator, Role::Validator] {
        let enlist = at(&world, "node", "bob", role, "old.example:7", credits(3));
        world.apply("bob", enlist);
        let before = query::bond(&world.state, &public("node"), role).unwrap();
        let moved = at(&world, "node", "bob", role, "new.example:7", Amount::ZERO);
        world.go_to_epoch(world.epoch().0 + 1);

        let Instruction::Enlist(mut forged) = moved.clone() else {
            unreachable!("it enlists")
        };
        forged.body.address = Text::new("evil.example:7").unwrap();
        let forged = Instruction::Enlist(forged);
        assert_eq!(world.rejection("bob", forged), Rejection::NodeSignature);
        assert_eq!(world.rejection("carol", moved.clone()), Rejection::Operator);
        let other = at(
            &world,
            "node",
            "carol",
            role,
            "evil.example:7",
            Amount::ZERO,
        );
        assert_eq!(world.rejection("carol", other), Rejection::Operator);
        let more = at(&world, "node", "bob", role, "new.example:7", credits(2));
        assert_eq!(world.rejection("bob", more), Rejection::Enlisted { role });

        let events = applied(&mut world, "bob", moved);
        let told = EventKind::Moved {
            node: public("node"),
            role,
            address: Text::new("new.example:7").unwrap(),
        };
        assert!(events.contains(&told), "{events:?}");
        // Nothing else of it is new: not its money, nor since when it can be elected.
        let after = query::bond(&world.state, &public("node"), role).unwrap();
        let expected = llmnet_ledger::record::Bond {
            address: Text::new("new.example:7").unwrap(),
            ..before
        };
        assert_eq!(after, expected);
    }
    assert_eq!(listed(&world), [("new.example:7".to_owned(), credits(3))]);

    // Without an address it is told otherwise where it is.
    let role = COORDINATOR;
    let nowhere = at(&world, "node", "bob", role, "", Amount::ZERO);
    world.apply("bob", nowhere);
    assert_eq!(
        (listed(&world), address(&world, "node", role)),
        (vec![], String::new())
    );
    let back = at(&world, "node", "bob", role, "[::1]:7", Amount::ZERO);
    world.apply("bob", back);
    assert_eq!(listed(&world).len(), 1);

    // An auditor has no address, and who left none either.
    let role = Role::Auditor;
    world.apply("bob", at(&world, "node", "bob", role, "", credits(2)));
    let moved = at(&world, "node", "bob", role, "[::1]:7", Amount::ZERO);
    assert_eq!(world.rejection("bob", moved), Rejection::Enlisted { role });
    world.apply("bob", delist("node"));
    let moved = at(&world, "node", "bob", COORDINATOR, "[::1]:7", Amount::ZERO);
    let (needed, available) = (credits(2), Amount::ZERO);
    assert_eq!(
        world.rejection("bob", moved),
        Rejection::Bond { needed, available }
    );
}

#[test]
fn bnd_7_an_old_consent_moves_nobody() {
    let mut world = World::new();
    let enlist = at(
        &world,
        "node",
        "bob",
        COORDINATOR,
        "old.example:7",
        credits(1),
    );
    world.apply("bob", enlist);
    world.go_to_epoch(2);
    let consent = Enlistment {
        node: public("node"),
        operator: public("bob"),
        role: COORDINATOR,
        address: Text::new("older.example:7").unwrap(),
        bond: Amount::ZERO,
        until: Epoch(1),
    };
    let signed = Signed::new(consent, &world.network, &key("node"));
    assert_eq!(
        world.rejection("bob", Instruction::Enlist(Box::new(signed))),
        Rejection::Expired
    );
    assert_eq!(address(&world, "node", COORDINATOR), "old.example:7");
}
