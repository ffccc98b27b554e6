//! Anthropic's messages: <https://docs.claude.com/en/api/messages>.

use llmnet_types::{
    request::Role,
    tool::{Returned, Said, ToolCall},
    units::Tokens,
};
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Call, Completion, ConfigError, LanguageError, Usage,
    offered::{Choice, Form, Tool, object, put},
    transport, whole_calls,
};

/// What is said where any JSON object is wanted: this API knows schemas only.
const OBJECT: &str =
    "Reply with one JSON object and nothing else: no words around it, no code block.";

/// The header that says which edition of the API is spoken.
pub(super) const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

/// Where messages go. Anthropic's own programs name the base without a version: both are understood.
pub(super) fn url(base: &str) -> Result<Url, ConfigError> {
    let versioned = base.trim_end_matches('/').ends_with("/v1");
    let path: &[&str] = if versioned {
        &["messages"]
    } else {
        &["v1", "messages"]
    };
    transport::url(base, path)
}

/// A request. Instructions are no turn of the conversation here.
pub(super) fn body(call: &Call<'_>) -> Value {
    let mut system: Vec<&str> = Vec::new();
    let mut messages: Vec<Value> = Vec::new();
    for message in call.messages {
        let text = message.content.as_str();
        match message.role {
            Role::System => system.push(text),
            // Beside what tools gave back, which must come first, in the same turn.
            Role::User => match blocks(&mut messages) {
                Some(blocks) => blocks.push(json!({"type": "text", "text": text})),
                None => messages.push(json!({"role": "user", "content": text})),
            },
            Role::Assistant => messages.push(json!({"role": "assistant", "content": text})),
            Role::Calls => messages.push(json!({"role": "assistant", "content": calls(text)})),
            Role::Tool => {
                let block = result(text);
                match blocks(&mut messages) {
                    Some(blocks) => blocks.push(block),
                    None => messages.push(json!({"role": "user", "content": [block]})),
                }
            }
        }
    }
    let form = call.form();
    if form == Some(Form::Object) {
        system.push(OBJECT);
    }
    let mut body = Map::new();
    body.insert("model".to_owned(), call.model.into());
    body.insert("max_tokens".to_owned(), call.output.0.into());
    body.insert("messages".to_owned(), messages.into());
    if !system.is_empty() {
        body.insert("system".to_owned(), system.join("\n\n").into());
    }
    if let Some(temperature) = call.setting("temperature").and_then(|value| value.as_f64()) {
        // OpenAI's goes to 2, this one to 1.
        body.insert("temperature".to_owned(), temperature.clamp(0.0, 1.0).into());
    }
    if let Some(top_p) = call.setting("top_p").filter(Value::is_number) {
        body.insert("top_p".to_owned(), top_p);
    }
    match call.setting("stop") {
        Some(Value::String(stop)) => {
            body.insert("stop_sequences".to_owned(), json!([stop]));
        }
        Some(stops @ Value::Array(_)) => {
            body.insert("stop_sequences".to_owned(), stops);
        }
        _ => {}
    }
    let tools: Vec<Value> = call.tools().into_iter().map(tool).collect();
    if !tools.is_empty() {
        body.insert("tools".to_owned(), tools.into());
        put(&mut body, "tool_choice", choice(call));
    }
    if let Some(Form::Schema(schema)) = form {
        let format = json!({"type": "json_schema", "schema": schema.schema()});
        body.insert("output_config".to_owned(), json!({"format": format}));
    }
    body.into()
}

/// The blocks of the last turn, where it is what tools gave back.
fn blocks(messages: &mut [Value]) -> Option<&mut Vec<Value>> {
    let last = messages.last_mut().filter(|last| last["role"] == "user")?;
    last["content"].as_array_mut()
}

/// A turn that calls tools.
fn calls(text: &str) -> Vec<Value> {
    let Said {
        content,
        tool_calls,
    } = Said::of_text(text);
    let words = (!content.is_empty()).then(|| json!({"type": "text", "text": content}));
    let calls = tool_calls.into_iter().map(|call| {
        let input = object(&call.arguments);
        json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input})
    });
    words.into_iter().chain(calls).collect()
}

/// What a tool gave back.
fn result(text: &str) -> Value {
    let Returned {
        tool_call_id,
        content,
        failed,
    } = Returned::of_text(text).unwrap_or_default();
    let mut block = Map::new();
    block.insert("type".to_owned(), "tool_result".into());
    block.insert("tool_use_id".to_owned(), tool_call_id.into());
    block.insert("content".to_owned(), content.into());
    put(&mut block, "is_error", failed.then_some(true));
    block.into()
}

fn tool(tool: Tool) -> Value {
    let mut said = Map::new();
    said.insert("input_schema".to_owned(), tool.schema());
    said.insert("name".to_owned(), tool.name.into());
    put(&mut said, "description", tool.description);
    put(&mut said, "strict", tool.strict.filter(|strict| *strict));
    said.into()
}

/// Which tools may be called; whether only one of them stands there as well.
fn choice(call: &Call<'_>) -> Option<Value> {
    let one = call.parallel() == Some(false);
    let choice = match (call.choice(), one) {
        (None, false) => return None,
        (None | Some(Choice::Auto), _) => json!({"type": "auto"}),
        (Some(Choice::None), _) => return Some(json!({"type": "none"})),
        (Some(Choice::Required), _) => json!({"type": "any"}),
        (Some(Choice::One(name)), _) => json!({"type": "tool", "name": name}),
    };
    let Value::Object(mut choice) = choice else {
        return None;
    };
    put(
        &mut choice,
        "disable_parallel_tool_use",
        one.then_some(true),
    );
    Some(choice.into())
}

/// What came back: blocks, of which those of text and those that call tools are the answer.
pub(super) fn completion(bytes: &[u8]) -> Result<Completion, LanguageError> {
    #[derive(Deserialize)]
    struct Reply {
        content: Vec<Block>,
        stop_reason: Option<String>,
        usage: Option<Counts>,
    }
    #[derive(Deserialize)]
    struct Block {
        r#type: String,
        #[serde(default)]
        text: String,
        #[serde(default)]
        id: String,
        #[serde(default)]
        name: String,
        #[serde(default)]
        input: Value,
    }
    #[derive(Deserialize)]
    struct Counts {
        input_tokens: u32,
        // Input as well, which is told apart because it has another price.
        cache_creation_input_tokens: Option<u32>,
        cache_read_input_tokens: Option<u32>,
        output_tokens: u32,
    }
    let malformed = |what: &str| LanguageError::Malformed(what.to_owned());
    // The parser's own message may quote the reply, so it is not passed on.
    let reply: Reply = serde_json::from_slice(bytes).map_err(|_| malformed("not a message"))?;
    let cut = reply.stop_reason.as_deref() == Some("max_tokens");
    let (mut text, mut calls, mut unfinished) = (String::new(), Vec::new(), false);
    for block in reply.content {
        // The last one: what came before it was whole.
        unfinished = cut && block.r#type == "tool_use";
        match block.r#type.as_str() {
            "text" => text.push_str(&block.text),
            "tool_use" => calls.push(ToolCall {
                id: block.id,
                name: block.name,
                arguments: block.input.to_string(),
            }),
            _ => {}
        }
    }
    let calls = whole_calls(calls)?;
    let nothing = text.is_empty() && calls.is_empty();
    match reply.stop_reason.as_deref() {
        Some("refusal") => return Err(LanguageError::Withheld),
        _ if unfinished || (cut && nothing) => return Err(LanguageError::Exhausted),
        _ if nothing => return Err(malformed("no text")),
        _ => {}
    }
    let usage = reply.usage.map(|counts| Usage {
        input: Tokens(
            counts
                .input_tokens
                .saturating_add(counts.cache_creation_input_tokens.unwrap_or(0))
                .saturating_add(counts.cache_read_input_tokens.unwrap_or(0)),
        ),
        output: Tokens(counts.output_tokens),
    });
    Ok(Completion { text, calls, usage })
}
