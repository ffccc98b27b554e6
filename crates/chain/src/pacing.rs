//! When a leader proposes.
//!
//! The engine runs as fast as its network, 60 empty blocks a second. This automaton stands before the
//! engine's own and lets a leader wait: for transactions, or for the idle interval.

use std::{sync::Arc, time::Duration};

use commonware_consensus::{Automaton, CertifiableAutomaton, types::Round};
use commonware_runtime::{Spawner as _, Supervisor as _};
use commonware_utils::channel::oneshot;

use crate::{config::Pacing, mempool::Mempool, store::Context};

/// An automaton whose proposals wait for their time.
#[derive(Clone)]
pub(crate) struct Paced<A> {
    pub(crate) inner: A,
    pub(crate) context: Arc<Context>,
    pub(crate) mempool: Arc<Mempool>,
    pub(crate) pacing: Pacing,
}

impl<A: Automaton<Context: Send + 'static>> Automaton for Paced<A> {
    type Context = A::Context;
    type Digest = A::Digest;

    async fn propose(&mut self, context: Self::Context) -> oneshot::Receiver<Self::Digest> {
        let (mut sender, receiver) = oneshot::channel();
        let Self {
            mut inner,
            mempool,
            pacing,
            ..
        } = self.clone();
        self.context.child("proposal").spawn(move |_| async move {
            tokio::select! {
                () = sender.closed() => return,
                () = until_due(&mempool, pacing) => {}
            }
            let proposal = inner.propose(context).await;
            tokio::select! {
                // Dropping the inner request tells the application that nobody waits any more.
                () = sender.closed() => {}
                digest = proposal => {
                    if let Ok(digest) = digest {
                        let _ = sender.send(digest);
                    }
                }
            }
        });
        receiver
    }

    async fn verify(
        &mut self,
        context: Self::Context,
        payload: Self::Digest,
    ) -> oneshot::Receiver<bool> {
        self.inner.verify(context, payload).await
    }
}

impl<A: CertifiableAutomaton<Context: Send + 'static>> CertifiableAutomaton for Paced<A> {
    async fn certify(&mut self, round: Round, payload: Self::Digest) -> oneshot::Receiver<bool> {
        self.inner.certify(round, payload).await
    }
}

async fn until_due(mempool: &Mempool, pacing: Pacing) {
    loop {
        let changed = mempool.changed();
        let wait = mempool.until_due(pacing);
        if wait == Duration::ZERO {
            return;
        }
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}
