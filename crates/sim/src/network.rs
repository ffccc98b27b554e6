//! Whole networks under a simulated clock: who answers, asks, conducts and validates, honest or not, over the real
//! ledger and the real protocol.
//!
//! ```text
//! TOML -> scenario -> play --- people, mind: who comes and goes, what they say
//!                       |----- market, contract: an order played through production's Session and Seat
//!                       |----- offices, audits: what is settled, filed, proven, opened
//!                       |----- world: every transaction through `llmnet_ledger::execute`, block by block
//!                       `----- timeline -> account: tables, a page, figures
//! ```
//!
//! Real are: every transaction with its signature and what it costs, genesis, bonds, registrations, lines, vouchers,
//! selection from the ledger's own inputs and seeds, the whole exchange of a contract (offers, commitments, closes,
//! openings, ballots, parts, receipts), pay, ratings, reputation, audits, filings, proofs of fault, the pool, and
//! all money. Made up are: questions and answers (a token that is right or not, by a skill), judgement, latencies
//! and failures; all of them drawn from the seed. Left out are consensus (blocks are final at once), transports,
//! coordinators' load (a respondent serves any number of contracts at a time), and the check of signatures between
//! coordinator and seats, which all are of this program: production does not check those of its own seats either.
//!
//! Same scenario and seed give the same bytes. Nothing in here reads a file or a clock.

pub mod account;
pub mod audits;
pub mod contract;
pub mod market;
pub mod mind;
pub mod offices;
mod panel;
pub mod people;
pub mod play;
pub mod question;
pub mod scenario;
pub mod timeline;
pub mod world;
