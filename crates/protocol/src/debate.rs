//! A panel's rounds, seen from above: when to debate, when to stop, and what was concluded.
//!
//! All of it is a function of what was opened and of the selection inputs (DEB-6), so the same code
//! concludes for the coordinator and checks for everybody else.

mod aggregate;
mod ballots;
mod gate;
mod transcript;

#[cfg(test)]
mod tests;

pub use aggregate::{Standing, conclude};
pub(crate) use ballots::{credences, weight_among};
pub use gate::{Found, Gate, after_answers, after_round, is_settled};
pub use transcript::{
    Case, Read, Reading, SeatView, Speaker, author, input_tokens, is_bound, read, read_transcript,
};
