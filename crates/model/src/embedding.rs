//! The port of an embedding model: text as a direction in a space where likeness of meaning is nearness.

use async_trait::async_trait;

use crate::language::LanguageError;

/// The most numbers of a vector.
pub const DIMENSIONS_MAX: usize = 8_192;
/// The most texts of one call.
pub const TEXTS_MAX: usize = 64;

/// Why a model gave no vectors. No variant carries a key or a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbeddingError {
    /// Its server did not answer as it should.
    #[error(transparent)]
    Server(#[from] LanguageError),
    /// More texts than a call may have.
    #[error("{found} texts in one call where at most {TEXTS_MAX} are allowed")]
    TooMany {
        /// How many there were.
        found: usize,
    },
    /// The model on this machine failed.
    #[error("the embedding model on this machine failed: {0}")]
    Local(String),
}

/// Embeds texts.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// Names the model so that equal names give comparable vectors: a network agrees on one.
    fn model(&self) -> &str;

    /// One vector for each text, in order, all of one length; what a vector's length is in space says nothing.
    ///
    /// # Errors
    /// See [`EmbeddingError`].
    async fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbeddingError>;
}
