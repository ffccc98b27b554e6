//! The rules, one module for each chapter of `docs/SPEC.md`; each test names its rule.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(
    unreachable_pub,
    reason = "what `world` shares with its siblings goes no further"
)]

#[path = "../../../types/tests/it/any.rs"]
mod any;
mod contract;
mod market;
mod world;

mod audits;
mod beacon;
mod bonds;
mod co_signing;
mod committee;
mod disputes;
mod drawing;
mod encoding;
mod lines;
mod listing;
mod money;
mod participants;
mod pool;
mod prefetch;
mod recompute;
mod registry;
mod reputation;
mod selection;
mod settlement;
mod signatures;
mod versions;
mod votes;
mod windows;

mod fuzz;
mod independence;
mod properties;

mod compare;
mod history;
mod oracle;
