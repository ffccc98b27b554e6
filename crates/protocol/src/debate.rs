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
pub use transcript::{Read, Reading, SeatView, has_moved, input_tokens, read, read_transcript};
