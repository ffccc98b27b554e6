//! The chain through its public door: four validators over real sockets, and one process alone.
//!
//! One binary, as each that names this crate compiles the engine anew.

mod certificates;
mod cluster;
mod directories;
mod measure;
mod solo;
mod testnet;
