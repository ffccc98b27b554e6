//! The whole validator set in one deterministic run.
//!
//! The very code of production, from pacing to storage, runs on simulated machines: clocks that are wrong,
//! disks that fail and forget, links that lose and part, and some of the committee not honest at all. All
//! that goes wrong is drawn from a seed, and a run repeats bit by bit.
//!
//! ```text
//! plan ── what goes wrong, from a seed
//!   │
//! world ── scene              what happens when, in one life after the other
//!   ├───── place ── machine   a validator's key, disk and clock; what runs on it is production's
//!   │        └───── links     its network
//!   ├───── adversary          those that are not honest, each in its own file
//!   ├───── customer           transactions, seen through until they are final
//!   └───── stage ── judge     who runs; what must never be
//! ```
//!
//! Safety holds always: there is one chain, nobody ever has another block in it or loses one, every
//! proof holds, every value is what execution gives. Liveness holds once the faults are over: everything
//! that an honest validator took in is final within a bound, everywhere.
//!
//! `LLMNET_SEEDS` is how many seeds are run, `LLMNET_SEED` runs one alone:
//! `LLMNET_SEED=7 cargo test --release -p llmnet-chain simulation -- --nocapture`.

mod plan;
mod scene;
mod world;

mod adversary;
mod customer;
mod judge;
mod operator;
mod stage;

mod chance;
pub(crate) mod links;
pub(crate) mod machine;
mod place;

mod tests;
