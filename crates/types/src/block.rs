//! A block's header: what consensus signs, and where state and settlements are anchored.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    codec::encode,
    id::{Digest, NetworkId},
    signature::PublicKey,
    units::{Height, Term},
};

/// The head of a block. Its digest is the block's, and what a certificate is about (BLK-1).
///
/// It holds the engine's context (epoch, view, leader, parent) because a vote is bound to it, and the
/// state of the chain *after* this block's transactions.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The network this block belongs to.
    pub network: NetworkId,
    /// The committee's term.
    pub term: Term,
    /// The engine's round in which the block was proposed.
    pub view: u64,
    /// Who proposed it.
    pub leader: PublicKey,
    /// The round of the parent.
    pub parent_view: u64,
    /// The parent's digest; zeros at genesis.
    pub parent: Digest,
    /// The parent's height and one.
    pub height: Height,
    /// The proposer's wall clock in Unix milliseconds, later than the parent's. No rule depends on it.
    pub timestamp_ms: u64,
    /// Merkle root of the transactions, in order.
    pub transactions: Digest,
    /// Root of all current state.
    pub state: Digest,
    /// Root of the log of state changes, by which a new validator syncs.
    pub operations: Digest,
    /// First kept entry of that log.
    pub operations_start: u64,
    /// One past its last entry.
    pub operations_end: u64,
    /// Merkle root of this block's settlements (SET-7).
    pub settlements: Digest,
    /// The next element of the leader's hash chain for the beacon, where it has one (EPO-2).
    pub reveal: Option<Digest>,
    /// In the last block of a term, the digest of the next term's committee (COM-2).
    pub next_committee: Option<Digest>,
}

impl Header {
    /// The digest that votes are about: plain SHA-256 of the canonical bytes.
    pub fn digest(&self) -> Digest {
        Digest::of(&encode(self))
    }
}
