//! Blocks as a gateway shows them, one after the other.

use std::{fs, time::Duration};

use anyhow::Context;
use llmnet_ledger::Genesis;
use llmnet_types::{
    block::Header,
    certificate::FinalityCertificate,
    id::NetworkId,
    transaction::{Outcome, Transaction},
    units::Height,
};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{
    Common,
    client::{Client, ClientError},
    output::Output,
};
use crate::recompute::Recomputed;

/// Blocks of one page.
const LIMIT: u64 = 256;
/// How long the newest block's certificate may take.
const CERTIFICATE: Duration = Duration::from_secs(15);
/// Fewer blocks than these take no time worth telling of.
const MANY: u64 = 512;

#[derive(Deserialize)]
struct Page {
    data: Vec<Block>,
}

#[derive(Deserialize)]
struct Block {
    header: Header,
    #[serde(default)]
    transactions: Vec<Included>,
}

#[derive(Deserialize)]
struct Included {
    outcome: Option<Outcome>,
    transaction: Transaction,
}

#[derive(Deserialize)]
struct Whole {
    header: Header,
    finality: Option<Finality>,
}

#[derive(Deserialize)]
struct Finality {
    descendants: Vec<Header>,
    certificate: FinalityCertificate,
}

/// The node shows another network than the one in the directory.
#[derive(Debug, thiserror::Error)]
#[error("the genesis it shows is of network {found}, not of {expected}")]
pub(super) struct OtherNetwork {
    expected: NetworkId,
    found: NetworkId,
}

/// The genesis that a gateway shows, if it is that of the directory: the only one we trust.
pub(super) async fn genesis(common: &Common, client: &Client) -> anyhow::Result<Genesis> {
    let shown = String::from_utf8(client.get("/v1/ledger/genesis").await?)?;
    let shown = Genesis::from_json(&shown)?;
    let file = common.directory().join("genesis.json");
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let (expected, found) = (Genesis::from_json(&text)?.id(), shown.id());
    if expected != found {
        return Err(OtherNetwork { expected, found }.into());
    }
    Ok(shown)
}

/// From which block on a node keeps them, if an error says that it does not keep those before.
pub(super) fn kept_from(error: &anyhow::Error) -> Option<u64> {
    match error.downcast_ref() {
        Some(ClientError::Refused { kept_from, .. }) => *kept_from,
        _ => None,
    }
}

/// What to tell of blocks that are not kept.
pub(super) fn pruned(kept_from: u64) -> String {
    format!(
        "Not recomputed: this node keeps blocks from {kept_from} on, and the record begins at \
         genesis.\nA node that keeps everything can tell: [chain] archive = true in its \
         llmnet.toml, from the start."
    )
}

/// A gateway's blocks.
pub(super) struct Blocks<'a> {
    client: &'a Client,
    output: &'a Output,
}

impl<'a> Blocks<'a> {
    pub(super) const fn new(client: &'a Client, output: &'a Output) -> Self {
        Self { client, output }
    }

    pub(super) async fn newest(&self) -> Result<u64, ClientError> {
        let status: Value = self.client.json("/v1/ledger/status").await?;
        status["height"]
            .as_u64()
            .ok_or_else(|| ClientError::Malformed("it has no height".to_owned()))
    }

    /// Executes all blocks up to a height that were not executed yet.
    pub(super) async fn execute_up_to(
        &mut self,
        recomputed: &mut Recomputed,
        end: Height,
    ) -> anyhow::Result<()> {
        let begin = recomputed.height().0;
        let many = end.0.saturating_sub(begin) >= MANY;
        let progress = many.then(|| self.output.bar("executing blocks again", end.0));
        while recomputed.height() < end {
            let at = recomputed.height().0;
            let limit = LIMIT.min(end.0 - at);
            let path = format!(
                "/v1/ledger/blocks?transactions=true&from={}&limit={limit}",
                at + 1
            );
            let page: Page = self.client.read(&path).await?;
            anyhow::ensure!(!page.data.is_empty(), "the node shows no block {}", at + 1);
            for block in page.data {
                let (transactions, outcomes): (Vec<_>, Vec<_>) = block
                    .transactions
                    .into_iter()
                    .map(|included| (included.transaction, included.outcome))
                    .unzip();
                let outcomes = outcomes.iter().map(Option::as_ref);
                recomputed.execute(&block.header, &transactions, outcomes)?;
            }
            if let Some(progress) = &progress {
                progress.at(recomputed.height().0);
            }
        }
        Ok(())
    }

    /// Checks that the newest executed block is final. Its certificate may come a moment after it.
    pub(super) async fn check_final(&mut self, recomputed: &mut Recomputed) -> anyhow::Result<()> {
        let height = recomputed.height();
        if height == Height(0) {
            return Ok(());
        }
        let deadline = Instant::now() + CERTIFICATE;
        loop {
            let path = format!("/v1/ledger/blocks/{height}");
            let block: Whole = self.client.read(&path).await?;
            if let Some(finality) = block.finality {
                let Finality {
                    descendants,
                    certificate,
                } = finality;
                return Ok(recomputed.is_final(&block.header, &descendants, &certificate)?);
            }
            anyhow::ensure!(
                Instant::now() < deadline,
                "block {height} is not certified after {CERTIFICATE:?}"
            );
            sleep(Duration::from_millis(100)).await;
        }
    }
}
