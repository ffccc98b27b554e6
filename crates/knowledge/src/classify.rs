//! Which domains a question belongs to, by a public lexical model (PROTOCOL: classify).

use llmnet_types::{domain::Domain, id::Digest, units::Score};

/// Compares a question with labelled sample passages.
#[derive(Debug, Clone)]
pub struct Classifier {
    version: Digest,
}

impl Classifier {
    /// A classifier over public samples. Equal samples in equal order give equal classifications.
    pub fn new(samples: &[(Domain, String)]) -> Self {
        let _ = samples;
        Self {
            version: Digest::ZERO,
        }
    }

    /// Digest of all that the classifier was built from: what a network agrees on.
    pub const fn version(&self) -> Digest {
        self.version
    }

    /// The best two domains with the confidence in each, best first; none where nothing in the question
    /// is known.
    pub fn classify(&self, question: &str) -> Vec<(Domain, Score)> {
        let _ = question;
        Vec::new()
    }
}
