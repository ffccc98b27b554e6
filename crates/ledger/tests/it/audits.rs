//! AUD: questions with known answers, and what lying about them is worth.

mod attacks;
mod roots;
pub(crate) mod world;
