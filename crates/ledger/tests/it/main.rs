//! The rules, one module for each chapter of `docs/SPEC.md`; each test names its rule.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(
    unreachable_pub,
    reason = "what `world` shares with its siblings goes no further"
)]

mod contract;
mod market;
mod world;

mod audits;
mod co_signing;
mod disputes;
mod encoding;
mod lines;
mod money;
mod recompute;
mod registry;
mod reputation;
mod selection;
mod settlement;
mod signatures;
mod windows;

mod properties;
