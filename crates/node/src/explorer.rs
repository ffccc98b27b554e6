//! The network as the gateway shows it: the port to the ledger, over a chain's client.
//!
//! ```text
//! gateway --port::Ledger--> explorer -- state -----> view   ledger::query -> the port's values
//!                               |------ blocks ----> kept   from where on they are kept
//!                               `------ proofs ----> index  which block settled a slot
//! ```
//!
//! Nothing here is in memory that does not stand on the chain, but for an index of settlements, which is
//! made when the first proof is asked for.

pub(crate) mod view;

mod index;
mod kept;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use llmnet_chain::{
    client::{ChainClient, ChainError, FinalizedBlock, SubmitError},
    query::{StateView, query},
};
use llmnet_gateway::port::ledger::{
    Account, Block, Event, Finality, Included, Ledger, LedgerError, Line, LineFilter, Listed,
    ListedCoordinator, Page, Provider, ProviderRef, ReputationQuery, Reputations, Status,
};
use llmnet_ledger::{Genesis, Key, query as ledger};
use llmnet_types::{
    codec::{decode, encode},
    domain::Domain,
    id::{LineId, NetworkId, TransactionId},
    params::Params,
    proof::ReceiptProof,
    signature::PublicKey,
    succession::HandOver,
    transaction::Transaction,
    units::{Height, Slot, Term},
};

use self::{index::Index, kept::Kept};
use crate::proof::Settlements;

/// The most bytes of transactions on one page of blocks, but for the page's first block: as JSON they are
/// some four times as many.
const PAGE_LENGTH_MAX: usize = 1 << 20;
/// When what is not there yet may be.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Tells of a network.
pub struct Explorer {
    chain: Arc<dyn ChainClient>,
    genesis: Genesis,
    network: NetworkId,
    kept: Kept,
    index: tokio::sync::Mutex<Index>,
}

impl std::fmt::Debug for Explorer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Explorer").finish_non_exhaustive()
    }
}

fn unavailable(error: ChainError) -> LedgerError {
    LedgerError::NotReady {
        message: error.to_string(),
        retry_after: RETRY_AFTER,
    }
}

fn internal(error: impl std::fmt::Display) -> LedgerError {
    LedgerError::Internal {
        detail: error.to_string(),
    }
}

impl Explorer {
    /// Tells of this network.
    pub fn new(chain: Arc<dyn ChainClient>, genesis: Genesis) -> Self {
        Self {
            chain,
            network: genesis.id(),
            genesis,
            kept: Kept::default(),
            index: tokio::sync::Mutex::default(),
        }
    }

    async fn read<T>(
        &self,
        function: impl Fn(&StateView<'_>) -> T + Send + Sync,
    ) -> Result<(Height, T), LedgerError> {
        query(&*self.chain, function).await.map_err(unavailable)
    }

    fn tip(&self) -> Height {
        self.chain.tip().borrow().height()
    }

    /// A block, or why there is none.
    async fn finalized(&self, height: Height) -> Result<FinalizedBlock, LedgerError> {
        let block = self.chain.block(height).await.map_err(unavailable)?;
        match block {
            Some(block) => Ok(block),
            None => Err(self.missing(height).await?),
        }
    }

    async fn missing(&self, height: Height) -> Result<LedgerError, LedgerError> {
        let newest = self.tip();
        if height > newest {
            return Ok(LedgerError::NotReached { newest });
        }
        let kept_from = self.kept_from().await?;
        Ok(LedgerError::Pruned { kept_from })
    }

    async fn kept_from(&self) -> Result<Height, LedgerError> {
        let newest = self.tip();
        self.kept
            .from(&*self.chain, newest)
            .await
            .map_err(unavailable)
    }
}

fn events(block: &FinalizedBlock) -> Result<Option<Vec<Event>>, LedgerError> {
    let Some(events) = &block.events else {
        return Ok(None);
    };
    let events = events.iter().map(|event| {
        let kind = serde_json::to_value(&event.kind).map_err(internal)?;
        let transaction = event.transaction;
        Ok(Event { transaction, kind })
    });
    events.collect::<Result<_, _>>().map(Some)
}

fn shown(block: FinalizedBlock) -> Result<Block, LedgerError> {
    Ok(Block {
        events: events(&block)?,
        header: block.header,
        transactions: block.transactions,
        outcomes: block.outcomes,
    })
}

#[async_trait]
impl Ledger for Explorer {
    fn network(&self) -> NetworkId {
        self.network
    }

    async fn status(&self) -> Result<Status, LedgerError> {
        let kept_from = self.kept_from().await?;
        let root = self.genesis.root();
        let (height, found) = self.read(|state| view::standing(state)).await?;
        let block = self.finalized(height).await?;
        Ok(found.status(block.header, self.genesis.name.to_string(), kept_from, root))
    }

    async fn genesis(&self) -> Result<Vec<u8>, LedgerError> {
        Ok(self.genesis.to_json().into_bytes())
    }

    async fn params(&self) -> Result<(Height, Params), LedgerError> {
        self.read(|state| ledger::params(state)).await
    }

    async fn blocks(&self, from: Option<Height>, limit: usize) -> Result<Vec<Block>, LedgerError> {
        let newest = self.tip();
        let kept_from = self.kept_from().await?;
        let many = u64::try_from(limit).unwrap_or(u64::MAX);
        let first = from.unwrap_or_else(|| {
            let first = newest.0.saturating_add(1).saturating_sub(many);
            Height(first).max(kept_from)
        });
        if first < kept_from {
            return Err(LedgerError::Pruned { kept_from });
        }
        if first.0 > newest.0.saturating_add(1) {
            return Err(LedgerError::NotReached { newest });
        }
        let mut blocks = Vec::new();
        let mut length: usize = 0;
        let end = first.0.saturating_add(many).min(newest.0.saturating_add(1));
        for height in first.0..end {
            let block = self
                .chain
                .block(Height(height))
                .await
                .map_err(unavailable)?;
            let Some(block) = block else { break };
            let transactions = block.transactions.iter();
            length = length.saturating_add(transactions.map(|one| encode(one).len()).sum());
            if length > PAGE_LENGTH_MAX && !blocks.is_empty() {
                break;
            }
            blocks.push(shown(block)?);
        }
        Ok(blocks)
    }

    async fn block(&self, height: Height) -> Result<Block, LedgerError> {
        shown(self.finalized(height).await?)
    }

    async fn finality(&self, height: Height) -> Result<Option<Finality>, LedgerError> {
        let finality = self.chain.finality(height).await.map_err(unavailable)?;
        Ok(finality.map(|finality| Finality {
            descendants: finality.descendants,
            certificate: finality.certificate,
        }))
    }

    async fn events(&self, height: Height) -> Result<Vec<Event>, LedgerError> {
        let block = self.finalized(height).await?;
        events(&block)?.ok_or(LedgerError::Unrecorded { height })
    }

    async fn newest(&self) -> Result<Height, LedgerError> {
        Ok(self.tip())
    }

    async fn reached(&self, height: Height) -> Result<(), LedgerError> {
        loop {
            let mut tip = self.chain.tip();
            while tip.borrow_and_update().height() < height {
                if tip.changed().await.is_err() {
                    break;
                }
            }
            if tip.borrow().height() >= height {
                return Ok(());
            }
            // That validator ended; the client may have others.
            if self.chain.tip().has_changed().is_err() {
                return Err(LedgerError::NotReady {
                    message: "the chain has stopped; restart the node".to_owned(),
                    retry_after: RETRY_AFTER,
                });
            }
        }
    }

    async fn transaction(
        &self,
        id: &TransactionId,
        wait: Duration,
    ) -> Result<Option<Included>, LedgerError> {
        let found = self.chain.outcome(*id, wait).await.map_err(unavailable)?;
        let Some(inclusion) = found else {
            return Ok(None);
        };
        let block = self.chain.block(inclusion.height).await;
        let place = usize::try_from(inclusion.index).map_err(internal)?;
        let transaction = block.map_err(unavailable)?.and_then(|mut block| {
            (place < block.transactions.len()).then(|| block.transactions.swap_remove(place))
        });
        Ok(Some(Included {
            height: inclusion.height,
            index: inclusion.index,
            outcome: inclusion.outcome,
            transaction,
        }))
    }

    async fn submit(&self, transaction: Transaction) -> Result<TransactionId, LedgerError> {
        let submitted = self.chain.submit(transaction).await;
        submitted.map_err(|error| match error {
            SubmitError::Refused(rejection) => LedgerError::Rejected(rejection),
            SubmitError::NonceTaken { nonce, .. } => LedgerError::NonceTaken { nonce },
            SubmitError::SignerFull { limit, .. } => LedgerError::SignerFull { limit },
            SubmitError::Full => LedgerError::Full,
            SubmitError::Chain(error) => unavailable(error),
        })
    }

    async fn state(&self, keys: &[Vec<u8>]) -> Result<(Height, Vec<Option<Vec<u8>>>), LedgerError> {
        let key = |(place, key): (usize, &Vec<u8>)| {
            decode::<Key>(key, key.len()).map_err(|_| LedgerError::NoKey { place })
        };
        let keys: Vec<Key> = keys.iter().enumerate().map(key).collect::<Result<_, _>>()?;
        self.chain.read(&keys).await.map_err(unavailable)
    }

    async fn account(&self, key: &PublicKey) -> Result<Account, LedgerError> {
        let (height, mut account) = self.read(|state| view::account(state, key)).await?;
        account.height = height;
        Ok(account)
    }

    async fn line(&self, id: LineId) -> Result<Option<Line>, LedgerError> {
        let (_, line) = self.read(|state| view::line(state, id)).await?;
        Ok(line)
    }

    async fn lines(&self, filter: &LineFilter, page: Page) -> Result<Listed<Line>, LedgerError> {
        let (height, listed) = self.read(|state| view::lines(state, filter, page)).await?;
        Ok(listed.at(height))
    }

    async fn coordinators(&self, page: Page) -> Result<Listed<ListedCoordinator>, LedgerError> {
        let (height, listed) = self.read(|state| view::coordinators(state, page)).await?;
        Ok(listed.at(height))
    }

    async fn providers(
        &self,
        domain: Option<&Domain>,
        page: Page,
    ) -> Result<Listed<Provider>, LedgerError> {
        let read = self.read(|state| view::providers(state, domain, page));
        let (height, listed) = read.await?;
        Ok(listed?.at(height))
    }

    async fn provider(&self, id: &ProviderRef) -> Result<Option<Provider>, LedgerError> {
        let (_, provider) = self.read(|state| view::provider_by(state, id)).await?;
        Ok(provider)
    }

    async fn reputation(
        &self,
        query: &ReputationQuery,
        page: Page,
    ) -> Result<Reputations, LedgerError> {
        let read = self.read(|state| {
            let rows = view::reputation(state, query, page)?;
            Ok((rows, ledger::params(state)))
        });
        let (height, found) = read.await?;
        let (rows, params) = found?;
        let listed = rows.at(height);
        Ok(Reputations { listed, params })
    }

    async fn proof(
        &self,
        coordinator: &PublicKey,
        slot: Slot,
    ) -> Result<ReceiptProof, LedgerError> {
        let read = self.read(|state| ledger::coordinator(state, coordinator));
        let (_, record) = read.await?;
        let next = record.map_or(Slot(0), |record| record.next_slot);
        if slot >= next {
            return Err(LedgerError::NotSettled { next });
        }
        let kept_from = self.kept_from().await?;
        let height = {
            let mut index = self.index.lock().await;
            index
                .find(&*self.chain, kept_from, coordinator, slot)
                .await?
        };
        let block = self.finalized(height).await?;
        let Some(finality) = self.chain.finality(height).await.map_err(unavailable)? else {
            return Err(LedgerError::NotReady {
                message: format!("block {height} is not certified yet"),
                retry_after: RETRY_AFTER,
            });
        };
        Settlements::of(&block)
            .ok_or(LedgerError::Unrecorded { height })?
            .prove(&finality, coordinator, slot)
            .ok_or_else(|| internal(format!("block {height} does not settle slot {slot}")))
    }

    async fn hand_over(&self, term: Term) -> Result<Option<HandOver>, LedgerError> {
        self.chain.hand_over(term).await.map_err(unavailable)
    }
}
