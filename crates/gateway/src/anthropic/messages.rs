//! `POST /v1/messages`: a question in, an answer with its account out, at once or as a stream; and
//! `POST /v1/messages/count_tokens`: how long a question is.

pub(crate) mod ask;
mod shape;

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};
use llmnet_types::registration::Tokenizer;
use serde::Serialize;

use crate::{
    answer,
    error::ApiError,
    gateway::Gateway,
    json,
    limits::{self, Call},
};

pub(crate) async fn create(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    request: Request,
) -> Result<Response, ApiError> {
    answer::answer(&gateway, &call, request, ask::read).await
}

/// As the network counts and bills it, for each seat that reads it; what seats read besides (passages, their
/// peers' answers) is not known before.
pub(crate) async fn count_tokens(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    request: Request,
) -> Result<Response, ApiError> {
    let body = request.into_body();
    let bytes = call.wait(limits::read(body, &gateway.config)).await?;
    let request = ask::read_to_count(&bytes)?;
    let tokens = request
        .read()
        .map(|text| u64::from(Tokenizer::Bytes4.count(text).0));
    Ok(json::object(&Count {
        input_tokens: tokens.sum(),
    }))
}

#[derive(Serialize)]
struct Count {
    input_tokens: u64,
}
