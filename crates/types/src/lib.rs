//! Says what we talk about and proves it offline.
//!
//! The vocabulary of LLM-Net: identities, amounts, contracts, receipts, transactions and blocks, each
//! with one canonical encoding, and the proofs that tie a receipt to a network. This crate alone is a
//! verifier: no clock, no entropy, no files, no sockets, no engine.
//!
//! Enter at [`receipt`] for what a requester is given, at [`transaction`] for what the chain is told,
//! at [`proof`] for why either should be believed.

pub mod codec;
pub mod id;
pub mod signature;
pub mod units;

pub mod domain;

pub mod registration;
pub mod reputation;

pub mod class;
pub mod contract;
pub mod message;
pub mod passage;
pub mod rating;
pub mod request;
pub mod tool;
pub mod way;

pub mod receipt;
pub mod selection;

pub mod audit;
pub mod bond;
pub mod disclosure;
pub mod dispute;
pub mod params;
pub mod rejection;
pub mod settlement;
pub mod transaction;

pub mod block;
pub mod certificate;
pub mod document;
pub mod file;
pub mod merkle;
pub mod network;
pub mod proof;
pub mod succession;
