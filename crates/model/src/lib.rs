//! Talks to language and embedding models.
//!
//! A respondent needs an [`Answerer`](answer::Answerer): something that answers, listens to its peers and
//! judges them. Two backends implement it: [`backend::extractive`] answers from retrieved passages and
//! needs no model at all; [`backend::prompted`] prompts a [`LanguageModel`](language::LanguageModel).
//! [`backend::api`] implements that second port for models behind HTTP: OpenAI's, Anthropic's, Google's,
//! xAI's, and any server that speaks OpenAI's chat API. [`consistent`] asks another answerer more than once.
//! An [`Embedder`](embedding::Embedder) embeds texts, for whoever looks for passages by meaning;
//! [`backend::api`] implements it too, for servers that speak OpenAI's embeddings.
//! None decides about panels, money or verdicts: that is `protocol`'s.
//!
//! ```text
//! answer::Answerer <- backend::extractive -> library::Library
//!                  <- backend::prompted   -> language::LanguageModel <- backend::api
//!                  <- consistent          -> answer::Answerer
//! embedding::Embedder <- backend::api (/v1/embeddings)
//! ```

pub mod answer;
pub mod consistent;
pub mod embedding;
pub mod language;
pub mod library;
pub mod way;

pub mod backend;
