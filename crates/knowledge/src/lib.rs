//! Turns documents into dated, hashed corpora and finds passages to cite.

pub mod classify;
