//! Finality: a quorum of the committee signed that a block is final.
//!
//! The shape is engine-neutral, the signed bytes are the engine's (simplex): a test in `chain` holds
//! this check to the engine's own.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    block::Header,
    codec::List,
    id::{Digest, NetworkId},
    network::{COMMITTEE_MAX, Electorate},
    signature::Signature,
    units::Term,
};

/// Votes of a quorum that a header is final, and all its ancestors with it (FIN-1).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinalityCertificate {
    /// Who signed, by number in the committee: ascending, none twice.
    pub signers: List<u8, COMMITTEE_MAX>,
    /// Their signatures, in the same order.
    pub signatures: List<Signature, COMMITTEE_MAX>,
    /// The round in which the block was voted on, where that is not the header's: a term's last block is
    /// proposed again, unchanged, until it is final.
    pub again: Option<Again>,
}

/// A later round in which a term's last block was proposed again.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Again {
    /// The round.
    pub view: u64,
    /// The round of the same block before.
    pub parent_view: u64,
}

/// Why a certificate proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The header is of another network.
    #[error("the certified header belongs to network {found}, not to {expected}")]
    Network {
        /// The network asked about.
        expected: NetworkId,
        /// The network in the header.
        found: NetworkId,
    },
    /// The header is of another term than the committee.
    #[error("the certified header is of term {found}, the committee of term {expected}")]
    Term {
        /// The committee's.
        expected: Term,
        /// The header's.
        found: Term,
    },
    /// A later round than the header's, of a block that is not proposed again in any.
    #[error("only the last block of a term is voted on in rounds after its own")]
    Round,
    /// Signers out of order, unknown, or not as many as signatures.
    #[error("the certificate's list of signers is malformed")]
    Signers,
    /// Too few votes.
    #[error("{found} of {needed} signatures needed for finality")]
    Quorum {
        /// Votes needed.
        needed: usize,
        /// Votes there.
        found: usize,
    },
    /// A vote whose signature does not hold.
    #[error("the signature of validator {validator} does not hold")]
    Signature {
        /// The validator's number in the committee.
        validator: u8,
    },
}

/// The prefix under which a network's engine signs: certificates of one never hold in another.
pub fn namespace(network: &NetworkId) -> Vec<u8> {
    [b"llm-net/".as_slice(), &network.0].concat()
}

fn write_varint(mut value: u64, bytes: &mut Vec<u8>) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// What a validator says of a round of consensus.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Statement {
    /// This block is right.
    Notarize(Proposal),
    /// No block came in time.
    Nullify,
    /// This block is final.
    Finalize(Proposal),
}

/// A block as votes name it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// The round of its parent.
    pub parent_view: u64,
    /// Its digest.
    pub digest: Digest,
}

/// A validator's signed vote, as the engine sends it. Two that contradict each other are a proof of
/// fault (DIS-1).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct EngineVote {
    /// The committee's term.
    pub term: Term,
    /// The round.
    pub view: u64,
    /// What is said of it.
    pub statement: Statement,
    /// By the validator.
    pub signature: Signature,
}

/// What the engine signs: the length-prefixed namespace with the kind of vote, then term and view, for
/// votes about a block its parent's view, all as variable-length integers, then the block's digest.
fn signed_bytes(network: &NetworkId, term: Term, view: u64, statement: &Statement) -> Vec<u8> {
    let (kind, proposal): (&[u8], _) = match statement {
        Statement::Notarize(proposal) => (b"_NOTARIZE", Some(proposal)),
        Statement::Nullify => (b"_NULLIFY", None),
        Statement::Finalize(proposal) => (b"_FINALIZE", Some(proposal)),
    };
    let mut namespace = namespace(network);
    namespace.extend_from_slice(kind);
    let mut bytes = Vec::with_capacity(128);
    write_varint(namespace.len() as u64, &mut bytes);
    bytes.extend_from_slice(&namespace);
    write_varint(term.0, &mut bytes);
    write_varint(view, &mut bytes);
    if let Some(proposal) = proposal {
        write_varint(proposal.parent_view, &mut bytes);
        bytes.extend_from_slice(&proposal.digest.0);
    }
    bytes
}

impl EngineVote {
    /// The bytes its signature is over.
    pub fn signed_bytes(&self, network: &NetworkId) -> Vec<u8> {
        signed_bytes(network, self.term, self.view, &self.statement)
    }

    /// Whether one honest validator never gives both: two blocks notarized or finalized in a round, or
    /// a round both given up and finalized.
    pub fn contradicts(&self, other: &Self) -> bool {
        let same_round = self.term == other.term && self.view == other.view;
        same_round
            && match (&self.statement, &other.statement) {
                (Statement::Notarize(first), Statement::Notarize(second))
                | (Statement::Finalize(first), Statement::Finalize(second)) => first != second,
                (Statement::Nullify, Statement::Finalize(_))
                | (Statement::Finalize(_), Statement::Nullify) => true,
                _ => false,
            }
    }
}

impl FinalityCertificate {
    /// Checks that a quorum of the committee finalized this header of its term.
    ///
    /// # Errors
    /// See [`CertificateError`]; each vote is checked.
    pub fn verify(&self, electorate: &Electorate, header: &Header) -> Result<(), CertificateError> {
        let Electorate {
            network,
            term,
            committee,
        } = electorate;
        if header.network != *network {
            return Err(CertificateError::Network {
                expected: *network,
                found: header.network,
            });
        }
        if header.term != *term {
            return Err(CertificateError::Term {
                expected: *term,
                found: header.term,
            });
        }
        let ascending = self.signers.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending || self.signers.len() != self.signatures.len() {
            return Err(CertificateError::Signers);
        }
        if self.signers.len() < committee.quorum() {
            return Err(CertificateError::Quorum {
                needed: committee.quorum(),
                found: self.signers.len(),
            });
        }
        let round = self.again.unwrap_or(Again {
            view: header.view,
            parent_view: header.parent_view,
        });
        let is_later = round.parent_view >= header.view && round.view > round.parent_view;
        if self.again.is_some() && !(header.next_committee.is_some() && is_later) {
            return Err(CertificateError::Round);
        }
        let proposal = Proposal {
            parent_view: round.parent_view,
            digest: header.digest(),
        };
        let statement = Statement::Finalize(proposal);
        let bytes = signed_bytes(network, header.term, round.view, &statement);
        for (&validator, signature) in self.signers.iter().zip(&self.signatures) {
            let key = committee
                .keys()
                .get(usize::from(validator))
                .ok_or(CertificateError::Signers)?;
            if !key.verify(&bytes, signature) {
                return Err(CertificateError::Signature { validator });
            }
        }
        Ok(())
    }
}
