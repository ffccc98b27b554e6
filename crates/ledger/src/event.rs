//! What explorers read: money, lines, registrations, settlements and reputation as they change.

use borsh::{BorshDeserialize, BorshSerialize};
use llmnet_types::{
    id::{Digest, DomainId, LineId, ProviderId},
    receipt::ContractStatus,
    reputation::Reputation,
    signature::PublicKey,
    units::{Amount, Epoch, Slot},
};
use serde::Serialize;

/// A change, and the transaction that caused it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct Event {
    /// The transaction's place in the block; `None` for what the rules do by themselves.
    pub transaction: Option<u32>,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum EventKind {
    /// An epoch began.
    EpochStarted {
        /// Which.
        epoch: Epoch,
        /// Its beacon.
        beacon: Digest,
    },
    /// A transaction's bytes were paid for.
    FeePaid {
        /// By whom.
        payer: PublicKey,
        /// How much.
        fee: Amount,
    },
    /// Money changed hands.
    Transferred {
        /// Whose it was.
        from: PublicKey,
        /// Whose it is.
        to: PublicKey,
        /// How much.
        amount: Amount,
    },
    /// A line was opened.
    LineOpened {
        /// Its number.
        line: LineId,
        /// Whose money.
        requester: PublicKey,
        /// For whose orders.
        coordinator: PublicKey,
        /// How much.
        amount: Amount,
        /// Until when.
        expires: Epoch,
    },
    /// A line was closed by its owner.
    LineClosed {
        /// Its number.
        line: LineId,
    },
    /// What was left of a line returned to its owner.
    LineReleased {
        /// Its number.
        line: LineId,
        /// Its owner.
        requester: PublicKey,
        /// How much.
        amount: Amount,
    },
    /// A respondent joined.
    Registered {
        /// Its number.
        provider: ProviderId,
        /// Its key.
        node: PublicKey,
        /// Who is paid.
        operator: PublicKey,
        /// In which domains.
        domains: Vec<DomainId>,
        /// Locked in all.
        bond: Amount,
    },
    /// A coordinator committed to a hash chain.
    Anchored {
        /// Who.
        coordinator: PublicKey,
        /// In force from here.
        from: Epoch,
        /// For so many slots.
        length: u32,
    },
    /// A coordinator settled contracts.
    Settled {
        /// Who.
        coordinator: PublicKey,
        /// From which slot.
        first_slot: Slot,
        /// How many.
        contracts: u32,
        /// The root over the leaves.
        root: Digest,
    },
    /// A contract was settled.
    ContractSettled {
        /// Whose.
        coordinator: PublicKey,
        /// Its slot.
        slot: Slot,
        /// How it ended.
        status: ContractStatus,
        /// The line that paid; `None` where it was void.
        line: Option<LineId>,
        /// Drawn from the line.
        charge: Amount,
        /// The coordinator's part.
        coordinator_part: Amount,
        /// The network's part.
        fee: Amount,
    },
    /// A seat's pay of a settlement went to its operator, or waits for an epoch.
    PayEarned {
        /// Whose seat.
        provider: ProviderId,
        /// Who is paid.
        operator: PublicKey,
        /// How much.
        amount: Amount,
        /// `None` where it is free at once (SET-6).
        held_until: Option<Epoch>,
    },
    /// Held pay became free.
    PayReleased {
        /// Whose.
        operator: PublicKey,
        /// How much.
        amount: Amount,
    },
    /// A provider was rated.
    ReputationChanged {
        /// Who.
        provider: ProviderId,
        /// In which domain.
        domain: DomainId,
        /// By which slot of the settlement's coordinator.
        slot: Slot,
        /// The evidence as it stands now.
        reputation: Reputation,
    },
}
