//! One engine of consensus a term, of that term's committee (COM-1).
//!
//! ```text
//! last block of term t is final ── state has the committee of t + 1
//!                                    │ the hand-over is kept, peers are tracked
//!                                  the engine of t + 1 starts, that of t ends
//! ```
//!
//! Who is not of the committee runs the engine all the same and only checks: so it follows, and is ready
//! when it is elected. The state alone says which term it is, so that a restart at any moment goes on in
//! the right one: a vote of a term is kept until blocks after it are durable.
//!
//! Who missed the last block's certificate hears others speak of a later term, and asks them for it.

use std::{num::NonZeroU64, sync::Arc, time::Duration};

use commonware_consensus::{
    Epochable as _,
    marshal::{core::Mailbox as MarshalMailbox, standard::Standard},
    simplex::{
        self,
        config::{Floor, ForwardPolicy, SkipPolicy},
        elector::RoundRobin,
        scheme::ed25519::Scheme,
    },
    types::{Epoch, Height as EngineHeight, ViewDelta},
};
use commonware_cryptography::{Sha256, sha256};
use commonware_parallel::Sequential;
use commonware_runtime::{Handle, buffer::paged::CacheRef};
use commonware_utils::{NZDuration, vec::NonEmptyVec};
use llmnet_ledger::query;
use llmnet_types::{
    id::NetworkId,
    network::Committee,
    signature::PublicKey,
    succession::HandOver,
    units::{Height, Term},
};
use tokio::sync::{mpsc, watch};

use crate::{
    beacon::Beacon,
    block::Block,
    client::Tip,
    config::Pacing,
    electorates::Electorates,
    engine::{BUFFER, MAILBOX, Voter},
    finality,
    hand_overs::HandOvers,
    join::Certificate,
    membership,
    network::{Channel, Directory, Transport},
    pacing::Paced,
    query::StateView,
    runtime::Runtime,
    store::Databases,
};

mod line;

use line::Line;

/// Rounds behind the newest final one for which votes are kept.
pub(crate) const VIEWS_KEPT: ViewDelta = ViewDelta::new(64);
/// Blocks after the end of a term for which its votes are kept: more than can be final and not durable.
const VOTES_KEPT: u64 = 64;
/// Terms looked at for votes that are no longer needed.
const VOTES_SOUGHT: u64 = 8;
/// Peers in a later term that are remembered to be asked.
const AHEAD_MAX: usize = 64;

/// What the engines of all terms share.
pub(crate) struct Consensus<E: Runtime, T: Transport> {
    pub(crate) context: E,
    /// Blocks of a term.
    pub(crate) length: NonZeroU64,
    /// Block 0.
    pub(crate) genesis: sha256::Digest,
    /// The certified block that this validator joined at, if it has just done so.
    pub(crate) joined: Option<Certificate>,
    pub(crate) epoch_length: NonZeroU64,
    pub(crate) electorates: Electorates,
    pub(crate) hand_overs: Arc<HandOvers<E>>,
    pub(crate) databases: Databases<E>,
    pub(crate) marshal: MarshalMailbox<Scheme, Standard<Block>>,
    pub(crate) deferred: Voter<E>,
    pub(crate) paced: Paced<Voter<E>, E>,
    pub(crate) pacing: Pacing,
    pub(crate) cache: CacheRef,
    pub(crate) blocker: T::Blocker,
    pub(crate) directory: Box<dyn Directory>,
    /// Who was enlisted when that was looked at last.
    pub(crate) enlisted: Option<Vec<PublicKey>>,
    pub(crate) beacon: Arc<Beacon>,
    pub(crate) network: NetworkId,
    pub(crate) tip: watch::Receiver<Tip>,
}

/// The engine of one term.
type TermEngine<E, T> = simplex::Engine<
    E,
    Scheme,
    RoundRobin<Sha256>,
    <T as Transport>::Blocker,
    sha256::Digest,
    Paced<Voter<E>, E>,
    Voter<E>,
    Voter<E>,
    Sequential,
>;

/// The channels that the engines use one after another.
struct Lines<T: Transport> {
    votes: Line<T::Sender>,
    certificates: Line<T::Sender>,
    resolver: Line<T::Sender>,
}

/// The engine of the term that it is.
struct Active {
    term: Term,
    engine: Handle<()>,
}

impl Drop for Active {
    fn drop(&mut self) {
        self.engine.abort();
    }
}

/// The last block of a term.
pub(crate) const fn last(length: NonZeroU64, term: Term) -> Height {
    Height(
        term.0
            .saturating_add(1)
            .saturating_mul(length.get())
            .saturating_sub(1),
    )
}

impl<E: Runtime, T: Transport> Consensus<E, T> {
    /// Learns who is in office and where they are; says how many of them make a quorum.
    pub(crate) async fn prepare(&mut self) -> usize {
        let Some(now) = membership::read(&self.databases).await else {
            return 0;
        };
        self.directory
            .track(now.height, &now.members, &now.followers);
        let (term, committee) = (now.office.term, &now.office.committee);
        self.electorates.learn(term, committee);
        committee.quorum()
    }

    /// Runs the engine of each term in turn; says why it could not go on.
    pub(crate) async fn run(
        mut self,
        [votes, certificates, resolver]: [Channel<T>; 3],
    ) -> Result<(), String> {
        let (ahead_sender, mut ahead) = mpsc::channel(AHEAD_MAX);
        let open = |name, channel| {
            Line::open::<T>(self.context.child(name), channel, ahead_sender.clone())
        };
        let lines = Lines::<T> {
            votes: open("votes", votes),
            certificates: open("certificates", certificates),
            resolver: open("requests", resolver),
        };
        let mut active = self.enter(&lines, None).await?;
        loop {
            tokio::select! {
                biased;
                end = &mut active.engine => {
                    let reason = end.err().map(|error| format!(": {error}"));
                    return Err(format!("consensus ended{}", reason.unwrap_or_default()));
                }
                changed = self.tip.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    let height = self.tip.borrow_and_update().height();
                    if height >= last(self.length, active.term) {
                        active = self.enter(&lines, Some(active)).await?;
                    } else {
                        self.track_changes(height).await;
                    }
                    if height.0.is_multiple_of(self.epoch_length.get()) {
                        self.renew_beacon().await;
                    }
                }
                Some((term, peer)) = ahead.recv() => {
                    // It may have been said before this validator was in that term itself.
                    if term <= active.term {
                        continue;
                    }
                    let Height(height) = last(self.length, active.term);
                    let height = EngineHeight::new(height);
                    self.marshal.hint_finalized(height, NonEmptyVec::new(peer));
                }
            }
        }
    }

    /// Connects to who has enlisted since: it has to be ready when it is elected, be it in a moment. Who moved
    /// is on the list as before, and is looked for in the first block of an epoch.
    async fn track_changes(&mut self, height: Height) {
        let enlisted = membership::ask(&self.databases, |state| query::validators(state)).await;
        let enlisted = enlisted.map(|(_, enlisted)| enlisted);
        if enlisted != self.enlisted || height.0.is_multiple_of(self.epoch_length.get()) {
            self.enlisted = enlisted;
            if let Some(now) = membership::read(&self.databases).await {
                self.directory
                    .track(now.height, &now.members, &now.followers);
            }
        }
    }

    /// In the first block of an epoch, anchors the next hash chain for the beacon where it is time for that.
    async fn renew_beacon(&self) {
        let renewal = |state: &StateView<'_>| self.beacon.renewal(self.network, state);
        let renewal = membership::ask(&self.databases, renewal).await;
        let Some((_, Some(transaction))) = renewal else {
            return;
        };
        let now = self.context.current();
        if let Err(error) = self.paced.mempool.submit(transaction, now) {
            tracing::warn!(%error, "the next hash chain for the beacon is not anchored yet");
        }
    }

    /// Starts the engine of the term that the state is in, after that of the one before.
    async fn enter(&mut self, lines: &Lines<T>, before: Option<Active>) -> Result<Active, String> {
        let now = membership::read(&self.databases).await;
        let now = now.ok_or("the state names no committee in office")?;
        let (term, committee) = (now.office.term, &now.office.committee);
        let floor = match term.0.checked_sub(1) {
            None => self.genesis,
            Some(before) => self.hand_over(Term(before), committee).await?,
        };
        self.directory
            .track(now.height, &now.members, &now.followers);
        let scheme = self.electorates.learn(term, committee);
        let scheme = scheme.ok_or("a validator in office has a key that is no key")?;
        self.forget_votes(now.height).await;
        let in_office = commonware_cryptography::certificate::Scheme::me(&scheme).is_some();
        tracing::info!(
            %term,
            validators = committee.keys().len(),
            in_office,
            "a term begins"
        );
        let engine = self.engine(term, scheme, floor);
        // Before its channels close.
        drop(before);
        let engine = engine.start(
            lines.votes.enter(term),
            lines.certificates.enter(term),
            lines.resolver.enter(term),
        );
        Ok(Active { term, engine })
    }

    /// Keeps how a term ended, and says with which block.
    async fn hand_over(&self, term: Term, next: &Committee) -> Result<sha256::Digest, String> {
        if let Some(known) = self.hand_overs.get(term).await {
            return Ok(sha256::Digest(known.header.digest().0));
        }
        let height = EngineHeight::new(last(self.length, term).0);
        let block = self.marshal.get_block(height).await;
        let block =
            block.ok_or_else(|| format!("block {height}, the last of term {term}, is missing"))?;
        let header = block.inner().header().clone();
        let digest = sha256::Digest(header.digest().0);
        let finalization = self.marshal.get_finalization(height).await;
        let certificate =
            finalization.and_then(|finalization| finality::certificate(&finalization, &header));
        match certificate {
            Some(certificate) => {
                let hand_over = HandOver {
                    header,
                    certificate,
                    next: next.clone(),
                };
                self.hand_overs.keep(&hand_over).await;
            }
            // Others have it, and are asked for it (`join`).
            None => tracing::warn!(%term, "the certificate of a term's last block is missing"),
        }
        Ok(digest)
    }

    /// Removes votes of terms that ended long before this block.
    async fn forget_votes(&self, after: Height) {
        let over = after.0.saturating_add(1).saturating_sub(VOTES_KEPT) / self.length;
        for term in over.saturating_sub(VOTES_SOUGHT)..over {
            // Most are gone already.
            let _ = self
                .context
                .remove(&votes_partition(Term(term)), None)
                .await;
        }
    }

    fn engine(&self, term: Term, scheme: Scheme, floor: sha256::Digest) -> TermEngine<E, T> {
        let leader_timeout = self.pacing.leader_timeout();
        let certification_timeout = leader_timeout + Duration::from_secs(1);
        simplex::Engine::new(
            self.context.child("simplex").with_attribute("term", term.0),
            simplex::Config {
                scheme,
                elector: RoundRobin::<Sha256>::default(),
                blocker: self.blocker.clone(),
                automaton: self.paced.clone(),
                relay: self.deferred.clone(),
                reporter: self.deferred.clone(),
                strategy: Sequential,
                partition: votes_partition(term),
                mailbox_size: MAILBOX,
                epoch: Epoch::new(term.0),
                floor: match &self.joined {
                    Some(joined) if joined.epoch().get() == term.0 => {
                        Floor::Finalized(joined.clone())
                    }
                    _ => Floor::Genesis(floor),
                },
                replay_buffer: BUFFER,
                write_buffer: BUFFER,
                page_cache: self.cache.clone(),
                leader_timeout,
                certification_timeout,
                timeout_retry: Duration::from_secs(1),
                view_retention: VIEWS_KEPT,
                skip: SkipPolicy::Enabled {
                    timeout: certification_timeout + Duration::from_secs(2),
                    budget: simplex::SkipBudget::Participants,
                },
                fetch_timeout: NZDuration!(Duration::from_secs(2)),
                fetch_retry_delay: Duration::from_millis(500),
                forward: ForwardPolicy::SilentVoters,
                track_historical_votes: false,
            },
        )
    }
}

/// Where the engine of a term keeps this validator's votes.
fn votes_partition(term: Term) -> String {
    format!("simplex-{term}")
}

#[cfg(test)]
mod tests {
    use commonware_consensus::types::{Epocher as _, FixedEpocher};
    use llmnet_types::params::TERM_BLOCKS_MIN;

    use super::*;

    #[test]
    fn engine_and_ledger_agree_where_a_term_ends() {
        // COM-1, COM-2
        for blocks in [TERM_BLOCKS_MIN, 7, 4_096] {
            let length = NonZeroU64::new(blocks).expect("some");
            let epocher = FixedEpocher::new(length);
            for term in [0, 1, 2, 1_000] {
                let Height(height) = last(length, Term(term));
                let engine = epocher.last(Epoch::new(term)).map(EngineHeight::get);
                assert_eq!(engine, Some(height));
                assert_eq!(
                    (height + 1) % blocks,
                    0,
                    "the next block is of the next term"
                );
                assert_eq!(height / blocks, term);
            }
        }
        assert_eq!(last(NonZeroU64::MAX, Term(1)), Height(u64::MAX - 1));
    }
}
