//! What the gateway needs to tell of a network: its blocks and what stands on its ledger.
//!
//! Reads are of finalized state alone. Whatever is listed comes in pages, by a cursor that says where
//! the next one begins, so that no answer grows with the network.

use std::time::Duration;

use async_trait::async_trait;
use llmnet_types::{
    block::Header,
    bond::Role,
    certificate::FinalityCertificate,
    domain::Domain,
    id::{Digest, DomainId, LineId, NetworkId, ProviderId, TransactionId},
    network::{Committee, NetworkRoot},
    params::Params,
    proof::ReceiptProof,
    registration::{Adapter, Registration},
    rejection::Rejection,
    reputation::Reputation,
    signature::PublicKey,
    succession::HandOver,
    transaction::{Outcome, Transaction},
    units::{Amount, Epoch, Height, Score, Slot, Term},
};
use serde_json::Value;

/// A node that knows the ledger.
///
/// As with [`Coordinator`](super::Coordinator), calls may be dropped at any await point.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Which network it is; known from the start.
    fn network(&self) -> NetworkId;

    /// Where the network stands.
    async fn status(&self) -> Result<Status, LedgerError>;

    /// The genesis as a file: what replaying the blocks begins with.
    async fn genesis(&self) -> Result<Vec<u8>, LedgerError>;

    /// The parameters in force, and the height at which they were read.
    async fn params(&self) -> Result<(Height, Params), LedgerError>;

    /// Blocks from a height on, in order, at most so many, and fewer where they are large. Without a
    /// height the newest. None only where `from` is the height after the newest.
    async fn blocks(&self, from: Option<Height>, limit: usize) -> Result<Vec<Block>, LedgerError>;

    /// One block.
    async fn block(&self, height: Height) -> Result<Block, LedgerError>;

    /// Why a block is final; `None` for as long as neither it nor a near descendant is certified.
    async fn finality(&self, height: Height) -> Result<Option<Finality>, LedgerError>;

    /// What a block did, in order.
    async fn events(&self, height: Height) -> Result<Vec<Event>, LedgerError>;

    /// The height of the newest final block.
    async fn newest(&self) -> Result<Height, LedgerError>;

    /// Waits until a block of this height is final.
    async fn reached(&self, height: Height) -> Result<(), LedgerError>;

    /// Where a transaction was included, after waiting at most so long for it. `None` also where that
    /// was so long ago that it is not indexed any more.
    async fn transaction(
        &self,
        id: &TransactionId,
        wait: Duration,
    ) -> Result<Option<Included>, LedgerError>;

    /// Hands a transaction to the validators. Being taken in promises nothing.
    async fn submit(&self, transaction: Transaction) -> Result<TransactionId, LedgerError>;

    /// What stands under keys of the ledger, each in its canonical encoding, in the state of one height.
    async fn state(&self, keys: &[Vec<u8>]) -> Result<(Height, Vec<Option<Vec<u8>>>), LedgerError>;

    /// What stands under a key, whether or not anybody ever used it.
    async fn account(&self, key: &PublicKey) -> Result<Account, LedgerError>;

    /// A line that was not released yet.
    async fn line(&self, id: LineId) -> Result<Option<Line>, LedgerError>;

    /// Lines that were not released yet, by number.
    async fn lines(&self, filter: &LineFilter, page: Page) -> Result<Listed<Line>, LedgerError>;

    /// Coordinators that respondents find by their address, in the order in which they were listed.
    async fn coordinators(&self, page: Page) -> Result<Listed<ListedCoordinator>, LedgerError>;

    /// Registrations by number, those that ended among them; in one domain where it is named, which
    /// must be known.
    async fn providers(
        &self,
        domain: Option<&Domain>,
        page: Page,
    ) -> Result<Listed<Provider>, LedgerError>;

    /// One registration.
    async fn provider(&self, id: &ProviderRef) -> Result<Option<Provider>, LedgerError>;

    /// Reputations, of providers by number and of each in its domains' order; a page counts providers.
    async fn reputation(
        &self,
        query: &ReputationQuery,
        page: Page,
    ) -> Result<Reputations, LedgerError>;

    /// The proof of what the network settled in a coordinator's slot, cut from the kept blocks.
    async fn proof(&self, coordinator: &PublicKey, slot: Slot)
    -> Result<ReceiptProof, LedgerError>;

    /// How a term ended; `None` of terms that did not end yet, or before this node's first.
    async fn hand_over(&self, term: Term) -> Result<Option<HandOver>, LedgerError>;
}

/// A page asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The least number to be listed.
    pub cursor: u64,
    /// The most entries.
    pub limit: usize,
}

/// A page as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// The height of the state it was read from.
    pub height: Height,
    /// The entries; there may be none although there are more.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` after the last.
    pub next: Option<u64>,
}

/// Where a network stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its id.
    pub network: NetworkId,
    /// Its name, for people.
    pub name: String,
    /// The newest finalized block.
    pub header: Header,
    /// The oldest block that is kept: 0 where none was ever dropped.
    pub kept_from: Height,
    /// The epoch.
    pub epoch: Epoch,
    /// Its beacon.
    pub beacon: Digest,
    /// The committee's term.
    pub term: Term,
    /// The committee in office.
    pub committee: Committee,
    /// What a verifier trusts: the first committee and the digest of the rest of the genesis.
    pub root: NetworkRoot,
    /// Where all money is.
    pub totals: Totals,
    /// Registrations so far.
    pub providers: u32,
    /// Lines so far.
    pub lines: u32,
    /// Domains so far.
    pub domains: u32,
}

/// Where all money is. The parts add up to the supply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// All of it.
    pub supply: Amount,
    /// Free balances.
    pub accounts: Amount,
    /// Locked in lines.
    pub lines: Amount,
    /// Posted as bonds.
    pub bonds: Amount,
    /// Earned and not yet free.
    pub held: Amount,
    /// Deposited with challenges.
    pub deposits: Amount,
    /// The validators' and auditors' pool.
    pub pool: Amount,
    /// Gone.
    pub burnt: Amount,
}

/// A finalized block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its header.
    pub header: Header,
    /// What was done, in order.
    pub transactions: Vec<Transaction>,
    /// What became of each; `None` where this node has no record of it.
    pub outcomes: Option<Vec<Outcome>>,
    /// What happened; as with outcomes.
    pub events: Option<Vec<Event>>,
}

/// Something that a block did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The transaction's place in the block; `None` for what the rules do by themselves.
    pub transaction: Option<u32>,
    /// What happened, as the ledger spells it: there are many kinds, and the gateway looks at none.
    pub kind: Value,
}

/// Why a block is final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finality {
    /// The blocks after it up to the certified one; usually none.
    pub descendants: Vec<Header>,
    /// The committee's votes on the last of these, or on the block itself.
    pub certificate: FinalityCertificate,
}

/// A transaction in its block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Included {
    /// The block.
    pub height: Height,
    /// Its place in it.
    pub index: u32,
    /// What became of it.
    pub outcome: Outcome,
    /// The transaction; `None` where its block is not kept any more.
    pub transaction: Option<Transaction>,
}

/// What stands under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Whose.
    pub key: PublicKey,
    /// The height of the state it was read from.
    pub height: Height,
    /// Free money.
    pub balance: Amount,
    /// The nonce of its next transaction.
    pub nonce: u64,
    /// Bonds that stand for this key as a node.
    pub bonds: Vec<Bond>,
    /// Its slots, if it ever anchored as a coordinator.
    pub coordinator: Option<Coordinator>,
    /// How often this key registered as a respondent.
    pub registrations: u32,
    /// The last of these.
    pub provider: Option<ProviderId>,
    /// Lines it opened, of the newest numbers alone: see [`Ledger::lines`] for all.
    pub lines: Vec<Line>,
}

/// Money that stands for a node in a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bond {
    /// The role.
    pub role: Role,
    /// Who posted it.
    pub operator: PublicKey,
    /// What stands.
    pub standing: Amount,
    /// What leaves, by the epoch in which it is free.
    pub leaving: Vec<(Epoch, Amount)>,
    /// Whether the node has the role.
    pub enlisted: bool,
    /// Where it is reached; empty where that is told otherwise.
    pub address: String,
}

/// A coordinator's slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coordinator {
    /// The next slot to settle.
    pub next_slot: Slot,
    /// The height of selection of the last settled one.
    pub height: Height,
}

/// A coordinator that respondents find on the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedCoordinator {
    /// Its key.
    pub key: PublicKey,
    /// Where it is reached, as `host:port`.
    pub address: String,
    /// What stands for it.
    pub bond: Amount,
}

/// Money locked for one coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number.
    pub id: LineId,
    /// Whose money.
    pub requester: PublicKey,
    /// Whose orders it pays for.
    pub coordinator: PublicKey,
    /// All that was locked.
    pub locked: Amount,
    /// All that was drawn.
    pub drawn: Amount,
    /// The number of the last settled order.
    pub n: u32,
    /// The last epoch whose orders it pays for.
    pub ends: Epoch,
    /// Whether its owner closed it.
    pub closed: bool,
}

/// Which lines to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LineFilter {
    /// Of this requester only.
    pub requester: Option<PublicKey>,
    /// For this coordinator only.
    pub coordinator: Option<PublicKey>,
}

/// A provider by number, or by the key under which its newest registration stands or stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderRef {
    /// By number.
    Id(ProviderId),
    /// By key.
    Key(PublicKey),
}

/// A registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its number.
    pub id: ProviderId,
    /// What it is called.
    pub name: String,
    /// What it says.
    pub registration: Registration,
    /// From which height on it says so; later than the newest block where it is not in force yet.
    pub from: Height,
    /// The adapter last announced.
    pub adapter: Option<Adapter>,
    /// The block that took it in.
    pub registered_at: Height,
    /// The block that ended it.
    pub retired_at: Option<Height>,
    /// Its domains with their numbers and its reputation in each.
    pub domains: Vec<(DomainId, Domain, Profile)>,
}

/// How good a provider is found in a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Profile {
    /// The evidence.
    pub evidence: Reputation,
    /// Its mean.
    pub mean: Score,
    /// The deviation of that.
    pub deviation: Score,
    /// The mean less two deviations.
    pub lower_bound: Score,
    /// What audits allow at most.
    pub ceiling: Score,
}

/// Which reputations are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReputationQuery {
    /// Of this provider only, with what is remembered of it. It must be known.
    pub provider: Option<ProviderRef>,
    /// In this domain only, which must be known.
    pub domain: Option<Domain>,
    /// As selections of this height saw it; as it is now where absent.
    pub at: Option<Height>,
}

/// Reputations and what they are reckoned with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reputations {
    /// The page.
    pub listed: Listed<ReputationRow>,
    /// The parameters they are reckoned with.
    pub params: Params,
}

/// A provider's reputation in a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReputationRow {
    /// The provider.
    pub provider: ProviderId,
    /// Its key.
    pub node: PublicKey,
    /// What it is called.
    pub name: String,
    /// The domain's number.
    pub domain_id: DomainId,
    /// The domain.
    pub domain: Domain,
    /// The reputation.
    pub profile: Profile,
    /// What is remembered of it, oldest first; `None` where all providers were asked about.
    pub history: Option<Vec<Remembered>>,
}

/// What a reputation was from a block on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remembered {
    /// From the end of this block, until the next entry.
    pub height: Height,
    /// The evidence, not decayed since.
    pub evidence: Reputation,
    /// What audits found up to then.
    pub audits: Audits,
}

/// Right and wrong answers to audits, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Audits {
    /// Right ones of the long record.
    pub long_right: u64,
    /// Wrong ones of the long record.
    pub long_wrong: u64,
    /// Right ones of the short record.
    pub short_right: u64,
    /// Wrong ones of the short record.
    pub short_wrong: u64,
}

/// Why the ledger does not tell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// It is of a block that is not kept any more.
    #[error("blocks are kept from {kept_from} on")]
    Pruned {
        /// The oldest block that is kept.
        kept_from: Height,
    },
    /// It is of a block to come.
    #[error("the newest block is {newest}")]
    NotReached {
        /// The newest final block.
        newest: Height,
    },
    /// The block is there, and what it did is not: this node has not executed it itself.
    #[error("there is no record of what block {height} did")]
    Unrecorded {
        /// Which.
        height: Height,
    },
    /// Reputations of this height are not remembered.
    #[error("reputations are remembered from {oldest} on")]
    Forgotten {
        /// The oldest height that can be asked about.
        oldest: Height,
    },
    /// Nobody ever registered in this domain.
    #[error("no domain {0}")]
    UnknownDomain(Domain),
    /// There is no such registration.
    #[error("no such provider")]
    UnknownProvider,
    /// These bytes are no key of the ledger.
    #[error("key {place} is none of the ledger")]
    NoKey {
        /// Its place among those asked for.
        place: usize,
    },
    /// The slot is not settled.
    #[error("slot {next} is the next to be settled")]
    NotSettled {
        /// The coordinator's next slot.
        next: Slot,
    },
    /// The transaction could never be in a block.
    #[error(transparent)]
    Rejected(Rejection),
    /// Another transaction of its signer waits with its nonce.
    #[error("another transaction waits with nonce {nonce}")]
    NonceTaken {
        /// Which.
        nonce: u64,
    },
    /// Its signer has as many transactions waiting as it may.
    #[error("{limit} transactions of the signer's wait")]
    SignerFull {
        /// How many it may.
        limit: usize,
    },
    /// As many transactions wait as there may.
    #[error("too many transactions wait")]
    Full,
    /// Not yet, or not just now.
    #[error("not ready: {message}")]
    NotReady {
        /// What is missing; shown to whoever asks.
        message: String,
        /// When it may be worth asking again.
        retry_after: Duration,
    },
    /// Our own fault.
    #[error("internal: {detail}")]
    Internal {
        /// Logged beside the request's id, never shown.
        detail: String,
    },
}
