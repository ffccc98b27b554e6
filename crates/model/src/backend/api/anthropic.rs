//! Anthropic's messages: <https://docs.claude.com/en/api/messages>.

use llmnet_types::{request::Role, units::Tokens};
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Call, Completion, ConfigError, LanguageError, Usage, transport};

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
            Role::User => messages.push(json!({"role": "user", "content": text})),
            Role::Assistant => messages.push(json!({"role": "assistant", "content": text})),
        }
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
    body.into()
}

/// What came back: blocks, of which only those of text are the answer.
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
    let text: String = reply
        .content
        .into_iter()
        .filter(|block| block.r#type == "text")
        .map(|block| block.text)
        .collect();
    match reply.stop_reason.as_deref() {
        Some("refusal") => return Err(LanguageError::Withheld),
        Some("max_tokens") if text.is_empty() => return Err(LanguageError::Exhausted),
        _ if text.is_empty() => return Err(malformed("no text")),
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
    Ok(Completion { text, usage })
}
