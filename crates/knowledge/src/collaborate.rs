//! Retrieval by several experts, each with a store of its own, as if it were one.
//!
//! ```text
//! experts --Catalogue, where it is new--> asker: shared statistics; where each corpus is
//! asker   --Ask, to the best two or three--> experts     question, shared counts of its terms, its vector
//! experts --Found--> asker: check, merge for each kind of score, fuse once
//! ```
//!
//! Scores are comparable because all are computed under one sum of statistics and by one model. Passages of all
//! experts stand in one list for each kind of score, then both lists are fused: never experts by rank, for each
//! expert's first passage has rank one, whether it knows anything or not.
//!
//! A score can be computed again from what a citation carries. A sample is, so that an expert that makes its passages
//! look better is found out, and not asked again.

pub mod check;
pub mod expert;
pub mod gather;
pub mod merge;
pub mod message;
pub mod near;
pub mod route;

#[cfg(test)]
mod tests;
