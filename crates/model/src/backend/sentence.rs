//! Sentence transformers on this machine: a directory in Hugging Face's format, read and run by candle.
//!
//! ```text
//! config.json, model.safetensors     a BERT encoder (MiniLM, BGE, E5 and most small ones are)
//! tokenizer.json                     its tokenizer; what it says of padding and length is overruled
//! sentence_bert_config.json          how many tokens count, 256 where it does not say
//! 1_Pooling/config.json              mean of all tokens, or the first one's
//! ```
//!
//! A vector is made by one text alone: texts are not padded to one another's length, so that who computes one again
//! gets the same numbers whatever stood beside it.

mod bert;

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use llmnet_types::id::Digest;
use serde::{Deserialize, de::DeserializeOwned};
use tokenizers::{Tokenizer, TruncationParams};
use tokio::sync::oneshot;

use crate::embedding::{Embedder, EmbeddingError, TEXTS_MAX};
use bert::Bert;

/// The most bytes of a model's weights.
const WEIGHTS_LENGTH_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// The most bytes of any other of its files.
const FILE_LENGTH_MAX: u64 = 64 * 1024 * 1024;
/// How many tokens count where the directory does not say.
const TOKENS_DEFAULT: usize = 256;

/// Why a directory holds no model that can be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file is missing, too large, or cannot be read.
    #[error("{file}: {cause}")]
    File {
        /// Which.
        file: String,
        /// Why.
        cause: String,
    },
    /// A model of another kind.
    #[error("{what} is {found:?}, and only {expected} is run here; serve it by an API instead")]
    Unsupported {
        /// What of it.
        what: &'static str,
        /// What it says.
        found: String,
        /// What can be run.
        expected: &'static str,
    },
}

/// A sentence transformer.
#[derive(Clone)]
pub struct SentenceModel {
    name: String,
    inner: Arc<Inner>,
}

struct Inner {
    bert: Bert,
    tokenizer: Tokenizer,
    first_token: bool,
}

impl std::fmt::Debug for SentenceModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SentenceModel")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Default, Deserialize)]
struct Pooling {
    #[serde(default)]
    pooling_mode_cls_token: bool,
    #[serde(default)]
    pooling_mode_mean_tokens: bool,
}

#[derive(Debug, Deserialize)]
struct Length {
    max_seq_length: Option<usize>,
}

impl SentenceModel {
    /// Reads a model's directory. Its weights are read whole, as they are its name.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        let config: bert::Config = json(directory, "config.json")?;
        config.check()?;
        let pooling = directory.join("1_Pooling/config.json");
        let pooling = if pooling.exists() {
            json(directory, "1_Pooling/config.json")?
        } else {
            Pooling {
                pooling_mode_mean_tokens: true,
                ..Pooling::default()
            }
        };
        if pooling.pooling_mode_cls_token == pooling.pooling_mode_mean_tokens {
            return Err(OpenError::Unsupported {
                what: "its pooling",
                found: format!("{pooling:?}"),
                expected: "the mean of all tokens, or the first one",
            });
        }
        let length = match directory.join("sentence_bert_config.json").exists() {
            true => json::<Length>(directory, "sentence_bert_config.json")?.max_seq_length,
            false => None,
        };
        let length = length.unwrap_or(TOKENS_DEFAULT).min(config.positions());
        let bytes = read(directory, "tokenizer.json", FILE_LENGTH_MAX)?;
        let mut tokenizer =
            Tokenizer::from_bytes(&bytes).map_err(|error| fault("tokenizer.json", error))?;
        // What stands there of MiniLM cuts at 128 tokens and pads every text to as many.
        let truncation = TruncationParams {
            max_length: length,
            ..TruncationParams::default()
        };
        tokenizer
            .with_padding(None)
            .with_truncation(Some(truncation))
            .map_err(|error| fault("tokenizer.json", error))?;
        let weights = read(directory, "model.safetensors", WEIGHTS_LENGTH_MAX)?;
        let digest = Digest::tagged(
            "llmnet/embedder/1",
            &[&Digest::of(&weights).0, &Digest::of(&bytes).0],
        );
        let weights = VarBuilder::from_buffered_safetensors(weights, DType::F32, &Device::Cpu)
            .map_err(|error| fault("model.safetensors", error))?;
        let bert =
            Bert::new(&config, &weights).map_err(|error| fault("model.safetensors", error))?;
        Ok(Self {
            name: format!(
                "sentence/{}",
                digest.to_string().chars().take(16).collect::<String>()
            ),
            inner: Arc::new(Inner {
                bert,
                tokenizer,
                first_token: pooling.pooling_mode_cls_token,
            }),
        })
    }
}

fn fault(file: &str, cause: impl std::fmt::Display) -> OpenError {
    OpenError::File {
        file: file.to_owned(),
        cause: cause.to_string(),
    }
}

fn read(directory: &Path, file: &str, limit: u64) -> Result<Vec<u8>, OpenError> {
    use std::io::Read as _;
    let path = directory.join(file);
    let opened = std::fs::File::open(&path).map_err(|error| fault(file, error))?;
    let mut bytes = Vec::new();
    let read = opened.take(limit + 1).read_to_end(&mut bytes);
    if read.map_err(|error| fault(file, error))? as u64 > limit {
        return Err(fault(file, format!("more than {limit} bytes")));
    }
    Ok(bytes)
}

fn json<T: DeserializeOwned>(directory: &Path, file: &str) -> Result<T, OpenError> {
    let bytes = read(directory, file, FILE_LENGTH_MAX)?;
    serde_json::from_slice(&bytes).map_err(|error| fault(file, error))
}

impl Inner {
    fn embed(&self, text: &str) -> Result<Vec<f32>, EmbeddingError> {
        let failed = |error: &dyn std::fmt::Display| EmbeddingError::Local(error.to_string());
        let encoding = self
            .tokenizer
            .encode(text, true)
            .map_err(|error| failed(&error))?;
        let ids = encoding.get_ids();
        let vector = || -> candle_core::Result<Vec<f32>> {
            let ids = Tensor::new(ids, &Device::Cpu)?;
            let states = self.bert.forward(&ids)?;
            let pooled = if self.first_token {
                states.get(0)?
            } else {
                states.mean(0)?
            };
            pooled.to_vec1()
        };
        vector().map_err(|error| failed(&error))
    }
}

#[async_trait]
impl Embedder for SentenceModel {
    fn model(&self) -> &str {
        &self.name
    }

    async fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        if texts.len() > TEXTS_MAX {
            return Err(EmbeddingError::TooMany { found: texts.len() });
        }
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let inner = Arc::clone(&self.inner);
        let (sender, receiver) = oneshot::channel();
        // Tens of milliseconds of nothing but arithmetic: not on a thread that others wait for.
        std::thread::Builder::new()
            .name("embedder".to_owned())
            .spawn(move || {
                let vectors = texts.iter().map(|text| inner.embed(text)).collect();
                // Nobody waits any more: nothing to tell.
                let _: Result<(), Result<_, EmbeddingError>> = sender.send(vectors);
            })
            .map_err(|error| EmbeddingError::Local(error.to_string()))?;
        let ended = |_| EmbeddingError::Local("it ended without a vector".to_owned());
        receiver.await.map_err(ended)?
    }
}

#[cfg(test)]
mod tests;
