//! Runs the roles; sole reader of flags, files and environment.
//!
//! ```text
//! cli -> home (directory, keys, genesis, config)
//!  |
//!  `-> network: the composition root. Read it to see the whole.
//!        |- validators      four, on the real engine
//!        |- respondent      one actor each, behind the transport
//!        |- coordinator     performs the effects of protocol::Session, settles
//!        `- gateway         HTTP
//! ```

pub mod cli;

pub mod network;

pub mod coordinator;
pub mod respondent;
pub mod transport;

pub mod experts;
pub mod models;

pub mod config;
pub mod home;
pub mod keys;

pub mod telemetry;
