//! Turns documents into dated, hashed corpora and finds passages to cite.
//!
//! ```text
//! Markdown -> ingest -> corpus (salts, Merkle root) -> retrieve::Shelf -> Finding, ready to be cited
//!                          all public documents  -> classify::Classifier -> domains of a question
//! ```
//!
//! One analysis of text (`analysis`) serves index, evidence score and classifier. The evidence score
//! ([`frequencies::Frequencies::coverage`]) weighs what a passage has of a question against what it lacks:
//! it decides declining, and whose passage is better in a debate.

pub mod analysis;
pub mod corpus;
pub mod frequencies;
pub mod ingest;
pub mod sample;

pub mod index;
pub mod retrieve;

pub mod bm25;
pub mod chunk;
pub mod folder;
pub mod fuse;
pub mod load;
pub mod store;
pub mod stored;

pub mod collaborate;

pub mod classify;

mod words;
