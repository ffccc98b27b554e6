//! Google's Gemini: <https://ai.google.dev/api/generate-content>.

use llmnet_types::{request::Role, units::Tokens};
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Call, Completion, ConfigError, LanguageError, Usage, transport};

/// OpenAI's names of settings, and Google's for the same.
const SETTINGS: [(&str, &str); 5] = [
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("seed", "seed"),
    ("presence_penalty", "presencePenalty"),
    ("frequency_penalty", "frequencyPenalty"),
];
/// Ends of a text that its maker's filters made.
const WITHHELD: [&str; 8] = [
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "IMAGE_SAFETY",
];

/// Where a model is asked: its name is part of the path.
pub(super) fn url(base: &str, model: &str) -> Result<Url, ConfigError> {
    let model = model.strip_prefix("models/").unwrap_or(model);
    transport::url(base, &["models", &format!("{model}:generateContent")])
}

/// A request. Instructions stand beside the conversation; the model's own turns are `model`'s.
pub(super) fn body(call: &Call<'_>) -> Value {
    let mut system: Vec<Value> = Vec::new();
    let mut contents: Vec<Value> = Vec::new();
    for message in call.messages {
        let part = json!({"text": message.content.as_str()});
        match message.role {
            Role::System => system.push(part),
            Role::User => contents.push(json!({"role": "user", "parts": [part]})),
            Role::Assistant => contents.push(json!({"role": "model", "parts": [part]})),
        }
    }
    let mut config = Map::new();
    for (ours, theirs) in SETTINGS {
        if let Some(value) = call.setting(ours).filter(Value::is_number) {
            config.insert(theirs.to_owned(), value);
        }
    }
    match call.setting("stop") {
        Some(Value::String(stop)) => {
            config.insert("stopSequences".to_owned(), json!([stop]));
        }
        Some(stops @ Value::Array(_)) => {
            config.insert("stopSequences".to_owned(), stops);
        }
        _ => {}
    }
    config.insert("maxOutputTokens".to_owned(), call.output.0.into());
    let mut body = Map::new();
    if !system.is_empty() {
        body.insert("systemInstruction".to_owned(), json!({"parts": system}));
    }
    body.insert("contents".to_owned(), contents.into());
    body.insert("generationConfig".to_owned(), config.into());
    body.into()
}

/// What came back.
pub(super) fn completion(bytes: &[u8]) -> Result<Completion, LanguageError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Reply {
        #[serde(default)]
        candidates: Vec<Candidate>,
        prompt_feedback: Option<Feedback>,
        usage_metadata: Option<Counts>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Feedback {
        block_reason: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Candidate {
        content: Option<Content>,
        finish_reason: Option<String>,
    }
    #[derive(Deserialize)]
    struct Content {
        #[serde(default)]
        parts: Vec<Part>,
    }
    #[derive(Deserialize)]
    struct Part {
        #[serde(default)]
        text: String,
        #[serde(default)]
        thought: bool,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Counts {
        // What is zero is left out.
        #[serde(default)]
        prompt_token_count: u32,
        #[serde(default)]
        candidates_token_count: u32,
        #[serde(default)]
        thoughts_token_count: u32,
    }
    let malformed = |what: &str| LanguageError::Malformed(what.to_owned());
    // The parser's own message may quote the reply, so it is not passed on.
    let reply: Reply =
        serde_json::from_slice(bytes).map_err(|_| malformed("not generated content"))?;
    let blocked = reply
        .prompt_feedback
        .and_then(|feedback| feedback.block_reason);
    if blocked.is_some() {
        return Err(LanguageError::Withheld);
    }
    let candidate = reply
        .candidates
        .into_iter()
        .next()
        .ok_or_else(|| malformed("no candidates"))?;
    let parts = candidate.content.map(|content| content.parts);
    let text: String = parts
        .unwrap_or_default()
        .into_iter()
        .filter(|part| !part.thought)
        .map(|part| part.text)
        .collect();
    match candidate.finish_reason.as_deref() {
        Some(reason) if WITHHELD.contains(&reason) => return Err(LanguageError::Withheld),
        Some("MAX_TOKENS") if text.is_empty() => return Err(LanguageError::Exhausted),
        _ if text.is_empty() => return Err(malformed("no text")),
        _ => {}
    }
    let usage = reply.usage_metadata.map(|counts| Usage {
        input: Tokens(counts.prompt_token_count),
        output: Tokens(
            counts
                .candidates_token_count
                .saturating_add(counts.thoughts_token_count),
        ),
    });
    Ok(Completion { text, usage })
}
