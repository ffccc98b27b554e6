//! OpenAI's API, as its clients rely on it.

mod annotation;
pub(crate) mod chat;
pub(crate) mod embeddings;
pub(crate) mod models;
pub(crate) mod responses;
