//! What makes vectors for `/v1/embeddings`: a model of the operator's behind an HTTP API.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use async_trait::async_trait;
use llmnet_gateway::port::embedder::{self, EmbedError, Embedded, Embedder};
use llmnet_model::{
    backend::api::{self, Embeddings},
    embedding::{Input, Inputs},
    language::LanguageError,
};
use llmnet_types::{registration::Tokenizer, units::Tokens};

use crate::{config::Embedding, models::Environment};

/// When a server that failed may be worth another try, where it does not say.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// What a configuration names, ready to be asked.
///
/// # Errors
/// Its key cannot be had, or it cannot be used.
pub(crate) fn configured(
    embedding: &Embedding,
    environment: Environment<'_>,
) -> anyhow::Result<Arc<dyn Embedder>> {
    let model = &embedding.0;
    let config = api::Config {
        key: model.secret(environment)?,
        connect_timeout: model.connect_timeout,
        bounds: model.bounds,
        ..api::Config::new(model.api, &model.base_url, &model.name)
    };
    let client = Embeddings::of(config);
    let client =
        client.with_context(|| format!("the [embedding] {} cannot be used", model.name))?;
    Ok(Arc::new(Own(client)))
}

/// A model as the gateway asks it.
struct Own(Embeddings);

#[async_trait]
impl Embedder for Own {
    fn model(&self) -> &str {
        llmnet_model::embedding::Embedder::model(&self.0)
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
