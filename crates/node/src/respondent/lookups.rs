//! What an expert lets coordinators look up in its documents (COR-3): as much as its owner allows, for coordinators that
//! the ledger knows, so many at a time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use llmnet_chain::{client::ChainClient, query};
use llmnet_knowledge::collaborate::message::{MESSAGE_LENGTH_MAX, Reply as Said, Request};
use llmnet_ledger::query as ledger;
use llmnet_protocol::message::{LOOKUP_LENGTH_MAX, ToCoordinator};
use llmnet_types::{
    codec::{decode, encode},
    signature::PublicKey,
};
use tokio::task::spawn_blocking;

use crate::{recent::Recent, transport::Reply};

const _: () = assert!(MESSAGE_LENGTH_MAX <= LOOKUP_LENGTH_MAX);

/// Lookups at a time, for one coordinator.
const EACH_MAX: usize = 4;
/// Lookups at a time, for all of them.
const ALL_MAX: usize = 16;

/// Documents that others may look things up in, as far as their owner allows.
pub trait Lookups: Send + Sync {
    /// What they have. May take as long as a search: it is called where waiting harms nobody else.
    fn look_up(&self, request: &Request) -> Said;
}

/// Takes lookups in, within bounds.
pub(super) struct Counter {
    documents: Option<Arc<dyn Lookups>>,
    /// How many are at work for whom; nobody with none.
    at_work: Mutex<HashMap<PublicKey, usize>>,
    coordinators: Recent<PublicKey, bool>,
}

impl std::fmt::Debug for Counter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counter").finish_non_exhaustive()
    }
}

impl Counter {
    /// Over these documents, if any are there for others at all.
    pub(super) fn new(documents: Option<Arc<dyn Lookups>>) -> Self {
        Self {
            documents,
            at_work: Mutex::default(),
            coordinators: Recent::default(),
        }
    }

    /// Answers a coordinator. What cannot be read, and what comes from a stranger, is answered by a refusal: it tells
    /// nothing, and nobody waits.
    pub(super) async fn asked(
        &self,
        chain: &dyn ChainClient,
        from: PublicKey,
        bytes: &[u8],
        reply: &Reply,
    ) {
        let said = self.said(chain, from, bytes, reply.is_near()).await;
        let said = encode(&said.unwrap_or(Said::Declined));
        reply.send(ToCoordinator::Found(said).to_bytes());
    }

    async fn said(
        &self,
        chain: &dyn ChainClient,
        from: PublicKey,
        bytes: &[u8],
        near: bool,
    ) -> Option<Said> {
        let documents = Arc::clone(self.documents.as_ref()?);
        let request: Request = decode(bytes, MESSAGE_LENGTH_MAX).ok()?;
        let place = self.begin(from)?;
        if !near && !self.coordinates(chain, from).await {
            return None;
        }
        let said = spawn_blocking(move || documents.look_up(&request)).await;
        drop(place);
        said.ok()
    }

    /// A place, if there is one for this coordinator; it is free again when dropped.
    fn begin(&self, coordinator: PublicKey) -> Option<Place<'_>> {
        let mut at_work = self.lock();
        let own = at_work.get(&coordinator).copied().unwrap_or(0);
        if own >= EACH_MAX || at_work.values().sum::<usize>() >= ALL_MAX {
            return None;
        }
        at_work.insert(coordinator, own + 1);
        Some(Place {
            counter: self,
            coordinator,
        })
    }

    /// Whether the ledger has a hash chain of it in force: without one it conducts nothing, and has nothing to ask.
    async fn coordinates(&self, chain: &dyn ChainClient, node: PublicKey) -> bool {
        let newest = chain.tip().borrow().height();
        let read = query(chain, move |state| {
            let epoch = ledger::clock(state).epoch;
            let record = ledger::coordinator(state, &node).unwrap_or_default();
            record.chains.of(epoch).is_some()
        });
        let known = self.coordinators.at(newest, node, read).await;
        known.unwrap_or(false)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PublicKey, usize>> {
        // The map is whole after any single call, so a panic elsewhere does not spoil it.
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Place<'a> {
    counter: &'a Counter,
    coordinator: PublicKey,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut at_work = self.counter.lock();
        if let Some(own) = at_work.get_mut(&self.coordinator) {
            *own -= 1;
            if *own == 0 {
                at_work.remove(&self.coordinator);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Lookups for Nothing {
        fn look_up(&self, _: &Request) -> Said {
            Said::Catalogue(None)
        }
    }

    #[test]
    fn a_coordinator_has_so_many_places_and_all_have_so_many() {
        let counter = Counter::new(Some(Arc::new(Nothing)));
        let key = |number: usize| PublicKey([u8::try_from(number).unwrap(); 32]);
        let mut places: Vec<_> = (0..EACH_MAX)
            .map(|_| counter.begin(key(0)).unwrap())
            .collect();
        assert!(counter.begin(key(0)).is_none());
        for place in EACH_MAX..ALL_MAX {
            places.push(counter.begin(key(place)).unwrap());
        }
        assert!(counter.begin(key(ALL_MAX)).is_none());
        places.truncate(1);
        places.push(counter.begin(key(ALL_MAX)).unwrap());
        assert!(counter.begin(key(0)).is_some());
        drop(places);
        assert!(counter.lock().is_empty());
    }
}
