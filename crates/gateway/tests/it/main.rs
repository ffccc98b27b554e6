//! The gateway over a loopback socket, against a scripted node.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on stops where it is"
)]

mod bad_input;
mod client;
mod hurry;
mod ours;
mod plain;
mod script;
mod stream;
