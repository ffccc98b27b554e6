//! The ledger's refusals as HTTP's.

use std::time::Duration;

use axum::http::StatusCode;
use llmnet_types::rejection::Rejection;

use crate::{
    error::ApiError, fields::invalid, gateway::Gateway, limits::Call, port::ledger::LedgerError,
};

/// Turns refusals into responses; `param` names what was asked about, where that is at fault.
pub(super) fn refused(
    param: &'static str,
    call: &Call,
    gateway: &Gateway,
) -> impl Fn(LedgerError) -> ApiError + use<> {
    let id = call.id.clone();
    let retry_after = gateway.config.retry_after;
    move |error| refusal(error, param, &id, retry_after)
}

fn refusal(error: LedgerError, param: &str, call_id: &str, retry_after: Duration) -> ApiError {
    let not_found =
        |code, message: String| ApiError::new(StatusCode::NOT_FOUND, code, message).at(param);
    match error {
        LedgerError::Pruned { kept_from } => ApiError::new(
            StatusCode::GONE,
            "pruned",
            format!(
                "this node keeps blocks from {kept_from} on; ask for that one, or ask a node that \
                 keeps everything"
            ),
        )
        .at(param)
        .kept_from(kept_from),
        LedgerError::NotReached { newest } => not_found(
            "height_not_reached",
            format!("the newest final block is {newest}; ask for that one or wait"),
        ),
        LedgerError::Unrecorded { height } => ApiError::new(
            StatusCode::GONE,
            "unrecorded",
            format!(
                "this node has block {height} and no record of what it did; ask another, or \
                 execute the block yourself"
            ),
        )
        .at(param),
        LedgerError::Forgotten { oldest } => ApiError::new(
            StatusCode::GONE,
            "forgotten",
            format!(
                "the ledger remembers reputations from height {oldest} on; those before can be \
                 recomputed from the blocks: llmnet reputation --recompute --at HEIGHT"
            ),
        )
        .at(param),
        LedgerError::UnknownDomain(domain) => not_found(
            "domain_not_found",
            format!("nobody ever registered in the domain {domain}; see GET /v1/experts"),
        )
        .at("domain"),
        LedgerError::UnknownProvider => not_found(
            "provider_not_found",
            "there is no such provider; see GET /v1/ledger/providers".to_owned(),
        ),
        LedgerError::NoKey { place } => invalid(
            format!("keys[{place}]"),
            format!("'keys[{place}]' is no key of the ledger in its canonical encoding"),
        ),
        LedgerError::NotSettled { next } => not_found(
            "not_settled",
            format!("this coordinator's next slot to be settled is {next}; ask again later"),
        ),
        LedgerError::Rejected(rejection) => rejected(rejection),
        LedgerError::NonceTaken { nonce } => ApiError::new(
            StatusCode::CONFLICT,
            "nonce_taken",
            format!(
                "another transaction of this signer waits with nonce {nonce}; use the next one, \
                 or wait for its outcome"
            ),
        ),
        LedgerError::SignerFull { limit } => ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "signer_full",
            format!("{limit} transactions of this signer wait, which is all it may; try again"),
        )
        .retry_after(retry_after),
        LedgerError::Full => ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "mempool_full",
            "as many transactions wait as there may; try again shortly",
        )
        .retry_after(retry_after),
        LedgerError::NotReady {
            message,
            retry_after,
        } => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", message)
            .retry_after(retry_after),
        LedgerError::Internal { detail } => ApiError::internal(&detail, call_id),
    }
}

/// A transaction that could never be in a block. The rejection itself, with its stable code, stands
/// under `llmnet.rejection` as it stands in outcomes.
fn rejected(rejection: Rejection) -> ApiError {
    let status = match &rejection {
        Rejection::Balance { .. } => StatusCode::PAYMENT_REQUIRED,
        Rejection::Nonce { .. } => StatusCode::CONFLICT,
        Rejection::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    ApiError::new(status, "transaction_rejected", rejection.to_string()).rejection(rejection)
}
