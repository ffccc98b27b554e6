//! Disputes: proofs of fault, filings, challenges and their answers (DIS).

use llmnet_types::{
    dispute::{Answer, Challenge, FaultProof, Filing},
    id::NetworkId,
    rejection::Rejection,
    signature::PublicKey,
    units::{Epoch, Slot},
};

use crate::work::Work;

pub(crate) fn fault(
    _work: &mut Work<'_>,
    _network: &NetworkId,
    _proof: &FaultProof,
) -> Result<(), Rejection> {
    Err(Rejection::NoFault)
}

pub(crate) fn file(
    _work: &mut Work<'_>,
    _network: &NetworkId,
    _signer: &PublicKey,
    _filing: &Filing,
) -> Result<(), Rejection> {
    Err(Rejection::NoFault)
}

pub(crate) fn challenge(
    _work: &mut Work<'_>,
    _signer: &PublicKey,
    _challenge: &Challenge,
) -> Result<(), Rejection> {
    Err(Rejection::NoFault)
}

pub(crate) fn answer(
    _work: &mut Work<'_>,
    _network: &NetworkId,
    _signer: &PublicKey,
    _answer: &Answer,
) -> Result<(), Rejection> {
    Err(Rejection::NoFault)
}

/// Ends a challenge: unanswered, it is punished (DIS-6).
pub(crate) fn end(_work: &mut Work<'_>, _coordinator: &PublicKey, _slot: Slot) {}

/// Forgets claims about an epoch (WIN-1).
pub(crate) fn forget(_work: &mut Work<'_>, _coordinator: &PublicKey, _epoch: Epoch) {}
