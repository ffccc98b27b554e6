//! Google's Gemini: <https://ai.google.dev/api/generate-content>.

use std::collections::BTreeMap;

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

/// OpenAI's names of settings, and Google's for the same.
const SETTINGS: [(&str, &str); 5] = [
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("seed", "seed"),
    ("presence_penalty", "presencePenalty"),
    ("frequency_penalty", "frequencyPenalty"),
];
/// What stands for a model's signature under a call that no signature is known of, as its maker documents for
/// conversations that began elsewhere; models before the third need none.
/// <https://ai.google.dev/gemini-api/docs/thought-signatures>
const UNSIGNED: &str = "skip_thought_signature_validator";
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
    // What a tool gave back is named by the tool here, not by the call alone.
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut after_tool = false;
    for message in call.messages {
        let text = message.content.as_str();
        let part = json!({"text": text});
        match message.role {
            Role::System => system.push(part),
            Role::User => contents.push(json!({"role": "user", "parts": [part]})),
            Role::Assistant => contents.push(json!({"role": "model", "parts": [part]})),
            Role::Calls => {
                let said = Said::of_text(text);
                let called = said.tool_calls.iter();
                names.extend(called.map(|call| (call.id.clone(), call.name.clone())));
                contents.push(json!({"role": "model", "parts": calls(call.model, said)}));
            }
            Role::Tool => {
                let part = response(text, &names);
                // All that was called at once comes back at once.
                let last = contents.last_mut().filter(|_| after_tool);
                match last.and_then(|last| last["parts"].as_array_mut()) {
                    Some(parts) => parts.push(part),
                    None => contents.push(json!({"role": "user", "parts": [part]})),
                }
            }
        }
        after_tool = message.role == Role::Tool;
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
    if let Some(form) = call.form() {
        config.insert("responseMimeType".to_owned(), "application/json".into());
        if let Form::Schema(schema) = form {
            config.insert("responseJsonSchema".to_owned(), schema.schema());
        }
    }
    let mut body = Map::new();
    let tools: Vec<Value> = call.tools().into_iter().map(declaration).collect();
    if !tools.is_empty() {
        let tools = json!([{"functionDeclarations": tools}]);
        body.insert("tools".to_owned(), tools);
        put(&mut body, "toolConfig", call.choice().map(choice));
    }
    if !system.is_empty() {
        body.insert("systemInstruction".to_owned(), json!({"parts": system}));
    }
    body.insert("contents".to_owned(), contents.into());
    body.insert("generationConfig".to_owned(), config.into());
    body.into()
}

/// A turn that calls tools; the first call of it is signed.
fn calls(model: &str, said: Said) -> Vec<Value> {
    let model = model.strip_prefix("models/").unwrap_or(model);
    let signs = !["gemini-1", "gemini-2"]
        .iter()
        .any(|old| model.starts_with(old));
    let words = (!said.content.is_empty()).then(|| json!({"text": said.content}));
    let calls = said
        .tool_calls
        .into_iter()
        .enumerate()
        .map(|(place, call)| {
            let mut part = Map::new();
            let called = json!({"name": call.name, "args": object(&call.arguments)});
            part.insert("functionCall".to_owned(), called);
            put(
                &mut part,
                "thoughtSignature",
                (signs && place == 0).then_some(UNSIGNED),
            );
            part.into()
        });
    words.into_iter().chain(calls).collect()
}

/// What a tool gave back: an object, whatever it said.
fn response(text: &str, names: &BTreeMap<String, String>) -> Value {
    let Returned {
        tool_call_id,
        content,
        failed,
    } = Returned::of_text(text).unwrap_or_default();
    let name = names.get(&tool_call_id).cloned().unwrap_or(tool_call_id);
    let response = match serde_json::from_str(&content) {
        Ok(Value::Object(object)) if !failed => object.into(),
        _ if failed => json!({"error": content}),
        _ => json!({"output": content}),
    };
    json!({"functionResponse": {"name": name, "response": response}})
}

fn declaration(tool: Tool) -> Value {
    let mut said = Map::new();
    said.insert("name".to_owned(), tool.name.into());
    put(&mut said, "description", tool.description);
    put(&mut said, "parametersJsonSchema", tool.parameters);
    said.into()
}

fn choice(choice: Choice) -> Value {
    let config = match choice {
        Choice::Auto => json!({"mode": "AUTO"}),
        Choice::None => json!({"mode": "NONE"}),
        Choice::Required => json!({"mode": "ANY"}),
        Choice::One(name) => json!({"mode": "ANY", "allowedFunctionNames": [name]}),
    };
    json!({"functionCallingConfig": config})
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
    #[serde(rename_all = "camelCase")]
    struct Part {
        #[serde(default)]
        text: String,
        #[serde(default)]
        thought: bool,
        function_call: Option<Function>,
    }
    #[derive(Deserialize)]
    struct Function {
        #[serde(default)]
        id: String,
        name: String,
        #[serde(default)]
        args: Value,
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
    let (mut text, mut calls) = (String::new(), Vec::new());
    for part in parts.unwrap_or_default() {
        if !part.thought {
            text.push_str(&part.text);
        }
        calls.extend(part.function_call.map(|call| ToolCall {
            id: call.id,
            name: call.name,
            arguments: match call.args {
                Value::Null => "{}".to_owned(),
                args => args.to_string(),
            },
        }));
    }
    let calls = whole_calls(calls)?;
    let nothing = text.is_empty() && calls.is_empty();
    match candidate.finish_reason.as_deref() {
        Some(reason) if WITHHELD.contains(&reason) => return Err(LanguageError::Withheld),
        Some("MAX_TOKENS") if nothing => return Err(LanguageError::Exhausted),
        _ if nothing => return Err(malformed("no text")),
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
    Ok(Completion { text, calls, usage })
}
