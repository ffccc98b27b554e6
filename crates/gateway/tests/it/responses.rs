//! OpenAI's responses: answers of one piece, events, refusals.

use expect_test::expect;
use serde_json::{Value, json};

use crate::client::{Reply, Server, steady};

const PATH: &str = "/v1/responses";

/// A body that asks `llmnet/auto`, with further fields if any.
fn body(input: &Value, fields: &str) -> String {
    format!(r#"{{"model":"llmnet/auto","input":{input}{fields}}}"#)
}

async fn ask(server: &Server, question: &str, fields: &str) -> Reply {
    let body = body(&question.into(), fields);
    server.send(PATH, &body).await
}

/// Events with their names, whose data says the same.
fn events(reply: &Reply) -> Vec<(String, Value)> {
    assert_eq!(reply.status, 200, "{}", reply.body);
    let blocks = reply.body.split("\n\n");
    let events = blocks.filter_map(|block| {
        let (name, data) = block.strip_prefix("event: ")?.split_once("\ndata: ")?;
        let data: Value = serde_json::from_str(data).unwrap();
        assert_eq!(data["type"], name);
        Some((name.to_owned(), data))
    });
    let events: Vec<_> = events.collect();
    for (place, (_, data)) in events.iter().enumerate() {
        assert_eq!(data["sequence_number"], place, "{data}");
    }
    events
}

#[tokio::test]
async fn a_response_carries_its_account() {
    let server = Server::start().await;
    let fields = r#","instructions":"be brief","metadata":{"run":"7"},"max_output_tokens":50,"temperature":0.2,"reasoning":{"effort":"low"}"#;
    let reply = ask(&server, "aspirin and warfarin?", fields).await;
    expect![[r#"
        200
        {"id":"resp_…",
        "object":"response",
        "created_at":…,
        "status":"completed",
        "background":false,
        "error":null,
        "incomplete_details":null,
        "instructions":"be brief",
        "max_output_tokens":50,
        "max_tool_calls":null,
        "model":"llmnet/auto",
        "output":[{"id":"msg_…",
        "type":"message",
        "status":"completed",
        "role":"assistant",
        "content":[{"type":"output_text",
        "annotations":[{"type":"file_citation",
        "file_id":"0101010101010101010101010101010101010101010101010101010101010101",
        "filename":"cardiology.md",
        "index":68}],
        "logprobs":[],
        "text":"Aspirin thins the blood; ask before you combine it with warfarin [1]. Übrigens: it does so for the life of a platelet, about ten days."}]}],
        "parallel_tool_calls":false,
        "previous_response_id":null,
        "reasoning":{"effort":"low",
        "summary":null},
        "store":false,
        "temperature":0.2,
        "text":{"format":{"type":"text"}},
        "tool_choice":"none",
        "tools":[],
        "top_logprobs":0,
        "top_p":null,
        "truncation":"disabled",
        "usage":{"input_tokens":120,
        "input_tokens_details":{"cached_tokens":0,
        "cache_write_tokens":0},
        "output_tokens":36,
        "output_tokens_details":{"reasoning_tokens":0},
        "total_tokens":156},
        "user":null,
        "metadata":{"run":"7"},
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
    let id = reply.json()["id"].as_str().map(str::to_owned);
    assert_eq!(reply.header("x-generation-id"), id.as_deref());
    assert_eq!(reply.header("x-llmnet-cost"), Some("0.0014"));
    assert_eq!(
        reply.header("x-llmnet-receipt"),
        Some("ab".repeat(32).as_str())
    );
}

#[tokio::test]
async fn what_was_said_before_is_an_input() {
    let server = Server::start().await;
    let input = json!([
        {"role": "developer", "content": "be brief"},
        {"role": "user", "content": "hello"},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [
            {"type": "output_text", "text": "what is it?", "annotations": []},
            {"type": "refusal", "refusal": "not that"},
        ]},
        {"role": "user", "content": [
            {"type": "input_text", "text": "ec"},
            {"type": "input_text", "text": "ho"},
        ]},
        {"role": "user", "content": "echo"},
    ]);
    let fields = r#","instructions":"in verse","store":false,"tools":[],"tool_choice":"auto",
        "parallel_tool_calls":true,"include":["reasoning.encrypted_content"],"truncation":"auto",
        "text":{"format":{"type":"text"},"verbosity":"low"},"reasoning":{"effort":"high","summary":"auto"},
        "max_output_tokens":40,"top_p":0.5,"prompt_cache_key":"a","user":"ann","what_is_this":[1]"#;
    let reply = server.send(PATH, &body(&input, fields)).await;
    let response = reply.json();
    let request = response["output"][0]["content"][0]["text"].as_str();
    expect![[r#"
        {"messages":[{"role":"system",
        "content":"in verse"},{"role":"system",
        "content":"be brief"},{"role":"user",
        "content":"hello"},{"role":"assistant",
        "content":"what is it?\nnot that"},{"role":"user",
        "content":"ec\nho"},{"role":"user",
        "content":"echo"}],
        "strategy":"auto",
        "domain":null,
        "output_tokens_max":40,
        "settings":[{"name":"reasoning_effort",
        "value":"\"high\""},{"name":"top_p",
        "value":"0.5"},{"name":"verbosity",
        "value":"\"low\""}]}"#]]
    .assert_eq(&request.unwrap().replace(",\"", ",\n\""));
}

#[tokio::test]
async fn a_stream_event_by_event() {
    let server = Server::start().await;
    let reply = ask(&server, "aspirin and warfarin?", r#","stream":true"#).await;
    let kind = "text/event-stream; charset=utf-8";
    assert_eq!(reply.header("content-type"), Some(kind));
    assert_eq!(reply.header("x-llmnet-cost"), Some("0.0014"));
    let events = events(&reply);
    let deltas = events
        .iter()
        .filter_map(|(_, event)| event["delta"].as_str());
    let text: String = deltas.collect();
    let (_, last) = events.last().unwrap();
    assert_eq!(last["response"]["output"][0]["content"][0]["text"], text);
    expect![[r#"
        : llmnet accepted …

        : llmnet about medicine 93%

        : llmnet panel of 3

        : llmnet answers 2/3

        : llmnet debate round 1/2

        : llmnet concluded

        event: response.created
        data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_…","object":"response","created_at":…,"status":"in_progress","background":false,"error":null,"incomplete_details":null,"instructions":null,"max_output_tokens":null,"max_tool_calls":null,"model":"llmnet/auto","output":[],"parallel_tool_calls":false,"previous_response_id":null,"reasoning":{"effort":null,"summary":null},"store":false,"temperature":null,"text":{"format":{"type":"text"}},"tool_choice":"none","tools":[],"top_logprobs":0,"top_p":null,"truncation":"disabled","usage":null,"user":null,"metadata":{}}}

        event: response.in_progress
        data: {"type":"response.in_progress","sequence_number":1,"response":{"id":"resp_…","object":"response","created_at":…,"status":"in_progress","background":false,"error":null,"incomplete_details":null,"instructions":null,"max_output_tokens":null,"max_tool_calls":null,"model":"llmnet/auto","output":[],"parallel_tool_calls":false,"previous_response_id":null,"reasoning":{"effort":null,"summary":null},"store":false,"temperature":null,"text":{"format":{"type":"text"}},"tool_choice":"none","tools":[],"top_logprobs":0,"top_p":null,"truncation":"disabled","usage":null,"user":null,"metadata":{}}}

        event: response.output_item.added
        data: {"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":{"id":"msg_…","type":"message","status":"in_progress","role":"assistant","content":[]}}

        event: response.content_part.added
        data: {"type":"response.content_part.added","sequence_number":3,"item_id":"msg_…","output_index":0,"content_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":""}}

        event: response.output_text.delta
        data: {"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_…","output_index":0,"content_index":0,"delta":"Aspirin thins the blood; ask before you combine it with warfarin ","logprobs":[]}

        event: response.output_text.delta
        data: {"type":"response.output_text.delta","sequence_number":5,"item_id":"msg_…","output_index":0,"content_index":0,"delta":"[1]. Übrigens: it does so for the life of a platelet, about ten ","logprobs":[]}

        event: response.output_text.delta
        data: {"type":"response.output_text.delta","sequence_number":6,"item_id":"msg_…","output_index":0,"content_index":0,"delta":"days.","logprobs":[]}

        event: response.output_text.annotation.added
        data: {"type":"response.output_text.annotation.added","sequence_number":7,"item_id":"msg_…","output_index":0,"content_index":0,"annotation_index":0,"annotation":{"type":"file_citation","file_id":"0101010101010101010101010101010101010101010101010101010101010101","filename":"cardiology.md","index":68}}

        event: response.output_text.done
        data: {"type":"response.output_text.done","sequence_number":8,"item_id":"msg_…","output_index":0,"content_index":0,"text":"Aspirin thins the blood; ask before you combine it with warfarin [1]. Übrigens: it does so for the life of a platelet, about ten days.","logprobs":[]}

        event: response.content_part.done
        data: {"type":"response.content_part.done","sequence_number":9,"item_id":"msg_…","output_index":0,"content_index":0,"part":{"type":"output_text","annotations":[{"type":"file_citation","file_id":"0101010101010101010101010101010101010101010101010101010101010101","filename":"cardiology.md","index":68}],"logprobs":[],"text":"Aspirin thins the blood; ask before you combine it with warfarin [1]. Übrigens: it does so for the life of a platelet, about ten days."}}

        event: response.output_item.done
        data: {"type":"response.output_item.done","sequence_number":10,"output_index":0,"item":{"id":"msg_…","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","annotations":[{"type":"file_citation","file_id":"0101010101010101010101010101010101010101010101010101010101010101","filename":"cardiology.md","index":68}],"logprobs":[],"text":"Aspirin thins the blood; ask before you combine it with warfarin [1]. Übrigens: it does so for the life of a platelet, about ten days."}]}}

        event: response.completed
        data: {"type":"response.completed","sequence_number":11,"response":{"id":"resp_…","object":"response","created_at":…,"status":"completed","background":false,"error":null,"incomplete_details":null,"instructions":null,"max_output_tokens":null,"max_tool_calls":null,"model":"llmnet/auto","output":[{"id":"msg_…","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","annotations":[{"type":"file_citation","file_id":"0101010101010101010101010101010101010101010101010101010101010101","filename":"cardiology.md","index":68}],"logprobs":[],"text":"Aspirin thins the blood; ask before you combine it with warfarin [1]. Übrigens: it does so for the life of a platelet, about ten days."}]}],"parallel_tool_calls":false,"previous_response_id":null,"reasoning":{"effort":null,"summary":null},"store":false,"temperature":null,"text":{"format":{"type":"text"}},"tool_choice":"none","tools":[],"top_logprobs":0,"top_p":null,"truncation":"disabled","usage":{"input_tokens":120,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},"output_tokens":36,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":156},"user":null,"metadata":{},"llmnet":{"receipt_id":"abababababababababababababababababababababababababababababababab","status":"concluded","declined":false,"strategy":"auto","domains":["medicine"],"conclusion":"vote","rounds":1,"agreement":0.875,"height":42,"panel":[{"provider":"1a2b3c4d","name":"asclepius","domains":["medicine","biology"],"reputation":{"mean":0.91,"lower_bound":0.83,"samples":57},"rank":3,"outcome":"served","changed":false,"agrees":true,"score":0.9,"price":"0.00125","latency_ms":340}],"skipped":[{"provider":"00ff00aa","name":"unseen","rank":0,"reason":"silent"},{"provider":"01ff00aa","name":"full","rank":1,"reason":"busy"},{"provider":"02ff00aa","name":"elsewhere","rank":2,"reason":"nothing_found"}],"citations":[{"title":"Antiplatelets","document":"cardiology.md","quote":"Aspirin blocks \"cyclooxygenase\".","passage":"0101010101010101010101010101010101010101010101010101010101010101","corpus":"0202020202020202020202020202020202020202020202020202020202020202","as_of":"2026-02-16","provider":"1a2b3c4d"}],"minority":[{"providers":["2b3c4d5e"],"share":0.125,"text":"It does not matter.","citations":[],"reasons":["no trial found harm"]}],"cost":{"unit":"credit","seats":"0.00125","coordinator":"0.000125","fee":"0.000025","total":"0.0014"}}}}

    "#]].assert_eq(&steady(&reply.body));
}

#[tokio::test]
async fn a_cap_on_tokens_leaves_a_response_incomplete() {
    let server = Server::start().await;
    let reply = ask(&server, "at length", "").await.json();
    assert_eq!(reply["status"], "incomplete");
    let reason = json!({"reason": "max_output_tokens"});
    assert_eq!(reply["incomplete_details"], reason);
    let reply = ask(&server, "at length", r#","stream":true"#).await;
    let events = events(&reply);
    let (name, last) = events.last().unwrap();
    assert_eq!(name, "response.incomplete");
    assert_eq!(last["response"]["incomplete_details"], reason);
    assert_eq!(last["response"]["output"][0]["status"], "incomplete");
}

#[tokio::test]
async fn silence_is_broken_with_comments_or_without() {
    let server = Server::start().await;
    let reply = ask(&server, "slowly", r#","stream":true"#).await;
    assert!(reply.body.contains(": llmnet working\n\n"));
    let spoken = events(&reply).len();
    let quiet = r#","stream":true,"llmnet":{"progress":false}"#;
    let reply = ask(&server, "slowly", quiet).await;
    assert!(!reply.body.lines().any(|line| line.starts_with(':')));
    assert!(events(&reply).len() > spoken);
}

#[tokio::test]
async fn a_failure_on_the_way_is_raised_and_ends_the_response() {
    let server = Server::start().await;
    let reply = ask(&server, "late failure", r#","stream":true"#).await;
    let events = events(&reply);
    let (failed, raised) = (events.len() - 1, events.len() - 2);
    assert_eq!(events[raised].0, "error");
    assert_eq!(events[raised].1["error"]["type"], "server_error");
    let response = &events[failed].1["response"];
    assert_eq!(response["status"], "failed");
    assert_eq!(response["error"]["code"], "server_error");
    assert_eq!(response["llmnet"]["code"], "internal_error");
    assert!(!reply.body.contains("secret"));
    let ours = reply.body.lines().last();
    assert!(!reply.body.contains("[DONE]"), "{ours:?}");
}

#[tokio::test]
async fn refusals_are_openais_streamed_or_not() {
    let server = Server::start().await;
    for (question, expected) in [
        ("unfunded", "402 insufficient_quota unfunded -"),
        ("nobody serves", "503 server_error no_respondent -"),
        ("too often", "429 rate_limit_error rate_limit_exceeded -"),
        ("internal", "500 server_error internal_error -"),
    ] {
        for fields in ["", r#","stream":true"#] {
            assert_eq!(ask(&server, question, fields).await.error(), expected);
        }
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_refused() {
    let server = Server::start().await;
    let long = Value::from("x".repeat(513));
    for (fields, expected) in [
        (
            r#""previous_response_id":"resp_1""#,
            "unsupported_parameter previous_response_id",
        ),
        (
            r#""conversation":"conv_1""#,
            "unsupported_parameter conversation",
        ),
        (r#""store":true"#, "unsupported_parameter store"),
        (r#""background":true"#, "unsupported_parameter background"),
        (
            r#""prompt":{"id":"pmpt_1"}"#,
            "unsupported_parameter prompt",
        ),
        (
            r#""tools":[{"type":"web_search"}]"#,
            "unsupported_parameter tools",
        ),
        (
            r#""text":{"format":{"type":"json_schema","name":"a","schema":{}}}"#,
            "unsupported_parameter text.format",
        ),
        (r#""top_logprobs":3"#, "unsupported_parameter top_logprobs"),
        (r#""instructions":7"#, "invalid_type instructions"),
        (
            r#""max_output_tokens":0"#,
            "invalid_value max_output_tokens",
        ),
        (r#""temperature":2.5"#, "invalid_value temperature"),
        (r#""metadata":[]"#, "invalid_type metadata"),
        (r#""metadata":{"a":1}"#, "invalid_value metadata"),
        (
            &format!(r#""metadata":{{"a":{long}}}"#),
            "invalid_value metadata",
        ),
        (r#""stream":1"#, "invalid_type stream"),
    ] {
        let reply = ask(&server, "hello", &format!(",{fields}")).await;
        let expected = format!("400 invalid_request_error {expected}");
        assert_eq!(reply.error(), expected, "{fields:.80}");
    }
    let many = vec![json!({"role": "user", "content": "a"}); 257];
    for (input, expected) in [
        (json!(null), "missing_required_parameter input"),
        (json!(7), "invalid_type input"),
        (json!(""), "invalid_value input"),
        (json!([]), "invalid_value input"),
        (json!(many), "context_length_exceeded input"),
        (json!([3]), "invalid_type input[0]"),
        (
            json!([{"content": "a"}]),
            "missing_required_parameter input[0].role",
        ),
        (
            json!([{"role": "king", "content": "a"}]),
            "invalid_value input[0].role",
        ),
        (
            json!([{"role": "user"}]),
            "missing_required_parameter input[0].content",
        ),
        (
            json!([{"role": "user", "content": [{"type": "input_image"}]}]),
            "unsupported_parameter input[0].content[0].type",
        ),
        (
            json!([{"type": "function_call_output"}]),
            "unsupported_parameter input[0].type",
        ),
        (
            json!([{"type": "item_reference", "id": "msg_1"}]),
            "unsupported_parameter input[0].type",
        ),
        (
            json!([{"type": "reasoning", "summary": []}]),
            "invalid_value input",
        ),
        (
            json!([{"role": "assistant", "content": "a"}]),
            "invalid_value input[0].role",
        ),
    ] {
        let reply = server.send(PATH, &body(&input, "")).await;
        let expected = format!("400 invalid_request_error {expected}");
        assert_eq!(reply.error(), expected, "{input:.80}");
    }
    let asked = server
        .script
        .asked
        .load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(asked, 0);
}
