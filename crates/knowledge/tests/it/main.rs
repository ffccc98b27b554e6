//! What only whole processes show.

#![expect(clippy::unwrap_used, reason = "in a test a panic is an answer")]

mod engines;
mod kill;
