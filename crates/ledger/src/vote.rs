//! Votes of validators for other parameters (VOT).

use llmnet_types::{params::Params, rejection::Rejection, signature::PublicKey};

use crate::work::Work;

pub(crate) fn vote(
    _work: &mut Work<'_>,
    _signer: &PublicKey,
    _params: &Params,
) -> Result<(), Rejection> {
    Err(Rejection::NoFault)
}

/// Puts decided parameters in force at an epoch's first block, and forgets votes that lapsed (VOT-1).
pub(crate) fn enact(_work: &mut Work<'_>) {}
