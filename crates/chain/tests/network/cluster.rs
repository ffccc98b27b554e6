//! Four validators together: finality, absence, return, restart.

use llmnet_types::{transaction::Outcome, units::Height};

use crate::testnet::{Testnet, account, final_outcome, later, reaches, transfer};

#[tokio::test]
async fn transfers_become_final_everywhere() {
    let testnet = Testnet::running();
    let to = account(7).public_key();
    for (validator, from) in [(0, 0), (1, 1), (2, 2), (3, 3)] {
        let client = testnet.client(validator);
        for nonce in 0..3 {
            let transaction = transfer(testnet.network, from, nonce, to);
            let id = client.submit(transaction.clone()).await.unwrap();
            assert_eq!(client.submit(transaction).await, Ok(id), "known already");
            for other in 0..4 {
                let inclusion = final_outcome(&*testnet.client(other), id).await;
                assert!(matches!(inclusion.outcome, Outcome::Applied { .. }));
            }
        }
    }
}

#[tokio::test]
async fn three_go_on_and_the_fourth_catches_up() {
    let mut testnet = Testnet::running();
    let to = account(7).public_key();
    let first = testnet.client(0);
    reaches(&*first, Height(2)).await;
    testnet.stop(3);
    let mut last = None;
    for nonce in 0..5 {
        let id = first
            .submit(transfer(testnet.network, 0, nonce, to))
            .await
            .unwrap();
        last = Some(final_outcome(&*first, id).await);
    }
    let height = last.unwrap().height;
    testnet.start(3);
    let fourth = testnet.client(3);
    reaches(&*fourth, later(&*first, 2)).await;
    let [ours, theirs] = [
        first.block(height).await.unwrap().unwrap(),
        fourth.block(height).await.unwrap().unwrap(),
    ];
    assert_eq!(ours.header, theirs.header);
    assert_eq!(ours.outcomes, theirs.outcomes);
    // It takes part again: what it takes in becomes final.
    let id = fourth
        .submit(transfer(testnet.network, 3, 0, to))
        .await
        .unwrap();
    final_outcome(&*first, id).await;
}

#[tokio::test]
async fn all_stopped_and_started_keep_what_they_had() {
    let mut testnet = Testnet::running();
    let to = account(7).public_key();
    let client = testnet.client(1);
    let id = client
        .submit(transfer(testnet.network, 0, 0, to))
        .await
        .unwrap();
    let inclusion = final_outcome(&*client, id).await;
    let before = client.block(inclusion.height).await.unwrap().unwrap();
    for validator in 0..4 {
        testnet.stop(validator);
    }
    assert!(
        client.block(Height(0)).await.is_err(),
        "a stopped validator says so"
    );
    for validator in 0..4 {
        testnet.start(validator);
    }
    for validator in 0..4 {
        let client = testnet.client(validator);
        reaches(&*client, Height(inclusion.height.0 + 2)).await;
        assert_eq!(
            client.outcome(id, std::time::Duration::ZERO).await,
            Ok(Some(inclusion.clone()))
        );
        let after = client.block(inclusion.height).await.unwrap().unwrap();
        assert_eq!(before.header, after.header);
    }
    let id = testnet
        .client(2)
        .submit(transfer(testnet.network, 0, 1, to))
        .await
        .unwrap();
    let inclusion = final_outcome(&*testnet.client(0), id).await;
    assert!(
        matches!(inclusion.outcome, Outcome::Applied { .. }),
        "the nonce was kept"
    );
}
