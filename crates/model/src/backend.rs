//! What implements the ports of this crate.

pub mod extractive;
pub mod openai;
