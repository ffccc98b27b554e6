//! The simulated network, with a hand on the wire.
//!
//! Links lose and delay as the plan says. Between a validator and its links there is one more step, by
//! which an adversary's messages reach only some of the others: an honest validator's wire is plain.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use commonware_cryptography::ed25519;
use commonware_p2p::{
    LimitedSender, Message, Receiver, Recipients,
    simulated::{self, Config, Control, Link, Manager, Oracle},
};
use commonware_runtime::{Handle, Quota, Spawner as _, Supervisor as _, deterministic};
use commonware_utils::{NZUsize, Probability};
use llmnet_types::units::Height;
use tokio::sync::mpsc;

use crate::network::{Channel, Directory, Network, Peer, RATES, Transport, message_length_max};

/// A validator's key.
pub(crate) type Key = ed25519::PublicKey;
type Context = deterministic::Context;
type Outlet = simulated::Sender<Key, Context>;

/// The simulated kind of network.
pub(crate) struct Links;

impl Transport for Links {
    type Sender = Wire;
    type Receiver = Tap;
    type Peers = Manager<Key, Context>;
    type Blocker = Control<Key, Context>;
}

/// To whom a message may go that is sent on an adversary's wire.
#[derive(Debug, Clone)]
pub(crate) struct Route(Arc<Mutex<Vec<Key>>>);

impl Route {
    pub(crate) fn to(keys: Vec<Key>) -> Self {
        Self(Arc::new(Mutex::new(keys)))
    }

    /// From now on to these.
    pub(crate) fn turn(&self, keys: Vec<Key>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    fn leads_to(&self, key: &Key) -> bool {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.contains(key)
    }

    fn bend(&self, recipients: Recipients<Key>) -> Recipients<Key> {
        let mut keys = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match recipients {
            Recipients::All => {}
            Recipients::Some(wanted) => keys.retain(|key| wanted.contains(key)),
            Recipients::One(wanted) => keys.retain(|key| *key == wanted),
        }
        Recipients::Some(keys)
    }
}

/// The sending end of a channel.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    outlet: Outlet,
    /// None for a plain wire.
    route: Option<Route>,
}

impl LimitedSender for Wire {
    type PublicKey = Key;
    type Checked<'a> = <Outlet as LimitedSender>::Checked<'a>;

    fn check(&mut self, recipients: Recipients<Key>) -> Result<Self::Checked<'_>, SystemTime> {
        let recipients = match &self.route {
            Some(route) => route.bend(recipients),
            None => recipients,
        };
        self.outlet.check(recipients)
    }
}

/// The receiving end of a channel.
#[derive(Debug)]
pub(crate) enum Tap {
    /// From the network.
    Direct(simulated::Receiver<Key>),
    /// From a copy of what came from the network.
    Copied(mpsc::UnboundedReceiver<Message<Key>>),
}

impl Receiver for Tap {
    type Error = simulated::Error;
    type PublicKey = Key;

    async fn recv(&mut self) -> Result<Message<Key>, simulated::Error> {
        match self {
            Self::Direct(receiver) => receiver.recv().await,
            Self::Copied(receiver) => receiver.recv().await.ok_or(simulated::Error::NetworkClosed),
        }
    }

    fn capacity(&self) -> NonZeroUsize {
        match self {
            Self::Direct(receiver) => receiver.capacity(),
            Self::Copied(_) => NZUsize!(1024),
        }
    }
}

/// How good a link is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quality {
    pub(crate) latency_ms: u64,
    pub(crate) jitter_ms: u64,
    /// Of a hundred messages.
    pub(crate) lost: u64,
}

impl Quality {
    pub(crate) const GOOD: Self = Self {
        latency_ms: 10,
        jitter_ms: 3,
        lost: 0,
    };

    fn link(self) -> Link {
        Link {
            latency: Duration::from_millis(self.latency_ms),
            jitter: Duration::from_millis(self.jitter_ms),
            success_rate: Probability::new(100 - self.lost, 100).expect("at most a hundred"),
        }
    }
}

/// Connections to all, whomever the chain names: links come and go by the plan.
struct All;

impl Directory for All {
    fn track(&mut self, _: Height, _: &[Peer], _: &[Peer]) {}
}

/// All links of a committee.
pub(crate) struct Mesh {
    context: Context,
    oracle: Oracle<Key, Context>,
    committee: Vec<Key>,
}

impl Mesh {
    /// A network that stands for as long as the context does, with good links among all.
    pub(crate) async fn start(context: Context, committee: Vec<Key>, cut_off: bool) -> Self {
        let config = Config {
            max_size: message_length_max(),
            max_peers_per_set: NZUsize!(committee.len()),
            disconnect_on_block: cut_off,
            tracked_peer_sets: NZUsize!(1),
        };
        let (network, oracle) =
            simulated::Network::new_with_peers(context.child("mesh"), config, committee.clone())
                .await;
        network.start();
        let mesh = Self {
            context,
            oracle,
            committee,
        };
        for (from, to) in mesh.pairs() {
            let link = Quality::GOOD.link();
            mesh.oracle
                .add_link(from, to, link)
                .await
                .expect("a new link");
        }
        mesh
    }

    fn pairs(&self) -> Vec<(Key, Key)> {
        let keys = &self.committee;
        let pairs = keys
            .iter()
            .flat_map(|from| keys.iter().map(move |to| (from.clone(), to.clone())));
        pairs.filter(|(from, to)| from != to).collect()
    }

    /// Links all by what is said of each two; those of whom nothing is said are parted.
    pub(crate) async fn link(&self, quality: impl Fn(usize, usize) -> Option<Quality>) {
        for (from, to) in self.pairs() {
            // It is an error to remove what is not there.
            let _ = self.oracle.remove_link(from.clone(), to.clone()).await;
            if let Some(quality) = quality(self.place(&from), self.place(&to)) {
                self.oracle
                    .add_link(from, to, quality.link())
                    .await
                    .expect("the link was removed");
            }
        }
    }

    fn place(&self, key: &Key) -> usize {
        let place = self.committee.iter().position(|other| other == key);
        place.expect("a key of the committee")
    }

    /// Who has cut off whom, as far as that was not forgotten.
    pub(crate) async fn who_cut_off(&self) -> Vec<(usize, usize)> {
        let blocked = self.oracle.blocked().await.expect("the network stands");
        let pairs = blocked.iter();
        pairs
            .map(|(from, to)| (self.place(from), self.place(to)))
            .collect()
    }

    /// Forgets whom this validator has cut off: its process has ended.
    pub(crate) async fn forgive(&self, by: &Key) {
        let blocked = self.oracle.blocked().await.expect("the network stands");
        for (from, to) in blocked {
            if from == *by {
                self.oracle
                    .unblock(from, to)
                    .await
                    .expect("the network stands");
            }
        }
    }

    async fn register(&self, key: &Key) -> Vec<(Outlet, simulated::Receiver<Key>)> {
        let control = self.oracle.control(key.clone());
        let mut channels = Vec::new();
        for (number, rate) in (0..).zip(RATES) {
            let channel = control.register(number, Quota::per_second(rate)).await;
            channels.push(channel.expect("the network stands"));
        }
        channels
    }

    fn join(&self, key: &Key, channels: Vec<Channel<Links>>) -> Network<Links> {
        let channels = channels.try_into();
        Network::new(
            self.oracle.manager(),
            self.oracle.control(key.clone()),
            channels.unwrap_or_else(|_| unreachable!("one channel for each rate")),
            Box::new(All),
            Handle::from_future(std::future::pending()),
        )
    }

    /// A validator's connections. They replace any it had.
    pub(crate) async fn connect(&self, key: &Key) -> Network<Links> {
        let channels = self.register(key).await;
        let plain = channels.into_iter().map(|(outlet, receiver)| {
            let route = None;
            (Wire { outlet, route }, Tap::Direct(receiver))
        });
        self.join(key, plain.collect())
    }

    /// Connections whose messages go where each channel's route says.
    pub(crate) async fn connect_routed(&self, key: &Key, routes: &[Route]) -> Network<Links> {
        let channels = self.register(key).await;
        let routed = channels.into_iter().zip(routes);
        let routed = routed.map(|((outlet, receiver), route)| {
            let route = Some(route.clone());
            (Wire { outlet, route }, Tap::Direct(receiver))
        });
        self.join(key, routed.collect())
    }

    /// Connections of two that use one key: each hears and speaks to its routes.
    pub(crate) async fn connect_twins(
        &self,
        key: &Key,
        [ears, mouths]: [&[Route; 2]; 2],
    ) -> [Network<Links>; 2] {
        let mut ends = [Vec::new(), Vec::new()];
        for (outlet, mut receiver) in self.register(key).await {
            let (copies, taps): (Vec<_>, Vec<_>) =
                (0..2).map(|_| mpsc::unbounded_channel()).unzip();
            let ears = ears.clone();
            self.context.child("copies").spawn(|_| async move {
                while let Ok(message) = receiver.recv().await {
                    for (copy, ear) in copies.iter().zip(&ears) {
                        if ear.leads_to(&message.0) {
                            let _ = copy.send(message.clone());
                        }
                    }
                }
            });
            for ((end, route), tap) in ends.iter_mut().zip(mouths).zip(taps) {
                let (outlet, route) = (outlet.clone(), Some(route.clone()));
                end.push((Wire { outlet, route }, Tap::Copied(tap)));
            }
        }
        ends.map(|channels| self.join(key, channels))
    }

    /// A validator's key, by its place among those the mesh was made of.
    pub(crate) fn key(&self, index: usize) -> &Key {
        &self.committee[index]
    }

    /// All validators' keys.
    pub(crate) fn keys(&self) -> &[Key] {
        &self.committee
    }

    /// The bare channels of one that is no validator at all.
    pub(crate) async fn tap(&self, key: &Key) -> Vec<(Outlet, simulated::Receiver<Key>)> {
        self.register(key).await
    }
}
