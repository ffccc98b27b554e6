//! What travels between a coordinator and its seats, bounded and bound to one contract (CON-4).

use borsh::{BorshDeserialize, BorshSerialize};
use llmnet_types::{
    codec::{DecodeError, List, decode, encode},
    contract::{Assign, SEATS_MAX, Terms, Voucher},
    id::{ContractId, Digest, ReceiptRoot, Salt},
    message::{Close, Commit, GiveUp, LineOk, Opening, Part, Phase, Reply},
    passage::SharedPassages,
    rating::commitment,
    receipt::Receipt,
    request::Request,
    settlement::Settlement,
    signature::Signed,
};

/// The most bytes of one message: an offer with the largest request, or a relay of the largest answers.
pub const MESSAGE_LENGTH_MAX: usize = 512 * 1024;

/// Everything a seat needs to decide whether to work, and on what.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Offer {
    /// The seat, its price and its times.
    pub assign: Signed<Assign>,
    /// The requester's promise to pay.
    pub voucher: Signed<Voucher>,
    /// What the voucher is for.
    pub terms: Terms,
    /// The request itself.
    pub request: Request,
    /// Shows that the request is the one in the terms.
    pub request_salt: Salt,
    /// What all seats are shown of experts' documents, as quoted data (COR-5).
    pub shared: SharedPassages,
}

/// The most bytes of a lookup and of what comes of it: a message without its own few.
pub const LOOKUP_LENGTH_MAX: usize = MESSAGE_LENGTH_MAX - 64;

/// What comes after a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Next {
    /// Another phase, about what was just shown.
    Phase(Phase),
    /// Nothing: hand in the Part.
    Finish,
    /// Another phase, in which somebody else writes a synthesis: bind one's answer as it stands (DEB-9).
    Stand(Phase),
}

/// The opened payloads of a closed phase, in the order of its commitments, nobody named.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Relay {
    /// The contract.
    pub contract: ContractId,
    /// The phase that was opened.
    pub phase: Phase,
    /// Openings; those that were withheld or did not match are left out.
    pub openings: List<Opening, SEATS_MAX>,
    /// What to do now.
    pub next: Next,
}

/// From a coordinator to a seat.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum ToSeat {
    /// Will you?
    Offer(Box<Offer>),
    /// A phase is closed: open what you committed.
    Close(Signed<Close>),
    /// What everybody opened.
    Relay(Box<Relay>),
    /// The contract is over before it was finished; no Part is wanted.
    Cancel(ContractId),
    /// How it ended, with what is owed.
    Receipt(Box<Statement>),
    /// What the coordinator is about to settle; a seat that agrees is paid at once (SET-6).
    CoSign(Box<Settlement>),
    /// What do your documents have? As experts and coordinators write it among themselves: the protocol only carries it
    /// (COR-3).
    Lookup(Vec<u8>),
}

/// A receipt as its seats are shown it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Statement {
    /// The account.
    pub receipt: Receipt,
    /// The salt of its fields, without which nobody can tell what the root is of.
    pub salt: Salt,
    /// The coordinator's signature on its root.
    pub signed: Signed<ReceiptRoot>,
}

/// From a seat to its coordinator.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum ToCoordinator {
    /// Yes or no.
    Reply(Signed<Reply>),
    /// Bound.
    Commit(Signed<Commit>),
    /// Shown.
    Open(Box<Opening>),
    /// Accounted for.
    Part(Box<Signed<Part>>),
    /// Agreed.
    LineOk(Box<Signed<LineOk>>),
    /// Nothing will come of the first answer.
    GiveUp(Signed<GiveUp>),
    /// What came of a lookup (COR-3).
    Found(Vec<u8>),
}

impl ToSeat {
    /// The contract it is about; `None` where it is about many, or none.
    pub fn contract(&self) -> Option<ContractId> {
        match self {
            Self::Offer(offer) => Some(offer.assign.body.contract),
            Self::Close(close) => Some(close.body.contract),
            Self::Relay(relay) => Some(relay.contract),
            Self::Cancel(contract) => Some(*contract),
            Self::Receipt(statement) => Some(statement.receipt.contract()),
            Self::CoSign(_) | Self::Lookup(_) => None,
        }
    }

    /// Its bytes on the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads what a coordinator sent.
    ///
    /// # Errors
    /// Too long, or not canonical.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(bytes, MESSAGE_LENGTH_MAX)
    }
}

impl ToCoordinator {
    /// Its bytes on the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads what a seat sent.
    ///
    /// # Errors
    /// Too long, or not canonical.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(bytes, MESSAGE_LENGTH_MAX)
    }
}

/// The commitment that an opening answers to, made after `shown` had been seen (CON-5).
pub fn opening_commitment(opening: &Opening, shown: &Digest) -> Digest {
    commitment(&opening.salt, &encode(&opening.payload), shown)
}
