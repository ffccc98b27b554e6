//! The boaster: an expert that says of its passages that they are worth more than they are, by words or by meaning, so that
//! they are shown instead of others'. By how much, its seed says.

use std::sync::Arc;

use llmnet::respondent::{documents::Documents, lookups::Lookups};
use llmnet_knowledge::collaborate::message::{Reply, Request};

/// Of what it boasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Words,
    Meaning,
}

pub(super) struct Boaster {
    documents: Arc<Documents>,
    of: Of,
    seed: u64,
}

impl Boaster {
    pub(super) fn new(documents: Arc<Documents>, of: Of, seed: u64) -> Self {
        Self {
            documents,
            of,
            seed,
        }
    }
}

impl Lookups for Boaster {
    fn look_up(&self, request: &Request) -> Reply {
        let Reply::Found(mut found) = self.documents.look_up(request) else {
            return self.documents.look_up(request);
        };
        let mut passages = std::mem::take(&mut found.passages).into_vec();
        for (place, scored) in passages.iter_mut().enumerate() {
            let step = (self.seed.wrapping_mul(31).wrapping_add(place as u64)) % 1_000;
            match self.of {
                // From a tenth to a hundred times as much again.
                Of::Words => scored.lexical = (scored.lexical + 0.01) * (1.1 + step as f64 / 10.0),
                // From 0.95 to 1.
                Of::Meaning => scored.dense = Some(1.0 - step as f32 / 20_000.0),
            }
        }
        found.passages = passages.try_into().unwrap();
        Reply::Found(found)
    }
}
