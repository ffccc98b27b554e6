//! What all handlers share.

use std::{sync::Arc, time::Instant};

use tokio::sync::{Semaphore, watch};

use crate::{
    Config,
    access::Access,
    answer::Once,
    port::{Coordinator, Embedder, Ledger, Ports},
};

/// What all handlers share.
pub(crate) struct Gateway {
    pub(crate) coordinator: Arc<dyn Coordinator>,
    pub(crate) ledger: Arc<dyn Ledger>,
    /// Whom it lets in.
    pub(crate) access: Access,
    /// Makes vectors, if anything does.
    pub(crate) embedder: Option<Arc<dyn Embedder>>,
    pub(crate) config: Arc<Config>,
    /// Room for questions.
    pub(crate) room: Arc<Semaphore>,
    /// Room for those who listen to events.
    pub(crate) streams: Arc<Semaphore>,
    /// True once the gateway closes: what would go on for ever ends then.
    pub(crate) closing: watch::Receiver<bool>,
    pub(crate) started: Instant,
    /// Answers under the keys of those who may ask again.
    pub(crate) once: Arc<Once>,
}

impl Gateway {
    pub(crate) fn new(ports: Ports, config: Arc<Config>, closing: watch::Receiver<bool>) -> Self {
        Self {
            room: permits(config.requests_max),
            streams: permits(config.streams_max),
            coordinator: ports.coordinator,
            ledger: ports.ledger,
            access: ports.access,
            embedder: ports.embedder,
            closing,
            once: Once::new(&config),
            config,
            started: Instant::now(),
        }
    }
}

/// So many permits, at least one, at most what a semaphore can count.
pub(crate) fn permits(count: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS)))
}
