//! An embedder that makes the vector of a text once, for all the stores that have it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use llmnet_model::embedding::{Embedder, EmbeddingError};
use llmnet_types::id::Digest;

/// What another embedder made is kept, by the text's digest.
pub(crate) struct Remembering {
    inner: Box<dyn Embedder>,
    known: Mutex<HashMap<Digest, Vec<f32>>>,
}

impl Remembering {
    pub(crate) fn new(inner: Box<dyn Embedder>) -> Self {
        Self {
            inner,
            known: Mutex::default(),
        }
    }

    fn known(&self, digest: &Digest) -> Option<Vec<f32>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(digest).cloned()
    }
}

#[async_trait]
impl Embedder for Remembering {
    fn model(&self) -> &str {
        self.inner.model()
    }

    async fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let digests: Vec<_> = texts
            .iter()
            .map(|text| Digest::of(text.as_bytes()))
            .collect();
        let mut vectors: Vec<_> = digests.iter().map(|digest| self.known(digest)).collect();
        let missing: Vec<usize> = (0..texts.len())
            .filter(|place| vectors[*place].is_none())
            .collect();
        if !missing.is_empty() {
            let only: Vec<&str> = missing.iter().map(|place| texts[*place]).collect();
            let made = self.inner.embed(&only).await?;
            if made.len() != missing.len() {
                let counts = format!("{} vectors of {} texts", made.len(), missing.len());
                return Err(EmbeddingError::Local(counts));
            }
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            for (place, vector) in missing.into_iter().zip(made) {
                known.insert(digests[place], vector.clone());
                vectors[place] = Some(vector);
            }
        }
        Ok(vectors.into_iter().flatten().collect())
    }
}
