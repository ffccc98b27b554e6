//! REG: who registers, with which bond.

use llmnet_ledger::query;
use llmnet_types::{
    domain::Domain,
    id::{DomainId, ProviderId},
    registration::Registration,
    rejection::{Field, Rejection},
    signature::Signed,
    transaction::{Instruction, Outcome},
    units::Amount,
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
