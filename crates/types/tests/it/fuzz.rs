//! Whatever bytes come from outside: decoders refuse them or read them in one way, and checks believe
//! nothing that was changed.
//!
//! Bytes are not random, which would end at the first count, but encodings of any values with a few
//! changes. Targets take `LLMNET_FUZZ_SECONDS` each, half a second by default, and begin at
//! `LLMNET_FUZZ_SEED`; one that fails says with which seed it fails at once.

mod decoders;
mod files;
mod mutation;
mod proofs;
mod run;
mod words;
