//! What the rest of the program sees of the chain, and nothing of the engine behind it.

use std::time::Duration;

use async_trait::async_trait;
use llmnet_ledger::{Event, Key};
use llmnet_types::{
    block::Header,
    certificate::FinalityCertificate,
    id::{Digest, TransactionId},
    rejection::Rejection,
    signature::PublicKey,
    succession::HandOver,
    transaction::{Outcome, Transaction},
    units::{Height, Term},
};
use tokio::sync::watch;

/// The newest finalized block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tip {
    /// Its header.
    pub header: Header,
    /// The header's digest.
    pub digest: Digest,
}

impl Tip {
    /// Its height.
    pub const fn height(&self) -> Height {
        self.header.height
    }
}

/// A block that can no longer change.
#[derive(Debug, Clone)]
pub struct FinalizedBlock {
    /// The header.
    pub header: Header,
    /// What was done, in order.
    pub transactions: Vec<Transaction>,
    /// What became of each transaction; none where this node did not execute the block itself.
    pub outcomes: Option<Vec<Outcome>>,
    /// What explorers read of it; as with outcomes.
    pub events: Option<Vec<Event>>,
}

/// Why a block is final: its own certificate, or that of a near descendant.
#[derive(Debug, Clone)]
pub struct Finality {
    /// The block's header.
    pub header: Header,
    /// The blocks after it up to the certified one; usually none.
    pub descendants: Vec<Header>,
    /// The votes on the last of these.
    pub certificate: FinalityCertificate,
}

/// Where a transaction stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inclusion {
    /// In which block.
    pub height: Height,
    /// At which place in it.
    pub index: u32,
    /// What became of it.
    pub outcome: Outcome,
}

/// Why a transaction is not taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// It could never be in a block: too long, of another network, not signed, its nonce used, or its
    /// signer too poor to pay for its bytes.
    #[error(transparent)]
    Refused(#[from] Rejection),
    /// Another transaction of this signer waits under the same nonce.
    #[error("another transaction of {signer} is waiting with nonce {nonce}")]
    NonceTaken {
        /// Whose.
        signer: PublicKey,
        /// Which.
        nonce: u64,
    },
    /// A signer's share of the waiting room is used up; later ones may find place.
    #[error("{signer} has {limit} transactions waiting already")]
    SignerFull {
        /// Whose.
        signer: PublicKey,
        /// The most per signer.
        limit: usize,
    },
    /// The waiting room is full.
    #[error("too many transactions are waiting; try again later")]
    Full,
    /// The chain does not run.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// Why the chain does not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The validator was stopped or has failed.
    #[error("the validator does not run: {reason}")]
    Stopped {
        /// As far as known.
        reason: String,
    },
    /// Of a network whose validators run elsewhere: no node of it could be asked, or none gave an answer that can
    /// be used.
    #[error("no answer from the network's nodes: {reason}")]
    Unanswered {
        /// What the last of them said, or why it could not be asked.
        reason: String,
    },
    /// The state moved on faster than it could be read.
    #[error("the state moved on {attempts} times while it was read")]
    Moving {
        /// Times tried.
        attempts: usize,
    },
}

/// A chain to submit to and read from: a validator of this process, or [`Solo`](crate::Solo).
#[async_trait]
pub trait ChainClient: Send + Sync {
    /// Takes a transaction in and hands it to the validators. Idempotent: one that is known already is
    /// fine. Being taken in promises nothing; see [`ChainClient::outcome`].
    ///
    /// # Errors
    /// See [`SubmitError`]; what only execution can tell becomes an [`Outcome`].
    async fn submit(&self, transaction: Transaction) -> Result<TransactionId, SubmitError>;

    /// The newest finalized block, and notice of the next ones. Closed when the chain stops.
    fn tip(&self) -> watch::Receiver<Tip>;

    /// Reads keys as they all are after one finalized block, whose height is returned.
    ///
    /// # Errors
    /// The chain does not run.
    async fn read(&self, keys: &[Key]) -> Result<(Height, Vec<Option<Vec<u8>>>), ChainError>;

    /// A finalized block; none at heights to come.
    ///
    /// # Errors
    /// The chain does not run.
    async fn block(&self, height: Height) -> Result<Option<FinalizedBlock>, ChainError>;

    /// The block's own certificate. Some blocks never get one: their child's covers them, see
    /// [`ChainClient::finality`].
    ///
    /// # Errors
    /// The chain does not run.
    async fn certificate(&self, height: Height) -> Result<Option<FinalityCertificate>, ChainError>;

    /// Where a transaction was included and what became of it, waiting for that if need be. None when
    /// the wait is over, or the inclusion so long ago that it is no longer indexed.
    ///
    /// # Errors
    /// The chain does not run.
    async fn outcome(
        &self,
        id: TransactionId,
        wait: Duration,
    ) -> Result<Option<Inclusion>, ChainError>;

    /// How a term ended (COM-2); none of terms to come, or where there is one committee for ever. A validator that
    /// missed one asks the others for it, and has none until then.
    ///
    /// # Errors
    /// The chain does not run.
    async fn hand_over(&self, term: Term) -> Result<Option<HandOver>, ChainError>;

    /// All it takes to prove a block final to someone who trusts the committee alone. None while there
    /// is no certificate at or shortly after that height.
    ///
    /// # Errors
    /// The chain does not run.
    async fn finality(&self, height: Height) -> Result<Option<Finality>, ChainError> {
        let Some(block) = self.block(height).await? else {
            return Ok(None);
        };
        let mut descendants = Vec::new();
        let mut at = height;
        loop {
            if let Some(certificate) = self.certificate(at).await? {
                return Ok(Some(Finality {
                    header: block.header,
                    descendants,
                    certificate,
                }));
            }
            if descendants.len() == llmnet_types::proof::DESCENDANTS_MAX {
                return Ok(None);
            }
            at = Height(at.0.saturating_add(1));
            match self.block(at).await? {
                Some(descendant) => descendants.push(descendant.header),
                None => return Ok(None),
            }
        }
    }
}
