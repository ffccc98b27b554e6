//! A chain of one process keeps the promises of a network to its clients.

use std::time::Duration;

use llmnet_chain::{ChainClient, Solo, SubmitError, query};
use llmnet_ledger::{Key, State as _};
use llmnet_types::{
    id::NetworkId,
    rejection::Rejection,
    succession::Succession,
    transaction::Outcome,
    units::{Height, Term},
};

use crate::testnet::{Testnet, account, final_outcome, genesis, seed, transfer};

/// What both kinds of chain promise.
async fn keeps_its_promises(client: &dyn ChainClient, network: NetworkId) {
    let to = account(7).public_key();
    let mut tip = client.tip();
    tip.mark_unchanged();
    let transaction = transfer(network, 0, 0, to);
    let id = client.submit(transaction.clone()).await.unwrap();
    let inclusion = final_outcome(client, id).await;
    assert!(matches!(inclusion.outcome, Outcome::Applied { .. }));
    assert_eq!(client.submit(transaction.clone()).await, Ok(id));
    tip.wait_for(|tip| tip.height() >= inclusion.height)
        .await
        .unwrap();

    // Out of order, and yet both become final.
    let late = client.submit(transfer(network, 0, 2, to)).await.unwrap();
    assert_eq!(
        client.outcome(late, Duration::from_millis(50)).await,
        Ok(None)
    );
    client.submit(transfer(network, 0, 1, to)).await.unwrap();
    loop {
        if client
            .outcome(late, Duration::from_millis(50))
            .await
            .unwrap()
            .is_some()
        {
            break;
        }
    }

    let block = client.block(inclusion.height).await.unwrap().unwrap();
    let index = usize::try_from(inclusion.index).unwrap();
    assert_eq!(block.transactions[index], transaction);
    assert_eq!(block.outcomes.unwrap()[index], inclusion.outcome);
    assert!(client.block(Height(u64::MAX)).await.unwrap().is_none());
    let first = client.block(Height(0)).await.unwrap().unwrap();
    assert_eq!(first.header.network, network);

    let keys = [Key::Account(to), Key::Account(account(0).public_key())];
    let (height, values) = client.read(&keys).await.unwrap();
    assert!(height >= inclusion.height);
    let (_, queried) = query(client, |state| {
        // The second key is only asked for once the first is known.
        state
            .get(&keys[0])
            .map(|first| (first, state.get(&keys[1])))
    })
    .await
    .unwrap();
    assert_eq!(values[0], queried.as_ref().map(|(first, _)| first.clone()));
    assert_eq!(values[1], queried.unwrap().1);

    let foreign = transfer(NetworkId([9; 32]), 0, 3, to);
    let error = client.submit(foreign).await.unwrap_err();
    assert_eq!(error, SubmitError::Refused(Rejection::Network));
    let mut forged = transfer(network, 0, 3, to);
    forged.body.nonce = 4;
    assert_eq!(
        client.submit(forged).await,
        Err(SubmitError::Refused(Rejection::Signature))
    );

    let certificate = loop {
        if let Some(finality) = client.finality(inclusion.height).await.unwrap() {
            break finality;
        }
        tip.changed().await.unwrap();
    };
    assert_eq!(certificate.header, block.header);
}

#[tokio::test]
async fn a_network_keeps_its_promises() {
    let testnet = Testnet::running();
    keeps_its_promises(&*testnet.client(2), testnet.network).await;
}

#[tokio::test]
async fn a_solo_chain_keeps_them_too() {
    let genesis = genesis(1);
    let root = genesis.root();
    let solo = Solo::new(&genesis, seed(0)).unwrap();
    keeps_its_promises(&solo, root.id()).await;
    solo.advance(3);
    let tip = solo.tip().borrow().clone();
    let certificate = solo.certificate(tip.height()).await.unwrap().unwrap();
    assert_eq!(certificate.verify(&root.electorate(), &tip.header), Ok(()));
}

#[tokio::test]
async fn terms_of_a_solo_chain_follow_one_another() {
    // COM-1, COM-2
    let mut genesis = genesis(1);
    genesis.params.epoch_blocks = 4;
    genesis.params.checkpoint_blocks = 2;
    genesis.params.term_epochs = 2;
    let first = genesis.root().electorate();
    let solo = Solo::new(&genesis, seed(0)).unwrap();
    solo.advance(20);
    let mut hand_overs = Vec::new();
    while let Some(hand_over) = solo.hand_over(Term(hand_overs.len() as u64)).await.unwrap() {
        hand_overs.push(hand_over);
    }
    let succession = Succession::new(hand_overs).unwrap();
    for (height, term) in [(1, 0), (7, 0), (8, 1), (16, 2), (20, 2)] {
        let finality = solo.finality(Height(height)).await.unwrap().unwrap();
        assert_eq!(finality.header.term, Term(term), "at {height}");
        let electorate = succession.follow(&first, Term(term)).unwrap();
        let verdict = finality.certificate.verify(&electorate, &finality.header);
        assert_eq!(verdict, Ok(()), "at {height}");
    }
}

#[test]
fn a_solo_chain_has_one_validator() {
    assert!(Solo::new(&genesis(2), seed(0)).is_err());
    assert!(Solo::new(&genesis(1), seed(1)).is_err());
}
