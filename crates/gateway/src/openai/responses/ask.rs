//! From the body of a response to a request.

use llmnet_types::{
    codec::List,
    request::{ChatMessage, MESSAGES_MAX, Role},
};
use serde_json::{Map, Value};

use crate::{
    answer::Ask,
    conversation::{self, Ours, Settings, Turns, turns},
    error::ApiError,
    fields::{Fields, invalid, read_json, shown, unsupported, wrong_type},
    openai::responses::{events::Responses, shape::Echo},
};

/// What a body looks like.
const EXAMPLE: &str = r#"{"model": "llmnet/auto", "input": "…"}"#;
/// The most pairs of metadata, and the most characters of their names and values, as OpenAI has it.
const METADATA_MAX: usize = 16;
const METADATA_NAME_MAX: usize = 64;
const METADATA_VALUE_MAX: usize = 512;

/// Reads a body.
pub(crate) fn read(bytes: &[u8]) -> Result<Ask, ApiError> {
    let value = read_json(bytes, EXAMPLE)?;
    let fields = Fields::of("", &value)?;
    let model = conversation::model(&fields)?;
    let ours = Ours::read(&fields, &model)?;
    refuse_unsupported(&fields)?;
    let messages = messages(&fields)?;
    let tokens_max = conversation::output_tokens_max(&fields, &["max_output_tokens"])?;
    let settings = settings(&fields)?;
    let echo = Echo {
        instructions: fields.text("instructions")?.map(str::to_owned),
        max_output_tokens: tokens_max.map(|tokens| tokens.0),
        metadata: metadata(&fields)?,
        reasoning_effort: match fields.object("reasoning")? {
            Some(reasoning) => reasoning.text("effort")?.map(str::to_owned),
            None => None,
        },
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
    };
    Ok(Ask {
        request: conversation::request("input", messages, &model, &ours, tokens_max, settings)?,
        model,
        stream: fields.flag("stream")?.unwrap_or(false),
        ours,
        voice: Box::new(Responses::new(echo)),
    })
}

/// What we cannot do is refused rather than left out, where the answer would mean something else.
fn refuse_unsupported(fields: &Fields<'_>) -> Result<(), ApiError> {
    for name in ["previous_response_id", "conversation"] {
        if fields.get(name).is_some() {
            let message = format!(
                "answers are not stored here: leave '{name}' out and send the whole conversation in 'input'"
            );
            return Err(unsupported(name, message));
        }
    }
    if fields.flag("store")?.unwrap_or(false) {
        let message = "answers are not stored here: leave 'store' out or say false; receipts are kept, by \
                       llmnet.receipt_id";
        return Err(unsupported("store", message));
    }
    if fields.flag("background")?.unwrap_or(false) {
        let message = "nothing is answered in the background: leave 'background' out";
        return Err(unsupported("background", message));
    }
    if fields.get("prompt").is_some() {
        let message = "prompts are not stored here: leave 'prompt' out and write it into 'input'";
        return Err(unsupported("prompt", message));
    }
    conversation::no_tools(fields, &["tools"])?;
    if let Some(text) = fields.object("text")? {
        conversation::text_only(&text, "format")?;
    }
    if fields.whole("top_logprobs")?.unwrap_or(0) > 0 {
        let message = "a panel's answer has no log probabilities: leave 'top_logprobs' out";
        return Err(unsupported("top_logprobs", message));
    }
    Ok(())
}

fn messages(fields: &Fields<'_>) -> Result<List<ChatMessage, MESSAGES_MAX>, ApiError> {
    let mut turns = Turns::new("input");
    if let Some(instructions) = fields.text("instructions")? {
        turns.preface("instructions", instructions.to_owned())?;
    }
    match fields.required("input")? {
        Value::String(question) => {
            let at = "input".to_owned();
            turns.push(Role::User, at.clone(), at, question.clone())?;
        }
        Value::Array(values) => {
            for (place, value) in turns.listed(values)?.iter().enumerate() {
                let at = format!("input[{place}]");
                let fields = Fields::of(at.as_str(), value)?;
                if let Some((role, text)) = item(&fields)? {
                    turns.push(role, at, fields.path("content"), text)?;
                }
            }
        }
        other => return Err(wrong_type("input", "a string or an array", other)),
    }
    turns.ended()
}

/// An item of the input; `None` is one that is no part of what was said.
fn item(fields: &Fields<'_>) -> Result<Option<(Role, String)>, ApiError> {
    match fields.text("type")?.unwrap_or("message") {
        "message" => {}
        // What another model thought before it said something.
        "reasoning" => return Ok(None),
        "item_reference" => {
            let message = "answers are not stored here: send the item itself";
            return Err(unsupported(fields.path("type"), message));
        }
        other => {
            let message = format!(
                "panels take messages and call no tools: leave items of type {} out",
                shown(other)
            );
            return Err(unsupported(fields.path("type"), message));
        }
    }
    fields.required("role")?;
    let role = match fields.text("role")?.unwrap_or_default() {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        other => return Err(turns::no_role(fields, other, "system, user or assistant")),
    };
    let content = fields.required("content")?;
    let text = turns::text(&fields.path("content"), content, |part, kind| match kind {
        "input_text" | "output_text" | "text" => turns::part(part, "text"),
        "refusal" => turns::part(part, "refusal"),
        other => Err(turns::no_text(part, other)),
    })?;
    Ok(Some((role, text)))
}

fn settings(fields: &Fields<'_>) -> Result<Settings, ApiError> {
    let mut settings = Settings::default();
    settings.number(fields, "temperature", 0.0, 2.0)?;
    settings.number(fields, "top_p", 0.0, 1.0)?;
    if let Some(reasoning) = fields.object("reasoning")? {
        settings.words(&reasoning, "effort", "reasoning_effort")?;
    }
    Ok(settings)
}

/// What a client noted about its request; told back to it and to nobody else.
fn metadata(fields: &Fields<'_>) -> Result<Map<String, Value>, ApiError> {
    let Some(value) = fields.get("metadata") else {
        return Ok(Map::new());
    };
    let Value::Object(pairs) = value else {
        return Err(wrong_type("metadata", "an object", value));
    };
    let fits = |(name, value): (&String, &Value)| {
        let value = value.as_str();
        name.chars().count() <= METADATA_NAME_MAX
            && value.is_some_and(|value| value.chars().count() <= METADATA_VALUE_MAX)
    };
    if pairs.len() > METADATA_MAX || !pairs.iter().all(fits) {
        let message = format!(
            "'metadata' must have at most {METADATA_MAX} names of at most {METADATA_NAME_MAX} characters, \
             with text of at most {METADATA_VALUE_MAX}"
        );
        return Err(invalid("metadata", message));
    }
    Ok(pairs.clone())
}
