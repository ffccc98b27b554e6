//! The network as explorers, coordinators and doubters read it: `/v1/ledger/…`.
//!
//! ```text
//! status  params  genesis               what the network is
//! blocks  blocks/{height}  events       what happened, in order; events as a stream
//! transactions  transactions/{id}       handing in, looking up
//! accounts/{key}  lines  lines/{id}     whose money is where
//! coordinators                          where respondents find them
//! providers  providers/{id}  reputation who answers, and how good they were found
//! proofs/{coordinator}/{slot}           that the network settled a contract
//! hand-overs/{term}                     from one committee to the next
//! state                                 what stands under keys of the ledger, as bytes
//! ```
//!
//! Two spellings of money meet here. What this gateway shapes has credits as decimal text, as all its
//! answers do. What the network itself defines and signs (headers, transactions, outcomes, events,
//! parameters, proofs) is spelled as in receipt files, with whole millionths of a credit, so that it can
//! be read back and its digests computed.
//!
//! Parameters are taken literally: an unknown one, or one that stands there twice, is refused, since a
//! misspelled filter that is passed over answers another question.

pub(crate) mod accounts;
pub(crate) mod blocks;
pub(crate) mod coordinators;
pub(crate) mod events;
pub(crate) mod hand_overs;
pub(crate) mod network;
pub(crate) mod proofs;
pub(crate) mod providers;
pub(crate) mod reputation;
pub(crate) mod state;
pub(crate) mod transactions;

mod error;
mod list;
mod parameters;
