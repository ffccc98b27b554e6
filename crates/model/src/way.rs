//! Which coordinators a call of a model is made for, where that may matter to its server: one that is a gateway of such
//! a network refuses what came through itself.
//!
//! It goes beside a piece of work and not through every port: no answerer decides by it, and none may forget to hand
//! it on.

use llmnet_types::way::Way;

tokio::task_local! {
    static WAY: Way;
}

/// Does a seat's work for a request that came this way.
pub async fn along<F: Future>(way: Way, work: F) -> F::Output {
    WAY.scope(way, work).await
}

/// The way of the request that is worked on; none where nobody said.
pub fn current() -> Option<Way> {
    WAY.try_with(Clone::clone)
        .ok()
        .filter(|way| !way.is_empty())
}
