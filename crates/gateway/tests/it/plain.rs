//! Answers of one piece, models, and refusals of the node.

use expect_test::{Expect, expect};
use serde_json::json;

use crate::client::{Server, steady};

#[tokio::test]
async fn a_request_may_say_how_large_and_patient_its_panel_is() {
    let server = Server::start().await;
    for (fields, expected) in [
        ("", "None seats, None first, None answers, None ms"),
        (
            r#","llmnet":{"seats":7,"first":2,"quorum":3}"#,
            "Some(7) seats, Some(2) first, Some(3) answers, None ms",
        ),
        (
            r#","llmnet":{"quorum":1,"seats":null}"#,
            "None seats, None first, Some(1) answers, None ms",
        ),
        (
            r#","llmnet":{"grace_ms":0}"#,
            "None seats, None first, None answers, Some(0) ms",
        ),
    ] {
        let reply = server.ask("how large?", fields).await;
        let content = &reply.json()["choices"][0]["message"]["content"];
        assert_eq!(content, expected, "{fields}");
    }
}

#[tokio::test]
async fn an_answer_carries_its_account() {
    let server = Server::start().await;
    let reply = server.ask("aspirin and warfarin?", "").await;
    expect![[r#"
        200
        {"id":"chatcmpl-…",
        "object":"chat.completion",
        "created":…,
        "model":"llmnet/auto",
        "choices":[{"index":0,
        "message":{"role":"assistant",
        "content":"Aspirin thins the blood; ask before you combine it with warfarin [1]. Übrigens: it does so for the life of a platelet, about ten days.",
        "refusal":null,
        "annotations":[{"type":"url_citation",
        "url_citation":{"start_index":65,
        "end_index":68,
        "title":"Antiplatelets",
        "url":"urn:llmnet:passage:0101010101010101010101010101010101010101010101010101010101010101"}}]},
        "logprobs":null,
        "finish_reason":"stop"}],
        "usage":{"prompt_tokens":120,
        "completion_tokens":36,
        "total_tokens":156},
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
    assert_eq!(
        reply.header("x-llmnet-receipt"),
        Some("ab".repeat(32).as_str())
    );
    assert_eq!(reply.header("x-llmnet-cost"), Some("0.0014"));
    assert_eq!(reply.header("x-request-id").map(str::len), Some(16));
    let overhead: f64 = reply
        .header("x-llmnet-overhead-ms")
        .unwrap()
        .parse()
        .unwrap();
    assert!(overhead < 1_000.0);
}

#[tokio::test]
async fn what_nobody_knows_is_an_answer_that_costs_nothing() {
    let server = Server::start().await;
    let reply = server.ask("what does nobody know?", "").await;
    let answer = reply.json();
    assert_eq!(reply.status, 200);
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert_eq!(answer["llmnet"]["declined"], true);
    assert_eq!(answer["llmnet"]["receipt_id"], json!(null));
    assert_eq!(answer["llmnet"]["cost"]["total"], "0");
    assert_eq!(reply.header("x-llmnet-receipt"), None);
    assert_eq!(reply.header("x-llmnet-cost"), Some("0"));
}

#[tokio::test]
async fn requests_reach_the_node_as_they_were_meant() {
    let server = Server::start().await;
    let reply = server
        .post(
            r#"{
                "model": "llmnet/expert:Medicine",
                "messages": [
                    {"role": "developer", "content": "be brief"},
                    {"role": "assistant", "content": null, "tool_calls": []},
                    {"role": "user", "name": "ann", "content": [
                        {"type": "text", "text": "echo"}
                    ]}
                ],
                "n": 1, "tools": [], "tool_choice": "none", "stream": false,
                "response_format": {"type": "text"}, "modalities": ["text"],
                "max_tokens": 7, "max_completion_tokens": 50,
                "temperature": 0.2, "top_p": null, "seed": -4, "stop": ["a", "b"],
                "stream_options": null, "user": "ann", "what_is_this": {"deep": [1]}
            }"#,
        )
        .await;
    let answer = reply.json();
    assert_eq!(answer["model"], "llmnet/expert:medicine");
    let request = answer["choices"][0]["message"]["content"].as_str().unwrap();
    expect![[r#"
        {"messages":[{"role":"system",
        "content":"be brief"},{"role":"assistant",
        "content":""},{"role":"user",
        "content":"echo"}],
        "strategy":"auto",
        "domain":"medicine",
        "output_tokens_max":50,
        "settings":[{"name":"seed",
        "value":"-4"},{"name":"stop",
        "value":"[\"a\",\"b\"]"},{"name":"temperature",
        "value":"0.2"}]}"#]]
    .assert_eq(&request.replace(",\"", ",\n\""));
}

#[tokio::test]
async fn models_are_ways_to_ask() {
    let server = Server::start().await;
    let reply = server.get("/v1/models").await;
    let list = reply.json();
    let names: Vec<&str> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["id"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "llmnet/auto",
            "llmnet/single",
            "llmnet/vote",
            "llmnet/debate",
            "llmnet/mixture",
            "llmnet/expert:astronomy",
            "llmnet/expert:medicine",
        ]
    );
    let reply = server.get("/v1/models/llmnet/expert:medicine").await;
    expect![[r#"
        200
        {"id":"llmnet/expert:medicine",
        "object":"model",
        "created":0,
        "owned_by":"llmnet",
        "context_length":65536,
        "domains":["medicine"],
        "respondents":3,
        "pricing":{"unit":"credit",
        "per":"seat",
        "call":{"min":"0.001",
        "max":"0.002"},
        "input_per_1k":{"min":"0.0001",
        "max":"0.0001"},
        "output_per_1k":{"min":"0.002",
        "max":"0.002"}},
        "reputation":{"mean":0.91,
        "lower_bound":0.83,
        "samples":57}}"#]]
    .assert_eq(&reply.shown());
    let reply = server.get("/v1/models/llmnet%2Fauto").await;
    assert_eq!(reply.json()["id"], "llmnet/auto");
    assert_eq!(reply.json()["domains"], json!(["astronomy", "medicine"]));
    for path in [
        "/v1/models/gpt-4o",
        "/v1/models/llmnet/expert:law",
        "/v1/models/%ff",
    ] {
        assert_eq!(
            server.get(path).await.error(),
            "404 invalid_request_error model_not_found model"
        );
    }
}

async fn check(question: &str, retry_after_ms: Option<&str>, expected: Expect) {
    let server = Server::start().await;
    let mut shown = Vec::new();
    for fields in ["", r#","stream":true"#] {
        let reply = server.ask(question, fields).await;
        assert_eq!(reply.header("retry-after-ms"), retry_after_ms);
        assert_eq!(reply.header("retry-after"), retry_after_ms.map(|_| "3"));
        assert!(!reply.body.contains("secret"));
        assert!(reply.header("x-request-id").is_some());
        shown.push(steady(&format!("{} {}", reply.status, reply.body)));
    }
    // A stream refused at once is told so by its status as well.
    assert_eq!(shown[0], shown[1]);
    expected.assert_eq(&shown[0]);
}

#[tokio::test]
async fn refusals_of_the_node_have_their_status() {
    let soon = Some("2500");
    check("invalid", None, expect![[r#"400 {"error":{"message":"'max_tokens' is over the 4000 that the terms allow","type":"invalid_request_error","param":"max_tokens","code":"invalid_request"}}"#]]).await;
    check("unfunded", None, expect![[r#"402 {"error":{"message":"the line has 0.1 credits, the worst case needs 0.4; run llmnet wallet fund","type":"insufficient_quota","param":null,"code":"unfunded"}}"#]]).await;
    check("nobody serves", soon, expect![[r#"503 {"error":{"message":"3 were asked, none serves now","type":"server_error","param":null,"code":"no_respondent"},"llmnet":{"skipped":[{"provider":"00ff00aa","name":"unseen","rank":0,"reason":"silent"},{"provider":"01ff00aa","name":"full","rank":1,"reason":"busy"},{"provider":"02ff00aa","name":"elsewhere","rank":2,"reason":"nothing_found"}]}}"#]]).await;
    check("overloaded", soon, expect![[r#"503 {"error":{"message":"as many questions are worked on as this node takes; try again shortly","type":"server_error","param":null,"code":"overloaded"}}"#]]).await;
    check("too often", soon, expect![[r#"429 {"error":{"message":"too many requests; try again after the time in retry-after","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}"#]]).await;
    check("not ready", soon, expect![[r#"503 {"error":{"message":"no block is final yet","type":"server_error","param":null,"code":"not_ready"}}"#]]).await;
    check("timeout", None, expect![[r#"503 {"error":{"message":"no quorum answered in time","type":"server_error","param":null,"code":"timeout"},"llmnet":{"receipt_id":"abababababababababababababababababababababababababababababababab"}}"#]]).await;
    check("internal", None, expect![[r#"500 {"error":{"message":"something went wrong here; report it with the id …","type":"server_error","param":null,"code":"internal_error"}}"#]]).await;
    check("panic", None, expect![[r#"500 {"error":{"message":"something went wrong here; report it with the id …","type":"server_error","param":null,"code":"internal_error"}}"#]]).await;
}
