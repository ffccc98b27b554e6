//! What answers for a respondent, and what is promised of it.

use std::sync::Arc;

use llmnet_model::answer::Answerer;
use llmnet_types::{
    codec::Text,
    domain::Domain,
    id::Digest,
    registration::{Assurance, Corpus, Model, Price},
};

use super::{documents::Documents, lookups::Lookups};
use crate::{
    experts::{self, Expert},
    models::Source,
};

/// The family of those who answer in the words of passages, and so call no tool and write no JSON.
pub const EXTRACTIVE: &str = "extractive";

/// What answers, with all that its registration says.
#[derive(Clone)]
pub struct Backing {
    /// What it answers about, best first.
    pub domains: Vec<Domain>,
    /// With which model.
    pub model: Model,
    /// From which documents, if any.
    pub corpus: Option<Corpus>,
    /// For how much.
    pub price: Price,
    /// What answers.
    pub answerer: Arc<dyn Answerer>,
    /// Its documents, where they may change.
    pub documents: Option<Arc<Documents>>,
    /// What others may look things up in, if anything.
    pub lookups: Option<Arc<dyn Lookups>>,
}

impl std::fmt::Debug for Backing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backing")
            .field("domains", &self.domains)
            .field("model", &self.model)
            .field("price", &self.price)
            .finish_non_exhaustive()
    }
}

impl Backing {
    /// An expert in the box.
    pub fn expert(expert: Expert) -> Self {
        Self {
            model: model(EXTRACTIVE, &expert.answerer.version()),
            domains: expert.domains,
            corpus: Some(expert.corpus),
            price: experts::PRICE,
            answerer: Arc::new(expert.answerer),
            documents: None,
            // Each knows a part of its neighbours' documents, so that panels have something to disagree about.
            lookups: None,
        }
    }

    /// Documents that may change, about one domain, as they stand when it is registered.
    pub fn documents(documents: Arc<Documents>, domain: Domain, corpus: Corpus) -> Self {
        Self {
            model: model("extractive", &documents.version()),
            domains: vec![domain],
            corpus: Some(corpus),
            price: experts::PRICE,
            answerer: Arc::clone(&documents) as Arc<dyn Answerer>,
            lookups: Some(Arc::clone(&documents) as Arc<dyn Lookups>),
            documents: Some(documents),
        }
    }

    /// A model; about these domains where it is configured for none.
    pub fn model(source: Source, domains: &[Domain]) -> Self {
        Self {
            model: model(family(&source.name), &source.name),
            domains: if source.domains.is_empty() {
                domains.to_vec()
            } else {
                source.domains
            },
            corpus: None,
            price: source.price,
            answerer: source.answerer,
            documents: None,
            lookups: None,
        }
    }
}

fn model(family: &str, name: &str) -> Model {
    Model {
        family: Text::truncated(family),
        name: Text::truncated(name),
        digest: Digest::ZERO,
        assurance: Assurance::Declared,
    }
}

/// The lineage a name suggests: what comes before the first digit, colon or slash of its last part.
fn family(name: &str) -> &str {
    let base = name.rsplit('/').next().unwrap_or(name);
    let end = base.find(|character: char| character.is_ascii_digit() || character == ':');
    let family = base[..end.unwrap_or(base.len())].trim_end_matches(['-', '.', '_']);
    if family.is_empty() { base } else { family }
}

#[cfg(test)]
mod tests {
    use super::family;

    #[test]
    fn families_are_what_names_begin_with() {
        let names = [
            "llama3.2:3b",
            "gpt-4o-mini",
            "meta/llama-3.1-8b",
            "qwen2.5",
            "4x",
        ];
        let families = ["llama", "gpt", "llama", "qwen", "4x"];
        for (name, expected) in names.into_iter().zip(families) {
            assert_eq!(family(name), expected);
        }
    }
}
