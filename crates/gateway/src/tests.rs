//! Whatever stands in a body, each dialect reads it or says what is wrong, and what it read can be answered.

use proptest::prelude::*;
use serde_json::{Map, Number, Value, json};

use crate::{
    answer::{Ask, Head},
    anthropic::messages,
    error::ApiError,
    openai::{chat, responses},
};

type Reader = fn(&[u8]) -> Result<Ask, ApiError>;

/// Readers, each with bodies that have all it knows.
fn dialects() -> Vec<(Reader, Value)> {
    [panels(), alone()].concat()
}

/// What one model alone is asked.
fn alone() -> Vec<(Reader, Value)> {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let function =
        json!({"name": "weather", "description": "d", "parameters": schema, "strict": true});
    let flat = json!({"type": "function", "name": "weather", "parameters": schema});
    let call =
        json!({"id": "1", "type": "function", "function": {"name": "weather", "arguments": "{}"}});
    vec![
        (
            chat::ask::read,
            json!({
                "model": "llmnet/single",
                "messages": [
                    {"role": "user", "content": "a"},
                    {"role": "assistant", "content": "b", "tool_calls": [call]},
                    {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "c"}]},
                ],
                "tools": [{"type": "function", "function": function}],
                "tool_choice": {"type": "function", "function": {"name": "weather"}},
                "parallel_tool_calls": false,
                "response_format": {"type": "json_schema",
                    "json_schema": {"name": "n", "description": "d", "schema": schema, "strict": true}},
            }),
        ),
        (
            responses::ask::read,
            json!({
                "model": "llmnet/single",
                "input": [
                    {"role": "user", "content": "a"},
                    {"role": "assistant", "content": "b"},
                    {"type": "function_call", "call_id": "1", "name": "weather", "arguments": "{}"},
                    {"type": "function_call_output", "call_id": "1", "output": "c"},
                ],
                "tools": [flat], "tool_choice": "required", "parallel_tool_calls": true,
                "text": {"format": {"type": "json_schema", "name": "n", "schema": schema}},
            }),
        ),
        (
            messages::ask::read,
            json!({
                "model": "llmnet/single", "max_tokens": 9,
                "messages": [
                    {"role": "user", "content": "a"},
                    {"role": "assistant", "content": [
                        {"type": "text", "text": "b"},
                        {"type": "tool_use", "id": "1", "name": "weather", "input": {}},
                    ]},
                    {"role": "user", "content": [
                        {"type": "tool_result", "tool_use_id": "1", "is_error": true, "content": "c"},
                        {"type": "text", "text": "d"},
                    ]},
                ],
                "tools": [{"name": "weather", "description": "d", "input_schema": schema}],
                "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
                "output_config": {"format": {"type": "json_schema", "schema": schema}},
            }),
        ),
    ]
}

/// What panels are asked.
fn panels() -> Vec<(Reader, Value)> {
    let turns = json!([
        {"role": "system", "content": "be brief"},
        {"role": "assistant", "content": [{"type": "text", "text": "hm"}]},
        {"role": "user", "content": [{"type": "text", "text": "echo"}]},
    ]);
    let input = json!([
        {"type": "reasoning", "summary": []},
        {"role": "assistant", "content": [{"type": "output_text", "text": "hm"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "echo"}]},
    ]);
    vec![
        (
            chat::ask::read,
            json!({
                "model": "llmnet/auto", "messages": turns, "n": 1, "tools": [], "functions": [],
                "response_format": {"type": "text"}, "modalities": ["text"], "audio": null,
                "logprobs": false, "stream": true, "stream_options": {"include_usage": true},
                "max_tokens": 7, "max_completion_tokens": 9, "temperature": 0.5, "top_p": 0.5,
                "frequency_penalty": 0.5, "presence_penalty": 0.5, "reasoning_effort": "low",
                "seed": 7, "stop": ["a"], "llmnet": {"progress": true},
            }),
        ),
        (
            responses::ask::read,
            json!({
                "model": "llmnet/auto", "input": input, "instructions": "be brief", "tools": [],
                "previous_response_id": null, "conversation": null, "store": false,
                "background": false, "prompt": null, "text": {"format": {"type": "text"}},
                "top_logprobs": 0, "max_output_tokens": 9, "temperature": 0.5, "top_p": 0.5,
                "reasoning": {"effort": "low"}, "metadata": {"a": "b"}, "stream": true,
                "llmnet": {"progress": true},
            }),
        ),
        (
            messages::ask::read,
            json!({
                "model": "llmnet/auto", "max_tokens": 9, "messages": turns, "system": "be brief",
                "tools": [], "mcp_servers": [], "container": null,
                "output_config": {"effort": "low", "format": null}, "temperature": 0.5,
                "top_p": 0.5, "stop_sequences": ["a"], "stream": true,
                "llmnet": {"progress": true},
            }),
        ),
    ]
}

/// Any JSON, of words that mean something here as well as of others.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| Number::from_f64(number).map_or(Value::Null, Value::Number)),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "user",
            "assistant",
            "system",
            "tool",
            "text",
            "input_text",
            "refusal",
            "reasoning",
            "thinking",
            "tool_use",
            "tool_result",
            "function",
            "function_call",
            "function_call_output",
            "json_object",
            "message",
            "llmnet/auto",
            "llmnet/single",
            "llmnet/expert:Ü",
            "",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let name = prop_oneof![
            prop::sample::select(vec!["type", "role", "content", "text", "format", "effort"])
                .prop_map(str::to_owned),
            ".{0,6}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..5)
                .prop_map(|pairs| Value::Object(Map::from_iter(pairs))),
        ]
    })
}

/// Puts a value at a place of another, counted from the outside in.
fn put(into: &mut Value, place: &mut usize, value: &Value) -> bool {
    if *place == 0 {
        *into = value.clone();
        return true;
    }
    *place -= 1;
    match into {
        Value::Array(items) => items.iter_mut().any(|item| put(item, place, value)),
        Value::Object(fields) => fields.values_mut().any(|field| put(field, place, value)),
        _ => false,
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

fn check(read: Reader, bytes: &[u8]) {
    let mut ask = match read(bytes) {
        Ok(ask) => ask,
        Err(error) => {
            assert!(error.status().is_client_error(), "{}", error.json());
            assert!(!error.message().is_empty());
            return;
        }
    };
    // What a tool gave back is a question by itself.
    assert!(ask.request.needs_model() || !ask.request.question().trim().is_empty());
    let head = Head {
        id: ask.voice.id("1"),
        created: 0,
        model: ask.model.to_string(),
    };
    let failure = ApiError::internal("as told", "call");
    let opening = ask.voice.opening(&head);
    let failure = ask.voice.failure(&head, &failure, "call");
    for line in (opening + &failure).lines() {
        let data = line.strip_prefix("data: ");
        assert!(
            line.is_empty() || line.starts_with("event: ") || data.is_some(),
            "{line}"
        );
        if let Some(data) = data {
            serde_json::from_str::<Value>(data).expect("an event's data is JSON");
        }
    }
}

#[test]
fn the_bodies_that_others_are_made_of_are_good() {
    for (read, body) in dialects() {
        let ask = read(body.to_string().as_bytes());
        assert!(ask.is_ok(), "{:?}", ask.err().map(|error| error.json()));
    }
}

proptest! {
    #[test]
    fn no_bytes_surprise(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for (read, _) in dialects() {
            check(read, &bytes);
        }
    }

    #[test]
    fn no_json_surprises(body in any_json()) {
        for (read, _) in dialects() {
            check(read, body.to_string().as_bytes());
        }
    }

    #[test]
    fn no_field_surprises(place in any::<prop::sample::Index>(), value in any_json()) {
        for (read, mut body) in dialects() {
            let mut place = 1 + place.index(count(&body) - 1);
            assert!(put(&mut body, &mut place, &value));
            check(read, body.to_string().as_bytes());
            let _ = messages::ask::read_to_count(body.to_string().as_bytes());
        }
    }
}
