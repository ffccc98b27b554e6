//! Reputation as the ledger keeps it (REP): gathered by source, closed each epoch, decayed when read.
//!
//! ```text
//! settlement -> gather -> cut by source -> history -> at a height: selections, then and later (SEL-8)
//! new version -> shrink ----------------------^
//! first blocks of the next epoch -> close ----'
//! ```

mod cut;
mod gather;
mod history;
mod whole;

pub(crate) use gather::{Evidence, close, gather, rolled, shrink};
pub use history::Seen;
pub(crate) use history::{at, can_settle, first_height, in_window, newest, now, remember};
pub use whole::{Counted, Whole};
