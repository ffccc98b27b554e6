//! Audits: questions with known answers, committed before they are asked (AUD).

use llmnet_types::{
    audit::AuditOpening,
    id::{Digest, DomainId, NetworkId, ProviderId},
    rejection::Rejection,
    signature::PublicKey,
    units::Epoch,
};

use crate::work::Work;

pub(crate) fn commit(
    _work: &mut Work<'_>,
    _signer: &PublicKey,
    _root: Digest,
    _items: u16,
) -> Result<(), Rejection> {
    Err(Rejection::NoFault)
}

pub(crate) fn open(
    _work: &mut Work<'_>,
    _network: &NetworkId,
    _signer: &PublicKey,
    _opening: &AuditOpening,
) -> Result<(), Rejection> {
    Err(Rejection::NoFault)
}

/// Counts a root whose items are all open; any other costs its auditor's bond (AUD-3).
pub(crate) fn close(_work: &mut Work<'_>, _auditor: &PublicKey, _epoch: Epoch) {}

/// Merges what all auditors found about a provider in a domain (AUD-4).
pub(crate) fn merge(_work: &mut Work<'_>, _provider: ProviderId, _domain: DomainId) {}
