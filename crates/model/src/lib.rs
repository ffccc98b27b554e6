//! Talks to language and embedding models.
//!
//! A respondent needs an [`Answerer`](answer::Answerer): something that answers, listens to its peers and
//! judges them. Two backends implement it: [`backend::extractive`] answers from retrieved passages and
//! needs no model at all; [`backend::openai`] asks any server that speaks OpenAI's API. Both decide nothing
//! about panels, money or verdicts: that is `protocol`'s.

pub mod answer;
pub mod consistent;
pub mod language;
pub mod library;

pub mod backend;
