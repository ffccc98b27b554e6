//! Anthropic's API, as its clients rely on it.

pub(crate) mod error;
pub(crate) mod messages;
