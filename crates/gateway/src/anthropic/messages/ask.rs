//! From the body of a message to a request.

use llmnet_types::{
    codec::List,
    request::{ChatMessage, MESSAGES_MAX, Role},
};
use serde_json::Value;

use crate::{
    answer::Ask,
    anthropic::messages::shape::Messages,
    conversation::{self, Ours, Settings, Turns, turns},
    error::ApiError,
    fields::{Fields, read_json, unsupported, wrong_type},
};

/// What a body looks like.
const EXAMPLE: &str = r#"{"model": "llmnet/auto", "max_tokens": 1024, "messages": [{"role": "user", "content": "…"}]}"#;

/// Reads a body.
pub(crate) fn read(bytes: &[u8]) -> Result<Ask, ApiError> {
    let value = read_json(bytes, EXAMPLE)?;
    let fields = Fields::of("", &value)?;
    let model = conversation::model(&fields)?;
    let ours = Ours::read(&fields, &model)?;
    fields.required("max_tokens")?;
    let tokens_max = conversation::output_tokens_max(&fields, &["max_tokens"])?;
    let messages = messages(&fields)?;
    let settings = settings(&fields)?;
    Ok(Ask {
        request: conversation::request("messages", messages, &model, &ours, tokens_max, settings)?,
        model,
        stream: fields.flag("stream")?.unwrap_or(false),
        ours,
        voice: Box::new(Messages),
    })
}

/// Reads a body as far as its conversation.
pub(crate) fn read_messages(bytes: &[u8]) -> Result<List<ChatMessage, MESSAGES_MAX>, ApiError> {
    let value = read_json(bytes, EXAMPLE)?;
    let fields = Fields::of("", &value)?;
    conversation::model(&fields)?;
    messages(&fields)
}

fn messages(fields: &Fields<'_>) -> Result<List<ChatMessage, MESSAGES_MAX>, ApiError> {
    conversation::no_tools(fields, &["tools", "mcp_servers"])?;
    if let Some(output) = fields.object("output_config")? {
        conversation::text_only(&output, "format")?;
    }
    if fields.get("container").is_some() {
        let message = "panels run no code: leave 'container' out";
        return Err(unsupported("container", message));
    }
    let values = match fields.required("messages")? {
        Value::Array(values) => values,
        other => return Err(wrong_type("messages", "an array", other)),
    };
    let mut turns = Turns::new("messages");
    if let Some(system) = fields.get("system") {
        turns.preface("system", text("system", system)?)?;
    }
    for (place, value) in turns.listed(values)?.iter().enumerate() {
        let at = format!("messages[{place}]");
        let fields = Fields::of(at.as_str(), value)?;
        fields.required("role")?;
        let role = match fields.text("role")?.unwrap_or_default() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            other => return Err(turns::no_role(&fields, other, "user or assistant")),
        };
        let path = fields.path("content");
        let text = text(&path, fields.required("content")?)?;
        turns.push(role, at, path, text)?;
    }
    turns.ended()
}

/// The text of a string or of blocks.
fn text(path: &str, value: &Value) -> Result<String, ApiError> {
    turns::text(path, value, |block, kind| match kind {
        "text" => turns::part(block, "text"),
        // What another model thought before it said something is no part of what was said.
        "thinking" | "redacted_thinking" => Ok(None),
        "tool_use" | "tool_result" => {
            let message = "panels call no tools: leave calls and their results out";
            Err(unsupported(block.path("type"), message))
        }
        other => Err(turns::no_text(block, other)),
    })
}

fn settings(fields: &Fields<'_>) -> Result<Settings, ApiError> {
    let mut settings = Settings::default();
    settings.number(fields, "temperature", 0.0, 1.0)?;
    settings.number(fields, "top_p", 0.0, 1.0)?;
    settings.stop(fields, "stop_sequences")?;
    if let Some(output) = fields.object("output_config")? {
        settings.words(&output, "effort", "reasoning_effort")?;
    }
    Ok(settings)
}
