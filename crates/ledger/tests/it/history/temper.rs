//! What a history is like: a network where little happens reaches other corners than a crowded one.

use super::{Kind, people::COORDINATORS};

/// How much of what there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Temper {
    /// The most transactions of a block.
    pub(super) transactions: u64,
    /// Coordinators that take the role and leave it.
    pub(super) coordinators: u64,
    /// The least and the most blocks of an epoch.
    pub(super) epoch_blocks: (u64, u64),
    /// Nodes that register.
    pub(super) nodes: u64,
    /// Domains that they register in.
    pub(super) domains: u64,
    /// Requesters, and coordinators, that do most of it.
    pub(super) usual: (u64, u64),
    /// The most contracts of a settlement.
    pub(super) leaves: u64,
    /// Contracts that are void, in a hundred.
    pub(super) voids: u64,
    /// The most items of an audit root.
    pub(super) items: u64,
    /// How much more often there is a vote, work, a dispute, an audit.
    shares: (u64, u64, u64, u64),
    /// How much more often somebody takes a role, leaves it, or moves.
    offices: u64,
}

const CALM: Temper = Temper {
    transactions: 5,
    coordinators: COORDINATORS,
    epoch_blocks: (4, 12),
    nodes: 14,
    domains: 4,
    usual: (4, 2),
    leaves: 4,
    voids: 10,
    items: 3,
    shares: (1, 1, 1, 1),
    offices: 1,
};

/// Many ask many about little, so that sources are told apart (REP-5).
const CROWDED: Temper = Temper {
    transactions: 10,
    epoch_blocks: (12, 24),
    nodes: 4,
    domains: 1,
    usual: (12, 4),
    shares: (1, 3, 1, 1),
    ..CALM
};

/// Much is void (REP-6).
const CARELESS: Temper = Temper {
    epoch_blocks: (8, 16),
    nodes: 5,
    leaves: 24,
    voids: 25,
    ..CALM
};

/// Parameters and committees change (VOT, COM).
const UNSETTLED: Temper = Temper {
    epoch_blocks: (8, 16),
    shares: (10, 1, 1, 1),
    ..CALM
};

/// Nobody trusts anybody (DIS).
const SUSPICIOUS: Temper = Temper {
    transactions: 8,
    epoch_blocks: (8, 16),
    nodes: 8,
    domains: 2,
    shares: (1, 1, 6, 4),
    ..CALM
};

/// Many look at the same few (AUD-4).
const WATCHED: Temper = Temper {
    transactions: 14,
    epoch_blocks: (8, 12),
    nodes: 4,
    domains: 1,
    items: 1,
    shares: (1, 1, 1, 16),
    ..CALM
};

/// More coordinators want to be found than there is room for on the list (BND-6).
const SOUGHT: Temper = Temper {
    transactions: 12,
    coordinators: 600,
    offices: 16,
    ..CALM
};

impl Temper {
    /// One after another, so that a few seeds see all.
    pub(super) fn of(seed: u64) -> Self {
        match seed % 7 {
            0 => CALM,
            1 => CROWDED,
            2 => CARELESS,
            3 => UNSETTLED,
            4 => SUSPICIOUS,
            5 => WATCHED,
            _ => SOUGHT,
        }
    }

    /// Whether there are more coordinators than can be listed.
    pub(super) const fn is_sought(&self) -> bool {
        self.coordinators > COORDINATORS
    }

    pub(super) fn share(&self, kind: Kind) -> u64 {
        let (votes, work, disputes, audits) = self.shares;
        match kind {
            Kind::Votes => votes,
            Kind::Work => work,
            Kind::Disputes => disputes,
            Kind::Audits => audits,
            Kind::Offices => self.offices,
            Kind::Money | Kind::Registry => 1,
        }
    }
}
