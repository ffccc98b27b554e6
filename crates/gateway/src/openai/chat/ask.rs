//! From the body of a chat completion to a request.

use llmnet_types::{
    codec::List,
    request::{ChatMessage, MESSAGES_MAX, Role},
};
use serde_json::Value;

use crate::{
    answer::Ask,
    conversation::{self, Ours, Settings, Turns, turns},
    error::ApiError,
    fields::{Fields, invalid, read_json, unsupported, wrong_type},
    openai::chat::shape::Chat,
};

/// What a body looks like.
const EXAMPLE: &str = r#"{"model": "llmnet/auto", "messages": [{"role": "user", "content": "…"}]}"#;

/// Reads a body.
pub(crate) fn read(bytes: &[u8]) -> Result<Ask, ApiError> {
    let value = read_json(bytes, EXAMPLE)?;
    let fields = Fields::of("", &value)?;
    let model = conversation::model(&fields)?;
    refuse_unsupported(&fields)?;
    let messages = messages(&fields)?;
    let include_usage = match fields.object("stream_options")? {
        Some(options) => options.flag("include_usage")?.unwrap_or(false),
        None => false,
    };
    let ours = Ours::read(&fields, &model)?;
    // The newer name wins where both are given.
    let names = ["max_completion_tokens", "max_tokens"];
    let tokens_max = conversation::output_tokens_max(&fields, &names)?;
    let settings = settings(&fields)?;
    Ok(Ask {
        request: conversation::request("messages", messages, &model, &ours, tokens_max, settings)?,
        model,
        stream: fields.flag("stream")?.unwrap_or(false),
        ours,
        voice: Box::new(Chat { include_usage }),
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
    conversation::no_tools(fields, &["tools", "functions"])?;
    conversation::text_only(fields, "response_format")?;
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
    let values = match fields.required("messages")? {
        Value::Array(values) => values,
        other => return Err(wrong_type("messages", "an array", other)),
    };
    let mut turns = Turns::new("messages");
    for (place, value) in turns.listed(values)?.iter().enumerate() {
        let at = format!("messages[{place}]");
        let fields = Fields::of(at.as_str(), value)?;
        let (role, text) = message(&fields)?;
        turns.push(role, at, fields.path("content"), text)?;
    }
    turns.ended()
}

fn message(fields: &Fields<'_>) -> Result<(Role, String), ApiError> {
    fields.required("role")?;
    let role = match fields.text("role")?.unwrap_or_default() {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" | "function" => {
            let message = "panels call no tools: leave messages of tools out";
            return Err(unsupported(fields.path("role"), message));
        }
        other => return Err(turns::no_role(fields, other, "system, user or assistant")),
    };
    if fields
        .array("tool_calls")?
        .is_some_and(|calls| !calls.is_empty())
    {
        let message = "panels call no tools: leave messages that call them out";
        return Err(unsupported(fields.path("tool_calls"), message));
    }
    let content = match fields.get("content") {
        // An assistant's turn may have been a refusal or a call.
        None if role == Role::Assistant => return Ok((role, String::new())),
        None => fields.required("content")?,
        Some(content) => content,
    };
    let text = turns::text(&fields.path("content"), content, |part, kind| match kind {
        "text" => turns::part(part, "text"),
        other => Err(turns::no_text(part, other)),
    })?;
    Ok((role, text))
}

fn settings(fields: &Fields<'_>) -> Result<Settings, ApiError> {
    let mut settings = Settings::default();
    settings.number(fields, "temperature", 0.0, 2.0)?;
    settings.number(fields, "top_p", 0.0, 1.0)?;
    settings.number(fields, "frequency_penalty", -2.0, 2.0)?;
    settings.number(fields, "presence_penalty", -2.0, 2.0)?;
    settings.words(fields, "reasoning_effort", "reasoning_effort")?;
    if let Some(seed) = fields.get("seed") {
        if !(seed.is_i64() || seed.is_u64()) {
            return Err(wrong_type("seed", "a whole number", seed));
        }
        settings.set("seed", "seed", seed)?;
    }
    settings.stop(fields, "stop")?;
    Ok(settings)
}
