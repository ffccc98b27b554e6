//! Carries messages between a coordinator and its respondents.
//!
//! ```text
//! respondent ── dial ──> coordinator            TCP, TLS 1.3, both sides by their ed25519 keys
//!      <── frame (conversation, bytes) ──>       bounded, in order, each once
//! ```
//!
//! A respondent dials, so that it can serve from behind a router; whom it dials stands on the ledger, with key and
//! address. TLS authenticates both by the very keys that the ledger knows (raw public keys, RFC 7250: there are no
//! certificates, no names, no authorities), encrypts, and refuses what was changed or sent again. Nothing here
//! looks into a message: what it may say and who signed it is `protocol`'s.
//!
//! Enter at [`dial`] and [`Listener`]; both give a [`Link`].

mod frame;
mod identity;
mod link;
mod listener;

#[cfg(test)]
#[path = "../../types/tests/it/any.rs"]
#[allow(
    dead_code,
    reason = "shared with the tests of types, which use all of it; here only its numbers"
)]
mod any;

pub use frame::FRAME_OVERHEAD;
pub use link::{Ended, Frame, Incoming, Link, Outgoing, Unsent, dial};
pub use listener::Listener;

use std::{io, time::Duration};

use llmnet_types::{
    id::NetworkId,
    signature::{PrivateKey, PublicKey},
};

/// What both sides of a link agree on, and who this side is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The network; links of others are refused.
    pub network: NetworkId,
    /// This side's key.
    pub key: PrivateKey,
    /// The most bytes of one message, both ways.
    pub message_length_max: usize,
    /// How long a peer may take until the link stands.
    pub handshake: Duration,
    /// How often a side that has nothing to say says so. A peer that is silent for three times as long is gone.
    pub heartbeat: Duration,
}

impl Settings {
    /// With ten seconds for handshakes, and a heartbeat every ten.
    pub const fn new(network: NetworkId, key: PrivateKey, message_length_max: usize) -> Self {
        Self {
            network,
            key,
            message_length_max,
            handshake: Duration::from_secs(10),
            heartbeat: Duration::from_secs(10),
        }
    }
}

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}; is it this machine's, and free?")]
    Listen {
        /// The address.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody is there.
    #[error("{address} cannot be reached; is it running, and its port open?")]
    Unreachable {
        /// The address.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// It took too long.
    #[error("{address} did not finish the handshake within {after:?}")]
    Slow {
        /// The address.
        address: String,
        /// The time it had.
        after: Duration,
    },
    /// Somebody else is there, or it speaks something else.
    #[error(
        "{address} is not {expected}, or speaks no version of this protocol that is known here: {reason}"
    )]
    Stranger {
        /// The address.
        address: String,
        /// Who should be there.
        expected: PublicKey,
        /// What TLS said.
        reason: String,
    },
    /// It is of another network.
    #[error("{address} is of network {found}, not of {expected}")]
    OtherNetwork {
        /// The address.
        address: String,
        /// Its network.
        found: NetworkId,
        /// Ours.
        expected: NetworkId,
    },
    /// The key cannot be used.
    #[error("the key cannot be used for links: {0}")]
    Key(String),
}
