//! From the body of a chat completion to a [`Request`].

use llmnet_types::{
    codec::{List, Text, encode},
    request::{
        ChatMessage, MESSAGE_LENGTH_MAX, MESSAGES_MAX, REQUEST_LENGTH_MAX, Request, Role, Setting,
    },
    units::Tokens,
};
use serde_json::Value;

use crate::openai::{
    error::ApiError,
    fields::{Fields, invalid, read_json, unsupported, wrong_type},
    models::ModelName,
};

/// Settings passed to models as they come, sorted by name.
const SETTINGS: [&str; 7] = [
    "frequency_penalty",
    "presence_penalty",
    "reasoning_effort",
    "seed",
    "stop",
    "temperature",
    "top_p",
];

/// What a body looks like.
const EXAMPLE: &str = r#"{"model": "llmnet/auto", "messages": [{"role": "user", "content": "…"}]}"#;

/// What a client asks for.
pub(crate) struct Ask {
    pub(crate) model: ModelName,
    pub(crate) request: Request,
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
    /// Whether the stream is to tell of progress; the operator's choice where unsaid.
    pub(crate) progress: Option<bool>,
}

/// Reads a body.
pub(crate) fn parse(bytes: &[u8]) -> Result<Ask, ApiError> {
    let value = read_json(bytes, EXAMPLE)?;
    let fields = Fields::of("", &value)?;
    let model = match fields.required("model")? {
        Value::String(name) => ModelName::parse(name)?,
        other => return Err(wrong_type("model", "a string", other)),
    };
    refuse_unsupported(&fields)?;
    let messages = messages(&fields)?;
    let stream_options = fields.object("stream_options")?;
    let include_usage = match stream_options {
        Some(options) => options.flag("include_usage")?.unwrap_or(false),
        None => false,
    };
    let progress = match fields.object("llmnet")? {
        Some(ours) => ours.flag("progress")?,
        None => None,
    };
    let request = Request {
        messages,
        strategy: model.strategy(),
        domain: model.domain().cloned(),
        output_tokens_max: output_tokens_max(&fields)?,
        settings: settings(&fields)?,
    };
    let length = encode(&request).len();
    if length > REQUEST_LENGTH_MAX {
        return Err(too_long("messages", length, REQUEST_LENGTH_MAX));
    }
    Ok(Ask {
        model,
        request,
        stream: fields.flag("stream")?.unwrap_or(false),
        include_usage,
        progress,
    })
}

/// What we cannot do is refused rather than left out, where the answer would mean something else.
fn refuse_unsupported(fields: &Fields<'_>) -> Result<(), ApiError> {
    match fields.whole("n")? {
        None | Some(1) => {}
        Some(0) => return Err(invalid("n", "'n' must be 1")),
        Some(_) => {
            let message = "a panel gives one answer: leave 'n' out and ask several times";
            return Err(unsupported("n", message));
        }
    }
    for name in ["tools", "functions"] {
        if fields.array(name)?.is_some_and(|tools| !tools.is_empty()) {
            let message = format!("panels call no tools: leave '{name}' out");
            return Err(unsupported(name, message));
        }
    }
    if let Some(format) = fields.object("response_format")? {
        let kind = format.text("type")?.unwrap_or("text");
        if kind != "text" {
            let message =
                format!("answers are text, {kind:?} is not offered: leave 'response_format' out");
            return Err(unsupported("response_format", message));
        }
    }
    let modalities = fields.array("modalities")?;
    let other = |modality: &Value| modality.as_str() != Some("text");
    if modalities.is_some_and(|modalities| modalities.iter().any(other)) {
        let message = "answers are text: leave 'modalities' out";
        return Err(unsupported("modalities", message));
    }
    if fields.get("audio").is_some() {
        return Err(unsupported("audio", "answers are text: leave 'audio' out"));
    }
    if fields.flag("logprobs")?.unwrap_or(false) {
        let message = "a panel's answer has no log probabilities: leave 'logprobs' out";
        return Err(unsupported("logprobs", message));
    }
    Ok(())
}

fn messages(fields: &Fields<'_>) -> Result<List<ChatMessage, MESSAGES_MAX>, ApiError> {
    let Value::Array(values) = fields.required("messages")? else {
        return Err(wrong_type(
            "messages",
            "an array",
            fields.required("messages")?,
        ));
    };
    if values.is_empty() {
        let message = r#"'messages' is empty; add one such as {"role": "user", "content": "…"}"#;
        return Err(invalid("messages", message));
    }
    if values.len() > MESSAGES_MAX {
        let message = format!(
            "'messages' has {} messages where at most {MESSAGES_MAX} are allowed; drop older ones",
            values.len()
        );
        return Err(ApiError::bad_request("context_length_exceeded", message).at("messages"));
    }
    let mut messages = List::new();
    for (place, value) in values.iter().enumerate() {
        let fields = Fields::of(format!("messages[{place}]"), value)?;
        // There is room: the length was checked above.
        let _ = messages.push(message(&fields)?);
    }
    let place = values.len() - 1;
    let last = &messages[place];
    if last.role != Role::User {
        let message = "the last message must be the user's question";
        return Err(invalid(format!("messages[{place}].role"), message));
    }
    if last.content.trim().is_empty() {
        let message = "the question is empty; write one";
        return Err(invalid(format!("messages[{place}].content"), message));
    }
    Ok(messages)
}

fn message(fields: &Fields<'_>) -> Result<ChatMessage, ApiError> {
    fields.required("role")?;
    let role = match fields.text("role")?.unwrap_or_default() {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" | "function" => {
            let message = "panels call no tools: leave messages of tools out";
            return Err(unsupported(fields.path("role"), message));
        }
        other => {
            let shown: String = other.chars().take(32).collect();
            let message = format!("{shown:?} is not a role: use system, user or assistant");
            return Err(invalid(fields.path("role"), message));
        }
    };
    if fields
        .array("tool_calls")?
        .is_some_and(|calls| !calls.is_empty())
    {
        let message = "panels call no tools: leave messages that call them out";
        return Err(unsupported(fields.path("tool_calls"), message));
    }
    let path = fields.path("content");
    let text = match fields.get("content") {
        // An assistant's turn may have been a refusal or a call.
        None if role == Role::Assistant => String::new(),
        None => {
            fields.required("content")?;
            String::new()
        }
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts_text(&path, parts)?,
        Some(other) => {
            return Err(wrong_type(
                &path,
                "a string or an array of text parts",
                other,
            ));
        }
    };
    let content =
        Text::new(text).map_err(|error| too_long(&path, error.found, MESSAGE_LENGTH_MAX))?;
    Ok(ChatMessage { role, content })
}

/// Text parts, one after the other on lines of their own.
fn parts_text(path: &str, parts: &[Value]) -> Result<String, ApiError> {
    let mut texts = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        let fields = Fields::of(format!("{path}[{place}]"), part)?;
        let kind = fields.text("type")?.unwrap_or("text");
        if kind != "text" {
            let shown: String = kind.chars().take(32).collect();
            let message = format!("panels read text only: leave parts of type {shown:?} out");
            return Err(unsupported(fields.path("type"), message));
        }
        fields.required("text")?;
        texts.push(fields.text("text")?.unwrap_or_default());
    }
    Ok(texts.join("\n"))
}

fn too_long(path: &str, found: usize, limit: usize) -> ApiError {
    let message =
        format!("'{path}' has {found} bytes where at most {limit} are allowed; shorten it");
    ApiError::bad_request("context_length_exceeded", message).at(path)
}

fn output_tokens_max(fields: &Fields<'_>) -> Result<Option<Tokens>, ApiError> {
    // The newer name wins where both are given.
    for name in ["max_completion_tokens", "max_tokens"] {
        if let Some(tokens) = fields.whole(name)? {
            if tokens == 0 {
                return Err(invalid(name, format!("'{name}' must be 1 or more")));
            }
            return Ok(Some(Tokens(u32::try_from(tokens).unwrap_or(u32::MAX))));
        }
    }
    Ok(None)
}

fn settings(fields: &Fields<'_>) -> Result<List<Setting, 16>, ApiError> {
    for (name, low, high) in [
        ("temperature", 0.0, 2.0),
        ("top_p", 0.0, 1.0),
        ("frequency_penalty", -2.0, 2.0),
        ("presence_penalty", -2.0, 2.0),
    ] {
        if let Some(number) = fields.number(name)?
            && !(low..=high).contains(&number)
        {
            let message = format!("'{name}' must be from {low} to {high}, found {number}");
            return Err(invalid(name, message));
        }
    }
    fields.text("reasoning_effort")?;
    if let Some(seed) = fields.get("seed")
        && !(seed.is_i64() || seed.is_u64())
    {
        return Err(wrong_type("seed", "a whole number", seed));
    }
    match fields.get("stop") {
        None | Some(Value::String(_)) => {}
        Some(Value::Array(stops)) if stops.len() <= 4 && stops.iter().all(Value::is_string) => {}
        Some(other) => return Err(wrong_type("stop", "a string or up to 4 strings", other)),
    }

    let mut settings = List::new();
    for name in SETTINGS {
        let Some(value) = fields.get(name) else {
            continue;
        };
        let value = Text::new(value.to_string())
            .map_err(|error| too_long(name, error.found, error.limit))?;
        // There is room: fewer settings are known than fit.
        let _ = settings.push(Setting {
            name: Text::truncated(name),
            value,
        });
    }
    Ok(settings)
}
