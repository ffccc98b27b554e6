//! What only whole processes show.

#![expect(clippy::unwrap_used, reason = "in a test a panic is an answer")]
#![expect(
    clippy::print_stdout,
    reason = "a seed is told, so that a failure can be repeated"
)]

mod engines;
mod kill;
