//! Anthropic's messages: answers of one piece, events, refusals.

use expect_test::expect;
use serde_json::{Value, json};

use crate::client::{Reply, Server, steady};

const PATH: &str = "/v1/messages";

/// A body that asks `llmnet/auto`, with further fields if any.
fn body(messages: &Value, fields: &str) -> String {
    format!(r#"{{"model":"llmnet/auto","max_tokens":50,"messages":{messages}{fields}}}"#)
}

async fn ask(server: &Server, question: &str, fields: &str) -> Reply {
    let messages = json!([{"role": "user", "content": question}]);
    server.send(PATH, &body(&messages, fields)).await
}

/// Status, Anthropic's type, our code and field; in the shape that its clients read.
fn refusal(reply: &Reply) -> String {
    let refusal = reply.json();
    assert_eq!(refusal["type"], "error");
    assert!(refusal["error"]["message"].as_str().unwrap().len() > 8);
    assert_eq!(refusal["request_id"].as_str(), reply.header("request-id"));
    assert_eq!(reply.header("request-id"), reply.header("x-request-id"));
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let [kind, code, param] = [
        &refusal["error"]["type"],
        &refusal["llmnet"]["code"],
        &refusal["llmnet"]["param"],
    ]
    .map(text);
    format!("{} {kind} {code} {param}", reply.status)
}

#[tokio::test]
async fn a_message_carries_its_account() {
    let server = Server::start().await;
    let reply = ask(&server, "aspirin and warfarin?", "").await;
    expect![[r#"
        200
        {"id":"msg_…",
        "type":"message",
        "role":"assistant",
        "model":"llmnet/auto",
        "content":[{"type":"text",
        "text":"Aspirin thins the blood; ask before you combine it with warfarin [1]. Übrigens: it does so for the life of a platelet, about ten days."}],
        "stop_reason":"end_turn",
        "stop_sequence":null,
        "usage":{"input_tokens":120,
        "output_tokens":36},
        "llmnet":{"receipt_id":"abababababababababababababababababababababababababababababababab",
        "status":"concluded",
        "declined":false,
        "strategy":"auto",
        "domains":["medicine"],
        "conclusion":"vote",
        "rounds":1,
        "agreement":0.875,
        "height":42,
        "panel":[{"provider":"1a2b3c4d",
        "name":"asclepius",
        "domains":["medicine",
        "biology"],
        "reputation":{"mean":0.91,
        "lower_bound":0.83,
        "samples":57},
        "rank":3,
        "outcome":"served",
        "changed":false,
        "agrees":true,
        "score":0.9,
        "price":"0.00125",
        "latency_ms":340}],
        "skipped":[{"provider":"00ff00aa",
        "name":"unseen",
        "rank":0,
        "reason":"silent"},{"provider":"01ff00aa",
        "name":"full",
        "rank":1,
        "reason":"busy"},{"provider":"02ff00aa",
        "name":"elsewhere",
        "rank":2,
        "reason":"nothing_found"}],
        "citations":[{"title":"Antiplatelets",
        "document":"cardiology.md",
        "quote":"Aspirin blocks \"cyclooxygenase\".",
        "passage":"0101010101010101010101010101010101010101010101010101010101010101",
        "corpus":"0202020202020202020202020202020202020202020202020202020202020202",
        "as_of":"2026-02-16",
        "provider":"1a2b3c4d"}],
        "minority":[{"providers":["2b3c4d5e"],
        "share":0.125,
        "text":"It does not matter.",
        "citations":[],
        "reasons":["no trial found harm"]}],
        "cost":{"unit":"credit",
        "seats":"0.00125",
        "coordinator":"0.000125",
        "fee":"0.000025",
        "total":"0.0014"}}}"#]].assert_eq(&reply.shown());
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("request-id"), reply.header("x-request-id"));
    assert_eq!(reply.header("x-llmnet-cost"), Some("0.0014"));
}

#[tokio::test]
async fn requests_reach_the_node_as_they_were_meant() {
    let server = Server::start().await;
    let messages = json!([
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "hm", "signature": "x"},
            {"type": "text", "text": "what is it?"},
        ]},
        {"role": "user", "content": [
            {"type": "text", "text": "echo", "cache_control": {"type": "ephemeral"}},
        ]},
    ]);
    let fields = r#","system":[{"type":"text","text":"be brief"},{"type":"text","text":"be kind"}],
        "temperature":1,"top_p":0.9,"top_k":5,"stop_sequences":["END"],"metadata":{"user_id":"ann"},
        "thinking":{"type":"adaptive"},"output_config":{"effort":"low"},"tools":[],"stream":false"#;
    let reply = server.send(PATH, &body(&messages, fields)).await;
    let message = reply.json();
    let request = message["content"][0]["text"].as_str();
    expect![[r#"
        {"messages":[{"role":"system",
        "content":"be brief\nbe kind"},{"role":"user",
        "content":"hello"},{"role":"assistant",
        "content":"what is it?"},{"role":"user",
        "content":"echo"}],
        "strategy":"auto",
        "domain":null,
        "output_tokens_max":50,
        "settings":[{"name":"reasoning_effort",
        "value":"\"low\""},{"name":"stop",
        "value":"[\"END\"]"},{"name":"temperature",
        "value":"1"},{"name":"top_p",
        "value":"0.9"}]}"#]]
    .assert_eq(&request.unwrap().replace(",\"", ",\n\""));
}

#[tokio::test]
async fn a_stream_event_by_event() {
    let server = Server::start().await;
    let reply = ask(&server, "aspirin and warfarin?", r#","stream":true"#).await;
    let kind = "text/event-stream; charset=utf-8";
    assert_eq!(reply.header("content-type"), Some(kind));
    expect![[r#"
        : llmnet accepted …

        : llmnet about medicine 93%

        : llmnet panel of 3

        : llmnet answers 2/3

        : llmnet debate round 1/2

        : llmnet concluded

        event: message_start
        data: {"type":"message_start","message":{"id":"msg_…","type":"message","role":"assistant","model":"llmnet/auto","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":0,"output_tokens":0}}}

        event: ping
        data: {"type":"ping"}

        event: content_block_start
        data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

        event: content_block_delta
        data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Aspirin thins the blood; ask before you combine it with warfarin "}}

        event: content_block_delta
        data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"[1]. Übrigens: it does so for the life of a platelet, about ten "}}

        event: content_block_delta
        data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"days."}}

        event: content_block_stop
        data: {"type":"content_block_stop","index":0}

        event: message_delta
        data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"input_tokens":120,"output_tokens":36},"llmnet":{"receipt_id":"abababababababababababababababababababababababababababababababab","status":"concluded","declined":false,"strategy":"auto","domains":["medicine"],"conclusion":"vote","rounds":1,"agreement":0.875,"height":42,"panel":[{"provider":"1a2b3c4d","name":"asclepius","domains":["medicine","biology"],"reputation":{"mean":0.91,"lower_bound":0.83,"samples":57},"rank":3,"outcome":"served","changed":false,"agrees":true,"score":0.9,"price":"0.00125","latency_ms":340}],"skipped":[{"provider":"00ff00aa","name":"unseen","rank":0,"reason":"silent"},{"provider":"01ff00aa","name":"full","rank":1,"reason":"busy"},{"provider":"02ff00aa","name":"elsewhere","rank":2,"reason":"nothing_found"}],"citations":[{"title":"Antiplatelets","document":"cardiology.md","quote":"Aspirin blocks \"cyclooxygenase\".","passage":"0101010101010101010101010101010101010101010101010101010101010101","corpus":"0202020202020202020202020202020202020202020202020202020202020202","as_of":"2026-02-16","provider":"1a2b3c4d"}],"minority":[{"providers":["2b3c4d5e"],"share":0.125,"text":"It does not matter.","citations":[],"reasons":["no trial found harm"]}],"cost":{"unit":"credit","seats":"0.00125","coordinator":"0.000125","fee":"0.000025","total":"0.0014"}}}

        event: message_stop
        data: {"type":"message_stop"}

    "#]].assert_eq(&steady(&reply.body));
}

#[tokio::test]
async fn silence_is_broken_by_pings_with_comments_or_without() {
    let server = Server::start().await;
    for fields in [
        r#","stream":true"#,
        r#","stream":true,"llmnet":{"progress":false}"#,
    ] {
        let reply = ask(&server, "slowly", fields).await;
        // One at the beginning, others in the silences.
        assert!(reply.body.matches("event: ping\n").count() > 2, "{fields}");
        assert!(!reply.body.contains(": llmnet working"));
        let comments = reply.body.lines().any(|line| line.starts_with(':'));
        assert_eq!(comments, !fields.contains("progress"));
        assert!(reply.body.ends_with("{\"type\":\"message_stop\"}\n\n"));
    }
}

#[tokio::test]
async fn a_cap_on_tokens_is_the_reason_to_stop() {
    let server = Server::start().await;
    let reply = ask(&server, "at length", "").await.json();
    assert_eq!(reply["stop_reason"], "max_tokens");
    let reply = ask(&server, "at length", r#","stream":true"#).await;
    assert!(
        reply
            .body
            .contains(r#""delta":{"stop_reason":"max_tokens""#)
    );
}

#[tokio::test]
async fn a_failure_on_the_way_is_an_error_event_and_the_end() {
    let server = Server::start().await;
    let reply = ask(&server, "late failure", r#","stream":true"#).await;
    assert_eq!(reply.status, 200);
    let (_, last) = reply.body.trim_end().rsplit_once("\n\n").unwrap();
    expect![[r#"
        event: error
        data: {"type":"error","error":{"type":"api_error","message":"something went wrong here; report it with the id …"},"request_id":"…","llmnet":{"code":"internal_error","param":null}}"#]].assert_eq(&steady(last));
    assert!(!reply.body.contains("message_stop"));
}

#[tokio::test]
async fn refusals_of_the_node_are_anthropics_streamed_or_not() {
    let server = Server::start().await;
    for (question, expected) in [
        (
            "invalid",
            "400 invalid_request_error invalid_request max_tokens",
        ),
        ("unfunded", "402 billing_error unfunded -"),
        ("nobody serves", "503 overloaded_error no_respondent -"),
        ("overloaded", "503 overloaded_error overloaded -"),
        ("too often", "429 rate_limit_error rate_limit_exceeded -"),
        ("not ready", "503 overloaded_error not_ready -"),
        ("timeout", "503 timeout_error timeout -"),
        ("internal", "500 api_error internal_error -"),
        ("panic", "500 api_error internal_error -"),
    ] {
        for fields in ["", r#","stream":true"#] {
            let reply = ask(&server, question, fields).await;
            assert_eq!(refusal(&reply), expected);
            assert!(!reply.body.contains("secret"));
        }
    }
    let reply = ask(&server, "timeout", "").await;
    assert_eq!(reply.header("x-should-retry"), Some("false"));
    expect![[r#"
        503
        {"type":"error",
        "error":{"type":"timeout_error",
        "message":"no quorum answered in time"},
        "request_id":"…",
        "llmnet":{"code":"timeout",
        "param":null,
        "receipt_id":"abababababababababababababababababababababababababababababababab"}}"#]]
    .assert_eq(&reply.shown());
    let reply = ask(&server, "nobody serves", "").await;
    assert_eq!(reply.header("retry-after-ms"), Some("2500"));
    assert_eq!(
        reply.json()["llmnet"]["skipped"].as_array().unwrap().len(),
        3
    );
}

/// Before, around and beside the handlers as well.
#[tokio::test]
async fn all_refusals_under_its_path_are_anthropics() {
    let server = Server::start().await;
    let origin = "origin: https://evil.example\r\n";
    let reply = server.send_with(PATH, origin, "{}").await;
    assert_eq!(refusal(&reply), "403 permission_error cross_origin -");
    let reply = server.get(PATH).await;
    let expected = "405 invalid_request_error method_not_allowed -";
    assert_eq!(refusal(&reply), expected);
    let reply = server.get("/v1/messages/batches").await;
    assert_eq!(refusal(&reply), "404 not_found_error unknown_url -");
    let reply = server.send(PATH, &" ".repeat(1024 * 1024 + 1)).await;
    assert_eq!(refusal(&reply), "413 request_too_large body_too_large -");
    // Its neighbours are none of it.
    let reply = server.get("/v1/messagesque").await;
    assert_eq!(reply.error(), "404 invalid_request_error unknown_url -");
}

#[tokio::test]
async fn what_cannot_be_done_is_refused() {
    let server = Server::start().await;
    for (fields, expected) in [
        (
            r#""tools":[{"name":"a","input_schema":{}}]"#,
            "unsupported_parameter tools",
        ),
        (
            r#""mcp_servers":[{"url":"a"}]"#,
            "unsupported_parameter mcp_servers",
        ),
        (
            r#""container":"container_1""#,
            "unsupported_parameter container",
        ),
        (
            r#""output_config":{"format":{"type":"json_schema","schema":{}}}"#,
            "unsupported_parameter output_config.format",
        ),
        (r#""temperature":1.5"#, "invalid_value temperature"),
        (
            r#""stop_sequences":["a","b","c","d","e"]"#,
            "invalid_type stop_sequences",
        ),
        (r#""system":7"#, "invalid_type system"),
        (
            r#""system":[{"type":"image"}]"#,
            "unsupported_parameter system[0].type",
        ),
        (r#""stream":"no""#, "invalid_type stream"),
    ] {
        let reply = ask(&server, "hello", &format!(",{fields}")).await;
        let expected = format!("400 invalid_request_error {expected}");
        assert_eq!(refusal(&reply), expected, "{fields}");
    }
    for (messages, expected) in [
        (json!([]), "invalid_value messages"),
        (json!("hello"), "invalid_type messages"),
        (
            json!([{"role": "king", "content": "a"}]),
            "invalid_value messages[0].role",
        ),
        (
            json!([{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a"}]}]),
            "unsupported_parameter messages[0].content[0].type",
        ),
        (
            json!([{"role": "user", "content": [{"type": "document", "source": {}}]}]),
            "unsupported_parameter messages[0].content[0].type",
        ),
        (
            json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": "("}]),
            "invalid_value messages[1].role",
        ),
        (
            json!([{"role": "user", "content": []}]),
            "invalid_value messages[0].content",
        ),
    ] {
        let reply = server.send(PATH, &body(&messages, "")).await;
        let expected = format!("400 invalid_request_error {expected}");
        assert_eq!(refusal(&reply), expected, "{messages}");
    }
    let messages = r#"[{"role":"user","content":"a"}]"#;
    for (body, expected) in [
        (
            format!(r#"{{"model":"llmnet/auto","messages":{messages}}}"#),
            "400 invalid_request_error missing_required_parameter max_tokens",
        ),
        (
            format!(r#"{{"model":"claude-opus-4","max_tokens":9,"messages":{messages}}}"#),
            "404 not_found_error model_not_found model",
        ),
        ("{".to_owned(), "400 invalid_request_error invalid_json -"),
    ] {
        assert_eq!(refusal(&server.send(PATH, &body).await), expected);
    }
}

#[tokio::test]
async fn tokens_are_counted_as_the_network_counts_them() {
    let server = Server::start().await;
    let path = "/v1/messages/count_tokens";
    let messages = r#"[{"role":"user","content":"12345"},{"role":"assistant","content":"1"},{"role":"user","content":"1234"}]"#;
    let body = format!(r#"{{"model":"llmnet/auto","system":"123","messages":{messages}}}"#);
    let reply = server.send(path, &body).await;
    expect![[r#"
        200
        {"input_tokens":5}"#]]
    .assert_eq(&reply.shown());
    let reply = server.send(path, r#"{"model":"llmnet/auto"}"#).await;
    let expected = "400 invalid_request_error missing_required_parameter messages";
    assert_eq!(refusal(&reply), expected);
}
