//! OpenAI's chat completions: <https://platform.openai.com/docs/api-reference/chat/create>.
//!
//! xAI documents the same at <https://docs.x.ai/docs/api-reference>; vLLM, Ollama, llama.cpp and TGI speak it
//! with the older name of the limit.

use llmnet_types::{
    request::{ChatMessage, Role, Setting},
    tool::{Returned, Said, ToolCall},
    units::Tokens,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Call, Completion, LanguageError, Usage,
    offered::{Choice, Form, Tool, put},
    whole_calls,
};

/// Settings that are passed on as they came. A coordinator sends them, and the operator pays: no other has a place in
/// a request, as one of tomorrow may cost, or change the reply's shape.
const SETTINGS: [&str; 8] = [
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "reasoning_effort",
    "seed",
    "stop",
    "verbosity",
];

/// A request. `limit` is the name under which the server takes the most tokens of output.
pub(super) fn body(call: &Call<'_>, limit: &str) -> Value {
    let messages: Vec<Value> = call.messages.iter().map(turn).collect();
    let mut body = Map::new();
    for Setting { name, value } in call.settings {
        let passed = SETTINGS.contains(&name.as_str());
        if let (true, Ok(value)) = (passed, serde_json::from_str(value)) {
            body.insert(name.to_string(), value);
        }
    }
    let tools: Vec<Value> = call.tools().into_iter().map(tool).collect();
    if !tools.is_empty() {
        body.insert("tools".to_owned(), tools.into());
        put(&mut body, "tool_choice", call.choice().map(choice));
        put(&mut body, "parallel_tool_calls", call.parallel());
    }
    put(&mut body, "response_format", call.form().map(form));
    body.insert("model".to_owned(), call.model.into());
    body.insert("messages".to_owned(), messages.into());
    body.insert(limit.to_owned(), call.output.0.into());
    body.insert("stream".to_owned(), false.into());
    body.into()
}

fn turn(message: &ChatMessage) -> Value {
    let text = message.content.as_str();
    match message.role {
        Role::System => json!({"role": "system", "content": text}),
        Role::User => json!({"role": "user", "content": text}),
        Role::Assistant => json!({"role": "assistant", "content": text}),
        Role::Calls => {
            let Said {
                content,
                tool_calls,
            } = Said::of_text(text);
            let calls = tool_calls.into_iter().map(|call| {
                json!({
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                })
            });
            let content = (!content.is_empty()).then_some(content);
            json!({"role": "assistant", "content": content, "tool_calls": calls.collect::<Vec<_>>()})
        }
        Role::Tool => {
            let Returned {
                tool_call_id,
                content,
                ..
            } = Returned::of_text(text).unwrap_or_default();
            json!({"role": "tool", "tool_call_id": tool_call_id, "content": content})
        }
    }
}

fn tool(tool: Tool) -> Value {
    let mut function = Map::new();
    function.insert("name".to_owned(), tool.name.into());
    put(&mut function, "description", tool.description);
    put(&mut function, "parameters", tool.parameters);
    put(&mut function, "strict", tool.strict);
    json!({"type": "function", "function": function})
}

fn choice(choice: Choice) -> Value {
    match choice {
        Choice::Auto => "auto".into(),
        Choice::None => "none".into(),
        Choice::Required => "required".into(),
        Choice::One(name) => json!({"type": "function", "function": {"name": name}}),
    }
}

fn form(form: Form) -> Value {
    match form {
        Form::Object => json!({"type": "json_object"}),
        Form::Schema(schema) => {
            let mut said = Map::new();
            let name = schema.name.unwrap_or_else(|| "answer".to_owned());
            said.insert("name".to_owned(), name.into());
            put(&mut said, "description", schema.description);
            put(&mut said, "schema", schema.schema);
            put(&mut said, "strict", schema.strict);
            json!({"type": "json_schema", "json_schema": said})
        }
    }
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
        // Null at some servers.
        tool_calls: Option<Vec<Called>>,
    }
    #[derive(Deserialize)]
    struct Called {
        #[serde(default)]
        id: String,
        function: Function,
    }
    #[derive(Deserialize)]
    struct Function {
        name: String,
        // Text here, an object at some servers.
        #[serde(default)]
        arguments: Value,
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
    let Message {
        content,
        refusal,
        tool_calls,
    } = choice.message;
    if reason == Some("content_filter") || refusal.is_some() {
        return Err(LanguageError::Withheld);
    }
    let calls = tool_calls.unwrap_or_default().into_iter();
    let calls = calls.map(|Called { id, function }| ToolCall {
        id,
        name: function.name,
        arguments: match function.arguments {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        },
    });
    let calls = whole_calls(calls.collect())?;
    let text = content.unwrap_or_default();
    if reason == Some("length") {
        let cut = |call: &ToolCall| serde_json::from_str::<Value>(&call.arguments).is_err();
        if calls.iter().any(cut) || (calls.is_empty() && text.is_empty()) {
            return Err(LanguageError::Exhausted);
        }
    }
    if calls.is_empty() && text.is_empty() {
        return Err(malformed("no content"));
    }
    Ok(Completion {
        text,
        calls,
        usage: reply.usage.map(|counts| Usage {
            input: Tokens(counts.prompt_tokens),
            output: Tokens(counts.completion_tokens),
        }),
    })
}
