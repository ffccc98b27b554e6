//! What the gateway's requester agrees to, by strategy.

use llmnet_types::{
    contract::{Caps, Criteria, Durations, Filters, PaySplit, Strategy, Terms},
    id::Salt,
    registration::Assurance,
    request::Request,
    units::{Amount, Score, Tokens},
};

/// Terms for a request: three seats and one round of debate, unless its strategy says otherwise.
///
/// `patient` is for panels with models on them, which are slower than a lookup in documents.
pub(super) fn terms(request: &Request, salt: &Salt, policy: u16, patient: bool) -> Terms {
    let output = request.output_tokens_max.unwrap_or(Tokens(2_000));
    let (quorum, grace_ms) = if patient { (2, 20_000) } else { (1, 1_500) };
    Terms {
        request: request.digest(&salt.field("request")),
        domain: request.domain.clone(),
        filters: Filters::default(),
        strategy: request.strategy,
        seats: if request.strategy == Strategy::Single {
            1
        } else {
            3
        },
        quorum: if request.strategy == Strategy::Single {
            1
        } else {
            quorum
        },
        rounds: u8::from(!matches!(
            request.strategy,
            Strategy::Single | Strategy::Vote
        )),
        durations: Durations {
            offer_ms: 1_000,
            accept_ms: 3_000,
            answer_ms: 60_000,
            grace_ms,
            open_ms: 3_000,
            round_ms: 60_000,
            ballot_ms: 60_000,
        },
        caps: Caps {
            input_tokens: Tokens(100_000),
            output_tokens: Tokens(output.0.clamp(1, 6_000)),
            seat_charge: Amount(100_000),
        },
        split: PaySplit {
            base: Score::clamped(4_000),
            coordinator: Score::clamped(1_000),
        },
        criteria: Criteria {
            seats: 1,
            agreement: Score::ZERO,
            assurance: Assurance::Declared,
        },
        policy,
    }
}
