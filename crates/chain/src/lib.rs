//! Replicates the ledger: orders, stores, syncs, proves finality.
//!
//! ```text
//!  ChainClient ──submit──> mempool ──gossip──> the other validators
//!      │                      │ candidates
//!      │                 application ── ledger::execute ── store (authenticated database)
//!      │                      │
//!      │                   engine (simplex consensus, p2p, archives of blocks and certificates)
//!      └──read, block, outcome── history, store, archives
//! ```
//!
//! Enter at [`client`] for what the rest of the program sees, at [`validator`] for how a validator is
//! started, at [`solo`] for a chain of one process without consensus. The types of the engine stay
//! inside: they are large, change with each release, and are compiled in this crate alone.
//!
//! What differs from a plain use of the engine, and why:
//! - Blocks are paced *before* the engine's application is asked for one (`pacing`): while an
//!   application builds, finalized blocks wait, so pacing inside it would delay finality by the pace.
//! - After a block with transactions, empty ones follow promptly until it is final.
//! - An engine serves one committee. So each term has its own, on the same channels (`consensus`).
//! - A validator that has nothing takes over the state at a certified block (`join`, `sync`); one that has
//!   something catches up by replaying blocks.
//! - The engine prunes by what it counted since it started; we keep more than that, and still prune (`kept`).
//! - The engine sees a time that never goes back (`runtime`): its time-outs and shares of the network are
//!   counted on the system's clock, and stop for an hour if that is set back by one.
//! - Whether a block is valid depends on the block and its parent alone. The engine has votes cast before
//!   execution, then asks everybody for a verdict, once and for good; where verdicts differ the round
//!   neither ends nor is skipped. What depends on this validator's clock keeps back its vote (`pacing`).
//! - What became of transactions is kept before the state has their block, as the engine makes no promise
//!   to ask again after (`application`).
//!
//! All that stands below [`validator`] is generic over its runtime and its network (`runtime`,
//! `network`), so that a test can run a whole committee on simulated time, links and disks.

pub mod client;
pub mod config;
pub mod query;
pub mod snapshot;
pub mod solo;
pub mod validator;

mod application;
mod beacon;
mod block;
mod consensus;
mod directory;
mod electorates;
mod engine;
mod execution;
mod finality;
mod gossip;
mod hand_overs;
mod history;
mod join;
mod kept;
mod local_client;
mod membership;
mod mempool;
mod network;
mod pacing;
mod runtime;
mod service;
mod setup;
mod store;
mod sync;

#[cfg(test)]
#[path = "../../types/tests/it/any.rs"]
mod any;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod simulation;

pub use beacon::beacon_anchor;
pub use client::{ChainClient, ChainError, Finality, FinalizedBlock, Inclusion, SubmitError, Tip};
pub use config::{Keep, Pacing, StartError, ValidatorConfig};
pub use query::{StateView, query};
pub use solo::{Solo, SoloError};
pub use validator::{Validator, start};
