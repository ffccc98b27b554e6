//! What it costs to select a panel again (SEL-8): why the ledger does it where somebody shows a leaf, and
//! not for each (docs/adr/0008-panels-are-checked-on-fault-and-by-lottery.md).
//!
//! `cargo bench -p llmnet-ledger --bench panel` selects for two domains with so many providers in each.
//! `LLMNET_PANELS` says how many times.
#![allow(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on should stop"
)]
#![expect(clippy::print_stdout, reason = "it prints what it measures")]

use std::{hint::black_box, time::Instant};

use llmnet_ledger::{
    BlockInfo, Genesis, GenesisValidator, MemoryState, execute, query,
    selection::{Rule, inputs, order, seed},
};
use llmnet_types::{
    codec::{List, Text},
    contract::Filters,
    domain::Domain,
    id::Digest,
    params::Params,
    registration::{Assurance, Model, Price, Registration, Tokenizer},
    selection::DomainChoice,
    signature::{PrivateKey, Signed},
    transaction::{Instruction, Outcome, Transaction},
    units::{Amount, Height, Score, Slot},
};

fn key(role: &str, number: usize) -> PrivateKey {
    PrivateKey::from_seed(Digest::of(format!("{role} {number}").as_bytes()).0)
}

/// A network with so many providers, each in both domains.
fn network(providers: usize) -> (MemoryState, Height) {
    let operators: Vec<_> = (0..providers)
        .map(|number| key("operator", number))
        .collect();
    let accounts = operators
        .iter()
        .map(|operator| (operator.public_key(), Amount(1_000_000_000)));
    let validator = key("validator", 0).public_key();
    let genesis = Genesis {
        name: Text::new("bench").unwrap(),
        validators: List::truncated([GenesisValidator::plain(validator, Amount::CREDIT)]),
        params: Params::local(),
        beacon: Digest::ZERO,
        timestamp_ms: 0,
        accounts: List::truncated(accounts),
        anchors: List::new(),
    };
    let id = genesis.id();
    let mut state = MemoryState::default();
    state.apply(&genesis.writes());
    let registrations: Vec<_> = operators
        .iter()
        .enumerate()
        .map(|(number, operator)| {
            let node = key("node", number);
            let domains = ["physics", "law"].map(|name| Domain::new(name).unwrap());
            let registration = Registration {
                node: node.public_key(),
                operator: operator.public_key(),
                nonce: 0,
                domains: List::truncated(domains),
                model: Model {
                    family: Text::truncated(&format!("family-{}", number % 8)),
                    name: Text::new("model").unwrap(),
                    digest: Digest::of(&number.to_le_bytes()),
                    assurance: Assurance::Declared,
                },
                corpus: None,
                price: Price::default(),
                tokenizer: Tokenizer::Bytes4,
                bond: Amount::CREDIT,
            };
            let signed = Signed::new(registration, &id, &node);
            let register = Instruction::Register(Box::new(signed));
            Transaction::sign(id, operator, 0, register)
        })
        .collect();
    let block = BlockInfo {
        network: id,
        height: Height(1),
        leader: validator,
        reveal: None,
    };
    let execution = execute(&state, &block, &registrations);
    let applied = |outcome: &Outcome| matches!(outcome, Outcome::Applied { .. });
    assert!(execution.outcomes.iter().all(applied));
    state.apply(&execution.writes);
    (state, block.height)
}

fn main() {
    let panels = std::env::var("LLMNET_PANELS").ok();
    let panels = panels.and_then(|panels| panels.parse().ok()).unwrap_or(200);
    for providers in [10, 64, 256] {
        let (state, height) = network(providers);
        let choices = ["physics", "law"].map(|name| {
            let domain = Domain::new(name).unwrap();
            DomainChoice {
                id: query::domain_id(&state, &domain).unwrap(),
                domain,
                confidence: Score::HALF,
            }
        });
        let rule = Rule::version(Rule::OPEN).unwrap();
        let coordinator = key("coordinator", 0).public_key();
        let start = Instant::now();
        for slot in 0..panels {
            let inputs = inputs(&state, height, &choices, Digest::ZERO).unwrap();
            let network = llmnet_types::id::NetworkId([0; 32]);
            let seed = seed(
                &network,
                &inputs.beacon,
                &coordinator,
                Slot(slot),
                &Digest::ZERO,
            );
            let order = order(&inputs, &seed, &rule, &Filters::default());
            assert!(black_box(order).len() >= 10);
        }
        let micros =
            start.elapsed().as_secs_f64() * 1e6 / f64::from(u32::try_from(panels).unwrap());
        println!("{micros:>9.1} us/panel with {providers} providers");
    }
}
