//! `POST /v1/chat/completions`: a question in, an answer with its account out, at once or as a stream.

pub(crate) mod ask;
mod shape;

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};

use crate::{answer, error::ApiError, gateway::Gateway, limits::Call};

pub(crate) async fn completions(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    request: Request,
) -> Result<Response, ApiError> {
    answer::answer(&gateway, &call, request, ask::read).await
}
