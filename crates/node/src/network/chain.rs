//! The validators of a local network, and one client over all of them.

use std::{
    cmp::Reverse,
    net::{SocketAddr, TcpListener},
    ops::Range,
    process,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use async_trait::async_trait;
use llmnet_chain::{
    client::{ChainClient, ChainError, FinalizedBlock, Inclusion, SubmitError, Tip},
    config::{Keep, Pacing, ValidatorConfig},
    validator::{Validator, start as start_validator},
};
use llmnet_ledger::Key;
use llmnet_types::{
    certificate::FinalityCertificate,
    id::TransactionId,
    signature::PublicKey,
    succession::HandOver,
    transaction::Transaction,
    units::{Height, Term},
};
use tokio::sync::watch;

use crate::home::{Home, VALIDATORS};

/// Where validators listen: below the ports that systems hand to outgoing connections and to whoever asks
/// for any. One of those could be gone again between our look and the validator's own.
const PORTS: Range<u16> = 20_000..32_000;

/// Addresses on this machine, each free and handed out once.
///
/// Each process begins at another place, and one never returns to a port before it went through all:
/// networks that start at the same time do not look at the same ports.
pub(crate) fn free_addresses(count: usize) -> anyhow::Result<Vec<SocketAddr>> {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    let many = u32::from(PORTS.end - PORTS.start);
    let begin = process::id().wrapping_mul(97) % many;
    let mut listeners = Vec::with_capacity(count);
    for _ in PORTS {
        if listeners.len() == count {
            break;
        }
        let tried = u32::from(TRIED.fetch_add(1, Ordering::Relaxed));
        let offset = u16::try_from((begin + tried) % many).context("a port has 16 bits")?;
        listeners.extend(TcpListener::bind(("127.0.0.1", PORTS.start + offset)));
    }
    anyhow::ensure!(
        listeners.len() == count,
        "no {count} free ports on 127.0.0.1 from {} to {}; stop what uses them",
        PORTS.start,
        PORTS.end - 1
    );
    let addresses = listeners.iter().map(TcpListener::local_addr);
    Ok(addresses.collect::<Result<_, _>>()?)
}

/// Blocks that each validator keeps: 18 hours of a quiet network. Four in one process keep open four times the files.
const BLOCKS_KEPT: usize = 1 << 16;

/// Starts all validators on free ports of this machine.
pub(super) fn start(home: &Home, pacing: Pacing) -> anyhow::Result<Vec<Validator>> {
    let addresses = free_addresses(VALIDATORS)?;
    let keep = if home.config.chain.archive {
        Keep::Everything
    } else {
        Keep::Blocks(BLOCKS_KEPT)
    };
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
                keep,
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
/// some time after its start. What one leaves unanswered because it is stopped, another answers.
pub(super) struct AnyOf(Vec<Arc<dyn ChainClient>>);

impl AnyOf {
    pub(super) fn new(validators: &[Validator]) -> Self {
        Self(validators.iter().map(Validator::client).collect())
    }

    /// All of them, in the order in which they are asked.
    fn best_first(&self) -> Vec<&Arc<dyn ChainClient>> {
        let mut clients: Vec<_> = self.0.iter().collect();
        clients.sort_by_cached_key(|client| {
            let tip = client.tip();
            let height = tip.borrow().height();
            Reverse((tip.has_changed().is_ok(), height))
        });
        clients
    }

    /// The first word of one that was not stopped meanwhile, or that all were.
    async fn ask<T, E: From<ChainError>, F: Future<Output = Result<T, E>>>(
        &self,
        is_stopped: impl Fn(&E) -> bool,
        question: impl Fn(Arc<dyn ChainClient>) -> F,
    ) -> Result<T, E> {
        let mut stopped = ChainError::Stopped {
            reason: "there is no validator".into(),
        }
        .into();
        for client in self.best_first() {
            match question(client.clone()).await {
                Err(error) if is_stopped(&error) => stopped = error,
                answer => return answer,
            }
        }
        Err(stopped)
    }

    async fn read_from_any<T, F: Future<Output = Result<T, ChainError>>>(
        &self,
        question: impl Fn(Arc<dyn ChainClient>) -> F,
    ) -> Result<T, ChainError> {
        let is_stopped = |error: &ChainError| matches!(error, ChainError::Stopped { .. });
        self.ask(is_stopped, question).await
    }
}

#[async_trait]
impl ChainClient for AnyOf {
    async fn submit(&self, transaction: Transaction) -> Result<TransactionId, SubmitError> {
        let is_stopped =
            |error: &SubmitError| matches!(error, SubmitError::Chain(ChainError::Stopped { .. }));
        self.ask(is_stopped, |client| {
            let transaction = transaction.clone();
            async move { client.submit(transaction).await }
        })
        .await
    }

    fn tip(&self) -> watch::Receiver<Tip> {
        self.best_first()[0].tip()
    }

    async fn read(&self, keys: &[Key]) -> Result<(Height, Vec<Option<Vec<u8>>>), ChainError> {
        self.read_from_any(|client| async move { client.read(keys).await })
            .await
    }

    async fn block(&self, height: Height) -> Result<Option<FinalizedBlock>, ChainError> {
        let read = self.read_from_any(|client| async move { client.block(height).await });
        let block = read.await?;
        if block.as_ref().is_none_or(|block| block.outcomes.is_some()) {
            return Ok(block);
        }
        // One that was killed at the wrong moment has no record of what a block did; others do.
        for client in &self.0 {
            if let Ok(Some(other)) = client.block(height).await
                && other.outcomes.is_some()
            {
                return Ok(Some(other));
            }
        }
        Ok(block)
    }

    async fn certificate(&self, height: Height) -> Result<Option<FinalityCertificate>, ChainError> {
        self.read_from_any(|client| async move { client.certificate(height).await })
            .await
    }

    async fn hand_over(&self, term: Term) -> Result<Option<HandOver>, ChainError> {
        self.read_from_any(|client| async move { client.hand_over(term).await })
            .await
    }

    async fn outcome(
        &self,
        id: TransactionId,
        wait: Duration,
    ) -> Result<Option<Inclusion>, ChainError> {
        self.read_from_any(|client| async move { client.outcome(id, wait).await })
            .await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use llmnet_chain::Solo;
    use llmnet_ledger::{Genesis, GenesisValidator};
    use llmnet_types::{
        codec::{List, Text},
        id::Digest,
        params::Params,
        signature::PrivateKey,
        units::Amount,
    };

    use super::*;

    /// A validator that is being stopped: it answers nothing any more, and its tip is not closed yet.
    struct Stopping(watch::Sender<Tip>);

    fn stopped<T>() -> Result<T, ChainError> {
        Err(ChainError::Stopped {
            reason: "it is stopping".into(),
        })
    }

    #[async_trait]
    impl ChainClient for Stopping {
        async fn submit(&self, _: Transaction) -> Result<TransactionId, SubmitError> {
            Ok(stopped()?)
        }

        fn tip(&self) -> watch::Receiver<Tip> {
            self.0.subscribe()
        }

        async fn read(&self, _: &[Key]) -> Result<(Height, Vec<Option<Vec<u8>>>), ChainError> {
            stopped()
        }

        async fn block(&self, _: Height) -> Result<Option<FinalizedBlock>, ChainError> {
            stopped()
        }

        async fn certificate(&self, _: Height) -> Result<Option<FinalityCertificate>, ChainError> {
            stopped()
        }

        async fn hand_over(&self, _: Term) -> Result<Option<HandOver>, ChainError> {
            stopped()
        }

        async fn outcome(
            &self,
            _: TransactionId,
            _: Duration,
        ) -> Result<Option<Inclusion>, ChainError> {
            stopped()
        }
    }

    #[tokio::test]
    async fn what_a_stopping_validator_leaves_unanswered_another_one_answers() {
        let seed = [1; 32];
        let genesis = Genesis {
            name: Text::truncated("test"),
            validators: List::truncated([GenesisValidator::plain(
                PrivateKey::from_seed(seed).public_key(),
                Amount::CREDIT,
            )]),
            params: Params::local(),
            beacon: Digest::ZERO,
            timestamp_ms: 0,
            accounts: List::new(),
            anchors: List::new(),
        };
        let solo = Solo::new(&genesis, seed).unwrap();
        let stopping = Stopping(watch::Sender::new(solo.tip().borrow().clone()));
        let any = AnyOf(vec![Arc::new(stopping), Arc::new(solo)]);
        assert!(any.block(Height(0)).await.unwrap().is_some());
        assert_eq!(any.read(&[]).await.unwrap().0, Height(0));

        let none = AnyOf(vec![any.0[0].clone()]);
        assert!(matches!(
            none.block(Height(0)).await,
            Err(ChainError::Stopped { .. })
        ));
    }

    #[test]
    fn ports_are_free_and_handed_out_once() {
        let mut seen = BTreeSet::new();
        let mut listening = Vec::new();
        for _ in 0..8 {
            for address in free_addresses(4).unwrap() {
                assert!(PORTS.contains(&address.port()), "{address}");
                assert!(seen.insert(address), "{address} was handed out already");
                listening.push(TcpListener::bind(address).unwrap());
            }
        }
    }
}
