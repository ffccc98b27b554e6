//! The network of production: encrypted connections among the committee.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use commonware_cryptography::{ChaCha20Poly1305, ed25519};
use commonware_p2p::{
    Address, AddressableManager as _, AddressableTrackedPeers, Ingress,
    authenticated::lookup::{self, Oracle, Receiver, Sender},
};
use commonware_runtime::{Quota, Supervisor as _, tokio};
use commonware_stream::{
    cups::{self, Cups},
    sake::{self, Sake},
};
use commonware_utils::{Hostname, NZUsize, ordered::Map};
use llmnet_types::{codec::Text, signature::PublicKey, units::Height};

use crate::{block::engine_key, runtime::Steady};

use super::{Directory, Network, Peer, RATES, Transport, message_length_max};

type Context = Steady<tokio::Context>;

/// Connections between sockets.
pub(crate) struct Sockets;

impl Transport for Sockets {
    type Sender = Sender<ed25519::PublicKey, Context>;
    type Receiver = Receiver<ed25519::PublicKey>;
    type Peers = Oracle<ed25519::PublicKey>;
    type Blocker = Oracle<ed25519::PublicKey>;
}

/// Peers beyond twice those known at the start for which there is room: a network that grows further has to
/// be known at the next start.
const PEERS_SPARE: usize = 16;

/// Who listens where, as far as the operator says.
pub(crate) struct Known {
    /// This validator.
    pub(crate) own: (PublicKey, SocketAddr),
    /// Others, before what the chain says of them.
    pub(crate) peers: Vec<(PublicKey, SocketAddr)>,
    /// Those of the first committee.
    pub(crate) first: Vec<Peer>,
}

/// Listens, and dials the others.
pub(crate) fn start(
    context: &Context,
    key: ed25519::PrivateKey,
    namespace: &[u8],
    known: Known,
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
    let peers_max = 2 * known.first.len().max(known.peers.len()) + PEERS_SPARE;
    // Validators know each other's keys and addresses, so what the engine calls local is all we need:
    // it differs in allowing private addresses and in dialling sooner.
    let mut config = lookup::Config::local(
        handshake,
        &namespace,
        known.own.1,
        NZUsize!(peers_max),
        message_length_max(),
        NZUsize!(256),
    );
    // Who left the committee still serves what it knows to those who lag.
    config.tracked_peer_sets = NZUsize!(2);
    config.bypass_ip_check = true;
    config.dial_frequency = Duration::from_millis(100);
    config.peer_connection_cooldown = Duration::from_millis(500);
    let (mut network, oracle) = lookup::Network::new(context.child("network"), config);
    let mut number = 0;
    let channels = RATES.map(|rate| {
        let channel = network.register(number, Quota::per_second(rate));
        number += 1;
        channel
    });
    let first = known.first.clone();
    let mut directory = Addresses {
        oracle: oracle.clone(),
        known,
        peers_max,
        tracked: None,
    };
    directory.track(Height(0), &first, &[]);
    Network::new(
        oracle.clone(),
        oracle,
        channels,
        Box::new(directory),
        network.start(),
    )
}

/// Tells the network whom to connect to, and where they are.
struct Addresses {
    oracle: Oracle<ed25519::PublicKey>,
    known: Known,
    peers_max: usize,
    tracked: Option<(u64, Vec<Peer>, Vec<Peer>)>,
}

impl Known {
    /// Where a validator is reached.
    fn find(&self, peer: &Peer) -> Option<Address> {
        if peer.key == self.own.0 {
            return Some(self.own.1.into());
        }
        let told = self.peers.iter().find(|(key, _)| *key == peer.key);
        told.map_or_else(
            || address(&peer.address),
            |(_, address)| Some((*address).into()),
        )
    }
}

/// Reads `host:port`.
fn address(text: &str) -> Option<Address> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.into());
    }
    let (host, port) = text.rsplit_once(':')?;
    let (host, port) = (Hostname::new(host).ok()?, port.parse().ok()?);
    Some(Address::Asymmetric {
        ingress: Ingress::Dns { host, port },
        // Not looked at: whoever has the key may come from anywhere.
        egress: (Ipv4Addr::UNSPECIFIED, port).into(),
    })
}

impl Directory for Addresses {
    fn track(&mut self, Height(after): Height, members: &[Peer], followers: &[Peer]) {
        let told = self.known.peers.iter().map(|(key, _)| Peer {
            key: *key,
            address: Text::empty(),
        });
        let followers: Vec<Peer> = followers.iter().cloned().chain(told).collect();
        let (members, followers) = (members.to_vec(), followers);
        let number = match &self.tracked {
            Some((_, before, others)) if *before == members && *others == followers => return,
            Some((number, ..)) => after.max(number + 1),
            None => 0,
        };
        let mut seen = BTreeSet::new();
        let mut sets = [&members, &followers].map(|peers| {
            let mut set = Vec::new();
            for peer in peers {
                if seen.len() == self.peers_max || seen.contains(&peer.key) {
                    continue;
                }
                let found = engine_key(&peer.key).zip(self.known.find(peer));
                let Some((key, address)) = found else {
                    tracing::warn!(validator = %peer.key, "no address is known of a validator");
                    continue;
                };
                seen.insert(peer.key);
                set.push((key, address));
            }
            Map::from_iter_dedup(set)
        });
        if seen.len() == self.peers_max {
            tracing::warn!(
                room = self.peers_max,
                "there may be more validators than there is room for; a start with more peers makes room"
            );
        }
        let secondary = std::mem::take(&mut sets[1]);
        let primary = std::mem::take(&mut sets[0]);
        let _ = self
            .oracle
            .track(number, AddressableTrackedPeers { primary, secondary });
        self.tracked = Some((number, members, followers));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_numbers_or_names_with_a_port() {
        // BND-1
        for text in [
            "127.0.0.1:7",
            "[::1]:7",
            "node.example:65535",
            "localhost:1",
        ] {
            assert!(address(text).is_some(), "{text}");
        }
        for text in [
            "",
            ":",
            "127.0.0.1",
            "node.example",
            "node.example:",
            ":7",
            "a b:7",
            "a:65536",
        ] {
            assert!(address(text).is_none(), "{text}");
        }
    }
}
