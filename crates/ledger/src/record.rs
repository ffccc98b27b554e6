//! What stands in the state under each [`Key`](crate::Key).

use borsh::{BorshDeserialize, BorshSerialize};
use llmnet_types::{
    codec::List,
    domain::Domain,
    id::{Digest, DomainId, LineId, ProviderId},
    registration::{DOMAINS_MAX, Registration},
    reputation::Reputation,
    signature::PublicKey,
    units::{Amount, Epoch, Height, Slot},
};

/// The most providers of one domain: selection reads them all, so they are bounded.
pub const DOMAIN_PROVIDERS_MAX: usize = 256;

/// Where the chain stands (EPO-1, EPO-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Clock {
    /// The last executed block.
    pub height: Height,
    /// Its epoch.
    pub epoch: Epoch,
    /// That epoch's beacon.
    pub beacon: Digest,
    /// The beacon of the epoch before; in the first epoch, the same.
    pub beacon_before: Digest,
}

/// Where all money is. The parts add up to `supply` after every block (TXN-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Totals {
    /// All of it, as genesis made it.
    pub supply: Amount,
    /// Free balances.
    pub accounts: Amount,
    /// Locked in lines.
    pub lines: Amount,
    /// Posted as bonds.
    pub bonds: Amount,
    /// Earned and not yet free (SET-6).
    pub held: Amount,
    /// The validators' pool.
    pub pool: Amount,
    /// Gone.
    pub burnt: Amount,
}

/// The next free numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Counters {
    /// Of providers.
    pub provider: ProviderId,
    /// Of lines.
    pub line: LineId,
    /// Of domains.
    pub domain: DomainId,
}

/// An owner's free money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Account {
    /// What can be spent.
    pub balance: Amount,
    /// The nonce of the next transaction.
    pub nonce: u64,
}

/// Money locked for one coordinator (LIN-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Line {
    /// Whose money.
    pub requester: PublicKey,
    /// Whose orders it pays for.
    pub coordinator: PublicKey,
    /// All that was locked when it was opened.
    pub locked: Amount,
    /// All that was drawn since.
    pub drawn: Amount,
    /// The number of the last settled order; 0 before the first.
    pub n: u32,
    /// The last epoch whose orders it pays for: its expiry, or that in which it was closed.
    pub ends: Epoch,
    /// Whether its owner closed it.
    pub closed: bool,
}

impl Line {
    /// What is left of it.
    pub const fn rest(&self) -> Amount {
        self.locked.saturating_sub(self.drawn)
    }
}

/// A node's registrations, whether they stand or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Node {
    /// How often it registered: the nonce of the next registration.
    pub registrations: u32,
    /// The last of them.
    pub provider: ProviderId,
}

/// A registration as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Provider {
    /// As signed by its node.
    pub registration: Registration,
    /// The numbers of its domains, in its order.
    pub domains: List<DomainId, DOMAINS_MAX>,
    /// The block that took it in.
    pub registered_at: Height,
    /// The block that ended it, if one did.
    pub retired_at: Option<Height>,
}

impl Provider {
    /// Whether it stood after this block.
    pub fn stands_at(&self, height: Height) -> bool {
        self.registered_at <= height && self.retired_at.is_none_or(|retired| retired > height)
    }
}

/// A domain and who registered in it, retired or not.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DomainEntry {
    /// Its name.
    pub name: Domain,
    /// In order of registration.
    pub providers: List<ProviderId, DOMAIN_PROVIDERS_MAX>,
}

/// A value and the block that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Remembered {
    /// In force from the end of this block until the next entry.
    pub height: Height,
    /// Undecayed since.
    pub value: Reputation,
}

/// What is known of a provider in a domain, as far back as a settlement may look (SEL-8).
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Standing {
    /// Oldest first; the last is the present.
    pub history: Vec<Remembered>,
}

/// A hash chain in force from an epoch on (ANC-1, ANC-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Chain {
    /// The first epoch whose heights use it.
    pub from: Epoch,
    /// The last opened element; the tip before the first.
    pub position: Digest,
    /// How many elements are left.
    pub left: u32,
}

/// A coordinator's slots.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Coordinator {
    /// The next slot to settle.
    pub next_slot: Slot,
    /// The height of selection of the last settled slot.
    pub height: Height,
    /// Its chains, those first in force first; only what a settlement may still need.
    pub chains: Vec<Chain>,
    /// The epoch of its last anchor.
    pub anchored: Option<Epoch>,
}

impl Coordinator {
    /// The chain that serves slots whose height is in this epoch.
    pub fn chain(&self, epoch: Epoch) -> Option<&Chain> {
        self.chains.iter().rev().find(|chain| chain.from <= epoch)
    }
}

/// Something that an epoch's first blocks set free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Due {
    /// A line's rest returns to its owner (LIN-2).
    Line(LineId),
    /// Held pay goes to its operator (SET-6).
    Pay(PublicKey),
}

/// How far releases have come; all before it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct DueCursor {
    /// The epoch being worked on.
    pub epoch: Epoch,
    /// The next entry of its list.
    pub index: u32,
}
