//! What the ledger reads and writes: typed keys, bytes, no scans.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use llmnet_types::{
    bond::Role,
    codec::encode,
    domain::Domain,
    id::{Digest, DomainId, LineId, ProviderId},
    signature::PublicKey,
    units::{Epoch, Slot},
};

/// The most bytes of a stored value.
pub const VALUE_LENGTH_MAX: usize = 64 * 1024;

/// What a block changes: new bytes, or `None` for what is gone.
pub type Writes = BTreeMap<Key, Option<Vec<u8>>>;

/// A place in the state. Each holds one type of [`record`](crate::record).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Key {
    /// [`Params`](llmnet_types::params::Params): the network's parameters.
    Params,
    /// [`Clock`](crate::record::Clock): height, epoch, beacons.
    Clock,
    /// [`Totals`](crate::record::Totals): where all money is.
    Totals,
    /// [`Counters`](crate::record::Counters): the next free numbers.
    Counters,
    /// [`Account`](crate::record::Account): free money and nonce.
    Account(PublicKey),
    /// [`Line`](crate::record::Line).
    Line(LineId),
    /// [`LineId`]: the newest line of a requester with a coordinator.
    LineOf {
        /// Whose money.
        requester: PublicKey,
        /// For whom.
        coordinator: PublicKey,
    },
    /// [`Node`](crate::record::Node): a node's registrations.
    Node(PublicKey),
    /// [`Provider`](crate::record::Provider): one registration.
    Provider(ProviderId),
    /// [`DomainId`]: the number of a domain's name.
    DomainNumber(Domain),
    /// [`DomainEntry`](crate::record::DomainEntry): name and providers of a domain.
    Domain(DomainId),
    /// [`Standing`](crate::record::Standing): what is known of a provider in a domain.
    Standing(ProviderId, DomainId),
    /// [`Coordinator`](crate::record::Coordinator): slots and hash chains.
    Coordinator(PublicKey),
    /// [`Chains`](crate::record::Chains): a validator's hash chains for the beacon.
    Beacon(PublicKey),
    /// [`Bond`](crate::record::Bond): money that stands for a node in a role.
    Bond(PublicKey, Role),
    /// [`Validators`](crate::record::Validators): who can be elected.
    Validators,
    /// [`Office`](crate::record::Office): the committee in office.
    Office,
    /// [`Turns`](crate::record::Turns): blocks led in this epoch.
    Turns,
    /// [`Audited`](crate::record::Audited): items of audits to be paid for.
    Audited,
    /// [`Ballots`](crate::record::Ballots): votes under way.
    Ballots,
    /// [`Activity`](crate::record::Activity): how many were active.
    Activity,
    /// [`Settled`](crate::record::Settled): a settlement until its windows close, by its first slot.
    Settlement(PublicKey, Slot),
    /// [`Challenged`](crate::record::Challenged): a challenge of a coordinator's slot.
    Challenge(PublicKey, Slot),
    /// [`Claims`](crate::record::Claims): claims against a coordinator about an epoch.
    Claims(PublicKey, Epoch),
    /// `()`: an offence that was punished, by the digest of who, what and where. Each cost a bond, so
    /// they are few, and stay.
    Offence(Digest),
    /// [`Audit`](crate::record::Audit): an auditor's root for an epoch.
    Audit(PublicKey, Epoch),
    /// [`Findings`](crate::record::Findings): results of audits about a provider in a domain.
    Findings(ProviderId, DomainId),
    /// `u32`: how many entries an epoch's list of releases has.
    DueCount(Epoch),
    /// `Vec<`[`Due`](crate::record::Due)`>`: a page of releases of an epoch.
    Due {
        /// When.
        epoch: Epoch,
        /// The page, from 0.
        page: u32,
    },
    /// [`DueCursor`](crate::record::DueCursor): the next release to look at.
    DueCursor,
    /// [`ParamsBefore`](crate::record::ParamsBefore): parameters of epochs that still count.
    ParamsBefore,
    /// `Option<`[`DomainId`]`>`: of a vacant number of a domain, the number that became vacant before it.
    Vacant(DomainId),
    /// [`Listed`](crate::record::Listed): coordinators that respondents find.
    Listed,
}

impl Key {
    /// The 32 bytes that an authenticated store keeps the value under.
    pub fn digest(&self) -> [u8; 32] {
        Digest::tagged("llmnet/key/1", &[&encode(self)]).0
    }
}

/// Reads of single keys. A shell that loads lazily may answer `None` for what it has not loaded yet,
/// note the key, load it and execute again: execution never fails and depends on nothing else.
pub trait State {
    /// The bytes under a key, as of the parent block.
    fn get(&self, key: &Key) -> Option<Vec<u8>>;
}

/// The value under a key, `None` where there is none.
pub(crate) fn read<T: BorshDeserialize>(state: &dyn State, key: &Key) -> Option<T> {
    borsh::from_slice(&state.get(key)?).ok()
}

/// A whole state in memory: for tests, simulations, and chains of one process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryState(BTreeMap<Key, Vec<u8>>);

impl MemoryState {
    /// Makes a block's changes.
    pub fn apply(&mut self, writes: &Writes) {
        for (key, value) in writes {
            match value {
                Some(value) => self.0.insert(key.clone(), value.clone()),
                None => self.0.remove(key),
            };
        }
    }

    /// All of it, in the order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &[u8])> {
        self.0.iter().map(|(key, value)| (key, value.as_slice()))
    }
}

impl State for MemoryState {
    fn get(&self, key: &Key) -> Option<Vec<u8>> {
        self.0.get(key).cloned()
    }
}
