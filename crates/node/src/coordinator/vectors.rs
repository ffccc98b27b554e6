//! Questions as vectors for experts whose passages have some of the same model, and their cosines computed again by a
//! sample (COR-4).
//!
//! Both take a model's server. A question waits for the first, for a moment; for the second nobody waits: what a liar shows
//! is shown until a sample finds it out.

use std::{
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use llmnet_knowledge::{
    collaborate::{
        check::{self, Record},
        merge::Merged,
        message::{Found, Scored},
        near::{Scale, UNRELATED},
        route,
    },
    store::text_to_embed,
};
use llmnet_model::embedding::{Embedder, EmbeddingError};
use llmnet_types::{id::ProviderId, passage::Evidence};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

use super::{
    catalogues::Heard,
    desk::{Desk, lock},
    pause::Pause,
};

/// How long a question waits for its vector. Without one it is looked up by words.
const PATIENCE: Duration = Duration::from_millis(300);
/// How long a check takes at most.
const CHECK_PATIENCE: Duration = Duration::from_secs(10);
/// Checks at a time; beyond, questions go unchecked.
const CHECKS_MAX: usize = 8;

/// What makes vectors here, if anything does.
pub(super) struct Vectors {
    embedder: Option<Arc<dyn Embedder>>,
    /// Of its cosines, once it was asked.
    scale: OnceLock<Scale>,
    pause: Mutex<Pause>,
    checks: Arc<Semaphore>,
}

/// A question as a vector.
#[derive(Debug, Clone)]
pub(super) struct Embedded {
    model: String,
    pub(super) vector: Vec<f32>,
    pub(super) scale: Scale,
}

impl Embedded {
    /// The vector with its model's name.
    pub(super) fn named(&self) -> (&str, &[f32]) {
        (&self.model, &self.vector)
    }
}

/// A passage whose cosine is to be computed again.
pub(super) struct Sampled {
    pub(super) provider: ProviderId,
    pub(super) scored: Scored,
}

impl Vectors {
    pub(super) fn new(embedder: Option<Arc<dyn Embedder>>) -> Self {
        Self {
            embedder,
            scale: OnceLock::new(),
            pause: Mutex::default(),
            checks: Arc::new(Semaphore::new(CHECKS_MAX)),
        }
    }

    /// The model, and how many experts have vectors of it; `None` without one.
    pub(super) fn reach(&self, experts: &[Arc<route::Expert>]) -> Option<(&dyn Embedder, usize)> {
        let embedder = self.embedder.as_deref()?;
        let same = |expert: &&Arc<route::Expert>| expert.model() == embedder.model();
        Some((embedder, experts.iter().filter(same).count()))
    }

    /// A question's vector; `None` where it would be of no use, or is not there in time.
    pub(super) async fn of(
        &self,
        question: &str,
        experts: &[Arc<route::Expert>],
    ) -> Option<Embedded> {
        let (embedder, _) = self.reach(experts).filter(|(_, count)| *count > 0)?;
        if !lock(&self.pause).is_over(Instant::now()) {
            return None;
        }
        let made = timeout(PATIENCE, self.embed(embedder, question)).await;
        let embedded = match made {
            Ok(Ok(embedded)) => embedded,
            Ok(Err(error)) => {
                tracing::warn!(%error, "a question is looked up by words alone");
                None
            }
            Err(_) => {
                tracing::warn!(
                    "the model for embeddings is slow: a question is looked up by words alone"
                );
                None
            }
        };
        let mut pause = lock(&self.pause);
        match &embedded {
            Some(_) => pause.end(),
            None => pause.lengthen(Instant::now()),
        }
        embedded
    }

    /// With the first question the model's scale is asked for, in the same call.
    async fn embed(
        &self,
        embedder: &dyn Embedder,
        question: &str,
    ) -> Result<Option<Embedded>, EmbeddingError> {
        let mut texts = vec![question];
        if self.scale.get().is_none() {
            texts.extend(UNRELATED);
        }
        let mut vectors = embedder.embed(&texts).await?.into_iter();
        let vector = vectors.next();
        let unrelated: Vec<_> = vectors.collect();
        if let Some(scale) = Scale::of(&unrelated) {
            self.scale.get_or_init(|| scale);
        }
        let embedded = vector.zip(self.scale.get().copied());
        Ok(embedded.map(|(vector, scale)| Embedded {
            model: embedder.model().to_owned(),
            vector,
            scale,
        }))
    }
}

impl Desk {
    /// Computes sampled cosines again, while the request goes on.
    pub(super) fn check_cosines(self: &Arc<Self>, question: Vec<f32>, sampled: Vec<Sampled>) {
        let Some(embedder) = self.vectors.embedder.clone() else {
            return;
        };
        let Ok(place) = Arc::clone(&self.vectors.checks).try_acquire_owned() else {
            return;
        };
        let desk = Arc::clone(self);
        tokio::spawn(async move {
            let texts: Vec<String> = sampled.iter().filter_map(Sampled::text).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let made = timeout(CHECK_PATIENCE, embedder.embed(&texts)).await;
            drop(place);
            // Nothing is said of experts by a model that does not answer.
            let Ok(Ok(vectors)) = made else { return };
            for (sampled, vector) in sampled.iter().zip(&vectors) {
                let mut record = Record::default();
                record.note(check::dense(&question, vector, &sampled.scored));
                desk.noted(sampled.provider, Heard::Embedded(record)).await;
            }
        });
    }
}

impl Sampled {
    fn text(&self) -> Option<String> {
        let Evidence { passage, .. } = self.scored.evidence()?;
        Some(text_to_embed(&passage.title, &passage.text))
    }
}

/// One passage of each expert that showed a cosine: of those that are used, else of all, by chance.
pub(super) fn sample(
    providers: &[ProviderId],
    found: &[&Found],
    used: &[Merged],
    chance: u64,
) -> Vec<Sampled> {
    let of_expert = |(place, (provider, found)): (usize, (&ProviderId, &&Found))| {
        let has = |scored: &&Scored| scored.dense.is_some() && scored.evidence().is_some();
        let used = used.iter().filter(|merged| merged.expert == place);
        let mut may: Vec<&Scored> = used.map(|merged| &merged.scored).filter(has).collect();
        if may.is_empty() {
            may = found.passages.iter().filter(has).collect();
        }
        let place = chance.checked_rem(may.len() as u64)?;
        Some(Sampled {
            provider: *provider,
            scored: may.get(usize::try_from(place).ok()?).copied()?.clone(),
        })
    };
    let experts = providers.iter().zip(found).enumerate();
    experts.filter_map(of_expert).collect()
}

#[cfg(test)]
mod tests;
