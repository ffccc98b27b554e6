//! A validator's part of the beacon: the secret hash chains whose elements its blocks reveal (EPO-2).
//!
//! A chain serves as many blocks as it has elements. Before they end the validator anchors the next one
//! (ANC-2), as it does when it has none. Nothing but the seed need be kept: chains are numbered, and the
//! state tells which one is in force by an element of it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use llmnet_ledger::{Key, State as _, chain_step, query, record};
use llmnet_types::{
    bond::{ChainUse, Role},
    id::{Digest, NetworkId},
    signature::{PrivateKey, PublicKey},
    transaction::{Instruction, Transaction},
    units::{Amount, Epoch},
};

use crate::query::StateView;

/// Elements of one chain: reveals for days of blocks.
const LENGTH: u32 = 1 << 16;
/// Every so manieth element is kept; those between are hashed anew.
const STRIDE: u32 = 256;
/// With fewer elements left the next chain is anchored. That takes an epoch or two.
const RENEW_BELOW: u32 = 1 << 13;
/// Chains held in memory: that in force, the next, and one to spare.
const HELD_MAX: usize = 3;
/// Epochs that an anchor may have taken from its making to its block.
const DELAY_MAX: u64 = 512;

/// A validator's hash chains.
#[derive(Debug)]
pub(crate) struct Beacon {
    seed: [u8; 32],
    key: PublicKey,
    /// Those used last, newest first.
    held: Mutex<VecDeque<Arc<Chain>>>,
}

/// One chain.
#[derive(Debug)]
struct Chain {
    /// 0 for that of the genesis, else one more than the epoch it was made in.
    number: u64,
    /// Elements `LENGTH`, `LENGTH - STRIDE`, and so on down to 0, which is the tip.
    kept: Vec<Digest>,
}

/// The tip and length of a validator's first chain, for a genesis.
pub fn beacon_anchor(seed: [u8; 32]) -> (Digest, u32) {
    (Chain::new(seed, 0).tip(), LENGTH)
}

impl Chain {
    fn new(seed: [u8; 32], number: u64) -> Self {
        let secret = PrivateKey::from_seed(seed).derive("llmnet/beacon-chain/1", number);
        let down = |element: &Digest| {
            let element = *element;
            Some((0..STRIDE).fold(element, |element, _| chain_step(&element)))
        };
        let kept = std::iter::successors(Some(Digest(secret)), down);
        Self {
            number,
            kept: kept.take((LENGTH / STRIDE + 1) as usize).collect(),
        }
    }

    /// Element `c_index`.
    fn element(&self, index: u32) -> Option<Digest> {
        let above = LENGTH.checked_sub(index)?;
        let kept = self.kept.get((above / STRIDE) as usize)?;
        Some((0..above % STRIDE).fold(*kept, |element, _| chain_step(&element)))
    }

    fn tip(&self) -> Digest {
        self.element(0).unwrap_or(Digest::ZERO)
    }

    /// What the ledger's record of a chain asks for next, if it is this chain's.
    fn next(&self, record: &record::Chain) -> Option<Digest> {
        let element = self.element(LENGTH.checked_sub(record.left)?.checked_add(1)?)?;
        (chain_step(&element) == record.position).then_some(element)
    }
}

impl Beacon {
    /// The chains of the validator with this seed.
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self {
            seed,
            key: PrivateKey::from_seed(seed).public_key(),
            held: Mutex::default(),
        }
    }

    /// The key that [`Beacon::next`] reads.
    pub(crate) fn key(&self) -> Key {
        Key::Beacon(self.key)
    }

    /// What a block of this epoch on this state reveals; nothing where no chain of ours is in force.
    pub(crate) fn next(&self, state: &StateView<'_>, epoch: Epoch) -> Option<Digest> {
        // Named so that the state loads it.
        state.get(&self.key())?;
        let chains = query::beacon_chains(state, &self.key);
        let record = chains.of(epoch).filter(|chain| chain.left > 0)?;
        self.find(record)
    }

    fn find(&self, record: &record::Chain) -> Option<Digest> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(element) = held.iter().find_map(|chain| chain.next(record)) {
            return Some(element);
        }
        // After a start. An anchor of epoch e is in force from e + 1, and has that number if it was made
        // and included in one epoch.
        let from = record.from.0;
        let numbers = (from.saturating_sub(DELAY_MAX)..=from).rev();
        let (chain, element) = numbers.into_iter().find_map(|number| {
            let chain = Chain::new(self.seed, number);
            let element = chain.next(record)?;
            Some((chain, element))
        })?;
        hold(&mut held, Arc::new(chain));
        Some(element)
    }

    /// The chain of a number.
    fn chain(&self, number: u64) -> Arc<Chain> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(chain) = held.iter().find(|chain| chain.number == number) {
            return chain.clone();
        }
        let chain = Arc::new(Chain::new(self.seed, number));
        hold(&mut held, chain.clone());
        chain
    }

    /// The anchor of the next chain, where it is time for that; none for who is no validator, or
    /// cannot pay for it.
    pub(crate) fn renewal(&self, network: NetworkId, state: &StateView<'_>) -> Option<Transaction> {
        let chains = query::beacon_chains(state, &self.key);
        let bond = query::bond(state, &self.key, Role::Validator);
        let account = query::account(state, &self.key);
        let epoch = query::clock(state).epoch;
        let lasts = chains
            .chains
            .last()
            .is_some_and(|chain| chain.left >= RENEW_BELOW);
        let is_poor = account.balance == Amount::ZERO;
        if lasts || chains.anchored == Some(epoch) || !bond?.enlisted || is_poor {
            return None;
        }
        let instruction = Instruction::Anchor {
            purpose: ChainUse::Beacon,
            tip: self.chain(epoch.0.checked_add(1)?).tip(),
            length: LENGTH.min(query::params(state).anchor_length_max),
        };
        let key = PrivateKey::from_seed(self.seed);
        Some(Transaction::sign(network, &key, account.nonce, instruction))
    }
}

fn hold(held: &mut VecDeque<Arc<Chain>>, chain: Arc<Chain>) {
    held.push_front(chain);
    held.truncate(HELD_MAX);
}

#[cfg(test)]
mod tests;
