//! A second reading of the rules plays every history as well, and must agree on every balance, hold and
//! reputation. `LLMNET_HISTORIES` sets how many histories, `LLMNET_SEED` plays one alone, `LLMNET_BLOCKS`
//! sets how long they are.

use std::collections::BTreeMap;

use llmnet_ledger::{MemoryState, execute, invariant};
use llmnet_oracle::{Block, Oracle};
use llmnet_types::transaction::{Instruction, Outcome, Transaction};

use crate::{
    compare::{beginning, compare},
    history::History,
};

fn number(name: &str, otherwise: u64) -> u64 {
    let value = std::env::var(name).ok();
    value.map_or(otherwise, |value| value.parse().expect("a number"))
}

fn kind(transaction: &Transaction) -> String {
    let instruction: &Instruction = &transaction.body.instruction;
    name(instruction)
}

/// A variant's name.
fn name(value: &dyn std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    let end = text.find(['(', ' ', '{']).unwrap_or(text.len());
    text[..end].to_owned()
}

fn reason(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Applied { .. } => "applied".to_owned(),
        Outcome::Rejected { reason, .. } => {
            let text = format!("{reason:?}");
            let end = text.find(" {").unwrap_or(text.len());
            text[..end].to_owned()
        }
    }
}

type Tally = BTreeMap<(String, String), u64>;

/// Plays a history on ledger and oracle.
fn play(seed: u64, blocks: u64, tally: &mut Tally) {
    let mut history = History::new(seed);
    let mut state = MemoryState::default();
    state.apply(&history.genesis.writes());
    let mut oracle = Oracle::new(&beginning(&history.genesis));
    let alone = format!("LLMNET_SEED={seed} LLMNET_BLOCKS={blocks}");
    for _ in 0..blocks {
        let (info, transactions) = history.next(&state);
        let execution = execute(&state, &info, &transactions);
        assert_eq!(execution.fault, None, "{alone}");
        state.apply(&execution.writes);
        invariant::conserved(&state).unwrap_or_else(|broken| panic!("{alone}: {broken}"));
        invariant::ends(&state).unwrap_or_else(|broken| panic!("{alone}: {broken}"));
        invariant::roles(&state).unwrap_or_else(|broken| panic!("{alone}: {broken}"));
        let block = Block {
            height: info.height.0,
            leader: info.leader,
            reveal: info.reveal,
        };
        oracle
            .block(&block, &transactions, &execution.outcomes)
            .and_then(|()| compare(&oracle, &state))
            .unwrap_or_else(|mismatch| panic!("{alone}: {mismatch}"));
        if let Some(next) = execution.next_committee {
            assert_eq!(next, oracle.office.committee, "{alone}: COM-2");
        }
        for event in &execution.events {
            let event = name(&event.kind);
            *tally.entry(("event".to_owned(), event)).or_default() += 1;
        }
        for (transaction, outcome) in transactions.iter().zip(&execution.outcomes) {
            *tally
                .entry((kind(transaction), reason(outcome)))
                .or_default() += 1;
        }
    }
}

#[test]
fn every_history_is_read_twice_with_the_same_result() {
    let blocks = number("LLMNET_BLOCKS", 200);
    let mut tally = Tally::new();
    if std::env::var("LLMNET_SEED").is_ok() {
        play(number("LLMNET_SEED", 0), blocks, &mut tally);
    } else {
        for seed in 0..number("LLMNET_HISTORIES", 7) {
            play(seed, blocks, &mut tally);
        }
    }
    for ((kind, reason), count) in &tally {
        println!("{count:6} {kind} {reason}");
    }
}
