//! OpenAI's API, as its clients rely on it.

pub(crate) mod ask;
pub(crate) mod asking;
pub(crate) mod chat;
pub(crate) mod error;
pub(crate) mod fields;
pub(crate) mod models;
mod shape;
mod sse;
