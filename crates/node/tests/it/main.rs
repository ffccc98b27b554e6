//! The program as its users meet it: a whole network, the binary, HTTP, and what goes wrong.
//!
//! One binary, as each that names this crate compiles the engine anew.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "in a test a panic is an answer, and figures are printed"
)]

mod anchors;
mod bad_input;
mod commands;
mod compare;
mod crash;
mod documents;
mod embeddings;
mod evaluate;
mod explain;
mod explorer;
mod faults;
mod hang_up;
mod keys;
mod links;
mod models;
mod operating;
mod panels;
mod questions;
mod reputation;
#[path = "../../../gateway/tests/it/schema.rs"]
mod schema;
mod sdk;
mod strategies;
mod support;
mod testnet;
mod tools;
mod validators;
mod verify;
