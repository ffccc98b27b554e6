//! What all handlers share.

use std::{sync::Arc, time::Instant};

use tokio::sync::Semaphore;

use crate::{Config, port::Coordinator};

/// What all handlers share.
pub(crate) struct Gateway {
    pub(crate) coordinator: Arc<dyn Coordinator>,
    pub(crate) config: Arc<Config>,
    /// Room for questions.
    pub(crate) room: Arc<Semaphore>,
    pub(crate) started: Instant,
}

impl Gateway {
    pub(crate) fn new(coordinator: Arc<dyn Coordinator>, config: Arc<Config>) -> Self {
        Self {
            room: permits(config.requests_max),
            coordinator,
            config,
            started: Instant::now(),
        }
    }
}

/// So many permits, at least one, at most what a semaphore can count.
pub(crate) fn permits(count: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS)))
}
