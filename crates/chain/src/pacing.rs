//! When a leader proposes.
//!
//! The engine runs as fast as its network, 60 empty blocks a second. This automaton stands before the
//! engine's own and lets a leader wait: for transactions, or for the idle interval.

use std::{sync::Arc, time::Duration};

use commonware_consensus::{Automaton, CertifiableAutomaton, types::Round};
use commonware_utils::channel::oneshot;

use crate::{config::Pacing, mempool::Mempool, runtime::Runtime};

/// An automaton whose proposals wait for their time.
pub(crate) struct Paced<A, E> {
    pub(crate) inner: A,
    pub(crate) context: Arc<E>,
    pub(crate) mempool: Arc<Mempool>,
    pub(crate) pacing: Pacing,
}

impl<A: Clone, E> Clone for Paced<A, E> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            context: self.context.clone(),
            mempool: self.mempool.clone(),
            pacing: self.pacing,
        }
    }
}

impl<A: Automaton<Context: Send + 'static>, E: Runtime> Automaton for Paced<A, E> {
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
        self.context
            .child("proposal")
            .spawn(move |runtime| async move {
                tokio::select! {
                    biased;
                    () = sender.closed() => return,
                    () = until_due(&runtime, &mempool, pacing) => {}
                }
                let proposal = inner.propose(context).await;
                tokio::select! {
                    biased;
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

impl<A: CertifiableAutomaton<Context: Send + 'static>, E: Runtime> CertifiableAutomaton
    for Paced<A, E>
{
    async fn certify(&mut self, round: Round, payload: Self::Digest) -> oneshot::Receiver<bool> {
        self.inner.certify(round, payload).await
    }
}

async fn until_due(runtime: &impl Runtime, mempool: &Mempool, pacing: Pacing) {
    loop {
        let changed = mempool.changed();
        let wait = mempool.until_due(pacing, runtime.current());
        if wait == Duration::ZERO {
            return;
        }
        tokio::select! {
            biased;
            () = changed => {}
            () = runtime.sleep(wait) => {}
        }
    }
}
