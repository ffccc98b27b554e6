//! Blocks as a gateway shows them, one after the other.

use std::time::Duration;

use llmnet_types::{
    block::Header,
    certificate::FinalityCertificate,
    transaction::{Outcome, Transaction},
    units::Height,
};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::{
    cli::{
        client::{Client, ClientError},
        output::Output,
    },
    recompute::Recomputed,
};

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
