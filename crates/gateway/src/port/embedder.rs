//! What makes vectors of texts, where a node has it.

use std::time::Duration;

use async_trait::async_trait;
use llmnet_types::units::Tokens;

/// The most inputs of one request.
pub const INPUTS_MAX: usize = 1_024;

/// Makes vectors, with a model of the operator's own. The network has no part in it: no respondent is asked, nothing is
/// charged, and there is no receipt.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// The model, by the name that clients ask for.
    fn model(&self) -> &str;

    /// What keeps it from making any vectors now, in words for its operator.
    fn trouble(&self) -> Option<String>;

    /// A vector of each of 1 to [`INPUTS_MAX`] inputs, all of the same length: of so many numbers, where the model can
    /// have as many as are wanted.
    async fn embed(
        &self,
        inputs: Vec<Input>,
        dimensions: Option<u32>,
    ) -> Result<Embedded, EmbedError>;
}

/// What a vector is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Text.
    Text(String),
    /// Text, as the model's own tokenizer has it.
    Tokens(Vec<u32>),
}

/// Vectors, in the order of their inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// One for each input.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens read.
    pub tokens: Tokens,
}

/// Why there are no vectors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    /// The model does not take these inputs, or cannot have as many dimensions.
    #[error("refused: {message}")]
    Refused {
        /// Shown to the requester.
        message: String,
    },
    /// The model cannot be asked now.
    #[error("unavailable: {message}")]
    Unavailable {
        /// Shown to the requester.
        message: String,
        /// When it may be worth trying again.
        retry_after: Duration,
    },
}
