//! The port of a language model.

use async_trait::async_trait;
use llmnet_types::{
    request::{ChatMessage, Setting},
    tool::ToolCall,
    units::Tokens,
};

use crate::answer::Limits;

/// What a model wrote.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Completion {
    /// The text. A server may have written more than it was allowed: whoever hands it on cuts it.
    pub text: String,
    /// Tools that it would have run, of those that the settings offered. An id may be empty: not every API has them.
    pub calls: Vec<ToolCall>,
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
    /// As many calls are under way, or were begun within a minute, as its operator allows.
    #[error("all calls that the model's limits allow are taken")]
    Saturated,
    /// Its server failed again and again, and is left alone for now.
    #[error(
        "the model's server failed {failures} times in a row; it is asked again in {left_ms} ms"
    )]
    Resting {
        /// How often it failed.
        failures: u32,
        /// Milliseconds until it is asked again; 0 while that is tried.
        left_ms: u32,
    },
    /// The server refused: wrong key, unknown model, request too long.
    #[error("the model's server refused with status {status}: {}", advice(.status))]
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// It would not say anything about this: its own decision, or its maker's filter.
    #[error("the model or its maker's filter withheld the text")]
    Withheld,
    /// It thought until its tokens were used up, and wrote nothing, or no call of a tool to its end.
    #[error(
        "the model used up its tokens before it had said anything; allow it more: thinking_tokens"
    )]
    Exhausted,
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

/// What an operator may look at, by the status of a refusal.
const fn advice(status: &u16) -> &'static str {
    match *status {
        // Gemini says 400 of a key it does not know.
        400 => {
            "it does not take this request, or does not know its key, or is a gateway that the request came through"
        }
        401 | 403 => "its key is wrong, or may not use this model",
        402 => "its account has no money",
        404 => "it knows no such model, or base_url names no such API",
        413 => "the request is too long for it",
        300..=399 => "it sends us elsewhere, and nobody named that place",
        _ => "it does not take this request",
    }
}

/// Continues conversations.
#[async_trait]
pub trait LanguageModel: Send + Sync {
    /// The model's name as its server knows it.
    fn name(&self) -> &str;

    /// What of these limits holds for this model; its operator may allow less.
    fn within(&self, limits: &Limits) -> Limits {
        *limits
    }

    /// What keeps it from writing anything now, in words for its operator.
    fn trouble(&self) -> Option<String> {
        None
    }

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
