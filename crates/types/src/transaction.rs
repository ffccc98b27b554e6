//! What the chain is told, and what it says to that.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    audit::AuditOpening,
    bond::{ChainUse, Enlistment, Role},
    codec::{self, DecodeError, List, encode},
    dispute::{Answer, Challenge, FaultProof, Filing},
    id::{Digest, LineId, NetworkId, ProviderId, TransactionId},
    params::Params,
    registration::{Announcement, Registration, Rotated},
    rejection::Rejection,
    settlement::{CoSignature, LINE_OKS_MAX, Settlement},
    signature::{Message, PrivateKey, PublicKey, Signature, Signed},
    units::{Amount, Epoch},
};

/// The most bytes of one transaction.
pub const TRANSACTION_LENGTH_MAX: usize = 64 * 1024;

/// What a signer wants done. Numbers on the wire never change their meaning.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Instruction {
    /// Moves money.
    Transfer {
        /// To whom.
        to: PublicKey,
        /// How much.
        amount: Amount,
    },
    /// Locks money for one coordinator until an epoch (LIN-1).
    OpenLine {
        /// Whose orders it pays for.
        coordinator: PublicKey,
        /// How much.
        amount: Amount,
        /// No orders are settled against it after this epoch's windows.
        expires: Epoch,
    },
    /// Locks more on a line of the signer's (LIN-5).
    TopUp {
        /// The line.
        line: LineId,
        /// How much more.
        amount: Amount,
    },
    /// Ends a line early; what is left returns by itself when the windows close (LIN-2).
    CloseLine {
        /// The line.
        line: LineId,
    },
    /// Joins as a respondent; signed by the operator as the transaction's signer, and by the node (REG-1).
    Register(Box<Signed<Registration>>),
    /// Changes what a standing registration says, from the next epoch; signed as it was (REG-5).
    Update(Box<Signed<Registration>>),
    /// Gives a registration another key and keeps its standing; signed by operator and both keys (REG-6).
    Rotate(Box<Rotated>),
    /// Ends a registration, by its operator (REG-7).
    Retire {
        /// Which.
        provider: ProviderId,
    },
    /// Tells of a new corpus or adapter, by the node or its operator (REG-8).
    Announce(Box<Announcement>),
    /// Joins as coordinator, validator or auditor; signed by the operator and the node (BND-1).
    Enlist(Box<Signed<Enlistment>>),
    /// Leaves such a role, by its operator (BND-3).
    Delist {
        /// The node.
        node: PublicKey,
        /// The role.
        role: Role,
    },
    /// Adds to a bond, by its operator (BND-2).
    Bond {
        /// The node it stands for.
        node: PublicKey,
        /// In which role.
        role: Role,
        /// How much more.
        amount: Amount,
    },
    /// Takes from a bond what its role does not need, by its operator (BND-2).
    Unbond {
        /// The node it stands for.
        node: PublicKey,
        /// In which role.
        role: Role,
        /// How much.
        amount: Amount,
    },
    /// Commits to a hash chain, from the next epoch on (ANC-1, EPO-2).
    Anchor {
        /// What its elements are for.
        purpose: ChainUse,
        /// The chain's end: the first use opens its preimage.
        tip: Digest,
        /// How many elements it serves.
        length: u32,
    },
    /// Settles contracts (SET).
    Settle(Box<Settlement>),
    /// Seats agree after the settlement, and are paid (SET-6).
    CoSign(List<CoSignature, LINE_OKS_MAX>),
    /// A party shows that it was not paid what a contract owes it (DIS-2, DIS-3).
    File(Box<Filing>),
    /// Asks a coordinator to open a settled contract (DIS-4).
    Challenge(Box<Challenge>),
    /// The coordinator opens it (DIS-5).
    Answer(Box<Answer>),
    /// Commits to secret questions with known answers for the next epoch (AUD-1).
    AuditRoot {
        /// The root over the salted items.
        root: Digest,
        /// How many items it has.
        items: u16,
    },
    /// Opens one of them with the contract that answered it (AUD-2).
    AuditOpen(Box<AuditOpening>),
    /// Proves an offence (DIS-1).
    Fault(Box<FaultProof>),
    /// A validator's vote for other parameters (VOT-1).
    Vote(Box<Params>),
}

/// What is signed of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransactionBody {
    /// On which network; on no other does it hold.
    pub network: NetworkId,
    /// Whose money and standing it is about.
    pub signer: PublicKey,
    /// The signer's count of transactions so far.
    pub nonce: u64,
    /// What is wanted.
    pub instruction: Instruction,
}

impl Message for TransactionBody {
    const KIND: &'static str = "llmnet/transaction/1";
}

/// A signed instruction.
pub type Transaction = Signed<TransactionBody>;

impl TransactionId {
    /// Of the transaction with these canonical bytes.
    pub fn of(encoded: &[u8]) -> Self {
        Self(Digest::tagged("llmnet/transaction-id/1", &[encoded]).0)
    }
}

impl Transaction {
    /// Signs an instruction.
    pub fn sign(
        network: NetworkId,
        key: &PrivateKey,
        nonce: u64,
        instruction: Instruction,
    ) -> Self {
        let body = TransactionBody {
            network,
            signer: key.public_key(),
            nonce,
            instruction,
        };
        Self::new(body, &network, key)
    }

    /// Its name: the digest of all its bytes.
    pub fn id(&self) -> TransactionId {
        TransactionId::of(&self.encode())
    }

    /// Its canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads one that came from outside.
    ///
    /// # Errors
    /// As [`codec::decode`], beyond [`TRANSACTION_LENGTH_MAX`] bytes too.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, TRANSACTION_LENGTH_MAX)
    }

    /// Whether its signer signed it for the network it names.
    pub fn is_signed(&self) -> bool {
        self.verify(&self.body.network, &self.body.signer).is_ok()
    }

    /// The signature, for batch checks.
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }
}

/// What became of a transaction in a block.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done, for this fee.
    Applied {
        /// Paid for its bytes.
        fee: Amount,
    },
    /// Refused; where its signer could pay, the fee is kept and the nonce used.
    Rejected {
        /// Paid for its bytes; 0 where nobody could be charged.
        fee: Amount,
        /// Why.
        reason: Rejection,
    },
}
