//! The chain of a network whose validators run elsewhere, by what they answer over HTTP.
//!
//! ```text
//! Remote --GET blocks, hand-overs--> checked: trusts the genesis, and nobody's word
//!        --POST state-------------->  believed: there is no proof of it over HTTP
//!        --POST transactions------->  nothing to believe: what became of one stands in a block
//! ```
//!
//! A block is taken only with votes of a quorum of its term's committee, which is followed from the genesis
//! by hand-overs (COM-2, FIN-1), and with the transactions that its header names. What settlements did is
//! held to the header as well. What else became of transactions, and what stands under keys, is the word of
//! the node that is asked: name one that you run, or that whoever runs it answers for.

pub mod founded;

mod answers;
mod proven;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use async_trait::async_trait;
use llmnet_chain::client::{
    ChainClient, ChainError, Finality, FinalizedBlock, Inclusion, SubmitError, Tip,
};
use llmnet_ledger::{Genesis, Key};
use llmnet_types::{
    certificate::FinalityCertificate,
    codec::encode,
    id::{NetworkId, TransactionId},
    succession::HandOver,
    transaction::Transaction,
    units::{Height, Term},
};
use serde::de::DeserializeOwned;
use tokio::{
    sync::{Mutex, watch},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use self::{
    answers::{Block, Blocks, Included, Refused, Values},
    proven::Electorates,
};

/// How long a node may take to begin to answer, beyond what it was asked to wait for.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long one question waits for the next block or a transaction: less than nodes allow.
const WAIT: Duration = Duration::from_secs(20);
/// The pause after all nodes failed.
const PAUSE: Duration = Duration::from_secs(1);
/// The most bytes of a reply: a block's transactions as JSON are some times their bytes.
const REPLY_LENGTH_MAX: usize = 64 * 1024 * 1024;
/// The most keys of one question.
const KEYS_MAX: usize = 256;
/// How often a read of more keys starts over when blocks come in between.
const ATTEMPTS_MAX: usize = 16;

/// Validators elsewhere, as one chain.
pub struct Remote {
    nodes: Arc<Nodes>,
    tip: watch::Receiver<Tip>,
    following: JoinHandle<()>,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").finish_non_exhaustive()
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.following.abort();
    }
}

/// Why a node's answer is of no use.
#[derive(Debug, thiserror::Error)]
enum NodeError {
    /// It did not answer.
    #[error("{url} cannot be reached: {why}")]
    Unreachable { url: String, why: String },
    /// It said no.
    #[error("{url} says: {message}")]
    Refused {
        url: String,
        message: String,
        refused: Box<Refused>,
    },
    /// It shows blocks of a term, and asks others itself for how the one before ended.
    #[error("{url} does not know yet how term {ended} ended")]
    Behind { url: String, ended: Term },
    /// What it says does not hold.
    #[error("{url} is not to be believed: {why}")]
    Lie { url: String, why: String },
}

impl From<NodeError> for ChainError {
    fn from(error: NodeError) -> Self {
        Self::Unanswered {
            reason: error.to_string(),
        }
    }
}

/// Where to ask, and what is known for certain.
struct Nodes {
    urls: Vec<String>,
    /// The one that answered last.
    current: AtomicUsize,
    http: reqwest::Client,
    network: NetworkId,
    electorates: Mutex<Electorates>,
}

impl Remote {
    /// Follows a network by the nodes at these addresses, such as `http://192.0.2.1:7171`; each is asked
    /// where those before it fail. Returns when one showed a block that is final.
    ///
    /// # Errors
    /// No node answers in time, or none has anything that can be believed.
    pub async fn connect(
        urls: Vec<String>,
        genesis: &Genesis,
        patience: Duration,
    ) -> anyhow::Result<Self> {
        anyhow::ensure!(!urls.is_empty(), "no node of the network is named");
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(TIMEOUT)
            .timeout(WAIT + TIMEOUT)
            .build()?;
        let trimmed = urls.iter().map(|url| url.trim_end_matches('/').to_owned());
        let nodes = Arc::new(Nodes {
            urls: trimmed.collect(),
            current: AtomicUsize::new(0),
            http,
            network: genesis.id(),
            electorates: Mutex::new(Electorates::new(genesis)),
        });
        let first = async {
            loop {
                match nodes.newest(None).await {
                    Ok(Some(tip)) => return tip,
                    Ok(None) => {}
                    Err(error) => tracing::warn!(%error, "asking for the newest block"),
                }
                sleep(PAUSE).await;
            }
        };
        let tip = match timeout(patience, first).await {
            Ok(tip) => tip,
            Err(_) => {
                // Once more, for what to tell.
                let failed = nodes.newest(None).await;
                failed
                    .context("the network cannot be followed")?
                    .context("the network has no final block yet")?
            }
        };
        let (sender, tip) = watch::channel(tip);
        let following = tokio::spawn(follow(Arc::clone(&nodes), sender));
        Ok(Self {
            nodes,
            tip,
            following,
        })
    }
}

/// Tells of each newest block, for ever.
async fn follow(nodes: Arc<Nodes>, tip: watch::Sender<Tip>) {
    loop {
        let known = tip.borrow().height();
        match nodes.newest(Some(known)).await {
            Ok(Some(newest)) => {
                tip.send_if_modified(|tip| {
                    let is_newer = newest.height() > tip.height();
                    if is_newer {
                        *tip = newest;
                    }
                    is_newer
                });
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "following the network");
                sleep(PAUSE).await;
            }
        }
    }
}

impl Nodes {
    /// Asks the nodes in turn, beginning with the one that answered last.
    async fn any<T, F: Future<Output = Result<T, NodeError>>>(
        &self,
        question: impl Fn(&'_ str) -> F,
    ) -> Result<T, NodeError> {
        let first = self.current.load(Ordering::Relaxed);
        let mut last = None;
        for turn in 0..self.urls.len() {
            let number = (first + turn) % self.urls.len();
            let Some(url) = self.urls.get(number) else {
                continue;
            };
            match question(url).await {
                Ok(answer) => {
                    self.current.store(number, Ordering::Relaxed);
                    return Ok(answer);
                }
                // Its word on what was asked, which another would give as well.
                Err(error @ NodeError::Refused { .. }) if error.is_verdict() => return Err(error),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| NodeError::Unreachable {
            url: "no node".to_owned(),
            why: "none is named".to_owned(),
        }))
    }

    async fn get<T: DeserializeOwned>(&self, url: &str, path: &str) -> Result<T, NodeError> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let address = format!("{url}{path}{joint}network={}", self.network);
        self.ask(url, self.http.get(address)).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        url: &str,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<T, NodeError> {
        let address = format!("{url}{path}?network={}", self.network);
        let request = self.http.post(address);
        let request = request.header("content-type", "application/json");
        self.ask(url, request.body(body.to_string())).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        url: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<T, NodeError> {
        let unreachable = |error: reqwest::Error| NodeError::Unreachable {
            url: url.to_owned(),
            why: error.without_url().to_string(),
        };
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if bytes.len() + chunk.len() > REPLY_LENGTH_MAX {
                return Err(lie(url, "its reply is longer than any"));
            }
            bytes.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return serde_json::from_slice(&bytes)
                .map_err(|error| lie(url, format!("its reply cannot be read: {error}")));
        }
        let refused: Refused = serde_json::from_slice(&bytes)
            .map_err(|_| lie(url, format!("it answers with status {status}")))?;
        Err(NodeError::Refused {
            url: url.to_owned(),
            message: refused.error.message.clone(),
            refused: Box::new(refused),
        })
    }

    /// The newest block that is proven final, after waiting a while for one past the known height.
    async fn newest(&self, known: Option<Height>) -> Result<Option<Tip>, NodeError> {
        self.any(|url| {
            let url = url.to_owned();
            async move {
                if let Some(Height(known)) = known {
                    let next = known.saturating_add(1);
                    let wait = WAIT.as_millis();
                    let path = format!("/v1/ledger/blocks?from={next}&limit=1&wait_ms={wait}");
                    let blocks: Blocks = self.get(&url, &path).await?;
                    if blocks.data.is_empty() {
                        return Ok(None);
                    }
                }
                let blocks: Blocks = self.get(&url, "/v1/ledger/blocks?limit=1").await?;
                let Some(newest) = blocks.data.last() else {
                    return Ok(None);
                };
                let found = self.proven(&url, newest.header.height).await?;
                Ok(found.map(|(block, _)| Tip {
                    digest: block.header.digest(),
                    header: block.header,
                }))
            }
        })
        .await
    }

    /// A block of this node with why it is final; none where it is not there, or not certified yet.
    async fn proven(
        &self,
        url: &str,
        height: Height,
    ) -> Result<Option<(FinalizedBlock, Finality)>, NodeError> {
        let path = format!("/v1/ledger/blocks/{height}");
        let block: Block = match self.get(url, &path).await {
            Ok(block) => block,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(error),
        };
        if block.finality.is_none() {
            return Ok(None);
        }
        let electorate = self.electorate(url, block.header.term).await?;
        let proven = proven::block(block, height, &electorate);
        proven.map(Some).map_err(|why| lie(url, why))
    }

    /// The committee of a term, followed from the genesis.
    async fn electorate(
        &self,
        url: &str,
        term: Term,
    ) -> Result<llmnet_types::network::Electorate, NodeError> {
        let mut electorates = self.electorates.lock().await;
        while electorates.newest() < term {
            let ended = electorates.newest();
            let hand_over = self.hand_over(url, ended).await?;
            let hand_over = hand_over.ok_or_else(|| NodeError::Behind {
                url: url.to_owned(),
                ended,
            })?;
            electorates
                .follow(&hand_over)
                .map_err(|error| lie(url, error.to_string()))?;
        }
        electorates.of(term).ok_or_else(|| {
            lie(
                url,
                format!("its blocks are of term {term}, which nobody held"),
            )
        })
    }

    async fn hand_over(&self, url: &str, term: Term) -> Result<Option<HandOver>, NodeError> {
        match self
            .get(url, &format!("/v1/ledger/hand-overs/{term}"))
            .await
        {
            Ok(hand_over) => Ok(Some(hand_over)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn find(&self, height: Height) -> Result<Option<(FinalizedBlock, Finality)>, NodeError> {
        self.any(|url| {
            let url = url.to_owned();
            async move { self.proven(&url, height).await }
        })
        .await
    }

    async fn values(&self, keys: &[Key]) -> Result<(Height, Vec<Option<Vec<u8>>>), NodeError> {
        self.any(|url| {
            let url = url.to_owned();
            let keys: Vec<String> = keys.iter().map(|key| answers::hex(&encode(key))).collect();
            async move {
                let body = serde_json::json!({ "keys": keys });
                let values: Values = self.post(&url, "/v1/ledger/state", &body).await?;
                let decoded: Option<Vec<_>> = values.decoded();
                match decoded {
                    Some(decoded) if decoded.len() == keys.len() => Ok((values.height, decoded)),
                    _ => Err(lie(&url, "its values are not those of the keys asked for")),
                }
            }
        })
        .await
    }

    /// Where a node says a transaction is, after waiting for it.
    async fn included(
        &self,
        id: TransactionId,
        wait: Duration,
    ) -> Result<Option<Included>, NodeError> {
        let path = format!("/v1/ledger/transactions/{id}?wait_ms={}", wait.as_millis());
        let found = self.any(|url| {
            let (url, path) = (url.to_owned(), path.clone());
            async move { self.get::<answers::Found>(&url, &path).await }
        });
        match found.await {
            Ok(found) => Ok(Some(found.inclusion)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn lie(url: &str, why: impl Into<String>) -> NodeError {
    let (url, why) = (url.to_owned(), why.into());
    NodeError::Lie { url, why }
}

#[async_trait]
impl ChainClient for Remote {
    async fn submit(&self, transaction: Transaction) -> Result<TransactionId, SubmitError> {
        let id = transaction.id();
        let signer = transaction.body.signer;
        let body = serde_json::json!({ "hex": answers::hex(&encode(&transaction)) });
        let submitted = self.nodes.any(|url| {
            let (url, body) = (url.to_owned(), body.clone());
            async move {
                let path = "/v1/ledger/transactions";
                self.nodes
                    .post::<answers::Submitted>(&url, path, &body)
                    .await
            }
        });
        match submitted.await {
            // Nodes name it as we do, or have misread it.
            Ok(submitted) if submitted.id == id => Ok(id),
            Ok(_) => Err(SubmitError::Chain(ChainError::Unanswered {
                reason: "a node took in another transaction than it was sent".to_owned(),
            })),
            Err(error) => Err(error.of_submission(signer, transaction.body.nonce)),
        }
    }

    fn tip(&self) -> watch::Receiver<Tip> {
        self.tip.clone()
    }

    async fn read(&self, keys: &[Key]) -> Result<(Height, Vec<Option<Vec<u8>>>), ChainError> {
        if keys.is_empty() {
            // Only the height is wanted, which comes with any value.
            let (height, _) = self.nodes.values(&[Key::Clock]).await?;
            return Ok((height, Vec::new()));
        }
        for _ in 0..ATTEMPTS_MAX {
            let mut at = None;
            let mut all = Vec::with_capacity(keys.len());
            for part in keys.chunks(KEYS_MAX) {
                let (height, values) = self.nodes.values(part).await?;
                if *at.get_or_insert(height) != height {
                    break;
                }
                all.extend(values);
            }
            if let Some(height) = at.filter(|_| all.len() == keys.len()) {
                return Ok((height, all));
            }
        }
        Err(ChainError::Moving {
            attempts: ATTEMPTS_MAX,
        })
    }

    async fn block(&self, height: Height) -> Result<Option<FinalizedBlock>, ChainError> {
        let found = self.nodes.find(height).await?;
        Ok(found.map(|(block, _)| block))
    }

    async fn certificate(&self, height: Height) -> Result<Option<FinalityCertificate>, ChainError> {
        let found = self.nodes.find(height).await?;
        let own = found.map(|(_, finality)| finality);
        let own = own.filter(|finality| finality.descendants.is_empty());
        Ok(own.map(|finality| finality.certificate))
    }

    async fn outcome(
        &self,
        id: TransactionId,
        wait: Duration,
    ) -> Result<Option<Inclusion>, ChainError> {
        let deadline = Instant::now() + wait;
        let mut tip = self.tip();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let told = self.nodes.included(id, left.min(WAIT)).await?;
            if let Some(Included {
                height,
                index,
                outcome,
            }) = told
            {
                tip.mark_unchanged();
                // Its place is proven by the block; a node that misplaces it is not believed.
                if let Some((block, _)) = self.nodes.find(height).await? {
                    let place = usize::try_from(index).unwrap_or(usize::MAX);
                    let there = block.transactions.get(place).map(Transaction::id);
                    if there != Some(id) {
                        return Err(ChainError::Unanswered {
                            reason: format!(
                                "a node says that {id} is in block {height}, which is not so"
                            ),
                        });
                    }
                    return Ok(Some(Inclusion {
                        height,
                        index,
                        outcome,
                    }));
                }
            } else if left > WAIT {
                continue;
            }
            // It is in no block yet, or in one that is not proven final yet: with the next there is more.
            let next = tokio::time::timeout_at(deadline, tip.changed()).await;
            if !matches!(next, Ok(Ok(()))) {
                return Ok(None);
            }
        }
    }

    async fn hand_over(&self, term: Term) -> Result<Option<HandOver>, ChainError> {
        let found = self.nodes.any(|url| {
            let url = url.to_owned();
            async move {
                let Some(hand_over) = self.nodes.hand_over(&url, term).await? else {
                    return Ok(None);
                };
                // Only what leads on from where the genesis leads to.
                let known = self.nodes.electorate(&url, term).await?;
                hand_over
                    .follow(&known)
                    .map_err(|error| lie(&url, error.to_string()))?;
                Ok(Some(hand_over))
            }
        });
        Ok(found.await?)
    }

    async fn finality(&self, height: Height) -> Result<Option<Finality>, ChainError> {
        let found = self.nodes.find(height).await?;
        Ok(found.map(|(_, finality)| finality))
    }
}

#[cfg(test)]
mod tests;
