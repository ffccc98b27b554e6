//! The network of production: encrypted connections among the committee.

use std::{net::SocketAddr, time::Duration};

use commonware_cryptography::{ChaCha20Poly1305, ed25519};
use commonware_p2p::{
    Address, AddressableManager as _,
    authenticated::lookup::{self, Oracle, Receiver, Sender},
};
use commonware_runtime::{Quota, Supervisor as _, tokio};
use commonware_stream::{
    cups::{self, Cups},
    sake::{self, Sake},
};
use commonware_utils::{NZUsize, ordered::Map};

use crate::runtime::Steady;

use super::{Network, RATES, Transport, message_length_max};

type Context = Steady<tokio::Context>;

/// Connections between sockets.
pub(crate) struct Sockets;

impl Transport for Sockets {
    type Sender = Sender<ed25519::PublicKey, Context>;
    type Receiver = Receiver<ed25519::PublicKey>;
    type Peers = Oracle<ed25519::PublicKey>;
    type Blocker = Oracle<ed25519::PublicKey>;
}

/// Listens, and dials the others.
pub(crate) fn start(
    context: &Context,
    key: ed25519::PrivateKey,
    namespace: &[u8],
    listen: SocketAddr,
    peers: Map<ed25519::PublicKey, Address>,
) -> Network<Sockets> {
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
        message_length_max(peers.len()),
        NZUsize!(256),
    );
    config.tracked_peer_sets = NZUsize!(1);
    config.allow_dns = false;
    config.bypass_ip_check = true;
    config.dial_frequency = Duration::from_millis(100);
    config.peer_connection_cooldown = Duration::from_millis(500);
    let (mut network, mut oracle) = lookup::Network::new(context.child("network"), config);
    let mut number = 0;
    let channels = RATES.map(|rate| {
        let channel = network.register(number, Quota::per_second(rate));
        number += 1;
        channel
    });
    let _ = oracle.track(0, peers);
    Network::new(oracle.clone(), oracle, channels, network.start())
}
