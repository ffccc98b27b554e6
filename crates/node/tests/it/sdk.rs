//! The official SDKs and plain HTTP, against the program itself.

use std::path::Path;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
    time::timeout,
};

use crate::support::{DEADLINE, Room, Up, place};

/// Something that the experts in the box know.
const QUESTION: &str = "Why does the Moon have phases?";

/// Sends bytes and reads to the end.
async fn raw(up: &Up, bytes: &[u8]) -> String {
    let address = up.gateway.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut reply = Vec::new();
    let read = timeout(DEADLINE, stream.read_to_end(&mut reply)).await;
    read.expect("the reply ends").unwrap();
    String::from_utf8(reply).unwrap()
}

fn post(body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: llmnet\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_http_gets_an_answer_with_a_receipt_streamed_or_not() {
    let (room, _place) = (Room::new(), place().await);
    let up = Up::start(&room, &["--no-models"]).await;
    let body = |more: &str| {
        format!(
            r#"{{"model":"llmnet/auto","messages":[{{"role":"user","content":"{QUESTION}"}}]{more}}}"#
        )
    };
    let plain = raw(&up, &post(&body(""))).await;
    assert!(plain.starts_with("HTTP/1.1 200 OK\r\n"), "{plain}");
    assert!(
        plain.contains("x-llmnet-receipt: ") && plain.contains("\"receipt_id\""),
        "{plain}"
    );

    let streamed = raw(&up, &post(&body(r#","stream":true"#))).await;
    assert!(
        streamed.contains("content-type: text/event-stream"),
        "{streamed}"
    );
    assert!(streamed.contains(": llmnet panel of 3"), "{streamed}");
    assert!(streamed.contains("\"receipt_id\""), "{streamed}");
    assert!(streamed.contains("data: [DONE]"), "{streamed}");

    // What nobody knows: no empty words of progress, no receipt, no cost.
    let unknown = body(r#","stream":true"#).replace(QUESTION, "asdf qwer yxcv");
    let streamed = raw(&up, &post(&unknown)).await;
    assert!(!streamed.contains(": llmnet about"), "{streamed}");
    assert!(streamed.contains("\"declined\":true"), "{streamed}");
    assert_eq!(up.stop().await, 0, "Ctrl-C is a proper end");
}

/// Runs the gateway's script for an SDK. Where CI says that it is CI, the SDK must be there.
async fn check(sdk: &str) {
    let python = async |arguments: &[&str]| Command::new("python3").args(arguments).output().await;
    let installed = python(&["-c", &format!("import {sdk}")]).await;
    if !installed.is_ok_and(|output| output.status.success()) {
        let ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!ci, "CI must have python3 with `pip install {sdk}`");
        println!("SKIPPED: the official SDK is not tested; `pip install {sdk}` for python3");
        return;
    }
    let (room, _place) = (Room::new(), place().await);
    let up = Up::start(&room, &["--no-models"]).await;
    let script = format!("../gateway/tests/sdk/check_{sdk}.py");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
    let script = script.display().to_string();
    let run = timeout(DEADLINE, python(&[&script, &up.gateway.url, QUESTION])).await;
    let checked = run.expect("the script ends").unwrap();
    let printed = String::from_utf8_lossy(&checked.stdout);
    println!("{printed}");
    assert!(
        checked.status.success() && printed.contains(" passed, 0 failed"),
        "{printed}"
    );
    up.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_openai_sdk_gets_answers_plain_and_streaming() {
    check("openai").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_anthropic_sdk_gets_answers_plain_and_streaming() {
    check("anthropic").await;
}
