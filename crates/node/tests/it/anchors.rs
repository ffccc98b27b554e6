//! A coordinator outlives its hash chain: the next is anchored before one is used up, and every slot opens what the
//! ledger asks of it.

use std::sync::Arc;

use llmnet_chain::query;
use llmnet_ledger::query as ledger;
use llmnet_types::units::{Epoch, Slot};
use tokio::task::JoinSet;

use crate::{
    faults::{
        server::{Plan, Work},
        world::{QUESTION, Spans, World},
    },
    support::{DEADLINE, until},
};

const SPANS: Spans = Spans {
    chain: 64,
    epoch: 4,
};
/// More than three chains.
const ROUNDS: usize = 40;
/// Questions of a round, asked at once.
const TOGETHER: usize = 4;
/// Epochs in which nothing can be settled.
const AWAY: u32 = 3;
const TIMEOUTS: &str = "{ reply_ms = 10000 }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anc_2_a_coordinator_goes_on_from_chain_to_chain_without_losing_a_question() {
    let config = llmnet_gateway::Config::default();
    let world = World::with(&[Plan::Well; 3], 9, TIMEOUTS, config, SPANS).await;
    let world = Arc::new(world);
    for _ in 0..ROUNDS {
        let mut asked = JoinSet::new();
        for _ in 0..TOGETHER {
            let world = Arc::clone(&world);
            asked.spawn(async move { world.gateway.ask("llmnet/vote", QUESTION).await });
        }
        let mut receipts = Vec::new();
        while let Some(answer) = asked.join_next().await {
            let answer = answer.unwrap();
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert_eq!(answer.llmnet()["status"], "concluded", "{}", answer.body);
            receipts.push(answer.receipt().unwrap());
        }
        // Time goes by settlements here.
        for receipt in &receipts {
            world.gateway.final_receipt(receipt).await;
        }
    }
    // All of them are settled as what they are: the ledger took every opening, and none became void.
    let coordinator = world.coordinator;
    let settled = async {
        loop {
            let (_, record) = query(&*world.chain, move |state| {
                ledger::coordinator(state, &coordinator)
            })
            .await
            .unwrap();
            let record = record.unwrap();
            if record.next_slot >= Slot((ROUNDS * TOGETHER) as u64) {
                break record;
            }
            world.chain.tip().changed().await.unwrap();
        }
    };
    let record = tokio::time::timeout(DEADLINE, settled).await.unwrap();
    let newest = record.chains.chains.last().unwrap();
    println!("the chain in force last is of epoch {}", newest.from);
    assert!(newest.from > Epoch(3), "three chains were used up");
    let voids: u32 = record.conduct.iter().map(|conduct| conduct.voids).sum();
    assert_eq!(voids, 0);
}

/// A panel that took so long that all that waited for it is too old for the ledger: that is lost, and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_coordinator_goes_on_after_slots_that_were_not_settled_in_time() {
    let config = llmnet_gateway::Config::default();
    let world = World::with(&[Plan::Well; 3], 10, "{ reply_ms = 3000 }", config, SPANS).await;
    let world = Arc::new(world);
    for server in &world.servers {
        server.hang_at(Some(Work::Answer));
    }
    let slow = {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.gateway.ask("llmnet/vote", QUESTION).await })
    };
    until("the slow panel is asked", || async {
        let hang = |server: &crate::faults::server::Server| server.hanging() > 0;
        world.servers.iter().all(hang).then_some(())
    })
    .await;
    for server in &world.servers {
        server.hang_at(None);
    }
    for _ in 0..TOGETHER {
        let answer = world.gateway.ask("llmnet/vote", QUESTION).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    assert!(!slow.is_finished(), "nothing was held up");
    world.go_by(AWAY * SPANS.epoch).await;
    drop(slow.await.unwrap());

    // What comes after them is settled and proven again.
    until("a question is settled", || async {
        let answer = world.gateway.ask("llmnet/vote", QUESTION).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let receipt = answer.receipt().unwrap();
        let wait = std::time::Duration::from_secs(1);
        let kept = world.gateway.receipt(&receipt, wait).await.unwrap();
        kept.is_some_and(|(state, _)| state == "final")
            .then_some(())
    })
    .await;
    let coordinator = world.coordinator;
    let (_, record) = query(&*world.chain, move |state| {
        ledger::coordinator(state, &coordinator)
    })
    .await
    .unwrap();
    let record = record.unwrap();
    let voids: u32 = record.conduct.iter().map(|conduct| conduct.voids).sum();
    println!("{voids} of {} slots are void", record.next_slot);
    assert!(voids > TOGETHER as u32, "{voids}");
}
