//! Who talks to whom: encrypted connections among the committee, a channel for each use.

use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

use commonware_consensus::{
    marshal::{self, standard::Standard},
    simplex::{self, scheme::ed25519::Scheme},
};
use commonware_cryptography::{ChaCha20Poly1305, ed25519, sha256};
use commonware_p2p::{
    Address, AddressableManager as _,
    authenticated::lookup::{self, Oracle, Receiver, Sender},
    max_message_size,
};
use commonware_runtime::{Handle, Quota, Supervisor as _};
use commonware_stream::{
    cups::{self, Cups},
    sake::{self, Sake},
};
use commonware_utils::{NZU32, NZUsize, ordered::Map};

use crate::{block::Block, store::Context};

/// The most bytes of one message of handed-on transactions.
pub(crate) const GOSSIP_LENGTH_MAX: usize = 256 << 10;

// Mailboxes preallocate peers x quota: with large quotas a gigabyte, with these a few megabytes.
const BUSY: NonZeroU32 = NZU32!(256);
const CALM: NonZeroU32 = NZU32!(64);

/// One channel's ends.
pub(crate) type Channel = (
    Sender<ed25519::PublicKey, Context>,
    Receiver<ed25519::PublicKey>,
);

/// The network: the engine's part of it, and ours.
pub(crate) struct Network {
    pub(crate) engine: Channels,
    pub(crate) gossip: Channel,
    pub(crate) running: Handle<()>,
}

/// The engine's channels.
pub(crate) struct Channels {
    pub(crate) oracle: Oracle<ed25519::PublicKey>,
    pub(crate) votes: Channel,
    pub(crate) certificates: Channel,
    pub(crate) resolver: Channel,
    pub(crate) backfill: Channel,
    pub(crate) broadcast: Channel,
}

/// Listens, and dials the others.
pub(crate) fn start(
    context: &Context,
    key: ed25519::PrivateKey,
    namespace: &[u8],
    listen: SocketAddr,
    peers: Map<ed25519::PublicKey, Address>,
) -> Network {
    let committee = u32::try_from(peers.len()).unwrap_or(u32::MAX);
    let size = max_message_size(&[
        simplex::max_payload_size::<Scheme, sha256::Digest>(committee),
        marshal::max_payload_size::<Standard<Block>, Scheme>(committee, &()),
        GOSSIP_LENGTH_MAX,
    ]);
    let handshake = Cups::<_, ChaCha20Poly1305>::new(
        Sake {
            signer: key,
            synchrony_bound: Duration::from_secs(10),
            max_handshake_age: Duration::from_secs(20),
            version: sake::Version::V1,
        },
        cups::Version::V1,
    );
    let namespace = [namespace, b"_P2P"].concat();
    let peers_max = NZUsize!(peers.len().max(1));
    // Validators know each other's keys and addresses, so what the engine calls local is all we need:
    // it differs in allowing private addresses and in dialling sooner.
    let mut config = lookup::Config::local(
        handshake,
        &namespace,
        listen,
        peers_max,
        size,
        NZUsize!(256),
    );
    config.tracked_peer_sets = NZUsize!(1);
    config.allow_dns = false;
    config.bypass_ip_check = true;
    config.dial_frequency = Duration::from_millis(100);
    config.peer_connection_cooldown = Duration::from_millis(500);
    let (mut network, mut oracle) = lookup::Network::new(context.child("network"), config);
    let mut register = |channel, rate| network.register(channel, Quota::per_second(rate));
    let votes = register(0, BUSY);
    let certificates = register(1, BUSY);
    let resolver = register(2, CALM);
    let backfill = register(3, CALM);
    let broadcast = register(4, BUSY);
    let gossip = register(5, BUSY);
    let _ = oracle.track(0, peers);
    let running = network.start();
    Network {
        engine: Channels {
            oracle,
            votes,
            certificates,
            resolver,
            backfill,
            broadcast,
        },
        gossip,
        running,
    }
}
