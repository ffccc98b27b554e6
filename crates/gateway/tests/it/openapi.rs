//! The description of the API, held to what a running gateway answers.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    client::{Reply, Server, body},
    ledger_script::transaction,
    schema::check,
    script::{EMBEDDER, RECEIPT},
};

const KEY: &str = "1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a";

/// A message's body.
fn message(question: &str, stop_sequences: Value) -> String {
    json!({
        "model": "llmnet/auto", "max_tokens": 9, "system": "be brief",
        "messages": [{"role": "user", "content": question}],
        "stop_sequences": stop_sequences, "llmnet": {"progress": false},
    })
    .to_string()
}

fn city() -> Value {
    json!({"type": "object", "properties": {"city": {"type": "string"}}})
}

fn chat_with_tools() -> String {
    let function =
        json!({"name": "weather", "description": "d", "parameters": city(), "strict": true});
    let call = json!({"name": "weather", "arguments": "{}"});
    json!({
        "model": "llmnet/single",
        "messages": [
            {"role": "user", "content": "a"},
            {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": call}]},
            {"role": "tool", "tool_call_id": "1", "content": "b"},
            {"role": "user", "content": "Paris?"},
        ],
        "tools": [{"type": "function", "function": function}],
        "tool_choice": "auto", "parallel_tool_calls": true,
        "response_format": {"type": "text"},
    })
    .to_string()
}

fn response_with_tools() -> String {
    json!({
        "model": "llmnet/single", "input": "Paris?",
        "tools": [{"type": "function", "name": "weather", "parameters": city()}],
        "tool_choice": {"type": "function", "name": "weather"}, "parallel_tool_calls": false,
        "text": {"format": {"type": "text"}},
    })
    .to_string()
}

fn message_with_tools() -> String {
    json!({
        "model": "llmnet/single", "max_tokens": 9,
        "messages": [{"role": "user", "content": "Paris?"}],
        "tools": [{"name": "weather", "description": "d", "input_schema": city()}],
        "tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": true},
    })
    .to_string()
}

/// Requests that are answered, and some that are refused, by the path they are of.
fn examples() -> Vec<(&'static str, &'static str, String, Option<String>)> {
    let get = |path, example: &str| ("get", path, example.to_owned(), None);
    let post = |path, example: &str, body| ("post", path, example.to_owned(), Some(body));
    let submission = json!({ "transaction": transaction(2) }).to_string();
    let unknown = "0".repeat(64);
    vec![
        post(
            "/v1/chat/completions",
            "/v1/chat/completions",
            body("aspirin?", ""),
        ),
        post(
            "/v1/chat/completions",
            "/v1/chat/completions",
            body("what does nobody know?", ""),
        ),
        post(
            "/v1/chat/completions",
            "/v1/chat/completions",
            body("nobody serves", ""),
        ),
        post(
            "/v1/chat/completions",
            "/v1/chat/completions",
            body("timeout", ""),
        ),
        post(
            "/v1/chat/completions",
            "/v1/chat/completions",
            "{}".to_owned(),
        ),
        post(
            "/v1/responses",
            "/v1/responses",
            json!({
                "model": "llmnet/auto", "input": "aspirin?", "instructions": "be brief",
                "max_output_tokens": 9, "metadata": {"a": "b"}, "temperature": 0.5,
                "llmnet": {"progress": false},
            })
            .to_string(),
        ),
        post(
            "/v1/responses",
            "/v1/responses",
            json!({"model": "llmnet/vote", "input": [{"role": "user", "content": "at length"}]})
                .to_string(),
        ),
        post(
            "/v1/responses",
            "/v1/responses",
            json!({"model": "llmnet/single", "input": "aspirin?", "llmnet": {"domain": "medicine"}})
                .to_string(),
        ),
        post("/v1/chat/completions", "/v1/chat/completions", chat_with_tools()),
        post("/v1/responses", "/v1/responses", response_with_tools()),
        post("/v1/messages", "/v1/messages", message_with_tools()),
        post("/v1/responses", "/v1/responses", "{}".to_owned()),
        post(
            "/v1/embeddings",
            "/v1/embeddings",
            json!({"model": "a", "input": "b"}).to_string(),
        ),
        post(
            "/v1/embeddings",
            "/v1/embeddings",
            json!({"model": EMBEDDER, "input": ["a", "b"], "dimensions": 2}).to_string(),
        ),
        post(
            "/v1/messages",
            "/v1/messages",
            message("aspirin?", json!(["END"])),
        ),
        post(
            "/v1/messages",
            "/v1/messages",
            message("nobody serves", json!([])),
        ),
        post(
            "/v1/messages",
            "/v1/messages",
            message("timeout", json!([])),
        ),
        post("/v1/messages", "/v1/messages", "{}".to_owned()),
        post(
            "/v1/messages/count_tokens",
            "/v1/messages/count_tokens",
            message("aspirin?", json!([])),
        ),
        post(
            "/v1/messages/count_tokens",
            "/v1/messages/count_tokens",
            "{}".to_owned(),
        ),
        get("/v1/models", "/v1/models"),
        get("/v1/models/{id}", "/v1/models/llmnet/expert:medicine"),
        get("/v1/models/{id}", "/v1/models/gpt-4o"),
        get("/v1/key", "/v1/key"),
        get("/v1/experts", "/v1/experts"),
        get("/v1/receipts/{id}", &format!("/v1/receipts/{RECEIPT}")),
        get("/v1/receipts/{id}", &format!("/v1/receipts/{unknown}")),
        get("/health", "/health"),
        get("/status", "/status"),
        get("/openapi.json", "/openapi.json"),
        get("/v1/ledger/status", "/v1/ledger/status"),
        get("/v1/ledger/params", "/v1/ledger/params"),
        get("/v1/ledger/genesis", "/v1/ledger/genesis"),
        get("/v1/ledger/blocks", "/v1/ledger/blocks"),
        get(
            "/v1/ledger/blocks",
            "/v1/ledger/blocks?from=0&transactions=true",
        ),
        get("/v1/ledger/blocks", "/v1/ledger/blocks?from=99"),
        get("/v1/ledger/blocks/{height}", "/v1/ledger/blocks/5"),
        get("/v1/ledger/blocks/{height}", "/v1/ledger/blocks/8"),
        get("/v1/ledger/events", "/v1/ledger/events?from=99"),
        post(
            "/v1/ledger/transactions",
            "/v1/ledger/transactions",
            submission.clone(),
        ),
        post(
            "/v1/ledger/transactions",
            "/v1/ledger/transactions?wait_ms=9",
            submission,
        ),
        post(
            "/v1/ledger/transactions",
            "/v1/ledger/transactions",
            "{}".to_owned(),
        ),
        get(
            "/v1/ledger/transactions/{id}",
            &format!("/v1/ledger/transactions/{}", transaction(2).id()),
        ),
        get(
            "/v1/ledger/accounts/{key}",
            &format!("/v1/ledger/accounts/{KEY}"),
        ),
        get("/v1/ledger/lines", "/v1/ledger/lines?limit=1"),
        get("/v1/ledger/lines/{id}", "/v1/ledger/lines/0"),
        get("/v1/ledger/coordinators", "/v1/ledger/coordinators"),
        get(
            "/v1/ledger/providers",
            "/v1/ledger/providers?domain=medicine",
        ),
        get("/v1/ledger/providers/{id}", "/v1/ledger/providers/1"),
        get(
            "/v1/ledger/providers/{id}",
            &format!("/v1/ledger/providers/{KEY}"),
        ),
        get("/v1/ledger/reputation", "/v1/ledger/reputation"),
        get(
            "/v1/ledger/reputation",
            "/v1/ledger/reputation?provider=0&at=8",
        ),
        get(
            "/v1/ledger/proofs/{coordinator}/{slot}",
            &format!("/v1/ledger/proofs/{KEY}/0"),
        ),
        get(
            "/v1/ledger/proofs/{coordinator}/{slot}",
            &format!("/v1/ledger/proofs/{KEY}/3"),
        ),
        get("/v1/ledger/hand-overs/{term}", "/v1/ledger/hand-overs/0"),
        get("/v1/ledger/hand-overs/{term}", "/v1/ledger/hand-overs/1"),
        get(
            "/v1/ledger/params",
            &format!("/v1/ledger/params?network={unknown}"),
        ),
        post(
            "/v1/ledger/state",
            "/v1/ledger/state",
            json!({ "keys": ["00", "01"] }).to_string(),
        ),
        post("/v1/ledger/state", "/v1/ledger/state", "{}".to_owned()),
    ]
}

/// The schema that a reply should be of.
fn schema<'a>(document: &'a Value, operation: &'a Value, reply: &Reply) -> &'a Value {
    let responses = &operation["responses"];
    let response = responses
        .get(reply.status.to_string())
        .unwrap_or(&responses["default"]);
    let response = match response["$ref"].as_str() {
        Some(named) => document.pointer(named.trim_start_matches('#')).unwrap(),
        None => response,
    };
    &response["content"]["application/json"]["schema"]
}

#[tokio::test]
async fn what_is_answered_is_as_described() {
    let server = Server::embedding().await;
    let document = server.get("/openapi.json").await.json();
    let mut asked = BTreeSet::new();
    for (method, path, example, body) in examples() {
        let operation = &document["paths"][path][method];
        assert!(operation.is_object(), "{method} {path} is not described");
        let reply = match &body {
            Some(body) => server.send(&example, body).await,
            None => server.get(&example).await,
        };
        if reply.status < 300 {
            asked.insert((method, path));
        }
        // What is sent well should be as described as well.
        if let Some(body) = body.filter(|_| reply.status < 300) {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            check(&document, schema, &serde_json::from_str(&body).unwrap())
                .unwrap_or_else(|error| panic!("the body of {method} {example}: {error}"));
        }
        let schema = schema(&document, operation, &reply);
        check(&document, schema, &reply.json())
            .unwrap_or_else(|error| panic!("{} of {method} {example}: {error}", reply.status));
    }
    // Of each operation there is an example that is answered; streams and keys have tests of their own, and
    // where nothing is described but refusals there is nothing else.
    let paths = document["paths"].as_object().unwrap();
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().unwrap() {
            let there = asked.contains(&(method.as_str(), path.as_str()));
            let refused = operation["responses"]["200"].is_null();
            assert!(
                there || refused || ["/v1/ledger/events", "/v1/key"].contains(&path.as_str()),
                "no example of {method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn events_are_as_described() {
    let server = Server::start().await;
    let document = server.get("/openapi.json").await.json();
    server
        .ledger
        .unrecorded
        .store(4, std::sync::atomic::Ordering::SeqCst);
    // It ends by itself, at the block of which there is no record.
    let reply = server.get("/v1/ledger/events?from=0").await;
    let data = reply
        .body
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    let mut data: Vec<Value> = data
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let schemas = &document["components"]["schemas"];
    check(&document, &schemas["Error"], &data.pop().unwrap()).unwrap();
    assert_eq!(data.len(), 3);
    for event in data {
        check(&document, &schemas["StreamedEvent"], &event).unwrap();
    }
}

/// A check that lets everything pass would prove nothing.
#[tokio::test]
async fn what_is_not_as_described_is_found() {
    let server = Server::start().await;
    let document = server.get("/openapi.json").await.json();
    let schema = &document["components"]["schemas"]["Line"];
    let line = server.get("/v1/ledger/lines/0").await.json();
    check(&document, schema, &line).unwrap();
    let mut less = line.clone();
    less.as_object_mut().unwrap().remove("drawn");
    let mut more = line.clone();
    more["colour"] = "red".into();
    let mut other = line.clone();
    other["closed"] = "no".into();
    let mut below = line;
    below["n"] = (-1).into();
    for wrong in [less, more, other, below] {
        assert!(check(&document, schema, &wrong).is_err(), "{wrong}");
    }
}
