//! What stands in headers, whichever dialect is spoken.

use std::time::Duration;

use llmnet_types::{request::Request, signature::PublicKey, way::Way};
use tokio::io::AsyncWriteExt;

use crate::{
    client::{Server, body, config, post, until},
    script::{NODE, Script},
};

const DIALECTS: [(&str, &str); 3] = [
    ("/v1/chat/completions", r#""messages":"#),
    ("/v1/responses", r#""input":"#),
    ("/v1/messages", r#""max_tokens":9,"messages":"#),
];

fn question(field: &str, question: &str) -> String {
    format!(r#"{{"model":"llmnet/auto",{field}[{{"role":"user","content":"{question}"}}]}}"#)
}

#[tokio::test]
async fn every_answer_says_in_brief_what_it_was() {
    let server = Server::start().await;
    for (path, field) in DIALECTS {
        let reply = server.send(path, &question(field, "aspirin?")).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        let id = reply.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(reply.header("x-generation-id"), Some(id.as_str()));
        assert_eq!(reply.header("x-llmnet-attempted-fallbacks"), Some("3"));
        assert_eq!(reply.header("x-llmnet-cost"), Some("0.0014"));
        assert!(reply.header("x-llmnet-receipt").is_some());
        assert!(reply.header("x-llmnet-overhead-ms").is_some());
        assert_eq!(reply.header("x-ratelimit-limit-requests"), Some("64"));
        assert_eq!(reply.header("x-ratelimit-remaining-requests"), Some("64"));
        assert_eq!(reply.header("x-ratelimit-reset-requests"), Some("0s"));
    }
    // Nothing is asked of a question's room here.
    let reply = server.get("/health").await;
    assert_eq!(reply.header("x-ratelimit-limit-requests"), None);
}

#[tokio::test]
async fn a_full_house_says_when_to_come_again() {
    let mut config = config();
    config.requests_max = 1;
    config.retry_after = Duration::from_millis(2_500);
    let server = Server::with(config, Script::default()).await;
    let mut first = server.connect().await;
    let bytes = post(body("never", "").as_bytes(), "");
    first.write_all(&bytes).await.unwrap();
    until(&server.script.asked, 1).await;
    for (path, field) in DIALECTS {
        let reply = server.send(path, &question(field, "aspirin?")).await;
        assert_eq!(reply.status, 503, "{path}");
        assert_eq!(reply.header("x-ratelimit-limit-requests"), Some("1"));
        assert_eq!(reply.header("x-ratelimit-remaining-requests"), Some("0"));
        assert_eq!(reply.header("x-ratelimit-reset-requests"), Some("3s"));
        assert_eq!(reply.header("retry-after"), Some("3"));
        assert_eq!(reply.header("retry-after-ms"), Some("2500"));
    }
}

#[tokio::test]
async fn a_client_may_name_its_request() {
    let server = Server::start().await;
    let failing = body("internal", "");
    let path = "/v1/chat/completions";
    let named = "x-request-id: run-7:3.a_B\r\n";
    let reply = server.send_with(path, named, &failing).await;
    assert_eq!(reply.header("x-request-id"), Some("run-7:3.a_B"));
    assert!(reply.body.contains("with the id run-7:3.a_B"));
    for bad in ["", "a b", "a;b", "ä", "a\"b", &"x".repeat(129)] {
        let named = format!("x-request-id: {bad}\r\n");
        let reply = server.send_with(path, &named, &failing).await;
        assert_eq!(
            reply.header("x-request-id").map(str::len),
            Some(16),
            "{bad:?}"
        );
    }
    // Answers have ids of our own, or two of one name would be one answer.
    let mut ids = Vec::new();
    for _ in 0..2 {
        let body = body("aspirin?", "");
        let reply = server.send_with(path, named, &body).await;
        ids.push(reply.json()["id"].as_str().unwrap().to_owned());
    }
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn what_came_through_this_gateway_is_not_asked_again() {
    let server = Server::start().await;
    let other = PublicKey([0x66; 32]);
    for (path, field) in DIALECTS {
        let question = question(field, "echo");
        for way in [NODE.to_string(), format!("{other}, {NODE}")] {
            let reply = server
                .send_with(path, &format!("x-llmnet-via: {way}\r\n"), &question)
                .await;
            assert_eq!(reply.status, 400, "{path}: {}", reply.body);
            assert!(reply.body.contains("loop_detected"), "{}", reply.body);
            assert!(reply.body.contains(&NODE.to_string()), "{}", reply.body);
        }
    }
    // Nor what came a long way, or nobody knows which.
    let asks = |way: String| {
        let body = body("echo", "");
        let server = &server;
        async move {
            let way = format!("x-llmnet-via: {way}\r\n");
            server.send_with("/v1/chat/completions", &way, &body).await
        }
    };
    for (way, code) in [
        (vec![other.to_string(); 9].join(","), "loop_detected"),
        (vec![other.to_string(); 8].join(","), "loop_detected"),
        ("somebody".to_owned(), "invalid_value"),
    ] {
        let refused = asks(way).await.error();
        let expected = format!("400 invalid_request_error {code} x-llmnet-via");
        assert_eq!(refused, expected);
    }
    assert_eq!(
        server
            .script
            .asked
            .load(std::sync::atomic::Ordering::SeqCst),
        0
    );

    // What came through others says so on, and what came through nobody says nothing.
    let heard = |reply: crate::client::Reply| {
        let text = reply.json()["choices"][0]["message"]["content"].clone();
        let request: Request = serde_json::from_str(text.as_str().unwrap()).unwrap();
        (Way::of(&request), request.settings.len())
    };
    let way = Way::default().and(other).unwrap();
    assert_eq!(heard(asks(other.to_string()).await), (way, 1));
    let plain = server.ask("echo", "").await;
    assert_eq!(heard(plain), (Way::default(), 0));
}
