//! From the body of a message to a request.

use llmnet_types::{
    codec::List,
    request::{ChatMessage, MESSAGES_MAX, Request, Role},
    tool::{Returned, Said, ToolCall},
};
use serde_json::Value;

use crate::{
    answer::Ask,
    anthropic::messages::shape::Messages,
    conversation::{
        self, ModelName, Ours, Settings, Turns,
        alone::{self, Choice, Schema, Tool},
        turns,
    },
    error::ApiError,
    fields::{Fields, invalid, read_json, unsupported, wrong_type},
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
    let settings = settings(&fields, &model)?;
    let messages = messages(&fields, &model)?;
    Ok(Ask {
        request: conversation::request("messages", messages, &model, &ours, tokens_max, settings)?,
        model,
        stream: fields.flag("stream")?.unwrap_or(false),
        ours,
        voice: Box::new(Messages),
    })
}

/// Reads a body as far as what a model reads of it: the conversation, tools, the form of the answer. How long that is
/// altogether is nobody's complaint here.
pub(crate) fn read_to_count(bytes: &[u8]) -> Result<Request, ApiError> {
    let value = read_json(bytes, EXAMPLE)?;
    let fields = Fields::of("", &value)?;
    let model = conversation::model(&fields)?;
    Ok(Request {
        settings: settings(&fields, &model)?.list(),
        messages: messages(&fields, &model)?,
        strategy: model.strategy(),
        domain: None,
        output_tokens_max: None,
    })
}

fn messages(
    fields: &Fields<'_>,
    model: &ModelName,
) -> Result<List<ChatMessage, MESSAGES_MAX>, ApiError> {
    if fields.get("container").is_some() {
        let message = "no code is run here: leave 'container' out";
        return Err(unsupported("container", message));
    }
    let values = match fields.required("messages")? {
        Value::Array(values) => values,
        other => return Err(wrong_type("messages", "an array", other)),
    };
    let mut turns = Turns::new("messages", model);
    if let Some(system) = fields.get("system") {
        turns.preface("system", text("system", system)?)?;
    }
    for (place, value) in turns.listed(values)?.iter().enumerate() {
        let fields = Fields::of(format!("messages[{place}]"), value)?;
        message(&fields, &mut turns)?;
    }
    turns.ended()
}

fn message(fields: &Fields<'_>, turns: &mut Turns<'_>) -> Result<(), ApiError> {
    fields.required("role")?;
    let (at, path) = (fields.at().to_owned(), fields.path("content"));
    let role = fields.text("role")?.unwrap_or_default();
    let content = fields.required("content")?;
    match role {
        "user" => user(turns, at, path, content),
        "assistant" => {
            let said = Said {
                content: text(&path, content)?,
                tool_calls: calls(turns, &path, content)?,
            };
            turns.said(at, path.clone(), &path, said)
        }
        "system" => turns.push(Role::System, at, path.clone(), text(&path, content)?),
        other => Err(turns::no_role(fields, other, "user or assistant")),
    }
}

/// A turn of the user's: what tools gave back, then words.
fn user(turns: &mut Turns<'_>, at: String, path: String, content: &Value) -> Result<(), ApiError> {
    let mut results = 0;
    for (place, block) in blocks(content).enumerate() {
        let block = Fields::of(format!("{path}[{place}]"), block)?;
        if block.text("type")? != Some("tool_result") {
            continue;
        }
        turns.of_tools(&block.path("type"))?;
        let content_at = block.path("content");
        let returned = Returned {
            tool_call_id: turns::part(&block, "tool_use_id")?.unwrap_or_default(),
            content: match block.get("content") {
                Some(content) => text(&content_at, content)?,
                None => String::new(),
            },
            failed: block.flag("is_error")?.unwrap_or(false),
        };
        let id_at = block.path("tool_use_id");
        turns.returned(block.at().to_owned(), content_at, &id_at, returned)?;
        results += 1;
    }
    let words = text(&path, content)?;
    // A tool's word alone is a turn; no words at all are a question that is missing.
    if results > 0 && words.is_empty() {
        return Ok(());
    }
    turns.push(Role::User, at, path, words)
}

/// The blocks of a content; none where it is a string.
fn blocks(content: &Value) -> impl Iterator<Item = &Value> {
    content.as_array().into_iter().flatten()
}

/// Tools that a turn called.
fn calls(turns: &Turns<'_>, path: &str, content: &Value) -> Result<Vec<ToolCall>, ApiError> {
    let mut calls = Vec::new();
    for (place, block) in blocks(content).enumerate() {
        let block = Fields::of(format!("{path}[{place}]"), block)?;
        if block.text("type")? != Some("tool_use") {
            continue;
        }
        turns.of_tools(&block.path("type"))?;
        let input = block.required("input")?;
        if !input.is_object() {
            return Err(wrong_type(&block.path("input"), "an object", input));
        }
        calls.push(ToolCall {
            id: turns::part(&block, "id")?.unwrap_or_default(),
            name: alone::tool_name(&block, "name")?.to_owned(),
            arguments: input.to_string(),
        });
    }
    Ok(calls)
}

/// The text of a string or of blocks.
fn text(path: &str, value: &Value) -> Result<String, ApiError> {
    turns::text(path, value, |block, kind| match kind {
        "text" => turns::part(block, "text"),
        // What another model thought before it said something is no part of what was said; calls and what came of
        // them are turns of their own.
        "thinking" | "redacted_thinking" | "tool_use" | "tool_result" => Ok(None),
        other => Err(turns::no_text(block, other)),
    })
}

fn settings(fields: &Fields<'_>, model: &ModelName) -> Result<Settings, ApiError> {
    let mut settings = Settings::default();
    settings.number(fields, "temperature", 0.0, 1.0)?;
    settings.number(fields, "top_p", 0.0, 1.0)?;
    settings.stop(fields, "stop_sequences")?;
    tools(fields, model, &mut settings)?;
    if let Some(output) = fields.object("output_config")? {
        settings.words(&output, "effort", "reasoning_effort")?;
        alone::form(&output, "format", model, &mut settings, |format| {
            format.required("schema")?;
            Ok(Schema {
                name: None,
                description: None,
                schema: alone::schema(format, "schema")?,
                strict: Some(true),
            })
        })?;
    }
    Ok(settings)
}

/// Tools that the client runs, and which of them are to be called.
fn tools(fields: &Fields<'_>, model: &ModelName, settings: &mut Settings) -> Result<(), ApiError> {
    if fields
        .array("mcp_servers")?
        .is_some_and(|servers| !servers.is_empty())
    {
        let message = "nothing here calls servers of tools: call them yourself, and offer 'tools'";
        return Err(unsupported("mcp_servers", message));
    }
    let names = alone::tools(fields, model, settings, |tool| {
        match tool.text("type")?.unwrap_or("custom") {
            "custom" => {}
            other => return Err(alone::no_function(tool, other)),
        }
        Ok(Tool {
            name: alone::tool_name(tool, "name")?,
            description: tool.text("description")?,
            parameters: alone::schema(tool, "input_schema")?,
            strict: tool.flag("strict")?,
        })
    })?;
    let path = "tool_choice";
    let Some(choice) = fields.object(path)? else {
        return Ok(());
    };
    let wanted = match choice.text("type")?.unwrap_or_default() {
        "auto" => Choice::Auto,
        "none" => Choice::None,
        "any" => Choice::Required,
        "tool" => Choice::One(alone::tool_name(&choice, "name")?.to_owned()),
        _ => {
            let message = "'tool_choice.type' must be auto, none, any or tool";
            return Err(invalid(choice.path("type"), message));
        }
    };
    alone::choose(settings, path, &wanted, &names)?;
    let one = choice.flag("disable_parallel_tool_use")?;
    alone::parallel(settings, path, one.map(|one| !one), &names)
}
