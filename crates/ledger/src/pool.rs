//! The pool: what fees bring in goes to validators and auditors (POL).

use llmnet_types::signature::PublicKey;

use crate::work::Work;

/// Counts a block for its leader (POL-2).
pub(crate) fn count(_work: &mut Work<'_>, _leader: &PublicKey) {}

/// Pays out what the epoch before brought in (POL-1).
pub(crate) fn pay(_work: &mut Work<'_>) {}
