//! State for those who join: given out from this validator's database, and fetched from the others'.
//!
//! ```text
//!  engine ── Source::serve ──> asks ──> resolver ── p2p ──> the others' resolvers
//!                               ^                                   │
//!                               └── judged by the engine's proofs ──┘
//! ```
//!
//! The engine's own server takes operations of fixed length only; ours are of any. What is fetched proves
//! itself against the root in a certified header, so a peer can withhold and cannot lie: who does is cut off.

use std::{cmp::Ordering, convert::Infallible, num::NonZeroU64, time::Duration};

use bytes::Bytes;
use commonware_codec::{Decode as _, Encode as _, EncodeSize as _, RangeCfg};
use commonware_cryptography::{ed25519, sha256};
use commonware_glue::stateful::db::AttachableResolver;
use commonware_resolver::{Consumer, Delivery, Fetch, Resolver as _, p2p, p2p::Producer};
use commonware_storage::{
    mmr,
    qmdb::{
        any::unordered::variable::Operation,
        sync::{
            Feedback, Request, Response,
            source::{Result as SourceResult, Source},
        },
    },
};
use commonware_utils::{NZDuration, NZU64, NZUsize};
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use llmnet_ledger::state::VALUE_LENGTH_MAX;
use tokio::sync::{mpsc, oneshot};

use crate::{
    network::{Channel, Transport},
    runtime::Runtime,
    store::{Databases, Qmdb},
};

/// The most operations of one answer.
pub(crate) const OPERATIONS_MAX: NonZeroU64 = NZU64!(512);
/// The most bytes of one answer. It has room for any one operation with its proof.
const ANSWER_LENGTH_MAX: usize = 1 << 20;
/// Answers being read from disk at a time.
const ANSWERED_AT_ONCE: usize = 4;
/// Requests of others that wait; more are not answered.
const WAITING_MAX: usize = 64;

/// What is asked for.
pub(crate) type Key = Request<mmr::Family>;
/// A change of state.
pub(crate) type Op = Operation<mmr::Family, sha256::Digest, Bytes>;
/// What is answered.
pub(crate) type Answer = Response<mmr::Family, Op, sha256::Digest>;
/// An answer, and where the verdict on it goes.
type Candidate = (Answer, oneshot::Sender<bool>);

/// The most bytes of a message.
pub(crate) fn message_length_max() -> usize {
    p2p::max_message_size::<Key>(ANSWER_LENGTH_MAX)
}

/// Who waits for an answer of the others.
#[derive(Clone)]
pub(crate) struct Asker {
    id: u64,
    candidates: mpsc::Sender<Candidate>,
}

impl PartialEq for Asker {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Asker {}

impl PartialOrd for Asker {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Asker {
    fn cmp(&self, other: &Self) -> Ordering {
        self.id.cmp(&other.id)
    }
}

/// What the actor is told. All are bounded by what the engine has under way at a time.
enum Message<E: Runtime> {
    /// From now on there is something to give out.
    Attach(Databases<E>),
    /// The engine wants something.
    Fetch(Key, mpsc::Sender<Candidate>),
    /// A peer answered.
    Deliver(Delivery<Key, Asker>, Bytes, oneshot::Sender<bool>),
}

/// State of the others, and the way to give out our own.
pub(crate) struct StateSource<E: Runtime>(mpsc::UnboundedSender<Message<E>>);

impl<E: Runtime> Clone for StateSource<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E: Runtime> Source for StateSource<E> {
    type Family = mmr::Family;
    type Digest = sha256::Digest;
    type Op = Op;
    type Error = Infallible;

    async fn serve(&self, request: Key) -> SourceResult<Self> {
        let (sender, mut candidates) = mpsc::channel(1);
        let _ = self.0.send(Message::Fetch(request, sender));
        match candidates.recv().await {
            Some((answer, verdict)) => Ok((answer, Some(Feedback::new(verdict, candidates)))),
            // The network has ended, and the validator is about to.
            None => std::future::pending().await,
        }
    }
}

impl<E: Runtime> AttachableResolver<Qmdb<E>> for StateSource<E> {
    async fn attach_database(&self, databases: Databases<E>) {
        let _ = self.0.send(Message::Attach(databases));
    }
}

/// What the network hands over.
struct Door<E: Runtime> {
    messages: mpsc::UnboundedSender<Message<E>>,
    requests: mpsc::Sender<(Key, oneshot::Sender<Bytes>)>,
}

impl<E: Runtime> Clone for Door<E> {
    fn clone(&self) -> Self {
        Self {
            messages: self.messages.clone(),
            requests: self.requests.clone(),
        }
    }
}

impl<E: Runtime> Consumer for Door<E> {
    type Key = Key;
    type Value = Bytes;
    type Subscriber = Asker;
    type Outcome = bool;

    fn deliver(&mut self, delivery: Delivery<Key, Asker>, value: Bytes) -> oneshot::Receiver<bool> {
        let (verdict, receiver) = oneshot::channel();
        let _ = self
            .messages
            .send(Message::Deliver(delivery, value, verdict));
        receiver
    }
}

impl<E: Runtime> Producer for Door<E> {
    type Key = Key;

    fn produce(&mut self, key: Key) -> oneshot::Receiver<Bytes> {
        let (answer, receiver) = oneshot::channel();
        // Who gets none asks somebody else.
        let _ = self.requests.try_send((key, answer));
        receiver
    }
}

/// Starts fetching and giving out.
pub(crate) fn start<E: Runtime, T: Transport>(
    context: &E,
    me: ed25519::PublicKey,
    peer_provider: T::Peers,
    blocker: T::Blocker,
    channel: Channel<T>,
) -> StateSource<E> {
    let (messages, inbox) = mpsc::unbounded_channel();
    let (requests, waiting) = mpsc::channel(WAITING_MAX);
    let source = StateSource(messages.clone());
    let door = Door { messages, requests };
    context.child("sync").spawn(|context| async move {
        let (engine, resolver) = p2p::Engine::new(
            context.child("resolver"),
            p2p::Config {
                peer_provider,
                blocker,
                consumer: door.clone(),
                producer: door,
                mailbox_size: NZUsize!(256),
                me: Some(me),
                fetch_timeout: NZDuration!(Duration::from_secs(2)),
                fetch_retry_delay: Duration::from_millis(100),
                priority_requests: false,
                priority_responses: false,
            },
        );
        tokio::select! {
            _ = engine.start(channel) => {}
            () = run(inbox, waiting, resolver) => {}
        }
    });
    source
}

async fn run<E: Runtime>(
    mut inbox: mpsc::UnboundedReceiver<Message<E>>,
    mut waiting: mpsc::Receiver<(Key, oneshot::Sender<Bytes>)>,
    mut resolver: p2p::Mailbox<Key, ed25519::PublicKey, Asker>,
) {
    let mut database: Option<Databases<E>> = None;
    let mut next_id = 0;
    let mut answering: FuturesUnordered<BoxFuture<'static, ()>> = FuturesUnordered::new();
    let mut judging: FuturesUnordered<BoxFuture<'static, ()>> = FuturesUnordered::new();
    // Askers, each until it has what it wants.
    let mut asking: FuturesUnordered<BoxFuture<'static, u64>> = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            message = inbox.recv() => match message {
                Some(Message::Attach(attached)) => database = Some(attached),
                Some(Message::Fetch(key, candidates)) => {
                    let id = next_id;
                    next_id += 1;
                    let subscriber = Asker { id, candidates: candidates.clone() };
                    let span = tracing::Span::none();
                    let _ = resolver.fetch(Fetch { key, subscriber, span });
                    asking.push(async move { candidates.closed().await; id }.boxed());
                }
                Some(Message::Deliver(delivery, value, verdict)) => {
                    judging.push(judge(delivery, value, verdict).boxed());
                }
                None => return,
            },
            Some(id) = asking.next() => {
                let _ = resolver.retain(move |_, asker| asker.id != id);
            }
            Some(()) = judging.next() => {}
            Some(()) = answering.next() => {}
            Some((key, reply)) = waiting.recv(), if answering.len() < ANSWERED_AT_ONCE => {
                if let Some(database) = database.clone() {
                    answering.push(async move {
                        if let Some((_, bytes)) = answer_of(&database, key).await {
                            let _ = reply.send(bytes);
                        }
                    }.boxed());
                }
            }
        }
    }
}

/// Shows an answer to who asked, and passes the verdict on. All who asked the same judge by the same root,
/// so the first verdict is everybody's. None is given if nobody waits any more.
async fn judge(delivery: Delivery<Key, Asker>, value: Bytes, verdict: oneshot::Sender<bool>) {
    let Some(answer) = decode(delivery.key, value) else {
        let _ = verdict.send(false);
        return;
    };
    let mut verdicts = Vec::new();
    for (asker, _) in delivery.subscribers.into_vec() {
        let (sender, receiver) = oneshot::channel();
        if asker.candidates.try_send((answer.clone(), sender)).is_ok() {
            verdicts.push(receiver);
        }
    }
    let mut said = None;
    for receiver in verdicts {
        said = said.or(receiver.await.ok());
    }
    if let Some(said) = said {
        let _ = verdict.send(said);
    }
}

/// An answer to this request, from bytes.
pub(crate) fn decode(key: Key, value: Bytes) -> Option<Answer> {
    let count = usize::try_from(key.max_ops().get()).ok()?;
    let operation = ((), RangeCfg::from(..=VALUE_LENGTH_MAX));
    let answer = Answer::decode_cfg(value, &(count, operation)).ok()?;
    let fits = matches!(
        (&key, &answer),
        (Request::Operations { .. }, Response::Operations { .. })
            | (Request::Boundary { .. }, Response::Boundary { .. })
    );
    fits.then_some(answer)
}

/// As much of what is asked for as an answer holds, and how many operations that is; none if it is not there,
/// or no more.
pub(crate) async fn answer_of(
    database: &impl Source<Family = mmr::Family, Digest = sha256::Digest, Op = Op>,
    mut key: Key,
) -> Option<(u64, Bytes)> {
    if let Request::Operations { max_ops, .. } = &mut key {
        *max_ops = (*max_ops).min(OPERATIONS_MAX);
    }
    loop {
        let (answer, _) = database.serve(key).await.ok()?;
        if answer.encode_size() <= ANSWER_LENGTH_MAX {
            let count = match &answer {
                Response::Operations { operations, .. } => operations.len() as u64,
                Response::Boundary { .. } => 1,
            };
            return Some((count, answer.encode()));
        }
        match &mut key {
            Request::Operations { max_ops, .. } => {
                *max_ops = NonZeroU64::new(max_ops.get() / 4)?;
            }
            Request::Boundary { .. } => return None,
        }
    }
}

#[cfg(test)]
mod tests;
