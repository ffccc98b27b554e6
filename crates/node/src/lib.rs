//! Runs the roles; sole reader of flags, files and environment.
//!
//! ```text
//! cli -> home (directory, keys, genesis, config)
//!  |
//!  `-> network: the composition root. Read it to see the whole.
//!        |- validators      four, on the real engine
//!        |- respondent      one actor each, behind the transport
//!        |- coordinator     performs the effects of protocol::Session, settles
//!        |- explorer        what the gateway tells of the network
//!        `- gateway         HTTP
//!
//! cli -> validator, coordinator, respondent: one of a network over many machines, by its own settings and keys
//! ```

pub mod cli;

pub mod network;

pub mod coordinator;
pub mod explorer;
pub mod respondent;
pub mod transport;

mod proof;
mod recent;
#[cfg(test)]
mod scratch;
mod serving;

mod embedder;
pub mod experts;
pub mod models;

pub mod anchor;
pub mod api_keys;
pub mod config;
pub mod home;
pub mod keys;
mod stores;

pub mod directory;
pub mod keystore;
pub mod remote;
pub mod settings;
pub mod validator;

pub mod testnet;

pub mod recompute;

pub mod telemetry;
