//! The engine's certificates in the form that `types` checks without the engine.

use commonware_consensus::simplex::{scheme::ed25519::Scheme, types::Finalization};
use commonware_cryptography::sha256;
use llmnet_types::{
    block::Header,
    certificate::{Again, FinalityCertificate},
    codec::List,
    signature::Signature,
};

/// Translates what made this header final; none if the engine's certificate has a signature that is no
/// signature, which one that was verified never has.
pub(crate) fn certificate(
    finalization: &Finalization<Scheme, sha256::Digest>,
    header: &Header,
) -> Option<FinalityCertificate> {
    let proposal = &finalization.proposal;
    let round = Again {
        view: proposal.round.view().get(),
        parent_view: proposal.parent.get(),
    };
    let own = Again {
        view: header.view,
        parent_view: header.parent_view,
    };
    let certificate = &finalization.certificate;
    let signers: Option<Vec<u8>> = certificate
        .signers
        .iter()
        .map(|signer| u8::try_from(signer.get()).ok())
        .collect();
    let signatures: Option<Vec<Signature>> = certificate
        .signatures
        .iter()
        .map(|signature| {
            let bytes: &[u8] = signature.get()?.as_ref();
            bytes.try_into().ok().map(Signature)
        })
        .collect();
    Some(FinalityCertificate {
        signers: List::from_vec(signers?).ok()?,
        signatures: List::from_vec(signatures?).ok()?,
        again: (round != own).then_some(round),
    })
}

#[cfg(test)]
mod tests;
