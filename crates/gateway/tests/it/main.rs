//! The gateway over a loopback socket, against a scripted node.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on stops where it is"
)]

mod bad_input;
mod client;
mod embeddings;
mod events;
mod headers;
mod hurry;
mod keys;
mod lasting;
mod ledger;
mod ledger_script;
mod messages;
mod once;
mod openapi;
mod ours;
mod plain;
mod remote;
mod responses;
mod schema;
mod script;
mod sdk;
mod stream;
mod tls;
mod tools;
mod transactions;
