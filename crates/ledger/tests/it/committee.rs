//! COM: who is in office, for how long, and who comes next.

use llmnet_ledger::{EventKind, GenesisError, GenesisValidator, query};
use llmnet_types::{
    bond::Role,
    id::Digest,
    network::Committee,
    params::Params,
    signature::PublicKey,
    transaction::Instruction,
    units::{Amount, Height, Term},
};

use crate::world::{VALIDATORS, World, credits, genesis, params, public};

/// Terms of two epochs, sixteen blocks: the first ends with block 15.
fn world(committee_max: u32) -> World {
    let mut world = World::with(Params {
        term_epochs: 2,
        committee_max,
        ..params()
    });
    for name in VALIDATORS {
        let (to, amount) = (public(name), credits(1));
        world.apply("alice", Instruction::Transfer { to, amount });
    }
    world
}

fn delist(name: &str) -> Instruction {
    Instruction::Delist {
        node: public(name),
        role: Role::Validator,
    }
}

fn in_office(world: &World) -> Vec<PublicKey> {
    query::office(&world.state)
        .unwrap()
        .committee
        .keys()
        .to_vec()
}

fn sorted(names: &[&str]) -> Vec<PublicKey> {
    let mut keys: Vec<_> = names.iter().map(|name| public(name)).collect();
    keys.sort_unstable();
    keys
}

/// Goes to a term's last block and executes it.
fn end_term(world: &mut World, term: u64) {
    while world.height < Height(16 * (term + 1) - 2) {
        assert_eq!(world.block(&[]).next_committee, None);
    }
    assert!(world.block(&[]).next_committee.is_some());
}

#[test]
fn com_1_and_com_2_the_last_block_of_a_term_names_the_next_committee_and_its_state_holds_it() {
    let mut world = World::with(Params {
        term_epochs: 2,
        ..params()
    });
    let first = query::office(&world.state).unwrap();
    assert_eq!((first.term, first.committee.keys().len()), (Term(0), 4));
    for height in 1..50_u64 {
        let execution = world.block(&[]);
        let is_last = [15, 31, 47].contains(&height);
        assert_eq!(execution.next_committee.is_some(), is_last, "{height}");
        let office = query::office(&world.state).unwrap();
        assert_eq!(office.term, Term((height + 1) / 16));
        let elected = execution.events.iter().find_map(|event| match event.kind {
            EventKind::Elected {
                term,
                committee,
                validators,
            } => Some((term, committee, validators)),
            _ => None,
        });
        let next = execution.next_committee.as_ref();
        assert_eq!(elected, next.map(|next| (office.term, next.digest(), 4)));
        assert!(next.is_none_or(|next| *next == office.committee));
    }
}

#[test]
fn com_3_the_largest_bonds_are_elected_ties_by_key_as_many_as_fit() {
    let mut world = world(4);
    world.apply(
        "bob",
        world.enlist("large", "bob", Role::Validator, credits(11)),
    );
    world.apply(
        "bob",
        world.enlist("equal", "bob", Role::Validator, credits(10)),
    );
    world.apply(
        "bob",
        world.enlist("small", "bob", Role::Validator, Amount(9_999_999)),
    );
    assert_eq!(
        in_office(&world),
        sorted(&VALIDATORS),
        "a term is not cut short"
    );
    end_term(&mut world, 0);
    let mut equals = sorted(&[&VALIDATORS[..], &["equal"]].concat());
    equals.truncate(3);
    let mut expected = equals;
    expected.push(public("large"));
    expected.sort_unstable();
    assert_eq!(in_office(&world), expected);
    assert!(Committee::new(expected).is_ok());
}

#[test]
fn com_3_what_is_said_in_the_last_block_counts() {
    let mut world = world(5);
    world.apply(
        "bob",
        world.enlist("new", "bob", Role::Validator, credits(2)),
    );
    while world.height < Height(14) {
        world.block(&[]);
    }
    let leaves = world.sign("validator-1", delist("validator-1"));
    let next = world.block(&[leaves]).next_committee.unwrap();
    let expected = sorted(&["validator-0", "validator-2", "validator-3", "new"]);
    assert_eq!(next.keys(), expected);
}

#[test]
fn com_3_who_enlists_in_the_epoch_in_which_a_term_ends_waits_for_the_next_one() {
    let mut world = world(6);
    let enlist = |world: &mut World, name: &str, operator: &str| {
        let instruction = world.enlist(name, operator, Role::Validator, credits(11));
        world.apply(operator, instruction);
    };
    let (to, amount) = (public("validator-0"), credits(20));
    world.apply("alice", Instruction::Transfer { to, amount });
    // The last block of the epoch before, and the first of the one in which the term ends.
    while world.height < Height(6) {
        world.block(&[]);
    }
    enlist(&mut world, "early", "bob");
    assert_eq!(world.height, Height(7));
    enlist(&mut world, "late", "bob");
    // One in office that leaves and comes back has to be waited for as well.
    world.apply("validator-0", delist("validator-0"));
    enlist(&mut world, "validator-0", "validator-0");
    end_term(&mut world, 0);
    let expected = ["validator-1", "validator-2", "validator-3", "early"];
    assert_eq!(in_office(&world), sorted(&expected));
    end_term(&mut world, 1);
    let expected = [&VALIDATORS[..], &["early", "late"]].concat();
    assert_eq!(in_office(&world), sorted(&expected));
}

#[test]
fn com_3_fewer_may_be_able_than_before_and_of_none_the_committee_stays() {
    let mut world = world(4);
    world.apply("validator-0", delist("validator-0"));
    world.apply("validator-1", delist("validator-1"));
    end_term(&mut world, 0);
    assert_eq!(in_office(&world), sorted(&["validator-2", "validator-3"]));
    world.apply("validator-2", delist("validator-2"));
    world.apply("validator-3", delist("validator-3"));
    end_term(&mut world, 1);
    assert_eq!(in_office(&world), sorted(&["validator-2", "validator-3"]));
    assert_eq!(query::office(&world.state).unwrap().term, Term(2));

    // Their bonds leave all the same: no lock is without an end.
    (2..5).for_each(|term| end_term(&mut world, term));
    for name in VALIDATORS {
        assert_eq!(
            query::bond(&world.state, &public(name), Role::Validator),
            None
        );
    }
    assert_eq!(in_office(&world), sorted(&["validator-2", "validator-3"]));
    // Whoever enlists takes over.
    world.apply(
        "bob",
        world.enlist("new", "bob", Role::Validator, credits(1)),
    );
    end_term(&mut world, 5);
    assert_eq!(in_office(&world), sorted(&["new"]));
}

/// A bond that was enough once is not, where validators voted for a larger one.
#[test]
fn com_3_the_least_bond_is_that_of_the_day() {
    let mut world = world(4);
    world.apply(
        "bob",
        world.enlist("large", "bob", Role::Validator, credits(11)),
    );
    let dearer = Params {
        validator_bond_min: credits(11),
        ..world.params.clone()
    };
    for name in &VALIDATORS[..3] {
        world.apply(name, Instruction::Vote(Box::new(dearer.clone())));
    }
    end_term(&mut world, 0);
    end_term(&mut world, 1);
    assert_eq!(in_office(&world), sorted(&["large"]));
}

/// NET-2: the first committee and its bonds stand in genesis.
#[test]
fn net_1_and_2_genesis_names_the_first_committee_and_holds_its_bonds() {
    let good = genesis(params());
    let sum = |amounts: &[Amount]| Amount::sum(amounts.iter().copied()).unwrap();
    let balances: Vec<_> = good.accounts.iter().map(|(_, balance)| *balance).collect();
    let world = World::new();
    let totals = query::totals(&world.state);
    assert_eq!(totals.bonds, credits(40));
    assert_eq!(totals.supply, sum(&[sum(&balances), credits(40)]));
    assert_eq!(in_office(&world), good.committee().keys());
    assert_eq!(query::validators(&world.state), good.committee().keys());

    let check = |change: fn(&mut Vec<GenesisValidator>)| {
        let mut validators = good.validators.to_vec();
        change(&mut validators);
        let mut genesis = good.clone();
        genesis.validators = validators.try_into().unwrap();
        let checked = genesis.check();
        // Other validators make another network.
        assert!(checked.is_err() || genesis.id() != good.id());
        checked
    };
    let refused = [
        check(|validators| validators.clear()),
        check(|validators| validators.reverse()),
        check(|validators| validators[1] = validators[0].clone()),
        check(|validators| validators[0].bond = Amount(999_999)),
        check(|validators| validators[0].beacon = Some((Digest::ZERO, 0))),
    ];
    for result in refused {
        assert!(
            matches!(result, Err(GenesisError::Validators)),
            "{result:?}"
        );
    }
    assert!(check(|validators| validators.truncate(1)).is_ok());
    // No more than a committee may have, and no more money than can be counted.
    let mut small = good.clone();
    small.params.committee_max = 3;
    assert!(matches!(small.check(), Err(GenesisError::Validators)));
    let rich = check(|validators| validators[0].bond = Amount(u64::MAX));
    assert!(matches!(rich, Err(GenesisError::Supply)));
}
