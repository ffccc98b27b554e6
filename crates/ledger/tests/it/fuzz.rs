//! Whatever is signed, by whomever: the rules never panic, money is conserved, every hold ends, and what is
//! refused costs its fee and nothing else.
//!
//! Honest instructions of a small busy network are changed byte by byte, or made of anything at all. Half
//! of the blocks are executed as if all signatures held ([`assume`]), so that what stands behind them is
//! met as well. See the fuzz targets of `llmnet-types` for `LLMNET_FUZZ_SECONDS` and `LLMNET_FUZZ_SEED`.

mod network;

#[path = "../../../types/tests/it/fuzz/mutation.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of types, which use all of it"
)]
mod mutation;
#[path = "../../../types/tests/it/fuzz/run.rs"]
mod run;

use std::collections::{BTreeMap, BTreeSet};

use llmnet_ledger::{
    BlockInfo, Execution, Key, MemoryState, assume, chain_element, execute, invariant, query,
    record::Totals, state::VALUE_LENGTH_MAX,
};
use llmnet_types::{
    codec::{decode, encode},
    signature::{PublicKey, Signature},
    transaction::{Instruction, Outcome, TRANSACTION_LENGTH_MAX, Transaction},
    units::Amount,
};

use self::{
    mutation::mutate,
    network::{PEOPLE, Stage},
    run::fuzz,
};
use crate::{
    any::{Any, Source, Variants},
    world::{CHAIN_LENGTH, VALIDATORS, World, key, public, secret},
};

#[test]
fn transactions() {
    // TXN-3, TXN-4, TXN-5, WIN-2, LIN-2
    let stages = network::stages();
    let known: Vec<PublicKey> = PEOPLE.iter().map(|name| public(name)).collect();
    fuzz("transactions", |source| {
        source.known.clone_from(&known);
        source.small = true;
        let stage = &stages[source.below(stages.len())];
        let mut world = World {
            params: stage.world.params.clone(),
            state: stage.world.state.clone(),
            ..stage.world
        };
        for _ in 0..=source.below(3) {
            if source.below(4) == 0 {
                for _ in 0..source.below(20) {
                    step(&mut world, source, &[], false);
                }
            }
            let trusting = source.below(2) == 0;
            let count = [1, 1, 2, 5][source.below(4)];
            let transactions = signed(&world, source, stage, count);
            step(&mut world, source, &transactions, trusting);
        }
        if source.below(64) == 0 {
            let end = world.epoch().0 + u64::from(world.params.line_epochs_max) + 8;
            while world.epoch().0 < end {
                step(&mut world, source, &[], false);
            }
            assert!(invariant::is_settled(&world.state), "LIN-2");
        }
    });
}

/// What the target is worth: it begins with instructions of all kinds that apply.
#[test]
fn all_kinds_of_instructions_are_met() {
    let mut applied = BTreeSet::new();
    for stage in network::stages() {
        let block = next_block(&stage.world, &mut Source::new(0));
        for (signer, instruction) in &stage.honest {
            let transaction = stage.world.sign(signer, instruction.clone());
            let execution = execute(&stage.world.state, &block, &[transaction]);
            if matches!(execution.outcomes[..], [Outcome::Applied { .. }]) {
                applied.insert(encode(instruction)[0]);
            }
        }
    }
    let missing: Vec<_> = (0_u8..)
        .take(Instruction::MAKERS.len())
        .filter(|kind| !applied.contains(kind))
        .collect();
    assert!(missing.is_empty(), "instructions {missing:?} never apply");
}

/// So many transactions, most of them in turn and by whom it makes sense.
fn signed(world: &World, source: &mut Source, stage: &Stage, count: usize) -> Vec<Transaction> {
    let mut nonces = BTreeMap::new();
    let transactions = (0..count).map(|_| {
        let (signer, instruction) = instruction(source, stage);
        let signer = match source.below(8) {
            0 => PEOPLE[source.below(PEOPLE.len())],
            _ => signer,
        };
        let nonce = nonces
            .entry(signer)
            .or_insert_with(|| query::account(&world.state, &public(signer)).nonce);
        let transaction = Transaction::sign(world.network, &key(signer), *nonce, instruction);
        *nonce += 1;
        match source.below(24) {
            0 => Transaction {
                signature: Signature::any(source),
                ..transaction
            },
            1 => changed(source, &transaction, &[]).unwrap_or(transaction),
            _ => transaction,
        }
    });
    transactions.collect()
}

fn instruction(source: &mut Source, stage: &Stage) -> (&'static str, Instruction) {
    let (signer, honest) = &stage.honest[source.below(stage.honest.len())];
    let (_, other) = &stage.honest[source.below(stage.honest.len())];
    let instruction = match source.below(8) {
        0 => honest.clone(),
        1 | 2 => Instruction::any(source),
        _ => {
            let other = encode(other);
            let changed = (0..16).find_map(|_| changed(source, honest, &other));
            changed.unwrap_or_else(|| honest.clone())
        }
    };
    (signer, instruction)
}

fn changed<T: borsh::BorshSerialize + borsh::BorshDeserialize>(
    source: &mut Source,
    value: &T,
    other: &[u8],
) -> Option<T> {
    let mut bytes = encode(value);
    mutate(source, &mut bytes, other);
    decode(&bytes, TRANSACTION_LENGTH_MAX).ok()
}

/// A block by whoever's turn it is, with its reveal or another.
fn next_block(world: &World, source: &mut Source) -> BlockInfo {
    let height = world.height.next().unwrap();
    let name = VALIDATORS[source.below(VALIDATORS.len())];
    let epoch = height.epoch(world.params.epoch_length());
    let chains = query::beacon_chains(&world.state, &public(name));
    let left = chains.of(epoch).map_or(0, |chain| chain.left);
    let next = (1..=CHAIN_LENGTH)
        .contains(&left)
        .then(|| chain_element(&secret(name), CHAIN_LENGTH, CHAIN_LENGTH - left + 1));
    BlockInfo {
        network: world.network,
        height,
        leader: match source.below(32) {
            0 => Any::any(source),
            _ => public(name),
        },
        reveal: match source.below(32) {
            0 => Any::any(source),
            _ => next,
        },
    }
}

/// Executes a block and holds everything that must be true of it.
fn step(world: &mut World, source: &mut Source, transactions: &[Transaction], trusting: bool) {
    let block = next_block(world, source);
    let run = |transactions: &[Transaction]| {
        if trusting {
            assume(&world.state, &block, transactions).execution
        } else {
            execute(&world.state, &block, transactions)
        }
    };
    let execution = run(transactions);
    assert_eq!(execution.outcomes.len(), transactions.len());
    for (key, value) in &execution.writes {
        let length = value.as_ref().map_or(0, Vec::len);
        assert!(length < VALUE_LENGTH_MAX, "{key:?} has {length} bytes");
    }
    let after = after(&world.state, &execution);
    if let ([transaction], [Outcome::Rejected { fee, .. }]) =
        (transactions, &execution.outcomes[..])
    {
        let idle = self::after(&world.state, &run(&[]));
        costs_its_fee_alone(&idle, &after, &transaction.body.signer, *fee);
    }
    invariant::conserved(&after).expect("TXN-4");
    invariant::ends(&after).expect("WIN-2");
    world.state = after;
    world.height = block.height;
}

fn after(state: &MemoryState, execution: &Execution) -> MemoryState {
    let mut after = state.clone();
    after.apply(&execution.writes);
    after
}

/// A block with a refused transaction is an empty one, but for the signer's nonce and fee (TXN-3).
fn costs_its_fee_alone(idle: &MemoryState, after: &MemoryState, signer: &PublicKey, fee: Amount) {
    let entries = |state: &MemoryState| -> BTreeSet<(Key, Vec<u8>)> {
        let entries = state.iter();
        entries
            .map(|(key, value)| (key.clone(), value.to_vec()))
            .collect()
    };
    let (idle_entries, entries) = (entries(idle), entries(after));
    let differs: BTreeSet<&Key> = idle_entries
        .symmetric_difference(&entries)
        .map(|(key, _)| key)
        .collect();
    if fee == Amount::ZERO {
        assert!(differs.is_empty(), "TXN-3: {differs:?}");
        return;
    }
    let own = [Key::Account(*signer), Key::Totals];
    assert!(
        differs.iter().all(|key| own.contains(key)),
        "TXN-3: {differs:?}"
    );
    let [was, is] = [idle, after].map(|state| query::account(state, signer));
    assert_eq!(is.nonce, was.nonce + 1, "TXN-3");
    assert_eq!(is.balance.checked_add(fee), Some(was.balance), "TXN-3");
    let [was, is] = [idle, after].map(|state| query::totals(state));
    let kept = |totals: &Totals| Amount::sum([totals.pool, totals.burnt]);
    assert_eq!(
        kept(&is),
        kept(&was).and_then(|kept| kept.checked_add(fee)),
        "TXN-2"
    );
}
