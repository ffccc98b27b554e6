//! Who talks to whom: a channel for each use among the committee.
//!
//! What stands above sees channels only. Production runs them over encrypted connections ([`sockets`]),
//! the simulation over links that lose, delay and part.

use std::num::NonZeroU32;

use commonware_consensus::{
    marshal::{self, standard::Standard},
    simplex::{self, scheme::ed25519::Scheme},
};
use commonware_cryptography::{ed25519, sha256};
use commonware_p2p::{Blocker, Provider, Receiver, Sender, max_message_size, utils::mux};
use commonware_runtime::Handle;
use commonware_utils::NZU32;
use llmnet_types::{
    bond::ADDRESS_LENGTH_MAX, codec::Text, network::COMMITTEE_MAX, signature::PublicKey,
    units::Height,
};

use crate::{block::Block, sync};

pub(crate) mod sockets;

/// The most bytes of one message of handed-on transactions.
pub(crate) const GOSSIP_LENGTH_MAX: usize = 256 << 10;

// Mailboxes preallocate peers x quota: with large quotas a gigabyte, with these a few megabytes.
const BUSY: NonZeroU32 = NZU32!(256);
const CALM: NonZeroU32 = NZU32!(64);

/// How many messages a second each channel takes from each peer, by the channel's number.
pub(crate) const RATES: [NonZeroU32; CHANNELS] = [BUSY, BUSY, CALM, CALM, BUSY, BUSY, BUSY, CALM];
/// How many channels there are.
pub(crate) const CHANNELS: usize = 8;

/// A kind of network.
pub(crate) trait Transport: 'static {
    /// Sends on one channel.
    type Sender: Sender<PublicKey = ed25519::PublicKey>;
    /// Receives from one channel.
    type Receiver: Receiver<PublicKey = ed25519::PublicKey>;
    /// Tells who the peers are.
    type Peers: Provider<PublicKey = ed25519::PublicKey>;
    /// Cuts off who misbehaves.
    type Blocker: Blocker<PublicKey = ed25519::PublicKey> + Sync;
}

/// Another validator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) key: PublicKey,
    /// Where the chain says it is reached, as `host:port`; empty where one is told otherwise.
    pub(crate) address: Text<ADDRESS_LENGTH_MAX>,
}

/// Keeps connections to those whom the chain names.
pub(crate) trait Directory: Send + Sync + 'static {
    /// From now on these, and for a while those before. Heights never go back.
    fn track(&mut self, after: Height, members: &[Peer], followers: &[Peer]);
}

/// One channel's ends.
pub(crate) type Channel<T> = (<T as Transport>::Sender, <T as Transport>::Receiver);

/// The network: the engine's part of it, and ours.
pub(crate) struct Network<T: Transport> {
    pub(crate) engine: Channels<T>,
    pub(crate) gossip: Channel<T>,
    pub(crate) directory: Box<dyn Directory>,
    pub(crate) running: Handle<()>,
}

/// The engine's channels.
pub(crate) struct Channels<T: Transport> {
    pub(crate) peers: T::Peers,
    pub(crate) blocker: T::Blocker,
    pub(crate) votes: Channel<T>,
    pub(crate) certificates: Channel<T>,
    pub(crate) resolver: Channel<T>,
    pub(crate) backfill: Channel<T>,
    pub(crate) broadcast: Channel<T>,
    /// State for those who join.
    pub(crate) state: Channel<T>,
    /// Where those who join begin.
    pub(crate) join: Channel<T>,
}

impl<T: Transport> Network<T> {
    /// Joins channels that were registered in the order of [`RATES`].
    pub(crate) fn new(
        peers: T::Peers,
        blocker: T::Blocker,
        channels: [Channel<T>; CHANNELS],
        directory: Box<dyn Directory>,
        running: Handle<()>,
    ) -> Self {
        let [
            votes,
            certificates,
            resolver,
            backfill,
            broadcast,
            gossip,
            state,
            join,
        ] = channels;
        Self {
            engine: Channels {
                peers,
                blocker,
                votes,
                certificates,
                resolver,
                backfill,
                broadcast,
                state,
                join,
            },
            gossip,
            directory,
            running,
        }
    }
}

/// The most bytes of any message in the largest committee. The engine's own carry their term.
pub(crate) fn message_length_max() -> u32 {
    let committee = u32::try_from(COMMITTEE_MAX).unwrap_or(u32::MAX);
    max_message_size(&[
        mux::prefixed(simplex::max_payload_size::<Scheme, sha256::Digest>(
            committee,
        )),
        marshal::max_payload_size::<Standard<Block>, Scheme>(committee, &()),
        GOSSIP_LENGTH_MAX,
        sync::message_length_max(),
    ])
}
