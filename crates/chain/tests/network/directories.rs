//! What keeps a validator from starting is said in terms of what to do.

use std::net::TcpListener;

use llmnet_chain::StartError;
use llmnet_types::signature::PrivateKey;

use crate::testnet::Testnet;

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
async fn a_taken_address_and_a_strange_key_are_refused() {
    let testnet = Testnet::new();
    let mut config = testnet.config(0);
    let taken = TcpListener::bind(config.listen).unwrap();
    let error = testnet.try_start(0).unwrap_err();
    assert!(matches!(error, StartError::Address { .. }), "{error}");
    drop(taken);
    config.seed = [99; 32];
    let key = PrivateKey::from_seed(config.seed).public_key();
    let error = llmnet_chain::start(config).unwrap_err();
    assert!(error.to_string().contains(&key.to_string()), "{error}");
}
