//! What nodes answer, as far as it is read here (docs/API.md).

use llmnet_chain::client::{ChainError, SubmitError};
use llmnet_types::{
    block::Header,
    certificate::FinalityCertificate,
    id::TransactionId,
    rejection::Rejection,
    signature::PublicKey,
    transaction::{Outcome, Transaction},
    units::Height,
};
use serde::Deserialize;

use super::NodeError;

/// `GET /v1/ledger/blocks`
#[derive(Debug, Deserialize)]
pub(super) struct Blocks {
    pub(super) data: Vec<Summary>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Summary {
    pub(super) header: Header,
}

/// `GET /v1/ledger/blocks/{height}`
#[derive(Debug, Deserialize)]
pub(super) struct Block {
    pub(super) header: Header,
    pub(super) transactions: Vec<Placed>,
    pub(super) finality: Option<Finality>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Placed {
    pub(super) outcome: Option<Outcome>,
    pub(super) transaction: Transaction,
}

#[derive(Debug, Deserialize)]
pub(super) struct Finality {
    pub(super) descendants: Vec<Header>,
    pub(super) certificate: FinalityCertificate,
}

/// `POST /v1/ledger/state`
#[derive(Debug, Deserialize)]
pub(super) struct Values {
    pub(super) height: Height,
    values: Vec<Option<String>>,
}

impl Values {
    /// The values' bytes; none where any is no hexadecimal.
    pub(super) fn decoded(&self) -> Option<Vec<Option<Vec<u8>>>> {
        let values = self.values.iter().map(|value| match value {
            None => Some(None),
            Some(text) => bytes(text).map(Some),
        });
        values.collect()
    }
}

/// `POST /v1/ledger/transactions`
#[derive(Debug, Deserialize)]
pub(super) struct Submitted {
    pub(super) id: TransactionId,
}

/// `GET /v1/ledger/transactions/{id}`
#[derive(Debug, Deserialize)]
pub(super) struct Found {
    pub(super) inclusion: Included,
}

#[derive(Debug, Deserialize)]
pub(super) struct Included {
    pub(super) height: Height,
    pub(super) index: u32,
    pub(super) outcome: Outcome,
}

/// A refusal.
#[derive(Debug, Deserialize)]
pub(super) struct Refused {
    pub(super) error: Why,
    #[serde(default)]
    llmnet: More,
}

#[derive(Debug, Deserialize)]
pub(super) struct Why {
    pub(super) message: String,
    #[serde(default)]
    code: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct More {
    rejection: Option<Rejection>,
}

impl NodeError {
    fn code(&self) -> &str {
        match self {
            Self::Refused { refused, .. } => refused.error.code.as_deref().unwrap_or_default(),
            _ => "",
        }
    }

    /// Whether the node has not what was asked for, and says so.
    pub(super) fn is_missing(&self) -> bool {
        let codes = [
            "height_not_reached",
            "pruned",
            "transaction_not_found",
            "hand_over_not_found",
        ];
        codes.contains(&self.code())
    }

    /// Whether it would be the same anywhere: no other node need be asked.
    pub(super) fn is_verdict(&self) -> bool {
        let codes = [
            "transaction_rejected",
            "nonce_taken",
            "signer_full",
            "transaction_not_found",
        ];
        codes.contains(&self.code())
    }

    /// As what became of a transaction that was handed in.
    pub(super) fn of_submission(self, signer: PublicKey, nonce: u64) -> SubmitError {
        match self.code() {
            "nonce_taken" => SubmitError::NonceTaken { signer, nonce },
            // How many it may have there is not told in numbers.
            "signer_full" | "mempool_full" => SubmitError::Full,
            "transaction_rejected" => match self {
                Self::Refused { refused, .. } if refused.llmnet.rejection.is_some() => {
                    let rejection = refused.llmnet.rejection;
                    rejection.map_or(SubmitError::Full, SubmitError::Refused)
                }
                error => SubmitError::Chain(ChainError::from(error)),
            },
            _ => SubmitError::Chain(ChainError::from(self)),
        }
    }
}

/// Bytes as lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| {
            digit
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    let pairs = digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit));
    Some(pairs.collect())
}
