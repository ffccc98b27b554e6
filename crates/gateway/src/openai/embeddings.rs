//! `POST /v1/embeddings`: there is no model for it on this network, and that is said as OpenAI says it of any
//! model that is not there.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};

use crate::{
    error::ApiError,
    fields::{Fields, read_json, shown, wrong_type},
    gateway::Gateway,
    limits::{self, Call},
};

/// What a body looks like.
const EXAMPLE: &str = r#"{"model": "…", "input": "…"}"#;

pub(crate) async fn create(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    request: Request,
) -> Result<Response, ApiError> {
    let body = request.into_body();
    let bytes = call.wait(limits::read(body, &gateway.config)).await?;
    let value = read_json(&bytes, EXAMPLE)?;
    let fields = Fields::of("", &value)?;
    let Some(model) = fields.required("model")?.as_str() else {
        return Err(wrong_type("model", "a string", fields.required("model")?));
    };
    fields.required("input")?;
    let message = format!(
        "there is no model {} for embeddings: the models of this network answer questions, at \
         /v1/chat/completions, /v1/responses and /v1/messages; ask a server of embeddings for vectors",
        shown(model)
    );
    Err(ApiError::new(StatusCode::NOT_FOUND, "model_not_found", message).at("model"))
}
