//! The same question under the same key.

use std::{sync::atomic::Ordering, time::Duration};

use tokio::io::AsyncWriteExt;

use crate::{
    client::{Reply, Server, body, config, post, post_to, steady, until},
    script::Script,
};

const CHAT: &str = "/v1/chat/completions";
const DIALECTS: [(&str, &str); 3] = [
    (CHAT, r#""messages":"#),
    ("/v1/responses", r#""input":"#),
    ("/v1/messages", r#""max_tokens":9,"messages":"#),
];

async fn under(server: &Server, key: &str, body: &str) -> Reply {
    let headers = format!("idempotency-key: {key}\r\n");
    server.send_with(CHAT, &headers, body).await
}

fn asked(server: &Server) -> usize {
    server.script.asked.load(Ordering::SeqCst)
}

#[tokio::test]
async fn asking_again_costs_nothing_and_answers_the_same() {
    let server = Server::start().await;
    for (place, (path, field)) in DIALECTS.into_iter().enumerate() {
        for (turn, stream) in ["", r#","stream":true"#].into_iter().enumerate() {
            let body = format!(
                r#"{{"model":"llmnet/auto",{field}[{{"role":"user","content":"a?"}}]{stream}}}"#
            );
            let headers = format!("idempotency-key: key-{turn}\r\n");
            let first = server.send_with(path, &headers, &body).await;
            let again = server.send_with(path, &headers, &body).await;
            assert_eq!(first.status, 200, "{}", first.body);
            // Comments are for those who wait; all else is the same, ids and times included.
            let events = |reply: &Reply| -> Vec<String> {
                let lines = reply.body.lines().filter(|line| !line.starts_with(':'));
                let lines = lines.filter(|line| !line.is_empty());
                lines.map(str::to_owned).collect()
            };
            assert_eq!(events(&first), events(&again));
            for name in ["x-llmnet-receipt", "x-llmnet-cost", "x-generation-id"] {
                assert!(first.header(name).is_some());
                assert_eq!(first.header(name), again.header(name));
            }
            assert_eq!(first.header("x-llmnet-replayed"), None);
            assert_eq!(again.header("x-llmnet-replayed"), Some("true"));
            assert_ne!(first.header("x-request-id"), again.header("x-request-id"));
        }
        assert_eq!(asked(&server), 2 * (place + 1), "{path}");
    }
    // Without a key nothing is kept.
    server.ask("a?", "").await;
    server.ask("a?", "").await;
    assert_eq!(asked(&server), 8);
}

#[tokio::test]
async fn another_body_or_another_client_is_another_matter() {
    let server = Server::start().await;
    under(&server, "key", &body("a?", "")).await;
    let reply = under(&server, "key", &body("b?", "")).await;
    let expected = "422 invalid_request_error idempotency_key_reused idempotency-key";
    assert_eq!(reply.error(), expected);
    assert_eq!(asked(&server), 1);

    for credentials in ["authorization: Bearer b", "x-api-key: b"] {
        let headers = format!("idempotency-key: key\r\n{credentials}\r\n");
        let reply = server.send_with(CHAT, &headers, &body("a?", "")).await;
        assert_eq!(reply.header("x-llmnet-replayed"), None);
    }
    assert_eq!(asked(&server), 3);
}

#[tokio::test]
async fn keys_have_bounds() {
    let server = Server::start().await;
    let expected = "400 invalid_request_error invalid_idempotency_key idempotency-key";
    for bad in ["", "ä", &"x".repeat(256)] {
        let reply = under(&server, bad, &body("a?", "")).await;
        assert_eq!(reply.error(), expected, "{bad:?}");
    }
    let reply = under(&server, &"x".repeat(255), &body("a?", "")).await;
    assert_eq!(reply.status, 200);
}

/// A time-out may have been paid for, so that it stands; what cost nothing may be tried again.
#[tokio::test]
async fn of_failures_those_stand_that_may_be_owed() {
    let server = Server::start().await;
    for (question, expected) in [("timeout", 1), ("internal", 1), ("nobody serves", 2)] {
        for fields in ["", r#","stream":true"#] {
            let (before, key) = (asked(&server), format!("{question}{}", fields.len()));
            let first = under(&server, &key, &body(question, fields)).await;
            let again = under(&server, &key, &body(question, fields)).await;
            assert_eq!(asked(&server) - before, expected, "{question}");
            assert_eq!(first.error(), again.error());
            if expected == 1 {
                // Under the id of the request that failed.
                assert_eq!(first.body, again.body);
                assert_eq!(again.header("x-llmnet-replayed"), Some("true"));
            } else {
                assert_eq!(steady(&first.body), steady(&again.body));
            }
        }
    }
}

#[tokio::test]
async fn a_request_on_its_way_is_waited_for() {
    let server = Server::start().await;
    for fields in ["", r#","stream":true"#] {
        let before = asked(&server);
        let body = body("slowly", fields);
        let key = format!("key{}", fields.len());
        let first = under(&server, &key, &body);
        let second = async {
            until(&server.script.asked, before + 1).await;
            under(&server, &key, &body).await
        };
        let (first, second) = tokio::join!(first, second);
        assert_eq!((first.status, second.status), (200, 200));
        assert_eq!(second.header("x-llmnet-replayed"), Some("true"));
        assert_eq!(asked(&server), before + 1);
    }
}

#[tokio::test]
async fn waiting_for_another_has_an_end() {
    let mut config = config();
    config.answer_timeout = Duration::from_millis(300);
    let server = Server::with(config, Script::default()).await;
    let body = body("never", "");
    let first = under(&server, "key", &body);
    let second = async {
        until(&server.script.asked, 1).await;
        under(&server, "key", &body).await
    };
    let (first, second) = tokio::join!(first, second);
    // The first ran out of time, which stands; the second waited for that or gave up just before.
    assert_eq!(first.error(), "503 server_error timeout -");
    assert!([503, 409].contains(&second.status), "{}", second.body);
    assert_eq!(asked(&server), 1);
}

#[tokio::test]
async fn hanging_up_frees_the_key() {
    let server = Server::start().await;
    for (place, fields) in ["", r#","stream":true"#].into_iter().enumerate() {
        let key = format!("idempotency-key: key{place}\r\n");
        let body = body("never", fields);
        let mut stream = server.connect().await;
        let request = post(body.as_bytes(), &key);
        stream.write_all(&request).await.unwrap();
        until(&server.script.asked, 2 * place + 1).await;
        // One that waits takes over, and so does the next.
        let mut waiting = server.connect().await;
        let request = post_to(CHAT, body.as_bytes(), &key);
        waiting.write_all(&request).await.unwrap();
        drop(stream);
        until(&server.script.asked, 2 * place + 2).await;
        drop(waiting);
        until(&server.script.cancelled, 2 * place + 2).await;
    }
}
