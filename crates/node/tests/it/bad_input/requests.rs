//! Requests that make no sense.

use expect_test::expect;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::QUESTION;
use crate::support::{DEADLINE, Gateway, Room, Up, place};

/// Sends bytes and gives the reply's status, code and message.
async fn said(gateway: &Gateway, bytes: &[u8]) -> String {
    let address = gateway.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The reply may come before all was read.
    let _ = stream.write_all(bytes).await;
    let mut reply = Vec::new();
    let read = timeout(DEADLINE, stream.read_to_end(&mut reply)).await;
    let _ = read.expect("the reply ends");
    let reply = String::from_utf8(reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap_or((&reply, ""));
    let status = head.split_whitespace().nth(1).unwrap_or("no status");
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let error = &body["error"];
    let text = |name: &str| error[name].as_str().unwrap_or("-").to_owned();
    format!("{status} {}: {}", text("code"), text("message"))
}

fn request(start: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{start} HTTP/1.1\r\nhost: llmnet\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_make_no_sense_are_refused_and_the_next_is_answered() {
    let (room, _place) = (Room::new(), place().await);
    let up = Up::start(&room, &["--no-models"]).await;
    let chat = |body: &str| request("POST /v1/chat/completions", body.as_bytes());
    let ask = |model: &str, content: &str| {
        let message = serde_json::json!({ "role": "user", "content": content });
        chat(&serde_json::json!({ "model": model, "messages": [message] }).to_string())
    };
    let known = "0".repeat(64);
    let cases = [
        ("empty", chat("")),
        (
            "not UTF-8",
            request("POST /v1/chat/completions", b"{\"model\":\"\xff\"}"),
        ),
        ("not JSON", chat("{\"model\": ")),
        ("a list", chat("[]")),
        ("no messages", chat("{\"model\":\"llmnet/auto\"}")),
        ("nested too deep", chat(&"[".repeat(10_000))),
        ("an empty question", ask("llmnet/auto", " ")),
        ("a long question", ask("llmnet/auto", &"x".repeat(900_000))),
        ("a huge body", ask("llmnet/auto", &"x".repeat(2_000_000))),
        ("an unknown model", ask("gpt-4o", "Why?")),
        ("an unknown domain", ask("llmnet/expert:alchemy", "Why?")),
        ("a bad domain", ask("llmnet/expert:../..", "Why?")),
        ("no route", request("GET /v2/nothing", b"")),
        (
            "another method",
            request("DELETE /v1/chat/completions", b""),
        ),
        ("a bad receipt", request("GET /v1/receipts/xyz", b"")),
        (
            "an unknown receipt",
            request(&format!("GET /v1/receipts/{known}"), b""),
        ),
        (
            "a bad wait",
            request(&format!("GET /v1/receipts/{known}?wait_ms=-1"), b""),
        ),
        (
            "an unknown model's card",
            request("GET /v1/models/gpt-4o", b""),
        ),
        ("not HTTP", b"\x16\x03\x01 hello\r\n\r\n".to_vec()),
    ];
    let mut table = String::new();
    for (name, bytes) in cases {
        let said = said(&up.gateway, &bytes).await;
        table.push_str(&format!("{name}: {said}\n"));
    }
    expect![[r#"
        empty: 400 empty_body: the body is empty; send JSON such as {"model": "llmnet/auto", "messages": [{"role": "user", "content": "…"}]}
        not UTF-8: 400 invalid_utf8: the body is not UTF-8 from byte 10 on; encode it as UTF-8
        not JSON: 400 invalid_json: the body is not JSON: EOF while parsing a value at line 1 column 10; send JSON such as {"model": "llmnet/auto", "messages": [{"role": "user", "content": "…"}]}
        a list: 400 invalid_type: the body must be an object, found an array
        no messages: 400 missing_required_parameter: 'messages' is missing; add it
        nested too deep: 400 invalid_json: the body is not JSON: recursion limit exceeded at line 1 column 128; send JSON such as {"model": "llmnet/auto", "messages": [{"role": "user", "content": "…"}]}
        an empty question: 400 invalid_value: the question is empty; write one
        a long question: 400 context_length_exceeded: 'messages[0].content' has 900000 bytes where at most 60000 are allowed; shorten it
        a huge body: 413 body_too_large: the body is longer than 1048576 bytes; shorten the conversation
        an unknown model: 404 model_not_found: there is no model "gpt-4o"; use llmnet/auto, llmnet/single, llmnet/vote, llmnet/debate, llmnet/mixture or llmnet/expert:<domain> with a domain of GET /v1/models
        an unknown domain: 404 model_not_found: there is no model "llmnet/expert:alchemy"; use llmnet/auto, llmnet/single, llmnet/vote, llmnet/debate, llmnet/mixture or llmnet/expert:<domain> with a domain of GET /v1/models
        a bad domain: 404 model_not_found: there is no model "llmnet/expert:../.."; use llmnet/auto, llmnet/single, llmnet/vote, llmnet/debate, llmnet/mixture or llmnet/expert:<domain> with a domain of GET /v1/models
        no route: 404 unknown_url: there is no GET /v2/nothing; see what there is at GET /openapi.json
        another method: 405 method_not_allowed: /v1/chat/completions does not take DELETE; use POST
        a bad receipt: 400 invalid_value: a receipt's id is 64 characters of 0-9 and a-f, as in llmnet.receipt_id
        an unknown receipt: 404 receipt_not_found: there is no receipt 0000000000000000000000000000000000000000000000000000000000000000 here; ask the node that gave the answer
        a bad wait: 400 invalid_value: 'wait_ms' must be a whole number of milliseconds, as in ?wait_ms=5000
        an unknown model's card: 404 model_not_found: there is no model "gpt-4o"; use llmnet/auto, llmnet/single, llmnet/vote, llmnet/debate, llmnet/mixture or llmnet/expert:<domain> with a domain of GET /v1/models
        not HTTP: 400 -: -
    "#]].assert_eq(&table);
    // A connection that ends in the middle of a request.
    let whole = ask("llmnet/auto", QUESTION);
    for length in [1, 40, whole.len() - 1] {
        let address = up.gateway.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&whole[..length]).await.unwrap();
    }
    up.gateway.receipt_for("llmnet/auto", QUESTION).await;
    assert_eq!(up.stop().await, 0);
    let log = std::fs::read_to_string(room.path().join("up.log")).unwrap();
    assert!(!log.contains("panicked"), "{log}");
}
