//! The validators of a local network, and one client over all of them.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use async_trait::async_trait;
use llmnet_chain::{
    client::{ChainClient, ChainError, FinalizedBlock, Inclusion, SubmitError, Tip},
    config::{Pacing, ValidatorConfig},
    validator::{Validator, start as start_validator},
};
use llmnet_ledger::Key;
use llmnet_types::{
    certificate::FinalityCertificate, id::TransactionId, signature::PublicKey,
    transaction::Transaction, units::Height,
};
use tokio::sync::watch;

use crate::home::{Home, VALIDATORS};

/// Starts all validators on free ports of this machine.
pub(super) fn start(home: &Home, pacing: Pacing) -> anyhow::Result<Vec<Validator>> {
    // All ports are taken before one is given back, so that none is handed out twice.
    let listeners = (0..VALIDATORS)
        .map(|_| TcpListener::bind(("127.0.0.1", 0)))
        .collect::<Result<Vec<_>, _>>()
        .context("no free ports on 127.0.0.1 for the validators")?;
    let addresses = listeners
        .iter()
        .map(TcpListener::local_addr)
        .collect::<Result<Vec<SocketAddr>, _>>()?;
    drop(listeners);
    let keys = (0..VALIDATORS).map(|number| home.keys.validator(number).public_key());
    let peers: Vec<(PublicKey, SocketAddr)> = keys.zip(addresses.iter().copied()).collect();
    addresses
        .iter()
        .enumerate()
        .map(|(number, listen)| {
            let config = ValidatorConfig {
                directory: home.validator(number),
                seed: home.keys.validator(number).to_seed(),
                listen: *listen,
                peers: peers.clone(),
                genesis: home.genesis.clone(),
                pacing,
            };
            start_validator(config).with_context(|| format!("validator {number} does not start"))
        })
        .collect()
}

/// Waits until the validators have agreed on something.
pub(super) async fn first_block(
    client: &dyn ChainClient,
    patience: Duration,
) -> anyhow::Result<()> {
    let mut tip = client.tip();
    let agreed = async {
        while tip.borrow_and_update().height() == Height(0) {
            tip.changed().await?;
        }
        Ok::<_, watch::error::RecvError>(())
    };
    tokio::time::timeout(patience, agreed)
        .await
        .with_context(|| format!("the validators agreed on no block within {patience:?}"))?
        .context("a validator stopped before the first block")
}

/// Several validators as one: the running one that is furthest, since one that was stopped catches up only
/// some time after its start.
pub(super) struct AnyOf(Vec<Arc<dyn ChainClient>>);

impl AnyOf {
    pub(super) fn new(validators: &[Validator]) -> Self {
        Self(validators.iter().map(Validator::client).collect())
    }

    fn running(&self) -> &Arc<dyn ChainClient> {
        let furthest = self.0.iter().rev().max_by_key(|client| {
            let tip = client.tip();
            let height = tip.borrow().height();
            (tip.has_changed().is_ok(), height)
        });
        furthest.unwrap_or(&self.0[0])
    }
}

#[async_trait]
impl ChainClient for AnyOf {
    async fn submit(&self, transaction: Transaction) -> Result<TransactionId, SubmitError> {
        self.running().submit(transaction).await
    }

    fn tip(&self) -> watch::Receiver<Tip> {
        self.running().tip()
    }

    async fn read(&self, keys: &[Key]) -> Result<(Height, Vec<Option<Vec<u8>>>), ChainError> {
        self.running().read(keys).await
    }

    async fn block(&self, height: Height) -> Result<Option<FinalizedBlock>, ChainError> {
        self.running().block(height).await
    }

    async fn certificate(&self, height: Height) -> Result<Option<FinalityCertificate>, ChainError> {
        self.running().certificate(height).await
    }

    async fn outcome(
        &self,
        id: TransactionId,
        wait: Duration,
    ) -> Result<Option<Inclusion>, ChainError> {
        self.running().outcome(id, wait).await
    }
}
