//! Links over this machine's own network, and those who would break them: each adversary by name.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod honest;
mod hostile;
mod proxy;

use std::{net::SocketAddr, time::Duration};

use llmnet_link::{Frame, Incoming, Link, Listener, Outgoing, Settings, dial};
use llmnet_types::{id::NetworkId, signature::PrivateKey};

const LENGTH_MAX: usize = 64 * 1024;
const COORDINATOR: u8 = 1;
const RESPONDENT: u8 = 2;

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed([seed; 32])
}

fn settings(seed: u8) -> Settings {
    Settings::new(NetworkId([5; 32]), key(seed), LENGTH_MAX)
}

/// With times that a test has patience for.
fn hasty(seed: u8) -> Settings {
    Settings {
        handshake: Duration::from_millis(400),
        heartbeat: Duration::from_millis(50),
        ..settings(seed)
    }
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

async fn listener(settings: Settings) -> Listener {
    Listener::bind(settings, loopback()).await.unwrap()
}

async fn dialed(settings: &Settings, address: SocketAddr) -> Link {
    let peer = key(COORDINATOR).public_key();
    dial(settings, &address.to_string(), peer).await.unwrap()
}

/// A link, both ends.
async fn linked(settings: fn(u8) -> Settings) -> [(Outgoing, Incoming); 2] {
    let mut listener = listener(settings(COORDINATOR)).await;
    let near = dialed(&settings(RESPONDENT), listener.address()).await;
    let far = listener.accept().await.unwrap();
    assert_eq!(near.peer(), key(COORDINATOR).public_key());
    assert_eq!(far.peer(), key(RESPONDENT).public_key());
    [near.split(), far.split()]
}

fn frame(conversation: u64, bytes: &[u8]) -> Frame {
    Frame {
        conversation,
        bytes: bytes.to_vec(),
    }
}
