//! OpenAI's chat completions: <https://platform.openai.com/docs/api-reference/chat/create>.
//!
//! xAI documents the same at <https://docs.x.ai/docs/api-reference>; vLLM, Ollama, llama.cpp and TGI speak it
//! with the older name of the limit.

use llmnet_types::{
    request::{Role, Setting},
    units::Tokens,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Call, Completion, LanguageError, Usage};

/// Settings that are ours to make, or would change the shape of the reply.
const SETTINGS_REFUSED: [&str; 10] = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "n",
    "max_tokens",
    "max_completion_tokens",
    "tools",
    "functions",
    "user",
];

/// A request. `limit` is the name under which the server takes the most tokens of output.
pub(super) fn body(call: &Call<'_>, limit: &str) -> Value {
    let role = |role| match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    let messages: Vec<Value> = call
        .messages
        .iter()
        .map(|message| json!({"role": role(message.role), "content": message.content.as_str()}))
        .collect();
    let mut body = Map::new();
    for Setting { name, value } in call.settings {
        let refused = SETTINGS_REFUSED.contains(&name.as_str());
        if let (false, Ok(value)) = (refused, serde_json::from_str(value)) {
            body.insert(name.to_string(), value);
        }
    }
    body.insert("model".to_owned(), call.model.into());
    body.insert("messages".to_owned(), messages.into());
    body.insert(limit.to_owned(), call.output.0.into());
    body.insert("stream".to_owned(), false.into());
    body.into()
}

/// What came back.
pub(super) fn completion(bytes: &[u8]) -> Result<Completion, LanguageError> {
    #[derive(Deserialize)]
    struct Reply {
        choices: Vec<Choice>,
        usage: Option<Counts>,
    }
    #[derive(Deserialize)]
    struct Choice {
        message: Message,
        finish_reason: Option<String>,
    }
    #[derive(Deserialize)]
    struct Message {
        content: Option<String>,
        refusal: Option<String>,
    }
    #[derive(Deserialize)]
    struct Counts {
        prompt_tokens: u32,
        completion_tokens: u32,
    }
    let malformed = |what: &str| LanguageError::Malformed(what.to_owned());
    // The parser's own message may quote the reply, so it is not passed on.
    let reply: Reply =
        serde_json::from_slice(bytes).map_err(|_| malformed("not a chat completion"))?;
    let choice = reply
        .choices
        .into_iter()
        .next()
        .ok_or_else(|| malformed("no choices"))?;
    let reason = choice.finish_reason.as_deref();
    let Message { content, refusal } = choice.message;
    match content {
        _ if reason == Some("content_filter") || refusal.is_some() => Err(LanguageError::Withheld),
        Some(text) if !text.is_empty() => Ok(Completion {
            text,
            usage: reply.usage.map(|counts| Usage {
                input: Tokens(counts.prompt_tokens),
                output: Tokens(counts.completion_tokens),
            }),
        }),
        _ if reason == Some("length") => Err(LanguageError::Exhausted),
        _ => Err(malformed("no content")),
    }
}
