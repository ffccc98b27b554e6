//! The port of a language model.

use async_trait::async_trait;
use llmnet_types::{
    request::{ChatMessage, Setting},
    units::Tokens,
};

use crate::answer::Limits;

/// Text that a model wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The text, at most as long as the limits allow.
    pub text: String,
    /// Tokens by the model's own count, where it gave one; billing never rests on it (REG-4).
    pub usage: Option<Usage>,
}

/// A model's own count of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Sent to it.
    pub input: Tokens,
    /// Written by it.
    pub output: Tokens,
}

/// Why a model gave no text. No variant carries a key, a prompt or an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LanguageError {
    /// It took too long.
    #[error("no reply from the model within {time_ms} ms")]
    Timeout {
        /// The time it had.
        time_ms: u32,
    },
    /// It has too much to do, also after waiting as it told us.
    #[error("the model's server is rate limited")]
    RateLimited,
    /// The server refused: wrong key, unknown model, request too long.
    #[error("the model's server refused with status {status}")]
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// Nobody there, or the server failed.
    #[error("the model's server cannot be reached or failed: {0}")]
    Unreachable(String),
    /// The reply is not what the API documents.
    #[error("the model's server sent a malformed reply: {0}")]
    Malformed(String),
    /// The reply is larger than a reply may be.
    #[error("the model's server sent more than {limit} bytes")]
    TooLarge {
        /// The most bytes taken.
        limit: usize,
    },
}

/// Continues conversations.
#[async_trait]
pub trait LanguageModel: Send + Sync {
    /// The model's name as its server knows it.
    fn name(&self) -> &str;

    /// Writes the next turn of a conversation.
    ///
    /// # Errors
    /// See [`LanguageError`].
    async fn complete(
        &self,
        messages: &[ChatMessage],
        settings: &[Setting],
        limits: &Limits,
    ) -> Result<Completion, LanguageError>;
}
