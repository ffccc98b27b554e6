//! The engine's certificates in the form that `types` checks without the engine.

use commonware_consensus::simplex::{scheme::ed25519::Scheme, types::Finalization};
use commonware_cryptography::sha256;
use llmnet_types::{certificate::FinalityCertificate, codec::List, signature::Signature};

/// Translates; none if the engine's certificate has a signature that is no signature, which one that
/// was verified never has.
pub(crate) fn certificate(
    finalization: &Finalization<Scheme, sha256::Digest>,
) -> Option<FinalityCertificate> {
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
    })
}

#[cfg(test)]
mod tests;
