//! The boaster: an expert that says of its passages that they are worth more than they are, so that they are shown
//! instead of others'. By how much, its seed says.

use std::sync::Arc;

use llmnet::respondent::{documents::Documents, lookups::Lookups};
use llmnet_knowledge::collaborate::message::{Reply, Request};

pub(super) struct Boaster {
    documents: Arc<Documents>,
    seed: u64,
}

impl Boaster {
    pub(super) fn new(documents: Arc<Documents>, seed: u64) -> Self {
        Self { documents, seed }
    }
}

impl Lookups for Boaster {
    fn look_up(&self, request: &Request) -> Reply {
        let Reply::Found(mut found) = self.documents.look_up(request) else {
            return self.documents.look_up(request);
        };
        let mut passages = std::mem::take(&mut found.passages).into_vec();
        for (place, scored) in passages.iter_mut().enumerate() {
            // From a tenth to a hundred times as much again.
            let step = (self.seed.wrapping_mul(31).wrapping_add(place as u64)) % 1_000;
            scored.lexical = (scored.lexical + 0.01) * (1.1 + step as f64 / 10.0);
        }
        found.passages = passages.try_into().unwrap();
        Reply::Found(found)
    }
}
