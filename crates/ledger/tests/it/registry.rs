//! REG: who registers, with which bond, under which key, and until when.

use llmnet_ledger::{query, record::Version};
use llmnet_types::{
    bond::Role,
    domain::Domain,
    id::{DomainId, ProviderId},
    registration::{Price, Registration, Rotated},
    rejection::{Field, Rejection},
    signature::Signed,
    transaction::{Instruction, Outcome},
    units::{Amount, Epoch, Height},
};

use crate::world::{World, credits, key, public, registration};

fn reason(outcome: Outcome) -> Rejection {
    match outcome {
        Outcome::Rejected { reason, .. } => reason,
        Outcome::Applied { .. } => panic!("applied"),
    }
}

#[test]
fn reg_1_node_and_operator_sign_and_the_bond_is_locked_for_each_domain() {
    let before = query::totals(&World::new().state).bonds;
    let mut world = World::with_experts(2);
    let bonds = query::totals(&world.state).bonds;
    assert_eq!(bonds.saturating_sub(before), credits(3));
    let (id, provider) = query::provider_of(&world.state, &public("node-1")).unwrap();
    assert_eq!(id, ProviderId(1));
    assert_eq!(provider.domains.to_vec(), [DomainId(0)]);
    let physics = query::domain_id(&world.state, &Domain::new("physics").unwrap()).unwrap();
    let members = query::domain_providers(&world.state, physics);
    assert_eq!(members, [ProviderId(0), ProviderId(1)]);

    let forged = Signed::new(registration(3, &["law"]), &world.network, &key("node-4"));
    let forged = Instruction::Register(Box::new(forged));
    assert_eq!(
        world.rejection("operator-3", forged),
        Rejection::NodeSignature
    );
    let other = Signed::new(registration(3, &["law"]), &world.network, &key("node-3"));
    let other = Instruction::Register(Box::new(other));
    assert_eq!(world.rejection("bob", other), Rejection::Operator);
}

#[test]
fn reg_2_a_node_has_one_standing_registration() {
    let mut world = World::with_experts(1);
    let again = Registration {
        nonce: 1,
        ..registration(0, &["law"])
    };
    let provider = ProviderId(0);
    assert_eq!(
        reason(world.register(again)),
        Rejection::Registered { provider }
    );
    let skipped = Registration {
        nonce: 1,
        ..registration(1, &["law"])
    };
    assert_eq!(
        reason(world.register(skipped)),
        Rejection::RegistrationNonce {
            expected: 0,
            found: 1
        }
    );
}

#[test]
fn reg_3_the_bond_has_a_minimum_for_each_domain() {
    let mut world = World::new();
    let bad = |bond, domains: &[&str]| Registration {
        bond,
        ..registration(0, domains)
    };
    let cases = [
        (
            bad(Amount(999_999), &["law"]),
            Rejection::Bounds { field: Field::Bond },
        ),
        (
            bad(credits(1), &[]),
            Rejection::Bounds {
                field: Field::Domains,
            },
        ),
        (
            bad(credits(1), &["law", "law"]),
            Rejection::Bounds {
                field: Field::Domains,
            },
        ),
        (bad(Amount(u64::MAX), &["law", "art"]), Rejection::Overflow),
    ];
    for (registration, expected) in cases {
        assert_eq!(reason(world.register(registration)), expected);
    }
    let poor = reason(world.register(bad(credits(60), &["law", "art"])));
    assert!(matches!(poor, Rejection::Balance { .. }));
    assert_eq!(query::counters(&world.state).domain, DomainId(0));
}

pub fn version(world: &World, provider: u32, height: Height) -> Version {
    let provider = query::provider(&world.state, ProviderId(provider)).unwrap();
    provider.at(height).unwrap().clone()
}

pub fn price(call: u64) -> Price {
    Price {
        call: Amount(call),
        ..Price::default()
    }
}

pub fn update(world: &World, node: &str, registration: Registration) -> Instruction {
    let signed = Signed::new(registration, &world.network, &key(node));
    Instruction::Update(Box::new(signed))
}

pub fn rotate(world: &World, provider: u32, old: &str, new: &str) -> Instruction {
    let rotated = Rotated::sign(ProviderId(provider), &world.network, &key(old), &key(new));
    Instruction::Rotate(Box::new(rotated))
}

pub fn retire(provider: u32) -> Instruction {
    let provider = ProviderId(provider);
    Instruction::Retire { provider }
}

#[test]
fn reg_6_a_rotation_keeps_number_standing_and_bond_and_the_old_key_is_over() {
    let mut world = World::with_experts(2);
    world.go_to_epoch(1);
    let next = Registration {
        price: price(2_000),
        ..registration(0, &["physics", "law"])
    };
    world.apply("operator-0", update(&world, "node-0", next.clone()));
    world.apply("operator-0", rotate(&world, 0, "node-0", "node-7"));
    let (id, _) = query::provider_of(&world.state, &public("node-7")).unwrap();
    assert_eq!(id, ProviderId(0));
    assert_eq!(query::provider_of(&world.state, &public("node-0")), None);
    let node_at = |height: u64| version(&world, 0, Height(height)).registration.node;
    let height = world.height.0;
    assert_eq!(node_at(height - 1), public("node-0"));
    assert_eq!(node_at(height), public("node-7"));
    // What was to be said later is said by the new key too.
    assert_eq!(node_at(16), public("node-7"));
    let later = version(&world, 0, Height(16)).registration.price;
    assert_eq!(later, price(2_000));
    let role = Role::Respondent;
    assert_eq!(query::bond(&world.state, &public("node-0"), role), None);
    let bond = query::bond(&world.state, &public("node-7"), role).unwrap();
    assert_eq!(bond.standing, credits(2));

    let stale = update(&world, "node-0", next.clone());
    let gone = Rejection::NotEnlisted { role };
    assert_eq!(world.rejection("operator-0", stale), gone);
    let next = Registration {
        node: public("node-7"),
        ..next
    };
    world.apply("operator-0", update(&world, "node-7", next));
    // The key may register again only once this registration ended, and under its next nonce.
    let again = |nonce| Registration {
        node: public("node-7"),
        nonce,
        ..registration(0, &["law"])
    };
    let provider = ProviderId(0);
    assert_eq!(
        reason(world.register(again(1))),
        Rejection::Registered { provider }
    );
    world.apply("operator-0", retire(0));
    assert_eq!(
        reason(world.register(again(0))),
        Rejection::RegistrationNonce {
            expected: 1,
            found: 0
        }
    );
    let outcome = world.register(again(1));
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
}

#[test]
fn reg_6_a_rotation_has_three_signatures_and_a_key_that_never_registered() {
    let mut world = World::with_experts(2);
    let provider = ProviderId(1);
    let good = rotate(&world, 0, "node-0", "node-7");
    assert_eq!(
        world.rejection("operator-1", good.clone()),
        Rejection::Operator
    );
    let known = rotate(&world, 0, "node-0", "node-1");
    assert_eq!(
        world.rejection("operator-0", known),
        Rejection::Registered { provider }
    );
    let not_its_key = rotate(&world, 0, "node-8", "node-7");
    let provider = ProviderId(0);
    assert_eq!(
        world.rejection("operator-0", not_its_key),
        Rejection::Provider { provider }
    );
    let itself = rotate(&world, 0, "node-0", "node-0");
    assert_eq!(
        world.rejection("operator-0", itself),
        Rejection::Registered { provider }
    );
    let Instruction::Rotate(good) = good else {
        unreachable!("it rotates")
    };
    for forge in [
        |rotated: &mut Rotated| rotated.by_old = rotated.by_new,
        |rotated: &mut Rotated| rotated.by_new = rotated.by_old,
    ] {
        let mut forged = good.clone();
        forge(&mut forged);
        assert_eq!(
            world.rejection("operator-0", Instruction::Rotate(forged)),
            Rejection::NodeSignature
        );
    }
    world.apply("operator-0", Instruction::Rotate(good.clone()));
    // Once is all, and there is no way back.
    assert_eq!(
        world.rejection("operator-0", Instruction::Rotate(good)),
        Rejection::Provider { provider }
    );
    let back = rotate(&world, 0, "node-7", "node-0");
    assert_eq!(
        world.rejection("operator-0", back),
        Rejection::Registered { provider }
    );
    world.apply("operator-0", retire(0));
    let late = rotate(&world, 0, "node-7", "node-8");
    assert_eq!(
        world.rejection("operator-0", late),
        Rejection::Provider { provider }
    );
}

/// BND-3: its money leaves by the new key's list as it would have by the old one's.
#[test]
fn reg_6_what_leaves_a_bond_leaves_in_time_though_the_key_is_rotated() {
    let mut world = World::with_experts(1);
    let role = Role::Respondent;
    let more = Instruction::Bond {
        node: public("node-0"),
        role,
        amount: credits(3),
    };
    world.apply("operator-0", more);
    let take = |node: &str, amount| Instruction::Unbond {
        node: public(node),
        role,
        amount,
    };
    world.apply("operator-0", take("node-0", credits(1)));
    world.go_to_epoch(2);
    world.apply("operator-0", take("node-0", credits(2)));
    world.apply("operator-0", rotate(&world, 0, "node-0", "node-7"));
    let leaving = |world: &World| {
        query::bond(&world.state, &public("node-7"), role)
            .unwrap()
            .leaving
    };
    let all = [(Epoch(6), credits(1)), (Epoch(8), credits(2))];
    assert_eq!(leaving(&world), all);
    let before = query::account(&world.state, &public("operator-0")).balance;
    world.go_to_epoch(6);
    assert_eq!(leaving(&world), all[1..]);
    world.go_to_epoch(8);
    assert_eq!(leaving(&world), []);
    let after = query::account(&world.state, &public("operator-0")).balance;
    assert_eq!(after.0 - before.0, credits(3).0);
}

#[test]
fn reg_7_a_registration_ends_by_its_operators_word_and_its_bond_leaves() {
    let mut world = World::with_experts(2);
    let provider = ProviderId(0);
    let refused = Rejection::Provider { provider };
    assert_eq!(world.rejection("operator-1", retire(0)), refused);
    world.apply("operator-0", retire(0));
    assert_eq!(world.rejection("operator-0", retire(0)), refused);
    assert_eq!(query::provider_of(&world.state, &public("node-0")), None);
    let order = world.order("coordinator", 0, world.height);
    assert_eq!(order, [ProviderId(1)]);
    let role = Role::Respondent;
    let bond = query::bond(&world.state, &public("node-0"), role).unwrap();
    assert!(!bond.enlisted);
    assert_eq!(bond.leaving, [(Epoch(6), credits(2))]);
    let again = Instruction::Unbond {
        node: public("node-0"),
        role,
        amount: credits(1),
    };
    assert_eq!(
        world.rejection("operator-0", again),
        Rejection::NotEnlisted { role }
    );
    world.go_to_epoch(6);
    assert_eq!(query::bond(&world.state, &public("node-0"), role), None);
}

/// Those who left take nobody's place, and selections that look back still see them (SEL-8).
#[test]
fn reg_3_a_retired_registration_leaves_its_domains_when_no_selection_looks_back_to_it() {
    let mut world = World::with_experts(3);
    world.go_to_epoch(1);
    let then = world.height;
    let order = world.order("coordinator", 0, then);
    world.apply("operator-0", retire(0));
    let law = world.domain("law");
    for epoch in 1..5 {
        world.go_to_epoch(epoch);
        assert_eq!(world.order("coordinator", 0, then), order, "{epoch}");
        assert_eq!(query::domain_providers(&world.state, law).len(), 2);
    }
    world.go_to_epoch(5);
    let left = query::domain_providers(&world.state, law);
    assert_eq!(left, [ProviderId(2)]);
    let record = query::provider(&world.state, ProviderId(0)).unwrap();
    assert_eq!(record.versions.len(), 1);
    // Its number is never another's.
    let again = Registration {
        nonce: 1,
        ..registration(0, &["law"])
    };
    world.register(again);
    let left = query::domain_providers(&world.state, law);
    assert_eq!(left, [ProviderId(2), ProviderId(3)]);
}

/// Numbers of domains are few: none is lost, however many come and go.
#[test]
fn reg_3_the_number_of_a_domain_that_all_left_is_the_next_domains() {
    let mut world = World::new();
    world.register(registration(0, &["one", "two", "three"]));
    world.register(registration(1, &["three", "four"]));
    let number = |world: &World, name: &str| {
        query::domain_id(&world.state, &Domain::new(name).unwrap()).map(|id| id.0)
    };
    world.apply("operator-0", retire(0));
    let forgotten = world.epoch().0 + 4;
    world.go_to_epoch(forgotten - 1);
    assert_eq!(number(&world, "one"), Some(0));
    world.go_to_epoch(forgotten);
    let numbers = ["one", "two", "three", "four"].map(|name| number(&world, name));
    assert_eq!(numbers, [None, None, Some(2), Some(3)]);
    world.register(registration(2, &["five", "one", "six"]));
    let numbers = ["five", "one", "six", "two"].map(|name| number(&world, name));
    assert_eq!(numbers, [Some(1), Some(0), Some(4), None]);
    let counters = query::counters(&world.state);
    assert_eq!((counters.domain, counters.vacant), (DomainId(5), None));
}
