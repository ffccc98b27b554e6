//! The rules of contracts, debate, rating and settlement, one module for each; each test names its rule.
//!
//! [`network`] is a network in memory: a real session, a respondent for each candidate, a clock that
//! jumps, and messages that arrive in an order drawn from a seed. Each run is audited when it ends.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(
    unreachable_pub,
    reason = "what the harness shares with its siblings goes no further"
)]

mod world;

mod minds;
mod network;
mod respondent;

mod adversaries;
mod audit;

mod contract;
mod mixture;
mod panel;
mod verdict;

mod cancelling;
mod faults;
mod further;
mod offers;

mod money;
mod replay;

mod properties;
mod shared;
mod strategies;

mod injection;
