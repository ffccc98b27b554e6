//! What a coordinator needs that has no validator of its own: state, the next block, handing in.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::{io::AsyncWriteExt, time::sleep};

use crate::{
    client::{Reply, Server, config},
    script::Script,
};

#[tokio::test]
async fn what_stands_under_keys() {
    let server = Server::start().await;
    let body = json!({ "keys": ["00", "01ff", "00AB"] }).to_string();
    let reply = server.send("/v1/ledger/state", &body).await;
    let expected = r#"{"height":8,"values":["756e6465722000",null,"756e6465722000ab"]}"#;
    assert_eq!((reply.status, reply.body.as_str()), (200, expected));
}

#[tokio::test]
async fn what_are_no_keys() {
    let server = Server::start().await;
    let many = json!({ "keys": vec!["00"; 257] }).to_string();
    let long = json!({ "keys": ["00".repeat(129)] }).to_string();
    for (body, expected) in [
        ("", "400 invalid_request_error empty_body -"),
        ("[]", "400 invalid_request_error invalid_type -"),
        (
            "{}",
            "400 invalid_request_error missing_required_parameter keys",
        ),
        (
            r#"{"keys":"00"}"#,
            "400 invalid_request_error invalid_type keys",
        ),
        (
            r#"{"keys":[]}"#,
            "400 invalid_request_error invalid_value keys",
        ),
        (&many, "400 invalid_request_error invalid_value keys"),
        (
            r#"{"keys":["00",7]}"#,
            "400 invalid_request_error invalid_type keys[1]",
        ),
        (
            r#"{"keys":[""]}"#,
            "400 invalid_request_error invalid_value keys[0]",
        ),
        (
            r#"{"keys":["0"]}"#,
            "400 invalid_request_error invalid_value keys[0]",
        ),
        (
            r#"{"keys":["0g"]}"#,
            "400 invalid_request_error invalid_value keys[0]",
        ),
        (&long, "400 invalid_request_error invalid_value keys[0]"),
        (
            r#"{"keys":["00","ff"]}"#,
            "400 invalid_request_error invalid_value keys[1]",
        ),
    ] {
        let reply = server.send("/v1/ledger/state", body).await;
        assert_eq!(reply.error(), expected, "{body:.80}");
    }
    let reply = server.get("/v1/ledger/state").await;
    assert!(reply.body.contains("use POST"), "{}", reply.body);
}

#[tokio::test]
async fn the_next_block_is_waited_for() {
    let server = Server::start().await;
    // It is not there and not waited for.
    let none = server.get("/v1/ledger/blocks?from=9").await;
    assert_eq!(none.json()["data"], json!([]));
    // It comes while it is waited for.
    let ledger = server.ledger.clone();
    let coming = async {
        sleep(Duration::from_millis(20)).await;
        ledger.advance(2);
    };
    let path = "/v1/ledger/blocks?from=9&wait_ms=15000";
    let began = Instant::now();
    let (reply, ()) = tokio::join!(server.get(path), coming);
    assert!(began.elapsed() < Duration::from_secs(10));
    let reply = reply.json();
    assert_eq!(reply["data"][0]["height"], 9);
    // What is there, or far ahead, is answered at once.
    for (from, status) in [(9, 200), (13, 404)] {
        let path = format!("/v1/ledger/blocks?from={from}&wait_ms=30000");
        assert_eq!(server.get(&path).await.status, status);
    }
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn waiting_for_a_block_is_bounded() {
    let mut config = config();
    config.receipt_wait_max = Duration::from_millis(10);
    let server = Server::with(config, Script::default()).await;
    let path = "/v1/ledger/blocks?from=9&wait_ms=18446744073709551615";
    assert_eq!(server.get(path).await.json()["next"], 9);
    let refused = server.get("/v1/ledger/blocks?from=9&wait_ms=soon").await;
    let expected = "400 invalid_request_error invalid_value wait_ms";
    assert_eq!(refused.error(), expected);
}

#[tokio::test]
async fn closing_ends_the_wait() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    let request = "GET /v1/ledger/blocks?from=9&wait_ms=30000 HTTP/1.1\r\nhost: llmnet\r\n\
        connection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let began = Instant::now();
    let reading = tokio::spawn(async move { Reply::read(&mut stream).await });
    sleep(Duration::from_millis(50)).await;
    server.stop().await.unwrap();
    assert_eq!(reading.await.unwrap().json()["data"], json!([]));
    assert!(began.elapsed() < Duration::from_secs(10));
}
