//! A whole network killed at once, at any moment, goes on with what it had said was final.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use llmnet_types::{id::TransactionId, transaction::Outcome};

use crate::testnet::{DEADLINE, Testnet, account, final_outcome, transfer};

const DIRECTORY: &str = "LLMNET_CHAIN_TEST_DIRECTORY";
const SENDER: &str = "LLMNET_CHAIN_TEST_SENDER";

/// The part of the next test that runs in a process of its own until it is killed, saying what is final.
/// Without that test's word it has nothing to do.
#[tokio::test]
async fn to_be_killed() {
    let (Ok(directory), Ok(sender)) = (std::env::var(DIRECTORY), std::env::var(SENDER)) else {
        return;
    };
    let sender = sender.parse().unwrap();
    let mut testnet = Testnet::new();
    testnet.directory = directory.into();
    (0..4).for_each(|validator| testnet.start(validator));
    let client = testnet.client(0);
    let to = account(7).public_key();
    for nonce in 0.. {
        let transaction = transfer(testnet.network, sender, nonce, to);
        let id = client.submit(transaction).await.unwrap();
        final_outcome(&*client, id).await;
        println!("final {id}");
    }
}

#[tokio::test]
async fn what_was_final_before_a_kill_is_final_after() {
    let mut testnet = Testnet::new();
    let mut said: Vec<TransactionId> = Vec::new();
    for sender in 0..3_u8 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::to_be_killed", "--nocapture"])
            .env(DIRECTORY, &testnet.directory)
            .env(SENDER, sender.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ids = lines.map_while(Result::ok).filter_map(|line| {
            let (_, id) = line.split_once("final ")?;
            id.parse::<TransactionId>().ok()
        });
        let count = 5 + 7 * usize::from(sender);
        let before = said.len();
        said.extend(ids.take(count));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(said.len() - before, count, "it ran until it was killed");
    }
    (0..4).for_each(|validator| testnet.start(validator));
    for validator in 0..4 {
        let client = testnet.client(validator);
        for id in &said {
            let inclusion = client.outcome(*id, DEADLINE).await.unwrap();
            let outcome = inclusion.expect("still final").outcome;
            assert!(matches!(outcome, Outcome::Applied { .. }));
        }
    }
    let client = testnet.client(1);
    let to = account(7).public_key();
    let transaction = transfer(testnet.network, 3, 0, to);
    let id = client.submit(transaction).await.unwrap();
    final_outcome(&*client, id).await;
}
