//! `POST /v1/responses`: a question in, an answer with its account out, at once or as a stream.
//!
//! Nothing is stored: `previous_response_id`, `conversation` and `background` are refused, and `store` is
//! always false in what is answered.

pub(crate) mod ask;
mod events;
mod shape;

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};

use crate::{answer, error::ApiError, gateway::Gateway, limits::Call};

pub(crate) async fn create(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    request: Request,
) -> Result<Response, ApiError> {
    answer::answer(&gateway, &call, request, ask::read).await
}
