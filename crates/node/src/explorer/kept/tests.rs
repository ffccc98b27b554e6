//! The oldest kept block, of chains that keep more or less.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use llmnet_chain::{
    client::{ChainClient, ChainError, FinalizedBlock, Inclusion, SubmitError, Tip},
    solo::Solo,
};
use llmnet_ledger::{Genesis, GenesisValidator, Key};
use llmnet_types::{
    certificate::FinalityCertificate,
    codec::{List, Text},
    id::{Digest, TransactionId},
    params::Params,
    signature::PrivateKey,
    succession::HandOver,
    transaction::Transaction,
    units::{Amount, Height, Term},
};
use tokio::sync::watch;

use super::Kept;

/// A chain that dropped its blocks up to a height, and counts how often it is asked for one.
struct Pruned {
    chain: Solo,
    oldest: AtomicU64,
    asked: AtomicU64,
}

#[async_trait]
impl ChainClient for Pruned {
    async fn submit(&self, transaction: Transaction) -> Result<TransactionId, SubmitError> {
        self.chain.submit(transaction).await
    }

    fn tip(&self) -> watch::Receiver<Tip> {
        self.chain.tip()
    }

    async fn read(&self, keys: &[Key]) -> Result<(Height, Vec<Option<Vec<u8>>>), ChainError> {
        self.chain.read(keys).await
    }

    async fn block(&self, height: Height) -> Result<Option<FinalizedBlock>, ChainError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if height.0 < self.oldest.load(Ordering::Relaxed) {
            return Ok(None);
        }
        self.chain.block(height).await
    }

    async fn certificate(&self, height: Height) -> Result<Option<FinalityCertificate>, ChainError> {
        self.chain.certificate(height).await
    }

    async fn hand_over(&self, term: Term) -> Result<Option<HandOver>, ChainError> {
        self.chain.hand_over(term).await
    }

    async fn outcome(
        &self,
        id: TransactionId,
        wait: Duration,
    ) -> Result<Option<Inclusion>, ChainError> {
        self.chain.outcome(id, wait).await
    }
}

fn chain(blocks: u64) -> Pruned {
    let key = PrivateKey::from_seed([1; 32]);
    let validator = GenesisValidator::plain(key.public_key(), Amount::CREDIT);
    let genesis = Genesis {
        name: Text::empty(),
        validators: List::truncated([validator]),
        params: Params::local(),
        beacon: Digest::ZERO,
        timestamp_ms: 0,
        accounts: List::new(),
        anchors: List::new(),
    };
    let chain = Solo::new(&genesis, [1; 32]).unwrap();
    chain.advance(blocks);
    Pruned {
        chain,
        oldest: AtomicU64::new(0),
        asked: AtomicU64::new(0),
    }
}

#[tokio::test]
async fn the_oldest_block_is_found_by_few_reads_and_then_by_one() {
    let chain = chain(100);
    let kept = Kept::default();
    for oldest in [0, 1, 7, 64, 99, 100] {
        chain.oldest.store(oldest, Ordering::Relaxed);
        for most in [9, 1] {
            chain.asked.store(0, Ordering::Relaxed);
            let found = kept.from(&chain, Height(100)).await.unwrap();
            assert_eq!(found, Height(oldest));
            let asked = chain.asked.load(Ordering::Relaxed);
            assert!(asked <= most, "{asked} reads for {oldest}");
        }
    }
}
