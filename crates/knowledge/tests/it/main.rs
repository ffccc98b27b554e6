//! What only whole processes show.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "in a test a panic is an answer, and a child tells its parent"
)]

mod kill;
