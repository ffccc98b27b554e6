//! Which embedding model is used, if any.

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use llmnet_knowledge::store::Store;
use llmnet_model::{
    backend::api::{Embeddings, EmbeddingsConfig, Key},
    embedding::Embedder,
};

use super::super::{Common, output::Output};
use crate::{config::Config, embedder, models};

/// How long a call may take.
const CALL_TIME_MAX: Duration = Duration::from_secs(60);
/// How many texts are embedded at once.
const BATCH: usize = 32;

/// A model behind an OpenAI-compatible `/v1/embeddings`, or one in a directory of this machine.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Embedding {
    /// The base of an OpenAI-compatible API that embeds, as `https://api.openai.com/v1` [default: the `[embedding]` of
    /// llmnet.toml, if there is one]
    #[arg(
        long,
        value_name = "URL",
        env = "LLMNET_EMBEDDING_URL",
        requires = "embedding_model"
    )]
    embedding_url: Option<String>,
    /// The model there; its key is taken from LLMNET_EMBEDDING_KEY
    #[arg(long, value_name = "MODEL", env = "LLMNET_EMBEDDING_MODEL")]
    embedding_model: Option<String>,
    /// A sentence transformer's directory in Hugging Face's format, run on this machine (the feature `local`)
    #[arg(
        long,
        value_name = "DIR",
        env = "LLMNET_EMBEDDING_DIR",
        conflicts_with_all = ["embedding_url", "embedding_model"]
    )]
    embedding_dir: Option<PathBuf>,
}

impl Embedding {
    /// What makes vectors, by the command or by llmnet.toml; `None` where nobody named anything.
    pub(super) fn embedder(&self, common: &Common) -> anyhow::Result<Option<Arc<dyn Embedder>>> {
        if let Some(directory) = &self.embedding_dir {
            return embedder::local(directory).map(Some);
        }
        let (Some(base), Some(model)) = (&self.embedding_url, &self.embedding_model) else {
            let config = Config::read(&common.directory())?;
            let ready = embedder::configured(config.embedding.as_ref(), &models::environment)?;
            return Ok(ready.map(|ready| ready.model));
        };
        let key = std::env::var("LLMNET_EMBEDDING_KEY").ok();
        Ok(Some(Arc::new(Embeddings::new(&EmbeddingsConfig {
            base: base.clone(),
            model: model.clone(),
            key: key.filter(|key| !key.is_empty()).map(Key::new),
            time: CALL_TIME_MAX,
        })?)))
    }
}

/// Embeds what has no vector yet.
pub(super) async fn fill(
    store: &Store,
    embedder: &dyn Embedder,
    output: &Output,
) -> anyhow::Result<u64> {
    let status = store.status()?;
    let has = status
        .vectors
        .iter()
        .find(|(name, _)| name == embedder.model());
    let missing = status.passages - has.map_or(0, |(_, count)| *count).min(status.passages);
    if missing == 0 {
        return Ok(0);
    }
    let bar = output.bar("embedding passages", missing);
    let mut done = 0;
    loop {
        let texts = store.unembedded(embedder.model(), BATCH)?;
        if texts.is_empty() {
            return Ok(done);
        }
        let only: Vec<&str> = texts.iter().map(|text| text.text.as_str()).collect();
        let vectors = embedder.embed(&only).await?;
        let vectors: Vec<_> = texts.iter().map(|text| text.id).zip(vectors).collect();
        store.keep_vectors(embedder.model(), &vectors)?;
        done += vectors.len() as u64;
        bar.at(done);
    }
}
