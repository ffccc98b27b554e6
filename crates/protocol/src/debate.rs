//! A panel's rounds, seen from above: when to debate, when to stop, and what was concluded.
//!
//! All of it is a function of what was opened and of the selection inputs (DEB-6), so the same code
//! concludes for the coordinator and checks for everybody else.

mod aggregate;
mod gate;
mod transcript;

#[cfg(test)]
mod tests;

pub use aggregate::{Standing, conclude};
pub use gate::{Gate, after_answers, after_round};
pub use transcript::{Read, Reading, SeatView, input_tokens, is_bound, read, read_transcript};
