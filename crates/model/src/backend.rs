//! What implements the ports of this crate: two answerers, and the language models that one of them prompts.

pub mod extractive;
pub mod prompted;

pub mod api;

#[cfg(feature = "local")]
pub mod sentence;
