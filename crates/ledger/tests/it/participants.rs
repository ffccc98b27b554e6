//! Truths over random histories of joining, changing, offending and leaving.
//!
//! [`World::block`] checks after every block that supply is conserved (TXN-4), that every hold has an end
//! (WIN-2), and that whatever stands, stands for somebody (BND-2). `LLMNET_CASES` sets how many histories.

use llmnet_ledger::{invariant, query};
use llmnet_types::{
    bond::{ChainUse, Role},
    codec::List,
    dispute::FaultProof,
    domain::Domain,
    id::{ContractId, Digest, ProviderId},
    message::Part,
    params::Params,
    registration::{Announcement, Corpus, Novelty, Registration, Rotated},
    signature::Signed,
    transaction::{Instruction, Outcome},
    units::{Amount, Epoch, Score, Tokens},
};
use proptest::{prelude::*, test_runner::Config};

use crate::world::{VALIDATORS, World, credits, key, params, public, registration};

const OPERATORS: [&str; 3] = ["operator-0", "operator-1", "bob"];
const ROLES: [Role; 4] = [
    Role::Respondent,
    Role::Coordinator,
    Role::Validator,
    Role::Auditor,
];
/// Few, so that they meet: any of them may take any role for any operator.
const NODES: usize = 5;

/// One thing that somebody tries.
#[derive(Debug, Clone)]
enum Attempt {
    Enlist(usize, usize, usize, u64),
    Delist(usize, usize, usize),
    Add(usize, usize, usize, u64),
    Take(usize, usize, usize, u64),
    Register(usize, usize, u64),
    Update(usize, usize, u64),
    Rotate(usize, u32, usize),
    Retire(usize, u32),
    Announce(usize, u32, u8),
    Anchor(usize, bool),
    Offend(usize, u8),
    Vote(usize, u64),
    Wait(u64),
}

fn attempt() -> impl Strategy<Value = Attempt> {
    let (operator, node, role) = (0..OPERATORS.len(), 0..NODES, 0..ROLES.len());
    let money = prop_oneof![Just(0), Just(1), 900_000..5_000_000_u64, Just(u64::MAX)];
    let who = (operator.clone(), node.clone(), role);
    let bond = (who.clone(), money.clone());
    prop_oneof![
        4 => bond.clone().prop_map(|((by, node, role), bond)| Attempt::Enlist(by, node, role, bond)),
        2 => who.prop_map(|(by, node, role)| Attempt::Delist(by, node, role)),
        1 => bond.clone().prop_map(|((by, node, role), bond)| Attempt::Add(by, node, role, bond)),
        2 => bond.prop_map(|((by, node, role), bond)| Attempt::Take(by, node, role, bond)),
        4 => (operator.clone(), node.clone(), money).prop_map(|(by, node, bond)| Attempt::Register(by, node, bond)),
        2 => (operator.clone(), node.clone(), 1..9_u64).prop_map(|(by, node, price)| Attempt::Update(by, node, price)),
        3 => (operator.clone(), 0..6_u32, node.clone()).prop_map(|(by, id, new)| Attempt::Rotate(by, id, new)),
        2 => (operator.clone(), 0..6_u32).prop_map(|(by, id)| Attempt::Retire(by, id)),
        1 => (operator, 0..6_u32, any::<u8>()).prop_map(|(by, id, root)| Attempt::Announce(by, id, root)),
        1 => (node.clone(), any::<bool>()).prop_map(|(node, slots)| Attempt::Anchor(node, slots)),
        3 => (node, any::<u8>()).prop_map(|(node, contract)| Attempt::Offend(node, contract)),
        1 => (0..4_usize, 1..3_u64).prop_map(|(validator, bond)| Attempt::Vote(validator, bond)),
        3 => (1..20_u64).prop_map(Attempt::Wait),
    ]
}

fn node(number: usize) -> String {
    format!("node-{number}")
}

fn said(operator: usize, number: usize, nonce: u32) -> Registration {
    let domains = ["law", "physics"].map(|name| Domain::new(name).unwrap());
    Registration {
        node: public(&node(number)),
        operator: public(OPERATORS[operator]),
        nonce,
        domains: List::truncated(domains),
        ..registration(0, &["law"])
    }
}

/// An account of a contract, of which two are one too many.
fn part(world: &World, number: usize, contract: u8, class: u8) -> Signed<Part> {
    let part = Part {
        contract: ContractId([contract; 32]),
        commitments: List::truncated([Digest::ZERO]),
        first_class: Digest([class; 32]),
        last_class: Digest::ZERO,
        ballot: List::new(),
        version: Default::default(),
        input: Tokens(1),
        output: Tokens(1),
        citations: List::new(),
    };
    Signed::new(part, &world.network, &key(&node(number)))
}

/// Runs an attempt; most are refused.
fn run(world: &mut World, attempt: &Attempt) {
    let (signer, instruction) = match *attempt {
        Attempt::Enlist(by, number, role, bond) => {
            let by = OPERATORS[by];
            let enlist = world.enlist(&node(number), by, ROLES[role], Amount(bond));
            (by.to_owned(), enlist)
        }
        Attempt::Delist(by, number, role) => {
            let (node, role) = (public(&node(number)), ROLES[role]);
            (OPERATORS[by].to_owned(), Instruction::Delist { node, role })
        }
        Attempt::Add(by, number, role, amount) => {
            let (node, role, amount) = (public(&node(number)), ROLES[role], Amount(amount));
            let add = Instruction::Bond { node, role, amount };
            (OPERATORS[by].to_owned(), add)
        }
        Attempt::Take(by, number, role, amount) => {
            let (node, role, amount) = (public(&node(number)), ROLES[role], Amount(amount));
            let take = Instruction::Unbond { node, role, amount };
            (OPERATORS[by].to_owned(), take)
        }
        Attempt::Register(by, number, bond) => {
            let known = query::node(&world.state, &public(&node(number)));
            let mut next = said(by, number, known.map_or(0, |known| known.registrations));
            next.bond = Amount(bond);
            let signed = Signed::new(next, &world.network, &key(&node(number)));
            let register = Instruction::Register(Box::new(signed));
            (OPERATORS[by].to_owned(), register)
        }
        Attempt::Update(by, number, price) => {
            let known = query::provider_of(&world.state, &public(&node(number)));
            let mut next = known.map_or(said(by, number, 0), |(_, provider)| {
                provider.newest().registration.clone()
            });
            next.price.call = Amount(price);
            let signed = Signed::new(next, &world.network, &key(&node(number)));
            let update = Instruction::Update(Box::new(signed));
            (OPERATORS[by].to_owned(), update)
        }
        Attempt::Rotate(by, id, new) => {
            let provider = query::provider(&world.state, ProviderId(id));
            let key_of = |number| key(&node(number));
            let old = provider
                .map(|provider| provider.newest().registration.node)
                .and_then(|old| (0..NODES).find(|number| public(&node(*number)) == old));
            let old = key_of(old.unwrap_or(0));
            let rotated = Rotated::sign(ProviderId(id), &world.network, &old, &key_of(new));
            let rotate = Instruction::Rotate(Box::new(rotated));
            (OPERATORS[by].to_owned(), rotate)
        }
        Attempt::Retire(by, id) => {
            let provider = ProviderId(id);
            (OPERATORS[by].to_owned(), Instruction::Retire { provider })
        }
        Attempt::Announce(by, id, root) => {
            let novelty = Novelty::Corpus {
                corpus: Corpus {
                    root: Digest([root; 32]),
                    as_of_day: 1,
                    passages: 1,
                },
                changed: Score::HALF,
            };
            let provider = ProviderId(id);
            let announcement = Announcement { provider, novelty };
            let announce = Instruction::Announce(Box::new(announcement));
            (OPERATORS[by].to_owned(), announce)
        }
        Attempt::Anchor(number, slots) => {
            let purpose = if slots {
                ChainUse::Slots
            } else {
                ChainUse::Beacon
            };
            let (tip, length) = (Digest::ZERO, 3);
            let anchor = Instruction::Anchor {
                purpose,
                tip,
                length,
            };
            (node(number), anchor)
        }
        Attempt::Offend(number, contract) => {
            let fault = FaultProof::Parts {
                node: public(&node(number)),
                first: part(world, number, contract, 1),
                second: part(world, number, contract, 2),
            };
            ("carol".to_owned(), Instruction::Fault(Box::new(fault)))
        }
        Attempt::Vote(validator, bond) => {
            let next = Params {
                bond_min: credits(bond),
                validator_bond_min: credits(bond),
                ..world.params.clone()
            };
            let vote = Instruction::Vote(Box::new(next));
            (VALIDATORS[validator].to_owned(), vote)
        }
        Attempt::Wait(blocks) => return world.blocks(blocks),
    };
    world.run(&signer, instruction);
}

/// Everybody leaves: whatever they have is taken back by whose it is.
fn leave(world: &mut World) {
    for number in 0..NODES {
        for role in ROLES {
            let Some(bond) = query::bond(&world.state, &public(&node(number)), role) else {
                continue;
            };
            let operator = OPERATORS.iter().find(|name| public(name) == bond.operator);
            let node = public(&node(number));
            let registered = query::provider_of(&world.state, &node);
            let end = match (role, registered) {
                _ if !bond.enlisted => continue,
                (Role::Respondent, Some((provider, _))) => Instruction::Retire { provider },
                _ => Instruction::Delist { node, role },
            };
            world.apply(operator.unwrap(), end);
        }
    }
}

fn cases() -> u32 {
    let cases = std::env::var("LLMNET_CASES").ok();
    cases.and_then(|cases| cases.parse().ok()).unwrap_or(8)
}

proptest! {
    #![proptest_config(Config { cases: cases(), max_shrink_iters: 200, failure_persistence: None, ..Config::default() })]

    #[test]
    fn bnd_3_whoever_joined_can_leave_with_all_that_no_offence_cost(
        attempts in prop::collection::vec(attempt(), 1..80)
    ) {
        let mut world = World::with(Params { term_epochs: 3, fee_per_byte: Amount::ZERO, ..params() });
        let supply = query::totals(&world.state).supply;
        for attempt in &attempts {
            run(&mut world, attempt);
        }
        leave(&mut world);
        // Out of office at the latest three epochs later, and six after that all is free.
        let end = world.epoch().0 + 3 + 6;
        world.go_to_epoch(end);
        let totals = query::totals(&world.state);
        // The four of genesis stay; nothing but offences took money.
        prop_assert_eq!(totals.bonds, credits(40));
        prop_assert_eq!(totals.accounts.0 + totals.burnt.0 + totals.bonds.0, supply.0);
        prop_assert!(invariant::is_settled(&world.state));
        for number in 0..NODES {
            for role in ROLES {
                prop_assert_eq!(query::bond(&world.state, &public(&node(number)), role), None);
            }
        }
    }
}

/// The same by hand, so that a history without any effect cannot hide in the random ones.
#[test]
fn bnd_3_all_of_a_life_comes_to_its_end() {
    let mut world = World::with(Params {
        fee_per_byte: Amount::ZERO,
        ..params()
    });
    let life = [
        Attempt::Register(0, 0, 2_000_000),
        Attempt::Enlist(1, 1, 2, 3_000_000),
        Attempt::Add(1, 1, 2, 1_000_000),
        Attempt::Wait(8),
        Attempt::Update(0, 0, 7),
        Attempt::Rotate(0, 0, 2),
        Attempt::Offend(0, 1),
        Attempt::Take(1, 1, 2, 1_000_000),
        Attempt::Announce(0, 0, 9),
        Attempt::Delist(1, 1, 2),
    ];
    for attempt in &life {
        run(&mut world, attempt);
    }
    let bond = query::bond(&world.state, &public("node-2"), Role::Respondent).unwrap();
    assert_eq!(bond.standing, credits(2));
    assert_eq!(query::totals(&world.state).burnt, credits(2));
    let outcome = world.run(
        "operator-0",
        Instruction::Retire {
            provider: ProviderId(0),
        },
    );
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
    world.go_to_epoch(world.epoch().0 + 7);
    assert_eq!(query::totals(&world.state).bonds, credits(40));
    assert!(world.epoch() > Epoch(6));
}
