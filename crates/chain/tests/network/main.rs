//! The chain through its public door: four validators over real sockets, and one process alone.
//!
//! One binary, as each that names this crate compiles the engine anew.

#![expect(clippy::unwrap_used, reason = "in a test a panic is an answer")]

mod certificates;
mod cluster;
mod crash;
mod directories;
mod joining;
mod machines;
mod measure;
mod snapshots;
mod solo;
mod terms;
mod testnet;
