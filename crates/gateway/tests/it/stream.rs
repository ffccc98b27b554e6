//! Answers as events.

use std::time::{Duration, Instant};

use expect_test::expect;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::sleep,
};

use crate::client::{Reply, Server, body, config, post, steady};

/// The data of all events but the last, which is `[DONE]`.
fn chunks(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.status, 200, "{}", reply.body);
    let mut data: Vec<&str> = reply
        .body
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .collect();
    assert_eq!(data.pop(), Some("[DONE]"));
    data.iter()
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

fn content(chunks: &[Value]) -> String {
    let choices = chunks.iter().flat_map(|chunk| chunk["choices"].as_array());
    choices
        .flatten()
        .filter_map(|choice| choice["delta"]["content"].as_str())
        .collect()
}

#[tokio::test]
async fn a_stream_event_by_event() {
    let server = Server::start().await;
    let fields = r#","stream":true,"stream_options":{"include_usage":true}"#;
    let reply = server.ask("aspirin and warfarin?", fields).await;
    let kind = "text/event-stream; charset=utf-8";
    assert_eq!(reply.header("content-type"), Some(kind));
    // The answer was there before the headers had to be, so they have it.
    assert_eq!(reply.header("x-llmnet-cost"), Some("0.0014"));
    expect![[r#"
        : llmnet accepted …

        : llmnet about medicine 93%

        : llmnet panel of 3

        : llmnet answers 2/3

        : llmnet debate round 1/2

        : llmnet concluded

        data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":…,"model":"llmnet/auto","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"usage":null}

        data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":…,"model":"llmnet/auto","choices":[{"index":0,"delta":{"content":"Aspirin thins the blood; ask before you combine it with warfarin "},"logprobs":null,"finish_reason":null}],"usage":null}

        data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":…,"model":"llmnet/auto","choices":[{"index":0,"delta":{"content":"[1]. Übrigens: it does so for the life of a platelet, about ten "},"logprobs":null,"finish_reason":null}],"usage":null}

        data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":…,"model":"llmnet/auto","choices":[{"index":0,"delta":{"content":"days."},"logprobs":null,"finish_reason":null}],"usage":null}

        data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":…,"model":"llmnet/auto","choices":[{"index":0,"delta":{"annotations":[{"type":"url_citation","url_citation":{"start_index":65,"end_index":68,"title":"Antiplatelets","url":"urn:llmnet:passage:0101010101010101010101010101010101010101010101010101010101010101"}}]},"logprobs":null,"finish_reason":"stop"}],"usage":null,"llmnet":{"receipt_id":"abababababababababababababababababababababababababababababababab","status":"concluded","declined":false,"strategy":"auto","domains":["medicine"],"conclusion":"vote","rounds":1,"agreement":0.875,"height":42,"panel":[{"provider":"1a2b3c4d","name":"asclepius","domains":["medicine","biology"],"reputation":{"mean":0.91,"lower_bound":0.83,"samples":57},"rank":3,"outcome":"served","changed":false,"agrees":true,"score":0.9,"price":"0.00125","latency_ms":340}],"skipped":[{"provider":"00ff00aa","name":"unseen","rank":0,"reason":"silent"},{"provider":"01ff00aa","name":"full","rank":1,"reason":"busy"},{"provider":"02ff00aa","name":"elsewhere","rank":2,"reason":"nothing_found"}],"citations":[{"title":"Antiplatelets","document":"cardiology.md","quote":"Aspirin blocks \"cyclooxygenase\".","passage":"0101010101010101010101010101010101010101010101010101010101010101","corpus":"0202020202020202020202020202020202020202020202020202020202020202","as_of":"2026-02-16","provider":"1a2b3c4d"}],"minority":[{"providers":["2b3c4d5e"],"share":0.125,"text":"It does not matter.","citations":[],"reasons":["no trial found harm"]}],"cost":{"unit":"credit","seats":"0.00125","coordinator":"0.000125","fee":"0.000025","total":"0.0014"}}}

        data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":…,"model":"llmnet/auto","choices":[],"usage":{"prompt_tokens":120,"completion_tokens":36,"total_tokens":156}}

        data: [DONE]

    "#]].assert_eq(&steady(&reply.body));
}

#[tokio::test]
async fn usage_only_where_it_is_asked_for() {
    let server = Server::start().await;
    let reply = server.ask("aspirin?", r#","stream":true"#).await;
    let chunks = chunks(&reply);
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    for chunk in &chunks {
        assert!(chunk.get("usage").is_none());
        assert_eq!(chunk["choices"].as_array().unwrap().len(), 1);
    }
    let last = chunks.last().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "stop");
    let delta = last["choices"][0]["delta"].as_object().unwrap();
    assert!(delta.keys().eq(["annotations"]), "{delta:?}");
    assert_eq!(last["llmnet"]["receipt_id"], "ab".repeat(32));
}

#[tokio::test]
async fn bytes_come_before_the_answer() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    let began = Instant::now();
    let request = post(body("never", r#","stream":true"#).as_bytes(), "");
    stream.write_all(&request).await.unwrap();
    let mut seen = String::new();
    while !seen.contains(r#""role":"assistant""#) || !seen.contains(": llmnet working") {
        let mut bytes = [0; 4096];
        let length = stream.read(&mut bytes).await.unwrap();
        assert_ne!(length, 0, "{seen}");
        seen.push_str(std::str::from_utf8(&bytes[..length]).unwrap());
    }
    assert!(seen.contains(": llmnet accepted"));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn progress_is_told_and_can_be_switched_off() {
    let server = Server::start().await;
    let reply = server.ask("slowly", r#","stream":true"#).await;
    let comments: Vec<&str> = reply
        .body
        .lines()
        .filter(|line| line.starts_with(": ") && !line.contains("accepted"))
        .collect();
    for comment in [
        ": llmnet working",
        ": llmnet about medicine 93%",
        ": llmnet panel of 3",
        ": llmnet answers 2/3",
        ": llmnet debate round 1/2",
        ": llmnet concluded",
    ] {
        assert!(comments.contains(&comment), "{comments:?}");
    }

    let fields = r#","stream":true,"llmnet":{"progress":false}"#;
    let quiet = server.ask("slowly", fields).await;
    assert!(!quiet.body.lines().any(|line| line.starts_with(':')));
    // The first chunk, silences broken by empty ones, then the answer.
    assert!(chunks(&quiet).len() > chunks(&reply).len());
    assert_eq!(content(&chunks(&quiet)), content(&chunks(&reply)));
}

#[tokio::test]
async fn a_failure_on_the_way_is_an_error_event_and_the_end() {
    let server = Server::start().await;
    let reply = server.ask("late failure", r#","stream":true"#).await;
    assert_eq!(reply.status, 200);
    let last = reply.body.trim_end().lines().last().unwrap();
    expect![[r#"data: {"error":{"message":"something went wrong here; report it with the id …","type":"server_error","param":null,"code":"internal_error"}}"#]].assert_eq(&steady(last));
    assert!(!reply.body.contains("[DONE]"));
}

#[tokio::test]
async fn a_slow_reader_loses_progress_but_nothing_of_the_answer() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    let fields = r#","stream":true"#;
    let request = post(
        body("at length", fields).as_bytes(),
        "connection: close\r\n",
    );
    stream.write_all(&request).await.unwrap();
    // Megabytes are waiting by now, far more than sockets and queues hold.
    sleep(Duration::from_millis(500)).await;
    // Others are served meanwhile.
    assert_eq!(server.ask("aspirin?", "").await.status, 200);

    let reply = Reply::read(&mut stream).await;
    let chunks = chunks(&reply);
    assert_eq!(content(&chunks), "All work and no play. ".repeat(20_000));
    let last = chunks.last().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "length");
}

#[tokio::test]
async fn a_reader_that_stops_is_cut_off() {
    let mut config = config();
    config.write_timeout = Duration::from_millis(200);
    config.requests_max = 1;
    let server = Server::with(config, Default::default()).await;
    let mut stream = server.connect().await;
    let request = post(body("at length", r#","stream":true"#).as_bytes(), "");
    stream.write_all(&request).await.unwrap();
    while server.ask("aspirin?", "").await.status == 503 {
        sleep(Duration::from_millis(20)).await;
    }
    drop(stream);
}
