//! Sentence transformers on this machine: a directory in Hugging Face's format, read and run by candle.
//!
//! ```text
//! config.json, model.safetensors     a BERT encoder (MiniLM, BGE, E5 and most small ones are)
//! tokenizer.json                     its tokenizer; what it says of padding and length is overruled
//! sentence_bert_config.json          how many tokens count; since sentence-transformers 6 tokenizer_config.json says it
//! 1_Pooling/config.json              mean of all tokens, or the first one's
//! modules.json                       what else is done to a vector: only what changes no direction is allowed
//! ```
//!
//! A vector is made by one text alone: texts are not padded to one another's length, so that who computes one again
//! gets the same numbers whatever stood beside it. Several texts are embedded side by side, each by one core: cores that share
//! a text wait for one another longer than they compute.

mod bert;
mod gelu;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use llmnet_types::id::Digest;
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use tokenizers::{Tokenizer, TruncationParams};
use tokio::sync::oneshot;

use crate::embedding::{Embedder, EmbeddingError, TEXTS_MAX};
use bert::Bert;

/// The most bytes of a model's weights.
const WEIGHTS_LENGTH_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// The most bytes of any other of its files.
const FILE_LENGTH_MAX: u64 = 64 * 1024 * 1024;
/// The most cores that embed at once.
const CORES_MAX: usize = 16;

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
    /// The system gives no threads to run it by.
    #[error("no threads to run it by: {0}")]
    Threads(String),
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
    /// For each core a pool of one thread, within which candle finds no other to share with.
    cores: Vec<ThreadPool>,
}

impl std::fmt::Debug for SentenceModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SentenceModel")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// How vectors of tokens become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pooling {
    Mean,
    First,
}

impl Pooling {
    /// As `1_Pooling/config.json` says it, before and since sentence-transformers 6; the mean where there is none.
    fn read(directory: &Path) -> Result<Self, OpenError> {
        const FILE: &str = "1_Pooling/config.json";
        if !directory.join(FILE).exists() {
            return Ok(Self::Mean);
        }
        let said: serde_json::Map<String, Value> = json(directory, FILE)?;
        let modes: Vec<&str> = match said.get("pooling_mode") {
            Some(mode) => vec![mode.as_str().unwrap_or("several")],
            None => said
                .iter()
                .filter(|(_, chosen)| chosen.as_bool() == Some(true))
                .filter_map(|(name, _)| name.strip_prefix("pooling_mode_"))
                .collect(),
        };
        match modes[..] {
            ["mean" | "mean_tokens"] => Ok(Self::Mean),
            ["cls" | "cls_token"] => Ok(Self::First),
            _ => Err(OpenError::Unsupported {
                what: "its pooling",
                found: modes.join(" and "),
                expected: "the mean of all tokens, or the first one",
            }),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Length {
    max_seq_length: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct TokenizerLength {
    /// Some say a number that no computer counts to, which means none.
    model_max_length: Option<f64>,
}

/// How many tokens count: what was said last wins, and no model sees more than it has positions for.
fn length(directory: &Path, positions: usize) -> Result<usize, OpenError> {
    if directory.join("sentence_bert_config.json").exists() {
        let said: Length = json(directory, "sentence_bert_config.json")?;
        if let Some(length) = said.max_seq_length {
            return Ok(length.min(positions));
        }
    }
    if directory.join("tokenizer_config.json").exists() {
        let said: TokenizerLength = json(directory, "tokenizer_config.json")?;
        let length = said.model_max_length.filter(|length| *length >= 1.0);
        // Larger numbers than there are become the largest.
        return Ok(length.map_or(positions, |length| (length as usize).min(positions)));
    }
    Ok(positions)
}

#[derive(Debug, Deserialize)]
struct Module {
    #[serde(rename = "type")]
    class: String,
}

#[derive(Debug, Deserialize)]
struct Prompts {
    default_prompt_name: Option<String>,
}

/// Refuses directories whose vectors would be made otherwise elsewhere.
fn check_modules(directory: &Path) -> Result<(), OpenError> {
    if directory.join("modules.json").exists() {
        let modules: Vec<Module> = json(directory, "modules.json")?;
        let class = |module: &Module| module.class.rsplit('.').next().map(str::to_owned);
        for class in modules.iter().filter_map(class) {
            if !["Transformer", "Pooling", "Normalize"].contains(&class.as_str()) {
                return Err(OpenError::Unsupported {
                    what: "one of its modules",
                    found: class,
                    expected: "Transformer, Pooling and Normalize",
                });
            }
        }
    }
    if directory.join("config_sentence_transformers.json").exists() {
        let prompts: Prompts = json(directory, "config_sentence_transformers.json")?;
        if let Some(found) = prompts.default_prompt_name {
            return Err(OpenError::Unsupported {
                what: "its default_prompt_name",
                found,
                expected: "a model without a prompt",
            });
        }
    }
    Ok(())
}

impl SentenceModel {
    /// Reads a model's directory. Its weights are read whole, as they are its name.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        let config: bert::Config = json(directory, "config.json")?;
        config.check()?;
        check_modules(directory)?;
        let pooling = Pooling::read(directory)?;
        let length = length(directory, config.positions())?;
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
                first_token: pooling == Pooling::First,
                cores: cores()?,
            }),
        })
    }
}

fn cores() -> Result<Vec<ThreadPool>, OpenError> {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let core = |_| {
        ThreadPoolBuilder::new()
            .num_threads(1)
            .thread_name(|_| "embedder".to_owned())
            .build()
    };
    let cores: Result<_, _> = (0..count.min(CORES_MAX)).map(core).collect();
    cores.map_err(|error| OpenError::Threads(error.to_string()))
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

    /// In order; each core takes the next text that none has taken.
    fn all(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let next = AtomicUsize::new(0);
        let some = || -> Vec<(usize, Result<Vec<f32>, EmbeddingError>)> {
            let place = || {
                let place = next.fetch_add(1, Ordering::Relaxed);
                (place < texts.len()).then_some(place)
            };
            std::iter::from_fn(place)
                .map(|place| (place, self.embed(&texts[place])))
                .collect()
        };
        let ended = || EmbeddingError::Local("it ended without a vector".to_owned());
        let mut done = std::thread::scope(|scope| {
            let cores = self.cores.iter().take(texts.len());
            let threads: Vec<_> = cores
                .map(|core| scope.spawn(|| core.install(some)))
                .collect();
            let mut done = Vec::with_capacity(texts.len());
            for thread in threads {
                done.extend(thread.join().map_err(|_| ended())?);
            }
            Ok::<_, EmbeddingError>(done)
        })?;
        done.sort_by_key(|(place, _)| *place);
        done.into_iter().map(|(_, vector)| vector).collect()
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
                // Nobody waits any more: nothing to tell.
                let _ = sender.send(inner.all(&texts));
            })
            .map_err(|error| EmbeddingError::Local(error.to_string()))?;
        let ended = |_| EmbeddingError::Local("it ended without a vector".to_owned());
        receiver.await.map_err(ended)?
    }
}

#[cfg(test)]
mod tests;
