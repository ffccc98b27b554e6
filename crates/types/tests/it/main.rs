//! The vocabulary, held to the rules ENC, PRF, FIN, REC and their like.
//!
//! Counts of random cases come from `PROPTEST_CASES`.

mod any;
mod certificate;
mod committee;
mod document;
mod domain;
mod encoding;
mod golden;
mod merkle;
mod numbers;
mod passage;
mod proof;
mod receipt;
mod samples;
mod signature;
mod succession;
