//! What stands in the state under each [`Key`](crate::Key).

use borsh::{BorshDeserialize, BorshSerialize};
use llmnet_types::{
    audit::AUDIT_ITEMS_MAX,
    bond::ADDRESS_LENGTH_MAX,
    codec::{List, Text},
    contract::SEATS_MAX,
    domain::Domain,
    id::{ContractId, Digest, DomainId, LineId, ProviderId},
    network::{COMMITTEE_MAX, Committee},
    params::Params,
    registration::{Adapter, DOMAINS_MAX, Registration},
    reputation::Reputation,
    signature::PublicKey,
    units::{Amount, Epoch, Height, Slot, Term},
};

/// The most providers of one domain: selection reads them all, so they are bounded.
pub const DOMAIN_PROVIDERS_MAX: usize = 256;
/// The most versions of a registration that are remembered (REG-9).
pub const VERSIONS_MAX: usize = 16;
/// The most enlisted validators.
pub const VALIDATORS_MAX: usize = 256;
/// The most listed coordinators.
pub const LISTED_MAX: usize = 256;
/// The most providers that one settlement names (SET-9).
pub const SETTLED_PROVIDERS_MAX: usize = 256;
/// The most claims against a coordinator about one epoch (DIS-3).
pub const CLAIMS_MAX: usize = 1024;
/// The most operators that are paid for audits at a time.
pub const AUDITED_MAX: usize = 1024;
/// Epochs of which a coordinator's conduct is remembered (REP-6): this one, the one before, which is closed
/// in this one (REP-8), and two more, as closings may lag behind (WIN-2).
pub const CONDUCT_EPOCHS: usize = 4;
/// How many sources of evidence are told apart (REP-5).
pub const SOURCES_MAX: usize = 8;
/// The most results of one audit root: as many as there can be, or an honest auditor could be stuck.
pub const AUDIT_RESULTS_MAX: usize = AUDIT_ITEMS_MAX as usize * SEATS_MAX;
/// The most auditors whose results about one provider and domain are merged at a time.
pub const AUDITORS_MAX: usize = 64;
/// Beacons that are remembered: this epoch's and as far back as panels are recomputed.
pub const BEACONS: usize = 4;

/// Where the chain stands (EPO-1, EPO-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Clock {
    /// The last executed block.
    pub height: Height,
    /// Its epoch.
    pub epoch: Epoch,
    /// That epoch's beacon and those before it, newest first; the first epoch's stands for those before.
    pub beacons: [Digest; BEACONS],
    /// What this epoch's leaders revealed so far; zeros before the first.
    pub mix: Digest,
}

impl Clock {
    /// This epoch's beacon.
    pub const fn beacon(&self) -> Digest {
        let [newest, ..] = self.beacons;
        newest
    }

    /// The beacon of an epoch that is remembered.
    pub fn beacon_of(&self, epoch: Epoch) -> Option<Digest> {
        let age = self.epoch.0.checked_sub(epoch.0)?;
        self.beacons.get(usize::try_from(age).ok()?).copied()
    }
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
    /// Posted as bonds, those that leave included.
    pub bonds: Amount,
    /// Earned and not yet free (SET-6).
    pub held: Amount,
    /// Deposited with challenges (DIS-4).
    pub deposits: Amount,
    /// The validators' and auditors' pool.
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
    /// The last number of a domain that became vacant, where one is: it is taken first (REG-3).
    pub vacant: Option<DomainId>,
}

/// An owner's free money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Account {
    /// What can be spent.
    pub balance: Amount,
    /// The nonce of the next transaction.
    pub nonce: u64,
    /// The last epoch in which it paid for a contract (REP-5).
    pub asked: Option<Epoch>,
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
    /// The last epoch in which it paid for a contract (REP-5).
    pub active: Option<Epoch>,
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

/// What a registration says from a height on (REG-9).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Version {
    /// The first height after which selections see it.
    pub from: Height,
    /// As signed by its node; the corpus as last announced, the key as last rotated.
    pub registration: Registration,
    /// The adapter last announced.
    pub adapter: Option<Adapter>,
}

/// A registration as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Provider {
    /// Oldest first; the last may be in force only later.
    pub versions: List<Version, VERSIONS_MAX>,
    /// The numbers of its domains, in its order.
    pub domains: List<DomainId, DOMAINS_MAX>,
    /// The block that took it in.
    pub registered_at: Height,
    /// The block that ended it, if one did.
    pub retired_at: Option<Height>,
    /// The epoch of the last announcement, and how many there were in it (REG-8).
    pub announced: (Epoch, u32),
}

impl Provider {
    /// Whether it stood after this block.
    pub fn stands_at(&self, height: Height) -> bool {
        self.registered_at <= height && self.retired_at.is_none_or(|retired| retired > height)
    }

    /// What it said after this block, whether or not it stood; `None` before its first word that is
    /// remembered.
    pub fn at(&self, height: Height) -> Option<&Version> {
        self.versions
            .iter()
            .rev()
            .find(|version| version.from <= height)
    }

    /// The keys it has had since this block, as far as its versions are remembered; the last one last.
    pub fn keys_since(&self, height: Height) -> Vec<PublicKey> {
        let then = self.at(height).into_iter();
        let later = self.versions.iter().filter(|version| version.from > height);
        let mut keys: Vec<PublicKey> = Vec::new();
        for version in then.chain(later) {
            keys.retain(|key| *key != version.registration.node);
            keys.push(version.registration.node);
        }
        keys
    }

    /// What it said last, in force or not yet.
    ///
    /// # Panics
    /// Never: a record has a version from its first block on.
    pub fn newest(&self) -> &Version {
        self.versions
            .last()
            .expect("a registration has a version from its first block on")
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

/// Money that stands for a node in a role (BND).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Bond {
    /// Who posted it and is paid.
    pub operator: PublicKey,
    /// What stands.
    pub standing: Amount,
    /// What leaves, by the epoch in which it is free, soonest first; an epoch once.
    pub leaving: Vec<(Epoch, Amount)>,
    /// Whether the node has the role; a bond may outlive it until all has left.
    pub enlisted: bool,
    /// In which epoch it enlisted last (COM-3); validators only, and none of those of genesis.
    pub since: Option<Epoch>,
    /// Where it is reached, of coordinators and validators; empty where that is told otherwise.
    pub address: Text<ADDRESS_LENGTH_MAX>,
}

impl Bond {
    /// All of it: what an offence can cost.
    pub fn total(&self) -> Amount {
        self.leaving.iter().fold(self.standing, |sum, (_, amount)| {
            Amount(sum.0.saturating_add(amount.0))
        })
    }
}

/// Who can be elected, in order of enlistment (COM-3).
pub type Validators = List<PublicKey, VALIDATORS_MAX>;

/// Coordinators that respondents find by their address, in the order in which they were listed, and what
/// stands for each (BND-6).
pub type Listed = List<(PublicKey, Amount), LISTED_MAX>;

/// The committee in office (COM-1).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Office {
    /// Its term.
    pub term: Term,
    /// Its validators.
    pub committee: Committee,
}

/// Blocks led in this epoch, by leader (POL-2).
pub type Turns = List<(PublicKey, u32), COMMITTEE_MAX>;

/// Items of completed audit roots since the last payout, by the operators who will be paid (POL-2).
pub type Audited = List<(PublicKey, u32), AUDITED_MAX>;

/// Parameters that validators vote on (VOT-1).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Proposal {
    /// What is proposed.
    pub params: Params,
    /// The last epoch in which votes count.
    pub until: Epoch,
    /// Who voted for it first, by place in the committee: at most one open proposal is its own.
    pub proposer: u8,
    /// Who voted for it, by place in the committee, in order of votes.
    pub voters: List<u8, COMMITTEE_MAX>,
}

/// Votes under way (VOT-1).
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Ballots {
    /// The term of the committee that votes; with it, its votes are over.
    pub term: Term,
    /// What is voted on, oldest first; at most one proposal for each validator in office.
    pub open: Vec<Proposal>,
    /// What is in force from the next epoch.
    pub decided: Option<Params>,
}

/// Parameters that were in force, each with the last of its epochs, oldest first (VOT-3).
pub type ParamsBefore = List<(Epoch, Params), BEACONS>;

/// What audits found, as counts of answers in millionths (AUD-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Audits {
    /// Right answers of the long record, decayed to `epoch`.
    pub long_right: u64,
    /// Wrong answers of the long record.
    pub long_wrong: u64,
    /// Right answers of the short record.
    pub short_right: u64,
    /// Wrong answers of the short record.
    pub short_wrong: u64,
    /// The epoch of the last merge.
    pub epoch: Epoch,
}

/// A value and the block that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Remembered {
    /// In force from the end of this block until the next entry.
    pub height: Height,
    /// Undecayed since.
    pub value: Reputation,
    /// What audits found up to this block.
    pub audits: Audits,
}

/// What one source said of a provider in an epoch, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Source {
    /// Who.
    pub key: PublicKey,
    /// Evidence for.
    pub positive: u64,
    /// Evidence against.
    pub negative: u64,
}

/// An epoch's evidence before it is closed (REP-5, REP-8).
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Gathering {
    /// Which epoch.
    pub epoch: Epoch,
    /// What stood before it, decayed to it.
    pub before: Reputation,
    /// By coordinator, uncut, largest first.
    pub coordinators: List<Source, SOURCES_MAX>,
    /// The same evidence by requester, largest first.
    pub requesters: List<Source, SOURCES_MAX>,
}

/// What is known of a provider in a domain, as far back as panels are recomputed (SEL-8).
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Standing {
    /// Oldest first; the last is the present.
    pub history: Vec<Remembered>,
    /// The evidence of the epoch of the last entry, until that epoch is closed.
    pub gathering: Option<Gathering>,
}

/// How many were active in an epoch (REP-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Activity {
    /// Which epoch; that of the block.
    pub epoch: Epoch,
    /// Coordinators that settled.
    pub coordinators: u32,
    /// Requesters that paid.
    pub requesters: u32,
    /// The same of the epoch before, which is closed by these.
    pub before: (u32, u32),
}

/// A hash chain in force from an epoch on (ANC-1, ANC-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Chain {
    /// The first epoch that uses it.
    pub from: Epoch,
    /// The last opened element; the tip before the first.
    pub position: Digest,
    /// How many elements are left.
    pub left: u32,
}

/// The hash chains of a node for one use.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Chains {
    /// Those first in force first; only what may still be needed.
    pub chains: Vec<Chain>,
    /// The epoch of the last anchor.
    pub anchored: Option<Epoch>,
}

impl Chains {
    /// The chain in force in this epoch.
    pub fn of(&self, epoch: Epoch) -> Option<&Chain> {
        self.chains.iter().rev().find(|chain| chain.from <= epoch)
    }
}

/// How a coordinator did in an epoch (REP-6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Conduct {
    /// Which.
    pub epoch: Epoch,
    /// Slots settled in it.
    pub slots: u32,
    /// Of these, void.
    pub voids: u32,
    /// Whether it was slashed in it.
    pub slashed: bool,
}

/// A coordinator's slots.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Coordinator {
    /// The next slot to settle.
    pub next_slot: Slot,
    /// The height of selection of the last settled slot.
    pub height: Height,
    /// Its hash chains.
    pub chains: Chains,
    /// How it did in the last epochs in which it did anything, newest last.
    pub conduct: Vec<Conduct>,
}

/// Pay that a settlement holds for a provider (SET-6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Held {
    /// Who earned it.
    pub provider: ProviderId,
    /// Who will be paid.
    pub operator: PublicKey,
    /// How much.
    pub amount: Amount,
}

/// A settlement until its windows close (WIN-1).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Settled {
    /// The root over its leaves.
    pub root: Digest,
    /// How many leaves.
    pub leaves: u16,
    /// The last slot's element of the hash chain.
    pub opening: Digest,
    /// The epoch of its contracts.
    pub epoch: Epoch,
    /// Pay not co-signed yet, by provider.
    pub held: List<Held, SETTLED_PROVIDERS_MAX>,
}

/// A challenge until its windows close (DIS-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Challenged {
    /// Who challenged.
    pub challenger: PublicKey,
    /// What was deposited; nothing once it is answered.
    pub deposit: Amount,
    /// The contract's epoch.
    pub epoch: Epoch,
    /// Whose money paid.
    pub requester: PublicKey,
    /// How much.
    pub charge: Amount,
    /// The first slot of its settlement.
    pub first_slot: Slot,
    /// The digest of its leaf.
    pub leaf: Digest,
    /// Whether it was answered.
    pub answered: bool,
}

/// Who claims something of a slot. Keys change, so a seat is told by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Claimant {
    /// Who asked.
    Requester,
    /// Who worked.
    Seat(ProviderId),
}

/// Claims against a coordinator about contracts of one epoch: slot and claimant (DIS-2, DIS-3).
pub type Claims = List<(Slot, Claimant), CLAIMS_MAX>;

/// How a provider did in an audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AuditResult {
    /// Who.
    pub provider: ProviderId,
    /// In the first domain of the contract.
    pub domain: DomainId,
    /// Right answers.
    pub right: u16,
    /// Wrong answers.
    pub wrong: u16,
}

/// An auditor's root for an epoch (AUD-1).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Audit {
    /// The root over its items.
    pub root: Digest,
    /// How many items.
    pub items: u16,
    /// Which of them were opened, a bit each, the first in the lowest bit of the first byte.
    pub opened: [u8; AUDIT_ITEMS_MAX as usize / 8],
    /// Whose bond is lost if some stay closed.
    pub role: llmnet_types::bond::Role,
    /// What was found, by provider and domain.
    pub results: List<AuditResult, AUDIT_RESULTS_MAX>,
    /// The contracts that answered, each one item, in order of opening.
    pub contracts: List<ContractId, { AUDIT_ITEMS_MAX as usize }>,
}

/// What one auditor found about a provider in a domain, until it is merged (AUD-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Finding {
    /// The auditor's bond.
    pub weight: Amount,
    /// Right answers.
    pub right: u16,
    /// Wrong answers.
    pub wrong: u16,
}

/// What all auditors found about a provider in a domain, until it is merged.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Findings {
    /// The epoch of their roots.
    pub epoch: Epoch,
    /// In the order in which their roots were closed.
    pub findings: List<Finding, AUDITORS_MAX>,
}

/// Something that an epoch's first blocks do by themselves (WIN-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Due {
    /// A line's rest returns to its owner (LIN-2).
    Line(LineId),
    /// A settlement's held pay goes to its operators, and it is forgotten (SET-6, WIN-1).
    Settlement {
        /// Whose.
        coordinator: PublicKey,
        /// Its first slot.
        first_slot: Slot,
    },
    /// What leaves a bond by this epoch is free (BND-3).
    Bond {
        /// The node.
        node: PublicKey,
        /// Its role.
        role: llmnet_types::bond::Role,
    },
    /// The evidence of the epoch before is closed (REP-8).
    Standing(ProviderId, DomainId),
    /// A challenge is answered by now or never (DIS-6).
    Challenge {
        /// Whose slot.
        coordinator: PublicKey,
        /// Which.
        slot: Slot,
    },
    /// Claims about an epoch are forgotten.
    Claims {
        /// Against whom.
        coordinator: PublicKey,
        /// About which epoch.
        epoch: Epoch,
    },
    /// An auditor's root counts or is void (AUD-3).
    Audit {
        /// Whose.
        auditor: PublicKey,
        /// For which epoch.
        epoch: Epoch,
    },
    /// What audits found is merged (AUD-4).
    Findings(ProviderId, DomainId),
    /// A retired registration leaves its domains' lists (REG-3).
    Retired(ProviderId),
}

/// How far releases have come; all before it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct DueCursor {
    /// The epoch being worked on.
    pub epoch: Epoch,
    /// The next entry of its list.
    pub index: u32,
}
