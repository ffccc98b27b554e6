//! Decides what each transaction does to accounts, registry, lines, reputation.
//!
//! Pure: equal state and equal block give equal writes, outcomes and roots (TXN-5). There is no float,
//! clock, entropy, hash-map order or `async` in here, and nothing that comes from outside can make it
//! fail: a bad transaction is refused with a [`Rejection`](llmnet_types::rejection::Rejection).
//!
//! ```text
//! State + BlockInfo + transactions --execute--> Execution { writes, outcomes, events, settlements }
//!                                      |
//!      epoch (beacon, releases) -> for each: fee, nonce -> account | line | registry | anchor | settle
//!                                                                                            |
//!                                                              selection (the panel again), standing
//! ```
//!
//! Enter at [`execute()`] for what happens to a block, at [`query`] to read a state, at [`selection`] for
//! how a panel is chosen, at [`genesis`] for how a network begins. The rules are in `docs/SPEC.md`.
#![deny(clippy::float_arithmetic)]
#![cfg_attr(
    not(test),
    deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)
)]

pub mod execute;
pub mod query;
pub mod selection;

pub mod genesis;

pub mod event;
pub mod record;
pub mod state;

mod account;
mod anchor;
mod audit;
mod bond;
mod committee;
mod dispute;
mod due;
mod epoch;
mod line;
mod pool;
mod prefetch;
mod registry;
mod settle;
mod standing;
mod vote;
mod work;

pub mod invariant;

pub use anchor::{chain_element, chain_step};
pub use event::{Event, EventKind};
pub use execute::{Assumed, BlockFault, BlockInfo, Execution, admissible, assume, execute, weight};
pub use genesis::{Genesis, GenesisAnchor, GenesisError, GenesisValidator};
pub use prefetch::prefetch;
pub use settle::charges;
pub use standing::{Counted, Seen, Whole};
pub use state::{Key, MemoryState, State, Writes};
