//! Embedding models behind HTTP: OpenAI's `/v1/embeddings`, and any server that speaks it, as vLLM, Ollama,
//! llama.cpp and TEI do.

use std::{
    fmt,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use reqwest::{
    Url,
    header::{AUTHORIZATION, HeaderMap},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    ConfigError, Key,
    transport::{self, Again, Failure},
};
use crate::{
    embedding::{DIMENSIONS_MAX, Embedder, EmbeddingError, TEXTS_MAX},
    language::LanguageError,
};

/// How many texts one call carries: their vectors as JSON stay well within the most that a reply may have.
const BATCH: usize = 16;
/// How long to wait for a connection.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// Where an embedding model is served.
#[derive(Debug, Clone)]
pub struct EmbeddingsConfig {
    /// The base of the API, for example `https://api.openai.com/v1`.
    pub base: String,
    /// The model, as the server knows it.
    pub model: String,
    /// The key, where the server wants one.
    pub key: Option<Key>,
    /// How long a call may take, both attempts together.
    pub time: Duration,
}

/// An embedding model behind HTTP.
#[derive(Clone)]
pub struct Embeddings {
    model: String,
    url: Url,
    headers: HeaderMap,
    http: reqwest::Client,
    time: Duration,
}

impl fmt::Debug for Embeddings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embeddings")
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Reply {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    embedding: Vec<f32>,
}

impl Embeddings {
    /// A model at a server; nothing is asked yet.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn new(config: &EmbeddingsConfig) -> Result<Self, ConfigError> {
        if config.model.is_empty() {
            return Err(ConfigError::Model);
        }
        let url = transport::url(&config.base, &["embeddings"])?;
        let mut headers = HeaderMap::new();
        if let Some(key) = &config.key {
            headers.insert(AUTHORIZATION, key.bearer()?);
        }
        Ok(Self {
            model: config.model.clone(),
            http: transport::http(&url, CONNECT_TIME_MAX)?,
            url,
            headers,
            time: config.time,
        })
    }

    async fn batch(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let deadline = Instant::now() + self.time;
        let body = json!({ "model": self.model, "input": texts, "encoding_format": "float" });
        let mut last = false;
        loop {
            let request = self.http.post(self.url.clone());
            let request = request.headers(self.headers.clone()).json(&body);
            let reply = transport::send(request, deadline).await;
            let vectors =
                reply.and_then(|bytes| vectors(&bytes, texts.len()).map_err(Failure::of_reply));
            let Failure { error, again } = match vectors {
                Ok(vectors) => return Ok(vectors),
                Err(failure) => failure,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            match again {
                Again::After(wait) if !last && wait < left => {
                    tokio::time::sleep(transport::spread(wait, left)).await;
                }
                _ => return Err(error.into()),
            }
            last = true;
        }
    }
}

/// The vectors of a reply, in the order of the texts, whatever its own is.
fn vectors(bytes: &[u8], texts: usize) -> Result<Vec<Vec<f32>>, LanguageError> {
    let malformed = |what: &str| LanguageError::Malformed(what.to_owned());
    let Reply { mut data } =
        serde_json::from_slice(bytes).map_err(|_| malformed("no list of embeddings"))?;
    data.sort_by_key(|item| item.index);
    let in_order = data.iter().enumerate().all(|(at, item)| item.index == at);
    if data.len() != texts || !in_order {
        return Err(malformed("not one embedding for each text"));
    }
    let dimensions = data.first().map_or(0, |item| item.embedding.len());
    let sound = |item: &Item| {
        item.embedding.len() == dimensions && item.embedding.iter().all(|x| x.is_finite())
    };
    if texts > 0 && !(1..=DIMENSIONS_MAX).contains(&dimensions) || !data.iter().all(sound) {
        return Err(malformed(
            "embeddings of no, of too many or of different lengths",
        ));
    }
    Ok(data.into_iter().map(|item| item.embedding).collect())
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
        let mut vectors = Vec::with_capacity(texts.len());
        for texts in texts.chunks(BATCH) {
            vectors.extend(self.batch(texts).await?);
        }
        let dimensions = vectors.first().map(Vec::len);
        if vectors
            .iter()
            .any(|vector| Some(vector.len()) != dimensions)
        {
            let error = "embeddings of different lengths".to_owned();
            return Err(LanguageError::Malformed(error).into());
        }
        Ok(vectors)
    }
}
