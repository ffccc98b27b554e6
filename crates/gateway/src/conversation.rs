//! What a conversation is, in whichever dialect it came.
//!
//! ```text
//! openai/chat, openai/responses, anthropic/messages     a body's fields, by their own names
//!        |  turns, settings, a model's name
//!        v
//! conversation      bounds, the question at the end     --> types::Request
//! ```
//!
//! Dialects differ in names and nesting; what may be asked is the same in all. Complaints name the field as the
//! client spelled it.

pub(crate) mod alone;
mod model;
mod ours;
mod panel;
mod settings;
pub(crate) mod turns;

pub(crate) use model::{ModelName, not_found};
pub(crate) use ours::Ours;
pub(crate) use settings::Settings;
pub(crate) use turns::{Turns, too_long};

use llmnet_types::{
    codec::{List, encode},
    request::{ChatMessage, MESSAGES_MAX, REQUEST_LENGTH_MAX, Request},
    units::Tokens,
};

use crate::{
    error::ApiError,
    fields::{Fields, invalid, wrong_type},
};

/// The model that a body names.
pub(crate) fn model(fields: &Fields<'_>) -> Result<ModelName, ApiError> {
    match fields.required("model")? {
        serde_json::Value::String(name) => ModelName::parse(name),
        other => Err(wrong_type("model", "a string", other)),
    }
}

/// The most tokens of an answer, by the first of these names that is there.
pub(crate) fn output_tokens_max(
    fields: &Fields<'_>,
    names: &[&str],
) -> Result<Option<Tokens>, ApiError> {
    for name in names {
        if let Some(tokens) = fields.whole(name)? {
            if tokens == 0 {
                return Err(invalid(*name, format!("'{name}' must be 1 or more")));
            }
            return Ok(Some(Tokens(u32::try_from(tokens).unwrap_or(u32::MAX))));
        }
    }
    Ok(None)
}

/// A request of all its parts, if it is not too long as a whole.
pub(crate) fn request(
    field: &str,
    messages: List<ChatMessage, MESSAGES_MAX>,
    model: &ModelName,
    ours: &Ours,
    output_tokens_max: Option<Tokens>,
    settings: Settings,
) -> Result<Request, ApiError> {
    let request = Request {
        messages,
        strategy: model.strategy(),
        domain: model.domain().or(ours.domain.as_ref()).cloned(),
        output_tokens_max,
        settings: settings.list(),
    };
    let length = encode(&request).len();
    if length > REQUEST_LENGTH_MAX {
        return Err(too_long(field, length, REQUEST_LENGTH_MAX));
    }
    Ok(request)
}
