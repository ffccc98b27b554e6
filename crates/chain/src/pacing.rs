//! When a leader proposes, and when the others vote.
//!
//! The engine runs as fast as its network, 60 empty blocks a second. This automaton stands before the
//! engine's own and lets a leader wait: for transactions, or for the idle interval.
//!
//! It also keeps back the vote for a block that is ahead of this validator's clock, until it is not. That
//! is no rule of what a block may be, and must not be one: clocks differ, and two validators that judge
//! one block differently, for good, can stop a network for good. A vote that comes late, or too late, costs
//! that block at most, and the block still counts should enough others find it timely.

use std::{sync::Arc, time::Duration};

use commonware_consensus::{
    Automaton, CertifiableAutomaton,
    marshal::{
        Identifier,
        core::{DigestFallback, Mailbox as MarshalMailbox},
        standard::Standard,
    },
    simplex::scheme::ed25519::Scheme,
    types::Round,
};
use commonware_cryptography::sha256;
use commonware_utils::channel::oneshot;

use crate::{
    block::Block,
    config::Pacing,
    mempool::Mempool,
    runtime::{Runtime, unix_ms},
};

/// How far ahead of this validator's clock a block may be. More is the proposer's fault or ours.
const AHEAD_MS_MAX: u64 = 10_000;

/// An automaton whose proposals and votes wait for their time.
pub(crate) struct Paced<A, E> {
    pub(crate) inner: A,
    pub(crate) context: Arc<E>,
    pub(crate) mempool: Arc<Mempool>,
    pub(crate) pacing: Pacing,
    pub(crate) blocks: MarshalMailbox<Scheme, Standard<Block>>,
}

impl<A: Clone, E> Clone for Paced<A, E> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            context: self.context.clone(),
            mempool: self.mempool.clone(),
            pacing: self.pacing,
            blocks: self.blocks.clone(),
        }
    }
}

impl<A, E> Automaton for Paced<A, E>
where
    A: Automaton<Context: Send + 'static, Digest = sha256::Digest>,
    E: Runtime,
{
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
        let verdict = self.inner.verify(context, payload).await;
        let (mut sender, receiver) = oneshot::channel();
        let blocks = self.blocks.clone();
        self.context.child("vote").spawn(move |runtime| async move {
            tokio::select! {
                biased;
                () = sender.closed() => {}
                verdict = timely(&runtime, &blocks, verdict, payload) => {
                    if let Some(verdict) = verdict {
                        let _ = sender.send(verdict);
                    }
                }
            }
        });
        receiver
    }
}

impl<A, E> CertifiableAutomaton for Paced<A, E>
where
    A: CertifiableAutomaton<Context: Send + 'static, Digest = sha256::Digest>,
    E: Runtime,
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

/// The verdict on a block, once the block is not ahead of its time; none if there will never be one.
async fn timely(
    runtime: &impl Runtime,
    blocks: &MarshalMailbox<Scheme, Standard<Block>>,
    verdict: oneshot::Receiver<bool>,
    digest: sha256::Digest,
) -> Option<bool> {
    if !verdict.await.ok()? {
        return Some(false);
    }
    let block = blocks.subscribe_by_digest(digest, DigestFallback::Wait);
    let header = block.await.ok()?.inner().header().clone();
    let parent = sha256::Digest(header.parent.0);
    loop {
        let now_ms = unix_ms(runtime.wall_clock());
        if early_by(now_ms, header.timestamp_ms) == Duration::ZERO {
            return Some(true);
        }
        let parent = blocks.get_block(Identifier::Digest(parent)).await;
        let parent_ms = parent.map(|parent| parent.inner().header().timestamp_ms);
        if parent_ms.is_some_and(|parent_ms| is_next_after(parent_ms, header.timestamp_ms)) {
            return Some(true);
        }
        // In steps, as the clock may be set meanwhile.
        let wait = early_by(now_ms, header.timestamp_ms);
        runtime.sleep(wait.min(Duration::from_secs(1))).await;
    }
}

/// How long until a block is no more than what is allowed ahead of the clock.
fn early_by(now_ms: u64, timestamp_ms: u64) -> Duration {
    let latest_ms = now_ms.saturating_add(AHEAD_MS_MAX);
    Duration::from_millis(timestamp_ms.saturating_sub(latest_ms))
}

/// Whether a block is as early as its parent lets it be. If the chain itself is ahead of the clock, such
/// blocks let the clock catch up without a stop.
const fn is_next_after(parent_ms: u64, timestamp_ms: u64) -> bool {
    timestamp_ms == parent_ms.saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_may_be_a_little_ahead_of_the_clock() {
        let late = |timestamp_ms| early_by(100_000, timestamp_ms);
        assert_eq!(late(0), Duration::ZERO);
        assert_eq!(late(100_000 + AHEAD_MS_MAX), Duration::ZERO);
        assert_eq!(late(100_007 + AHEAD_MS_MAX), Duration::from_millis(7));
        assert_eq!(early_by(u64::MAX, u64::MAX), Duration::ZERO);
        assert_eq!(
            early_by(0, u64::MAX),
            Duration::from_millis(u64::MAX - AHEAD_MS_MAX)
        );
    }

    #[test]
    fn a_chain_ahead_of_the_clock_goes_on_in_the_smallest_steps() {
        assert!(is_next_after(500, 501));
        assert!(!is_next_after(500, 502));
        assert!(!is_next_after(u64::MAX, 0));
    }
}
