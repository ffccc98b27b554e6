//! The port of an embedding model: text as a direction in a space where likeness of meaning is nearness.

use async_trait::async_trait;
use llmnet_types::units::Tokens;

use crate::language::LanguageError;

/// The most numbers of a vector.
pub const DIMENSIONS_MAX: usize = 8_192;
/// The most texts of one call of the port.
pub const TEXTS_MAX: usize = 64;
/// The most inputs of one request of a client's.
pub const INPUTS_MAX: usize = 1_024;
/// The most numbers of all vectors of such a request together: 1,024 vectors of 4,096.
pub const NUMBERS_MAX: usize = 4 * 1_024 * 1_024;

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

/// What a client of OpenAI's API wants a vector of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Text.
    Text(String),
    /// Text, as the model's own tokenizer has it.
    Tokens(Vec<u32>),
}

/// Inputs: one at least, and no more than [`INPUTS_MAX`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs(Vec<Input>);

impl Inputs {
    /// `None` for too few or too many.
    pub fn new(inputs: Vec<Input>) -> Option<Self> {
        (1..=INPUTS_MAX)
            .contains(&inputs.len())
            .then_some(Self(inputs))
    }

    /// All of them.
    pub fn as_slice(&self) -> &[Input] {
        &self.0
    }
}

/// Vectors, in the order of their inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    /// All of the same length.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens read, by the model's own count, where it gave one.
    pub input: Option<Tokens>,
}
