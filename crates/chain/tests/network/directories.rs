//! What keeps a validator from starting is said in terms of what to do.

use std::net::TcpListener;

use llmnet_chain::StartError;

use crate::testnet::{Testnet, key};

#[tokio::test]
async fn a_directory_serves_one_network_and_one_validator() {
    let mut testnet = Testnet::new();
    testnet.start(0);
    let mut config = testnet.config(1);
    config.directory = testnet.config(0).directory;
    let error = llmnet_chain::start(config).unwrap_err();
    assert!(matches!(error, StartError::InUse { .. }), "{error}");
    testnet.stop(0);
    testnet.genesis.timestamp_ms = 1;
    let error = testnet.try_start(0).unwrap_err();
    assert!(matches!(error, StartError::OtherNetwork { .. }), "{error}");
    assert!(
        error.to_string().contains(&testnet.network.to_string()),
        "{error}"
    );
    let version = testnet.config(0).directory.join("chain-version");
    std::fs::write(version, "llmnet-chain 999\nnetwork 0\n").unwrap();
    let error = testnet.try_start(0).unwrap_err();
    assert!(matches!(error, StartError::OtherVersion { .. }), "{error}");
}

#[tokio::test]
async fn a_genesis_whose_terms_are_too_short_is_refused() {
    // COM-1
    let mut testnet = Testnet::new();
    testnet.genesis.params.epoch_blocks = 1;
    testnet.genesis.params.checkpoint_blocks = 1;
    testnet.genesis.params.term_epochs = 1;
    let error = testnet.try_start(0).unwrap_err();
    assert!(error.to_string().contains("term_epochs"), "{error}");
}

#[tokio::test]
async fn a_taken_address_and_an_unknown_one_are_refused() {
    let testnet = Testnet::new();
    let mut config = testnet.config(0);
    let taken = TcpListener::bind(config.listen).unwrap();
    let error = testnet.try_start(0).unwrap_err();
    assert!(matches!(error, StartError::Address { .. }), "{error}");
    drop(taken);
    config.peers.retain(|(peer, _)| *peer != key(2));
    let error = llmnet_chain::start(config).unwrap_err();
    assert!(error.to_string().contains(&key(2).to_string()), "{error}");
}
