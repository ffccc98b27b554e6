//! A receipt as a file: everything that is needed to check it, in one spelling (REC-2).

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    codec::{List, Text},
    contract::SEATS_MAX,
    file::{self, FileError},
    id::{ContractId, Digest, NetworkId, ReceiptRoot, Salt},
    message::{ANSWER_LENGTH_MAX, Opening, PHASES_MAX, Phase},
    network::{Electorate, NetworkRoot},
    passage::SharedPassages,
    proof::{ProofError, ReceiptProof},
    receipt::Receipt,
    request::Request,
    signature::{BadSignature, Signed},
    succession::{Succession, SuccessionError},
    units::Height,
};

/// The most bytes of a receipt file.
pub const DOCUMENT_LENGTH_MAX: usize = 8 * 1024 * 1024;

/// What this file calls itself.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Format {
    /// Candidates tell what audits alone say of them (AUD-6).
    #[serde(rename = "llmnet/receipt/2")]
    Receipt2 = 2,
}

/// All that was opened in one phase, in the order of its Close.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseTranscript {
    /// The phase.
    pub phase: Phase,
    /// What was opened.
    pub openings: List<Opening, SEATS_MAX>,
}

/// A receipt with the texts it is about and, once final, its proof.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptDocument {
    /// The file's format.
    pub format: Format,
    /// The network: its validators and the digest of the rest of its genesis.
    pub network: NetworkRoot,
    /// What was asked.
    pub request: Request,
    /// The answer, exactly as delivered.
    pub answer: Text<ANSWER_LENGTH_MAX>,
    /// The salt of the contract's digests.
    pub salt: Salt,
    /// The account.
    pub receipt: Receipt,
    /// The coordinator's signature on its root.
    pub signed: Signed<ReceiptRoot>,
    /// What all seats were shown before they answered, as their commitments say (COR-5). Left out where that is
    /// nothing, or where nobody opened what would say so.
    #[serde(default, skip_serializing_if = "nothing_shown")]
    pub shared: SharedPassages,
    /// All that was opened.
    pub transcript: List<PhaseTranscript, PHASES_MAX>,
    /// The proof that the network settled it; absent while it is not final.
    pub proof: Option<ReceiptProof>,
    /// From the first committee to that of the proof's term. Left out where that is the first, or where
    /// readers are to know it otherwise.
    #[serde(default, skip_serializing_if = "Succession::is_empty")]
    pub succession: Succession,
}

fn nothing_shown(shared: &SharedPassages) -> bool {
    shared.is_empty()
}

/// How firmly a receipt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "finality")]
pub enum Finality {
    /// The coordinator signed it; the network has not settled it, as far as this file tells.
    Signed,
    /// The network's validators finalized its settlement.
    Final {
        /// In this block.
        height: Height,
    },
}

/// What a check of a receipt file found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The network whose validators the proof rests on. Compare it with the one you trust.
    pub network: NetworkId,
    /// The receipt's name.
    pub receipt: ContractId,
    /// How firmly it stands.
    #[serde(flatten)]
    pub finality: Finality,
}

/// Why a file proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Not a receipt's file, or not in its one spelling.
    #[error("not a receipt file: {0}")]
    File(#[from] FileError),
    /// The proof rests on other validators than the caller trusts.
    #[error("the receipt is of network {found}, not of {expected}")]
    Network {
        /// The caller's.
        expected: NetworkId,
        /// The file's.
        found: NetworkId,
    },
    /// Two parts of the file contradict each other.
    #[error("the file contradicts itself: {0}")]
    Contradiction(&'static str),
    /// A signature does not hold.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// The committee of the proof's term is not known.
    #[error(transparent)]
    Succession(#[from] SuccessionError),
    /// The chain's part of the proof does not hold.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl ReceiptDocument {
    /// The file's bytes: indented JSON and a line end.
    pub fn to_bytes(&self) -> Vec<u8> {
        file::write(self)
    }

    /// Reads a file and insists on its one spelling: what reads the same must be the same bytes (REC-2).
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DocumentError> {
        Ok(file::read(bytes, DOCUMENT_LENGTH_MAX)?)
    }

    /// Checks every digest, signature and path in the file, offline (PRF-3), trusting the network's first
    /// committee.
    ///
    /// Whether panel, verdict and pay follow the rules is checked by the rules themselves, in
    /// `protocol::replay`.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn verify(&self, expected: Option<&NetworkId>) -> Result<Verified, DocumentError> {
        let network = self.network.id();
        if let Some(expected) = expected
            && *expected != network
        {
            return Err(DocumentError::Network {
                expected: *expected,
                found: network,
            });
        }
        self.verify_from(&self.network.electorate())
    }

    /// The same, trusting a committee that is known otherwise: of the proof's term, or of an earlier one
    /// from which the file's own hand-overs go on.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn verify_from(&self, known: &Electorate) -> Result<Verified, DocumentError> {
        let network = self.network.id();
        if known.network != network {
            return Err(DocumentError::Network {
                expected: known.network,
                found: network,
            });
        }
        let receipt = &self.receipt;
        let consistent = [
            (
                "the receipt is of another network",
                receipt.network == network,
            ),
            (
                "the signature is on another receipt",
                receipt.root(&self.salt) == self.signed.body,
            ),
            (
                "the request is not the one in the terms",
                self.request.digest(&self.salt.field("request")) == receipt.terms.request,
            ),
            (
                "the voucher is for other terms",
                receipt.voucher.body.terms == receipt.terms.digest(),
            ),
            (
                "the answer is not the one that was delivered",
                Digest::of(self.answer.as_bytes()) == receipt.response,
            ),
            (
                "a passage that was shown does not stand under the root it names",
                self.shared.iter().all(|shared| shared.evidence.holds()),
            ),
            (
                "the hand-overs do not lead to the term of the proof",
                self.leads_to_proof(),
            ),
        ];
        if let Some((problem, _)) = consistent.iter().find(|(_, holds)| !holds) {
            return Err(DocumentError::Contradiction(problem));
        }
        self.signatures(&network)?;
        let finality = match &self.proof {
            None => Finality::Signed,
            Some(proof) => {
                let electorate = self.succession.follow(known, proof.header.term)?;
                proof.verify(&electorate, receipt, &self.signed.body)?;
                Finality::Final {
                    height: proof.header.height,
                }
            }
        };
        Ok(Verified {
            network,
            receipt: receipt.contract(),
            finality,
        })
    }

    /// Whether the file has no hand-overs past those that its proof needs.
    fn leads_to_proof(&self) -> bool {
        self.succession.hand_overs().last().is_none_or(|last| {
            let proven = self.proof.as_ref().map(|proof| proof.header.term);
            proven.is_some() && last.header.term.next() == proven
        })
    }

    fn signatures(&self, network: &NetworkId) -> Result<(), BadSignature> {
        let receipt = &self.receipt;
        let coordinator = &receipt.coordinator;
        self.signed.verify(network, coordinator)?;
        receipt.voucher.verify(network, &receipt.requester)?;
        for close in &receipt.closes {
            close.verify(network, coordinator)?;
        }
        for seat in &receipt.seats {
            let node = &seat.assign.body.seat;
            seat.assign.verify(network, coordinator)?;
            seat.reply.verify(network, node)?;
            if let Some(part) = &seat.part {
                part.verify(network, node)?;
            }
        }
        for skip in &receipt.skips {
            skip.assign.verify(network, coordinator)?;
            if let Some(reply) = &skip.reply {
                reply.verify(network, &skip.assign.body.seat)?;
            }
        }
        Ok(())
    }
}
