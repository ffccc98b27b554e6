//! What makes vectors: a model of the operator's, behind an HTTP API or in a directory. Clients ask it by `/v1/embeddings`, the
//! coordinator for questions that it looks up, and `llmnet knowledge` for passages.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use async_trait::async_trait;
use llmnet_gateway::port::embedder::{self, EmbedError, Embedded, Embedder};
use llmnet_model::{
    backend::api::{self, Embeddings},
    embedding::{self, Input, Inputs},
    language::LanguageError,
};
use llmnet_types::{registration::Tokenizer, units::Tokens};

use crate::{
    config::{self, Embedding},
    models::Environment,
};

/// When a server that failed may be worth another try, where it does not say.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// A model, ready to be asked.
pub(crate) struct Ready {
    /// By clients of the gateway.
    pub(crate) gateway: Arc<dyn Embedder>,
    /// By this node itself.
    pub(crate) model: Arc<dyn embedding::Embedder>,
}

/// What a configuration names, if anything.
///
/// # Errors
/// Its key cannot be had, or it cannot be used.
pub(crate) fn configured(
    embedding: Option<&Embedding>,
    environment: Environment<'_>,
) -> anyhow::Result<Option<Ready>> {
    let ready = match embedding {
        None => return Ok(None),
        Some(Embedding::Served(model)) => served(model, environment)?,
        Some(Embedding::Directory(path)) => {
            let model = local(path)?;
            Ready {
                gateway: Arc::new(Local(Arc::clone(&model))),
                model,
            }
        }
    };
    Ok(Some(ready))
}

/// A sentence transformer's directory, run on this machine.
///
/// # Errors
/// It holds no model that can be run, or this program runs none.
#[cfg(feature = "local")]
pub(crate) fn local(directory: &Path) -> anyhow::Result<Arc<dyn embedding::Embedder>> {
    let model = llmnet_model::backend::sentence::SentenceModel::open(directory);
    let model = model.with_context(|| format!("the model in {}", directory.display()))?;
    Ok(Arc::new(model))
}

/// A sentence transformer's directory, run on this machine.
///
/// # Errors
/// Always: this program runs none.
#[cfg(not(feature = "local"))]
pub(crate) fn local(directory: &Path) -> anyhow::Result<Arc<dyn embedding::Embedder>> {
    anyhow::bail!(
        "the model in {} cannot be run: this llmnet was built without the feature `local`; build it with `cargo build \
         --release --features local`, or serve the model by an API and name that",
        directory.display()
    )
}

fn served(model: &config::Model, environment: Environment<'_>) -> anyhow::Result<Ready> {
    let config = api::Config {
        key: model.secret(environment)?,
        connect_timeout: model.connect_timeout,
        bounds: model.bounds,
        ..api::Config::new(model.api, &model.base_url, &model.name)
    };
    let client = Embeddings::of(config);
    let client =
        client.with_context(|| format!("the [embedding] {} cannot be used", model.name))?;
    Ok(Ready {
        gateway: Arc::new(Served(client.clone())),
        model: Arc::new(client),
    })
}

/// A model at a server, as the gateway asks it.
struct Served(Embeddings);

#[async_trait]
impl Embedder for Served {
    fn model(&self) -> &str {
        embedding::Embedder::model(&self.0)
    }

    fn trouble(&self) -> Option<String> {
        self.0.trouble()
    }

    async fn embed(
        &self,
        inputs: Vec<embedder::Input>,
        dimensions: Option<u32>,
    ) -> Result<Embedded, EmbedError> {
        let inputs = inputs.into_iter().map(|input| match input {
            embedder::Input::Text(text) => Input::Text(text),
            embedder::Input::Tokens(tokens) => Input::Tokens(tokens),
        });
        let inputs = Inputs::new(inputs.collect()).ok_or_else(|| EmbedError::Refused {
            message: "there are too few inputs, or too many".to_owned(),
        })?;
        let vectors = self.0.vectors(&inputs, dimensions).await.map_err(told)?;
        Ok(Embedded {
            tokens: vectors.input.unwrap_or_else(|| counted(&inputs)),
            vectors: vectors.vectors,
        })
    }
}

/// A model on this machine, as the gateway asks it.
struct Local(Arc<dyn embedding::Embedder>);

#[async_trait]
impl Embedder for Local {
    fn model(&self) -> &str {
        self.0.model()
    }

    fn trouble(&self) -> Option<String> {
        None
    }

    async fn embed(
        &self,
        inputs: Vec<embedder::Input>,
        dimensions: Option<u32>,
    ) -> Result<Embedded, EmbedError> {
        let refused = |message: &str| EmbedError::Refused {
            message: message.to_owned(),
        };
        let text = |input| match input {
            embedder::Input::Text(text) => Some(text),
            embedder::Input::Tokens(_) => None,
        };
        let texts: Option<Vec<String>> = inputs.into_iter().map(text).collect();
        let texts = texts.ok_or_else(|| refused("this model takes text, and no tokens"))?;
        let mut vectors = Vec::with_capacity(texts.len());
        for texts in texts.chunks(embedding::TEXTS_MAX) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let made = self.0.embed(&texts).await.map_err(|error| {
                tracing::warn!(%error, "no vectors from a model");
                told(LanguageError::Unreachable(String::new()))
            })?;
            vectors.extend(made);
        }
        let own = vectors.first().map_or(0, Vec::len);
        if dimensions.is_some_and(|wanted| wanted as usize != own) {
            return Err(refused(&format!(
                "vectors of this model have {own} dimensions"
            )));
        }
        let counts = texts.iter().map(|text| Tokenizer::Bytes4.count(text).0);
        Ok(Embedded {
            tokens: Tokens(counts.fold(0, u32::saturating_add)),
            vectors,
        })
    }
}

/// As the network's own tokenizer counts, where the model did not.
fn counted(inputs: &Inputs) -> Tokens {
    let tokens = inputs.as_slice().iter().map(|input| match input {
        Input::Text(text) => Tokenizer::Bytes4.count(text).0,
        Input::Tokens(tokens) => u32::try_from(tokens.len()).unwrap_or(u32::MAX),
    });
    Tokens(tokens.fold(0, u32::saturating_add))
}

/// What the asker is told: what it can mend, or when to come again. All else is in the operator's log.
fn told(error: LanguageError) -> EmbedError {
    match error {
        LanguageError::Refused { status: 400 | 413 | 422 } => EmbedError::Refused {
            message: "the model for embeddings does not take these inputs: they may be too long, or it cannot have as \
                      many dimensions"
                .to_owned(),
        },
        LanguageError::TooLarge { .. } => EmbedError::Refused {
            message: "these vectors are too many at once; send the inputs in parts".to_owned(),
        },
        LanguageError::Resting { left_ms, .. } => EmbedError::Unavailable {
            message: "the model for embeddings failed again and again, and is left alone for now".to_owned(),
            retry_after: Duration::from_millis(u64::from(left_ms)).max(RETRY_AFTER),
        },
        _ => EmbedError::Unavailable {
            message: "the model for embeddings cannot be asked now; try again later".to_owned(),
            retry_after: RETRY_AFTER,
        },
    }
}
