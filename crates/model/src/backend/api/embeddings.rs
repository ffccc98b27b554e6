//! Embedding models behind HTTP: OpenAI's `/v1/embeddings`, and any server that speaks it, as vLLM, Ollama,
//! llama.cpp and TEI do: <https://platform.openai.com/docs/api-reference/embeddings/create>.
//!
//! Servers are asked for a few inputs at a time, so that each reply has a bound that fits any of them.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use llmnet_types::units::Tokens;
use reqwest::{Url, header::HeaderMap};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Api, Bounds, Breaker, Change, Config, ConfigError, Key, LanguageError, Outcome, Pace,
    transport::{self, Again, Failure},
};
use crate::embedding::{
    DIMENSIONS_MAX, Embedder, EmbeddingError, Input, Inputs, NUMBERS_MAX, TEXTS_MAX, Vectors,
};

/// Inputs of one call of a server.
const BATCH: usize = 64;
/// The most bytes of one reply: 64 vectors of 8,192 numbers of 16 characters.
const REPLY_LENGTH_MAX: usize = BATCH * DIMENSIONS_MAX * 16;

/// Where an embedding model is served, for whoever bounds it by time alone.
#[derive(Debug, Clone)]
pub struct EmbeddingsConfig {
    /// The base of the API, for example `https://api.openai.com/v1`.
    pub base: String,
    /// The model, as the server knows it.
    pub model: String,
    /// The key, where the server wants one.
    pub key: Option<Key>,
    /// How long a request may take, all its calls together.
    pub time: Duration,
}

/// An embedding model behind HTTP. Clones share one breaker and one pace.
#[derive(Clone)]
pub struct Embeddings {
    model: String,
    url: Url,
    headers: HeaderMap,
    http: reqwest::Client,
    time: Duration,
    breaker: Arc<Breaker>,
    pace: Arc<Pace>,
}

impl fmt::Debug for Embeddings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embeddings")
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

impl Embeddings {
    /// A model at a server, within the bounds that suit any server but for its time; nothing is asked yet.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn new(config: &EmbeddingsConfig) -> Result<Self, ConfigError> {
        let bounds = Bounds {
            reply_ms: u32::try_from(config.time.as_millis()).unwrap_or(u32::MAX),
            ..Bounds::of(Api::Compatible)
        };
        Self::of(Config {
            key: config.key.clone(),
            bounds,
            ..Config::new(Api::Compatible, &config.base, &config.model)
        })
    }

    /// A model as an operator configures it; nothing is asked yet. Of the bounds, those of tokens are not
    /// looked at.
    ///
    /// # Errors
    /// See [`ConfigError`]; [`ConfigError::Api`] for an API that has no embeddings of this shape.
    pub fn of(config: Config) -> Result<Self, ConfigError> {
        let Config {
            api,
            base,
            model,
            key,
            connect_timeout,
            bounds,
        } = config;
        if model.trim().is_empty() {
            return Err(ConfigError::Model);
        }
        bounds.check()?;
        if matches!(api, Api::Anthropic | Api::Gemini) {
            return Err(ConfigError::Api(api));
        }
        let url = transport::url(&base, &["embeddings"])?;
        let rest = Duration::from_millis(u64::from(bounds.rest_ms));
        Ok(Self {
            headers: api.headers(key.as_ref())?,
            http: transport::http(&url, connect_timeout)?,
            model,
            url,
            time: Duration::from_millis(u64::from(bounds.reply_ms)),
            breaker: Arc::new(Breaker::new(rest)),
            pace: Arc::new(Pace::new(bounds.calls, bounds.calls_a_minute)),
        })
    }

    /// What keeps it from making any vectors now, in words for its operator.
    pub fn trouble(&self) -> Option<String> {
        let resting = self.breaker.resting(Instant::now())?;
        Some(LanguageError::from(resting).to_string())
    }

    /// A vector of each input, of so many numbers where the model can have as many as are wanted.
    ///
    /// # Errors
    /// See [`LanguageError`]; [`LanguageError::TooLarge`] for more than [`NUMBERS_MAX`] numbers.
    pub async fn vectors(
        &self,
        inputs: &Inputs,
        dimensions: Option<u32>,
    ) -> Result<Vectors, LanguageError> {
        let deadline = Instant::now() + self.time;
        // Nobody queues for a server that is left alone; those who did hear of it when it is their turn.
        if let Some(resting) = self.breaker.resting(Instant::now()) {
            return Err(resting.into());
        }
        let _place = self.pace.enter(deadline).await?;
        let pass = self.breaker.pass(Instant::now())?;
        let made = self.all(inputs.as_slice(), dimensions, deadline).await;
        let outcome = made.as_ref().map_or_else(tells, |_| Outcome::Answered);
        match pass.over(Instant::now(), outcome) {
            Some(Change::Opened(rest)) => tracing::warn!(
                model = %self.model, ?rest,
                "a server of embeddings failed again and again: it is left alone"
            ),
            Some(Change::Closed) => {
                tracing::info!(model = %self.model, "a server of embeddings works again");
            }
            None => {}
        }
        if let Err(error) = &made {
            tracing::warn!(model = %self.model, %error, "no vectors from a model");
        }
        made.map_err(|error| match error {
            LanguageError::Timeout { .. } => LanguageError::Timeout {
                time_ms: u32::try_from(self.time.as_millis()).unwrap_or(u32::MAX),
            },
            other => other,
        })
    }

    async fn all(
        &self,
        inputs: &[Input],
        dimensions: Option<u32>,
        deadline: Instant,
    ) -> Result<Vectors, LanguageError> {
        let mut vectors: Vec<Vec<f32>> = Vec::new();
        let mut read = Some(0_u32);
        for batch in inputs.chunks(BATCH) {
            let part = self.batch(batch, dimensions, deadline).await?;
            vectors.extend(part.vectors);
            // A count that some part lacks is no count.
            read = part.input.and_then(|part| read?.checked_add(part.0));
            let length = vectors.first().map_or(0, Vec::len);
            if vectors.iter().any(|vector| vector.len() != length) {
                return Err(malformed("embeddings of different lengths"));
            }
            if length.saturating_mul(inputs.len()) > NUMBERS_MAX {
                return Err(LanguageError::TooLarge {
                    limit: 4 * NUMBERS_MAX,
                });
            }
        }
        Ok(Vectors {
            vectors,
            input: read.map(Tokens),
        })
    }

    /// The vectors of one batch, by a second attempt where the first failure may pass.
    async fn batch(
        &self,
        batch: &[Input],
        dimensions: Option<u32>,
        deadline: Instant,
    ) -> Result<Vectors, LanguageError> {
        let body = self.body(batch, dimensions);
        let mut last = false;
        loop {
            self.pace.begin(deadline).await?;
            let request = self.http.post(self.url.clone());
            let request = request.headers(self.headers.clone()).json(&body);
            let sent = transport::send_within(request, deadline, REPLY_LENGTH_MAX).await;
            let read = sent.and_then(|bytes| read(&bytes, batch.len()).map_err(Failure::of_reply));
            let Failure { error, again } = match read {
                Ok(vectors) => return Ok(vectors),
                Err(failure) => failure,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            match again {
                Again::After(wait) if !last && wait < left => {
                    tokio::time::sleep(transport::spread(wait, left)).await;
                }
                _ => return Err(error),
            }
            last = true;
        }
    }

    fn body(&self, batch: &[Input], dimensions: Option<u32>) -> Value {
        let inputs: Vec<Value> = batch
            .iter()
            .map(|input| match input {
                Input::Text(text) => text.as_str().into(),
                Input::Tokens(tokens) => tokens.as_slice().into(),
            })
            .collect();
        let mut body = Map::new();
        body.insert("model".to_owned(), self.model.as_str().into());
        body.insert("input".to_owned(), inputs.into());
        body.insert("encoding_format".to_owned(), json!("float"));
        if let Some(dimensions) = dimensions {
            body.insert("dimensions".to_owned(), dimensions.into());
        }
        body.into()
    }
}

/// What an error says of the server.
const fn tells(error: &LanguageError) -> Outcome {
    match error {
        // No key, no money, no such model: so it will be for the next request.
        LanguageError::Refused {
            status: 300..=399 | 401..=404,
        } => Outcome::Failed,
        LanguageError::Refused { .. } => Outcome::Answered,
        LanguageError::Saturated | LanguageError::Resting { .. } => Outcome::Unknown,
        _ => Outcome::Failed,
    }
}

#[derive(Deserialize)]
struct Reply {
    data: Vec<Item>,
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct Counts {
    prompt_tokens: u32,
}

/// The vectors of a reply, in the order of the inputs, whatever its own is.
fn read(bytes: &[u8], inputs: usize) -> Result<Vectors, LanguageError> {
    let Reply { mut data, usage } =
        serde_json::from_slice(bytes).map_err(|_| malformed("no list of embeddings"))?;
    data.sort_by_key(|item| item.index);
    if !data.iter().map(|item| item.index).eq(0..inputs) {
        return Err(malformed("not one embedding for each input"));
    }
    let dimensions = data.first().map_or(0, |item| item.embedding.len());
    let sound = |item: &Item| {
        item.embedding.len() == dimensions && item.embedding.iter().all(|x| x.is_finite())
    };
    if !(1..=DIMENSIONS_MAX).contains(&dimensions) || !data.iter().all(sound) {
        let what = "embeddings of no, of too many or of different lengths";
        return Err(malformed(what));
    }
    Ok(Vectors {
        vectors: data.into_iter().map(|item| item.embedding).collect(),
        input: usage.map(|usage| Tokens(usage.prompt_tokens)),
    })
}

fn malformed(what: &str) -> LanguageError {
    LanguageError::Malformed(what.to_owned())
}

#[async_trait]
impl Embedder for Embeddings {
    fn model(&self) -> &str {
        &self.model
    }

    async fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        if texts.len() > TEXTS_MAX {
            return Err(EmbeddingError::TooMany { found: texts.len() });
        }
        let texts = texts.iter().map(|text| Input::Text((*text).to_owned()));
        match Inputs::new(texts.collect()) {
            Some(inputs) => Ok(self.vectors(&inputs, None).await?.vectors),
            None => Ok(Vec::new()),
        }
    }
}
