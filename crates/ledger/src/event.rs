//! What explorers read: money, lines, registrations, settlements and reputation as they change.

use borsh::{BorshDeserialize, BorshSerialize};
use llmnet_types::{
    bond::{ADDRESS_LENGTH_MAX, ChainUse, Role},
    codec::Text,
    id::{Digest, DomainId, LineId, ProviderId},
    reputation::Reputation,
    signature::PublicKey,
    units::{Amount, Epoch, Height, Score, Slot, Term},
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
    /// More was locked on a line.
    LineToppedUp {
        /// Its number.
        line: LineId,
        /// How much.
        amount: Amount,
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
    /// A registration says something else.
    Updated {
        /// Its number.
        provider: ProviderId,
        /// From this height on.
        from: Height,
    },
    /// A registration has another key.
    Rotated {
        /// Its number.
        provider: ProviderId,
        /// The key so far.
        old: PublicKey,
        /// The key from now on.
        new: PublicKey,
    },
    /// A registration ended.
    Retired {
        /// Its number.
        provider: ProviderId,
    },
    /// A provider has new documents.
    CorpusAnnounced {
        /// Whose.
        provider: ProviderId,
        /// Their root.
        root: Digest,
        /// The day they are current to.
        as_of_day: u32,
    },
    /// A provider has a new adapter.
    AdapterAnnounced {
        /// Whose.
        provider: ProviderId,
        /// Its digest.
        adapter: Digest,
    },
    /// A node took a role.
    Enlisted {
        /// Who.
        node: PublicKey,
        /// As what.
        role: Role,
        /// Who posted the bond.
        operator: PublicKey,
        /// How much.
        bond: Amount,
    },
    /// A node left a role.
    Delisted {
        /// Who.
        node: PublicKey,
        /// As what.
        role: Role,
    },
    /// A bond grew.
    Bonded {
        /// Whose.
        node: PublicKey,
        /// In which role.
        role: Role,
        /// By how much.
        amount: Amount,
    },
    /// A part of a bond leaves.
    Unbonding {
        /// Whose.
        node: PublicKey,
        /// In which role.
        role: Role,
        /// How much.
        amount: Amount,
        /// When it is free.
        free: Epoch,
    },
    /// A part of a bond is free.
    Unbonded {
        /// Whose.
        node: PublicKey,
        /// Who has it.
        operator: PublicKey,
        /// How much.
        amount: Amount,
    },
    /// An offence was proven and punished (BND-5).
    Slashed {
        /// Who.
        node: PublicKey,
        /// In which role.
        role: Role,
        /// Burnt.
        burnt: Amount,
        /// Given to the victim.
        restored: Amount,
    },
    /// A node committed to a hash chain.
    Anchored {
        /// Who.
        node: PublicKey,
        /// For what.
        purpose: ChainUse,
        /// In force from here.
        from: Epoch,
        /// For so many elements.
        length: u32,
    },
    /// A committee was elected for the term after this block's (COM-3).
    Elected {
        /// Its term.
        term: Term,
        /// The digest of its keys.
        committee: Digest,
        /// How many validators.
        validators: u32,
    },
    /// The pool was paid out (POL).
    PoolPaid {
        /// To whom.
        operator: PublicKey,
        /// How much.
        amount: Amount,
    },
    /// A validator voted for parameters.
    Voted {
        /// Who.
        validator: PublicKey,
        /// Their digest.
        params: Digest,
        /// Votes so far.
        votes: u32,
    },
    /// Other parameters are in force.
    ParamsChanged {
        /// Their digest.
        params: Digest,
    },
    /// A coordinator settled contracts.
    Settled {
        /// Who.
        coordinator: PublicKey,
        /// From which slot.
        first_slot: Slot,
        /// How many.
        contracts: u32,
        /// Of these, void.
        voids: u32,
        /// The root over the leaves.
        root: Digest,
        /// Drawn from lines in all.
        charge: Amount,
        /// The coordinator's part of that.
        coordinator_part: Amount,
        /// The network's part of that.
        fee: Amount,
    },
    /// A party was paid what it was owed (DIS-2, DIS-3).
    Filed {
        /// Against whom.
        coordinator: PublicKey,
        /// About which slot.
        slot: Slot,
        /// Who was paid.
        claimant: PublicKey,
        /// How much, from line and bond together.
        amount: Amount,
    },
    /// A contract must be opened (DIS-4).
    Challenged {
        /// Whose.
        coordinator: PublicKey,
        /// Its slot.
        slot: Slot,
        /// By whom.
        challenger: PublicKey,
    },
    /// It was opened.
    Answered {
        /// Whose.
        coordinator: PublicKey,
        /// Its slot.
        slot: Slot,
    },
    /// It was not opened in time (DIS-6).
    Unanswered {
        /// Whose.
        coordinator: PublicKey,
        /// Its slot.
        slot: Slot,
    },
    /// An auditor committed to items.
    AuditRooted {
        /// Who.
        auditor: PublicKey,
        /// For which epoch.
        epoch: Epoch,
        /// How many.
        items: u16,
    },
    /// An item was opened.
    AuditOpened {
        /// Who asked.
        auditor: PublicKey,
        /// Who was asked.
        coordinator: PublicKey,
        /// In which slot.
        slot: Slot,
    },
    /// An auditor's root counts, or does not (AUD-3).
    AuditClosed {
        /// Whose.
        auditor: PublicKey,
        /// For which epoch.
        epoch: Epoch,
        /// Whether all items were opened.
        complete: bool,
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
    /// A provider's standing changed: by a settlement's evidence, at the close of an epoch, or by a new
    /// version.
    ReputationChanged {
        /// Who.
        provider: ProviderId,
        /// In which domain.
        domain: DomainId,
        /// The evidence as it stands now.
        reputation: Reputation,
    },
    /// What audits of an epoch found about a provider counts from now on (AUD-4).
    AuditsMerged {
        /// Who.
        provider: ProviderId,
        /// In which domain.
        domain: DomainId,
        /// Right answers that count, in millionths.
        right: u64,
        /// Wrong answers.
        wrong: u64,
        /// What praise counts up to now, by what was found in this domain.
        ceiling: Score,
    },
    /// A node is reached elsewhere (BND-7).
    Moved {
        /// Who.
        node: PublicKey,
        /// As what.
        role: Role,
        /// Where; empty where that is told otherwise.
        address: Text<ADDRESS_LENGTH_MAX>,
    },
    /// A coordinator made room for a larger bond: respondents do not find it on the ledger any more (BND-6).
    Unlisted {
        /// Who.
        node: PublicKey,
    },
}
