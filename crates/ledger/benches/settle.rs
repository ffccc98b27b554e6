//! What a receipt costs the chain: blocks of settlements, every check on, on one core.
//!
//! `cargo bench --release -p llmnet-ledger` executes blocks of settlements of 256 contracts with three seats,
//! their leaves of 100 requesters interleaved, co-signed by all 10 providers. `LLMNET_SETTLEMENTS` says how
//! many settlements a block has, `LLMNET_BLOCKS` how many blocks are executed.
#![allow(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on should stop"
)]
#![expect(clippy::print_stdout, reason = "it prints what it measures")]

use std::time::Instant;

use llmnet_ledger::{BlockInfo, Execution, GenesisValidator, MemoryState, assume, execute, query};
use llmnet_types::{
    codec::encode,
    id::NetworkId,
    settlement::{LEAVES_MAX, Settlement},
    transaction::{Instruction, Outcome, Transaction},
    units::{Amount, Height, Slot},
};

use workload::{Workload, key};

#[path = "support/workload.rs"]
mod workload;

fn count(name: &str, default: u32) -> u32 {
    let count = std::env::var(name).ok();
    count
        .and_then(|count| count.parse().ok())
        .unwrap_or(default)
}

/// A ledger and one coordinator, who has lines of all requesters.
struct Network {
    workload: Workload,
    id: NetworkId,
    state: MemoryState,
    height: Height,
}

impl Network {
    fn new(slots: u32) -> Self {
        let validator = GenesisValidator::plain(key("validator", 0).public_key(), Amount::CREDIT);
        let (workload, genesis) = Workload::new(1, slots, vec![validator]);
        let mut network = Self {
            workload,
            id: genesis.id(),
            state: MemoryState::default(),
            height: Height(0),
        };
        network.state.apply(&genesis.writes());
        let beginnings = network.workload.beginnings();
        let execution = execute(&network.state, &network.next_block(), &beginnings);
        network.keep(&execution);
        let numbers = network.workload.numbers(&network.state);
        network.workload.learn(numbers.unwrap());
        network
    }

    fn next_block(&self) -> BlockInfo {
        BlockInfo {
            network: self.id,
            height: self.height.next().unwrap(),
            leader: key("validator", 0).public_key(),
            reveal: None,
        }
    }

    /// Takes over what a block does, all of whose transactions apply.
    fn keep(&mut self, execution: &Execution) {
        let applied = |outcome: &Outcome| matches!(outcome, Outcome::Applied { .. });
        assert!(
            execution.outcomes.iter().all(applied),
            "{:?}",
            execution.outcomes
        );
        self.state.apply(&execution.writes);
        self.height = self.height.next().unwrap();
    }

    fn settlement(&mut self) -> Transaction {
        self.workload.settlement(0, self.height)
    }
}

/// Seconds this thread has computed, by the kernel's account where there is one: other programs on the
/// machine then count for less. Elsewhere, seconds on the wall.
fn now(start: Instant) -> f64 {
    let computed = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = computed.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(
        || start.elapsed().as_secs_f64(),
        |nanoseconds| nanoseconds / 1e9,
    )
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let from = now(start);
    let result = work();
    (result, now(start) - from)
}

fn settlement_of(transaction: &Transaction) -> &Settlement {
    let Instruction::Settle(settlement) = &transaction.body.instruction else {
        unreachable!("all of them are settlements")
    };
    settlement
}

/// Seconds spent on the blocks, in all and by part.
#[derive(Default)]
struct Spent {
    all: f64,
    assumed: f64,
    signatures: f64,
    merkle: f64,
    writes: f64,
}

fn main() {
    let settlements = count("LLMNET_SETTLEMENTS", 16);
    let blocks = count("LLMNET_BLOCKS", 8);
    let receipts = LEAVES_MAX as u32 * settlements;
    let mut network = Network::new(receipts * blocks);
    let mut spent = Spent::default();
    let (mut bytes, mut signatures, mut written) = (0, 0, 0);
    for _ in 0..blocks {
        let transactions: Vec<_> = (0..settlements).map(|_| network.settlement()).collect();
        bytes += transactions
            .iter()
            .map(|each| encode(each).len())
            .sum::<usize>();

        // All of it at once is what counts; its parts are done again, to see where time goes.
        let block = network.next_block();
        let (execution, seconds) = timed(|| execute(&network.state, &block, &transactions));
        spent.all += seconds;
        let (assumed, seconds) = timed(|| assume(&network.state, &block, &transactions));
        spent.assumed += seconds;
        let (holds, seconds) = timed(|| assumed.signatures.holds());
        spent.signatures += seconds;
        assert!(holds && assumed.execution == execution);
        signatures += assumed.signatures.len();
        let root = |each| settlement_of(each).summary().root();
        let (_, seconds) = timed(|| transactions.iter().map(root).collect::<Vec<_>>());
        spent.merkle += seconds;
        let values = execution.writes.values().flatten();
        written += values.map(Vec::len).sum::<usize>();
        let (_, seconds) = timed(|| network.keep(&execution));
        spent.writes += seconds;
    }
    let conserved = llmnet_ledger::invariant::conserved(&network.state);
    assert_eq!(conserved, Ok(()));
    let coordinator = query::coordinator(
        &network.state,
        &network.workload.coordinators().next().unwrap(),
    );
    assert_eq!(
        coordinator.unwrap().next_slot,
        Slot(u64::from(receipts * blocks))
    );

    let receipts = f64::from(receipts * blocks);
    let each = |name: &str, seconds: f64| {
        println!("{:>9.2} us/receipt {name}", seconds * 1e6 / receipts);
    };
    println!("{settlements} settlements in each of {blocks} blocks");
    println!("{:>9.0} receipts/s", receipts / spent.all);
    each("in all", spent.all + spent.writes);
    each("  execute", spent.assumed - spent.merkle);
    each("  signatures", spent.signatures);
    each("  merkle", spent.merkle);
    each("  state writes", spent.writes);
    println!(
        "{:>9.1} bytes/receipt on the chain",
        bytes as f64 / receipts
    );
    println!(
        "{:>9.1} bytes/receipt written to the state",
        written as f64 / receipts
    );
    println!("{:>9.2} signatures/receipt", signatures as f64 / receipts);
}
