//! Plays recordings and adversaries against the rules.
//!
//! Recordings of real models stand for providers. Questions arrive one after another; a policy of
//! [`llmnet_protocol::policy`] asks whom it likes, is told what they answered, and concludes. The truth it
//! learns through audits alone. Same recordings, settings and seed give the same result to the bit.
//!
//! ```text
//! files -> traces -> pool -> board --.
//!                     adversaries ---+-> game (one seed) -> summary (many seeds) -> report, figures
//!                          policy ---'
//! ```
//!
//! Nothing here opens a file or looks at a clock; `llmnet evaluate` does.

pub mod traces;

pub mod board;
pub mod pool;

pub mod adversary;
pub mod chance;
pub mod game;
pub mod policy;

pub mod measure;
pub mod summary;

pub mod network;

pub mod figure;
pub mod report;

#[cfg(test)]
mod tests;
