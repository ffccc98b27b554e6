//! The client of a validator in the same process.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use llmnet_ledger::{Key, admissible};
use llmnet_types::{
    certificate::FinalityCertificate,
    id::TransactionId,
    rejection::Rejection,
    succession::HandOver,
    transaction::Transaction,
    units::{Height, Term},
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    client::{ChainClient, ChainError, FinalizedBlock, Inclusion, SubmitError, Tip},
    mempool::{Arrival, Mempool},
    query::query,
    runtime::ClientClock,
    service::Request,
};

/// Where a validator leaves word of why it ended.
pub(crate) type End = Arc<Mutex<Option<String>>>;

/// A validator's client: talks over channels to what runs in its runtime.
#[derive(Debug)]
pub(crate) struct LocalClient {
    pub(crate) mempool: Arc<Mempool>,
    pub(crate) requests: mpsc::Sender<Request>,
    pub(crate) tip: watch::Receiver<Tip>,
    /// Why the validator ended.
    pub(crate) end: End,
    pub(crate) clock: Box<dyn ClientClock>,
}

impl LocalClient {
    pub(crate) fn reason(&self) -> String {
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        end.clone().unwrap_or_else(|| "it is stopping".into())
    }

    fn stopped(&self) -> ChainError {
        ChainError::Stopped {
            reason: self.reason(),
        }
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, ChainError> {
        let (reply, answer) = oneshot::channel();
        self.requests
            .send(request(reply))
            .await
            .map_err(|_| self.stopped())?;
        answer.await.map_err(|_| self.stopped())
    }
}

#[async_trait]
impl ChainClient for LocalClient {
    async fn submit(&self, transaction: Transaction) -> Result<TransactionId, SubmitError> {
        let arrival = Arrival::from(transaction);
        let id = arrival.id;
        if self.mempool.adopt(&id, self.clock.now()) {
            return Ok(id);
        }
        let network = self.mempool.network();
        let (_, admission) = query(self, |state| {
            admissible(state, &network, &arrival.transaction, Height(0))
        })
        .await?;
        match admission {
            Ok(()) => self.mempool.submit(arrival, self.clock.now()),
            // A nonce may be used because this very transaction did.
            Err(Rejection::Nonce { .. }) if self.outcome(id, Duration::ZERO).await?.is_some() => {
                Ok(id)
            }
            Err(reason) => Err(reason.into()),
        }
    }

    fn tip(&self) -> watch::Receiver<Tip> {
        self.tip.clone()
    }

    async fn read(&self, keys: &[Key]) -> Result<(Height, Vec<Option<Vec<u8>>>), ChainError> {
        self.ask(|reply| Request::Read(keys.to_vec(), reply)).await
    }

    async fn block(&self, height: Height) -> Result<Option<FinalizedBlock>, ChainError> {
        self.ask(|reply| Request::Block(height, reply)).await
    }

    async fn certificate(&self, height: Height) -> Result<Option<FinalityCertificate>, ChainError> {
        self.ask(|reply| Request::Certificate(height, reply)).await
    }

    async fn hand_over(&self, term: Term) -> Result<Option<HandOver>, ChainError> {
        self.ask(|reply| Request::HandOver(term, reply)).await
    }

    async fn outcome(
        &self,
        id: TransactionId,
        wait: Duration,
    ) -> Result<Option<Inclusion>, ChainError> {
        let mut over = self.clock.sleep(wait);
        let mut tip = self.tip.clone();
        loop {
            tip.mark_unchanged();
            let found = self.ask(|reply| Request::Outcome(id, reply)).await?;
            if found.is_some() {
                return Ok(found);
            }
            tokio::select! {
                biased;
                () = &mut over => return Ok(None),
                changed = tip.changed() => changed.map_err(|_| self.stopped())?,
            }
        }
    }
}
