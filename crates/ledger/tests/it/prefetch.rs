//! TXN-5: a shell that loads state lazily comes to the same result, and soon.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use llmnet_ledger::{Execution, Key, MemoryState, State, assume, execute, prefetch};
use llmnet_types::{
    transaction::{Instruction, Outcome, Transaction},
    units::Epoch,
};

use crate::world::{World, credits, public, settle};

/// A state as far as it is loaded, and what was asked for besides.
struct Lazy {
    known: BTreeMap<Key, Option<Vec<u8>>>,
    missing: RefCell<BTreeSet<Key>>,
}

impl State for Lazy {
    fn get(&self, key: &Key) -> Option<Vec<u8>> {
        let known = self.known.get(key).cloned();
        known.unwrap_or_else(|| {
            self.missing.borrow_mut().insert(key.clone());
            None
        })
    }
}

/// Executes on what these keys hold, then on more until nothing is missing. How often it ran.
fn lazily(world: &World, first: BTreeSet<Key>, transactions: &[Transaction]) -> (usize, Execution) {
    let load = |state: &MemoryState, keys: BTreeSet<Key>| {
        let pairs = keys.into_iter().map(|key| (key.clone(), state.get(&key)));
        pairs.collect::<BTreeMap<_, _>>()
    };
    let mut lazy = Lazy {
        known: load(&world.state, first),
        missing: RefCell::default(),
    };
    for runs in 1.. {
        let assumed = assume(&lazy, &world.next_block(), transactions);
        let missing = lazy.missing.take();
        if missing.is_empty() {
            assert!(assumed.signatures.holds());
            return (runs, assumed.execution);
        }
        lazy.known.extend(load(&world.state, missing));
    }
    unreachable!("it runs until it returns");
}

fn compare(world: &World, transactions: &[Transaction], most: usize) {
    let block = world.next_block();
    let whole = execute(&world.state, &block, transactions);
    for outcome in &whole.outcomes {
        assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
    }
    let (slowly, same) = lazily(world, BTreeSet::new(), transactions);
    assert_eq!(same, whole);
    let (soon, same) = lazily(world, prefetch(&block, transactions), transactions);
    assert_eq!(same, whole);
    assert!(soon <= most, "{soon} runs");
    assert!(
        soon < slowly,
        "{soon} runs, and {slowly} without loading ahead"
    );
}

#[test]
fn txn_5_a_settlement_names_what_it_reads_but_for_operators_and_releases() {
    let mut world = World::with_experts(5);
    let line = world.open_line(credits(10), Epoch(8));
    let leaf = world.leaf(line, 1, 0, world.height, 3);
    let settlement = world.settlement(vec![leaf]);
    let transactions = [world.sign("coordinator", settle(settlement))];
    compare(&world, &transactions, 3);
}

#[test]
fn txn_5_what_is_not_signed_well_is_seen_on_a_lazy_state_too() {
    let world = World::new();
    let mut transaction = world.sign(
        "alice",
        Instruction::Transfer {
            to: public("bob"),
            amount: credits(1),
        },
    );
    transaction.signature.0[0] ^= 1;
    let keys = prefetch(&world.next_block(), std::slice::from_ref(&transaction));
    for key in [
        Key::Account(public("alice")),
        Key::Account(public("bob")),
        Key::Params,
    ] {
        assert!(keys.contains(&key), "{key:?}");
    }
    let assumed = assume(&world.state, &world.next_block(), &[transaction]);
    assert!(!assumed.signatures.holds());
}

#[test]
fn txn_5_others_name_what_they_begin_with() {
    let mut world = World::with_experts(2);
    let line = world.open_line(credits(10), Epoch(8));
    let instructions = [
        Instruction::Transfer {
            to: public("bob"),
            amount: credits(1),
        },
        Instruction::TopUp {
            line,
            amount: credits(1),
        },
        Instruction::CloseLine { line },
    ];
    for instruction in instructions {
        let transactions = [world.sign("alice", instruction)];
        compare(&world, &transactions, 3);
    }
}
