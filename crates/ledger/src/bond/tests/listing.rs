//! BND-6: what slashing does to a listed coordinator.

use super::*;

#[test]
fn bnd_6_a_slashed_coordinator_is_not_listed_until_it_adds() {
    let mut ledger = Ledger::with(Params {
        coordinator_bond_min: Amount(CREDIT),
        ..params()
    });
    let role = Role::Coordinator;
    for (node, bond) in [("small", 3 * CREDIT / 2), ("large", 3 * CREDIT)] {
        let address = format!("{node}.example:7");
        ledger.enlist_at(&address, node, role, bond).unwrap();
    }
    let listed = |ledger: &Ledger| {
        let listed = query::listed_coordinators(&ledger.state).into_iter();
        let listed = listed.map(|one| (one.address.to_string(), one.bond.0));
        listed.collect::<Vec<_>>()
    };
    let small = ("small.example:7".to_owned(), 3 * CREDIT / 2);
    assert_eq!(
        listed(&ledger),
        [small, ("large.example:7".to_owned(), 3 * CREDIT)]
    );
    for node in ["small", "large"] {
        ledger.slash(node, role, 0);
    }
    let large = ("large.example:7".to_owned(), 3 * CREDIT / 2);
    assert_eq!(listed(&ledger), std::slice::from_ref(&large));
    let more = Instruction::Bond {
        node: public("small"),
        role,
        amount: Amount(CREDIT / 4),
    };
    ledger.run(more).unwrap();
    let small = ("small.example:7".to_owned(), CREDIT);
    assert_eq!(listed(&ledger), [small, large]);
}
