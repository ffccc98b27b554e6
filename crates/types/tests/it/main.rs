//! The vocabulary, held to the rules ENC, PRF, FIN, REC and their like.
//!
//! Counts of random cases come from `LLMNET_CASES`, times from `LLMNET_FUZZ_SECONDS`.

mod address;
mod any;
mod certificate;
mod committee;
mod document;
mod domain;
mod encoding;
mod fuzz;
mod golden;
mod kinds;
mod merkle;
mod numbers;
mod passage;
mod proof;
mod receipt;
mod samples;
mod signature;
mod succession;
