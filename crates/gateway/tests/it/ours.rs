//! Receipts, experts, health and status.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use expect_test::expect;
use serde_json::{Value, json};

use crate::{
    client::{Reply, Server, config},
    script::{RECEIPT, RECEIPT_FILE, Script},
};

#[tokio::test]
async fn a_receipt_is_served_as_it_is() {
    let server = Server::start().await;
    let reply = server.get(&format!("/v1/receipts/{RECEIPT}")).await;
    assert_eq!(reply.body, RECEIPT_FILE);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("x-llmnet-receipt-state"), Some("issued"));
    assert_eq!(reply.header("x-llmnet-height"), None);

    let waited = format!("/v1/receipts/{RECEIPT}?x=1&wait_ms=60000");
    let reply = server.get(&waited).await;
    assert_eq!(reply.body, RECEIPT_FILE);
    assert_eq!(reply.header("x-llmnet-receipt-state"), Some("final"));
    assert_eq!(reply.header("x-llmnet-height"), Some("43"));
}

#[tokio::test]
async fn waiting_for_a_receipt_is_bounded() {
    let mut config = config();
    config.receipt_wait_max = Duration::from_millis(10);
    let server = Server::with(config, Script::default()).await;
    let began = Instant::now();
    let path = format!("/v1/receipts/{RECEIPT}?wait_ms=18446744073709551615");
    let reply = server.get(&path).await;
    assert_eq!(reply.header("x-llmnet-receipt-state"), Some("issued"));
    assert!(began.elapsed() < Duration::from_secs(5));
}

/// The request as it reached the node.
fn echoed(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.body);
    let answer = reply.json();
    let texts = [
        "/choices/0/message/content",
        "/output/0/content/0/text",
        "/content/0/text",
    ];
    let text = texts.iter().find_map(|path| answer.pointer(path)?.as_str());
    serde_json::from_str(text.expect("an answer")).unwrap()
}

#[tokio::test]
async fn a_domain_is_pinned_in_every_dialect_and_with_every_model() {
    let server = Server::start().await;
    let ours = json!({"domain": " Medicine "});
    let turns = json!([{"role": "user", "content": "echo"}]);
    for (model, strategy) in [
        ("llmnet/auto", "auto"),
        ("llmnet/single", "single"),
        ("llmnet/mixture", "mixture"),
        ("llmnet/expert:medicine", "auto"),
    ] {
        for (path, body) in [
            (
                "/v1/chat/completions",
                json!({"model": model, "messages": turns, "llmnet": ours}),
            ),
            (
                "/v1/responses",
                json!({"model": model, "input": "echo", "llmnet": ours}),
            ),
            (
                "/v1/messages",
                json!({"model": model, "max_tokens": 9, "messages": turns, "llmnet": ours}),
            ),
        ] {
            let reply = server.send(path, &body.to_string()).await;
            assert_eq!(reply.json()["model"], model, "{path}");
            let request = echoed(&reply);
            assert_eq!(request["domain"], "medicine", "{path} {model}");
            assert_eq!(request["strategy"], strategy, "{path} {model}");
        }
    }
    let free = json!({"model": "llmnet/single", "messages": turns, "llmnet": {"domain": null}});
    let reply = server.send("/v1/chat/completions", &free.to_string()).await;
    assert_eq!(echoed(&reply)["domain"], json!(null));
}

#[tokio::test]
async fn a_domain_of_nobody_is_refused_in_each_dialects_shape() {
    let server = Server::start().await;
    let ours = json!({"domain": "law"});
    let turns = json!([{"role": "user", "content": "hello"}]);
    let response = json!({"model": "llmnet/single", "input": "hello", "llmnet": ours});
    let reply = server.send("/v1/responses", &response.to_string()).await;
    let expected = "404 invalid_request_error domain_not_found llmnet.domain";
    assert_eq!(reply.error(), expected);
    let message =
        json!({"model": "llmnet/single", "max_tokens": 9, "messages": turns, "llmnet": ours});
    let reply = server.send("/v1/messages", &message.to_string()).await;
    assert_eq!(reply.status, 404);
    assert_eq!(reply.json()["error"]["type"], "not_found_error");
    assert_eq!(reply.json()["llmnet"]["code"], "domain_not_found");
    assert_eq!(reply.json()["llmnet"]["param"], "llmnet.domain");
    assert_eq!(
        server.script.asked.load(Ordering::SeqCst),
        0,
        "nobody was asked"
    );
}

#[tokio::test]
async fn receipts_that_are_not_there() {
    let server = Server::start().await;
    let other = "0".repeat(64);
    for (path, expected) in [
        (
            other.as_str(),
            "404 invalid_request_error receipt_not_found id",
        ),
        ("abc", "400 invalid_request_error invalid_value id"),
        ("%ff", "400 invalid_request_error invalid_value id"),
        (
            &format!("{other}?wait_ms=soon"),
            "400 invalid_request_error invalid_value wait_ms",
        ),
    ] {
        let reply = server.get(&format!("/v1/receipts/{path}")).await;
        assert_eq!(reply.error(), expected);
    }
}

#[tokio::test]
async fn experts() {
    let server = Server::start().await;
    let reply = server.get("/v1/experts").await;
    expect![[r#"
        200
        {"object":"list",
        "data":[{"object":"expert",
        "provider":"1a2b3c4d",
        "name":"asclepius",
        "node":"1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a",
        "operator":"0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
        "reachable":true,
        "domains":[{"domain":"medicine",
        "reputation":{"mean":0.91,
        "lower_bound":0.83,
        "samples":57}}],
        "model":{"family":"llama",
        "name":"Llama-3.2-1B",
        "digest":"0303030303030303030303030303030303030303030303030303030303030303",
        "assurance":"declared"},
        "corpus":{"root":"0202020202020202020202020202020202020202020202020202020202020202",
        "as_of":"2026-02-16",
        "passages":12},
        "price":{"unit":"credit",
        "call":"0.001",
        "input_per_1k":"0.0001",
        "output_per_1k":"0.002"},
        "bond":"5"}]}"#]]
    .assert_eq(&reply.shown());
}

#[tokio::test]
async fn health_and_status() {
    let server = Server::start().await;
    let reply = server.get("/health").await;
    expect![[r#"
        200
        {"status":"ready"}"#]]
    .assert_eq(&reply.shown());

    let script = Script {
        blocked: Some("no block is final yet".to_owned()),
        ..Script::default()
    };
    let server = Server::with(config(), script).await;
    let reply = server.get("/health").await;
    assert_eq!(reply.header("retry-after"), Some("1"));
    expect![[r#"
        503
        {"status":"not_ready",
        "reason":"no block is final yet"}"#]]
    .assert_eq(&reply.shown());
    let reply = server.get("/status").await;
    expect![[r#"
        200
        {"ready":false,
        "reason":"no block is final yet",
        "version":"0.1.0",
        "network":"0707070707070707070707070707070707070707070707070707070707070707",
        "height":43,
        "parts":[{"name":"chain",
        "ready":false,
        "detail":"4 validators, last block 0.8 s ago"}],
        "gateway":{"uptime_s":0,
        "requests":0,
        "requests_max":64}}"#]]
    .assert_eq(&reply.shown());
}
