use std::sync::{Arc, Mutex};

use llmnet_types::codec::Text;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

fn messages() -> Vec<ChatMessage> {
    vec![ChatMessage {
        role: Role::User,
        content: Text::new("Why?").unwrap(),
    }]
}

fn settings() -> Vec<Setting> {
    let setting = |name: &str, value: &str| Setting {
        name: Text::new(name).unwrap(),
        value: Text::new(value).unwrap(),
    };
    vec![setting("temperature", "0.2"), setting("model", "\"other\"")]
}

fn limits(time_ms: u32) -> Limits {
    Limits {
        time_ms,
        ..Limits::default()
    }
}

/// Serves raw replies, one for each connection, and keeps what was asked. An empty reply hangs.
async fn server(replies: Vec<String>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    tokio::spawn(async move {
        for reply in replies {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            loop {
                let mut chunk = [0; 4096];
                let read = stream.read(&mut chunk).await.unwrap();
                bytes.extend_from_slice(&chunk[..read]);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else {
                    continue;
                };
                let length = head
                    .lines()
                    .find_map(|line| {
                        line.to_lowercase()
                            .strip_prefix("content-length: ")?
                            .parse()
                            .ok()
                    })
                    .unwrap_or(0);
                if body.len() >= length {
                    log.lock().unwrap().push(text);
                    break;
                }
            }
            if reply.is_empty() {
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                    drop(stream);
                });
                continue;
            }
            // The client may hang up in the middle of a body that is too large.
            let _ = stream.write_all(reply.as_bytes()).await;
        }
    });
    (base, asked)
}

fn http(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}",
        body.len()
    )
}

fn ok(content: &str) -> String {
    let body = serde_json::json!({
        "id": "chatcmpl-1", "object": "chat.completion", "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": content}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13},
    });
    http(
        "200 OK",
        "content-type: application/json\r\n",
        &body.to_string(),
    )
}

fn client(base: &str) -> Client {
    let config = Config {
        key: Some(Key::new("sk-hidden")),
        ..Config::new(base, "m")
    };
    Client::new(config).unwrap()
}

async fn complete(replies: Vec<String>, time_ms: u32) -> Result<Completion, LanguageError> {
    let (base, _) = server(replies).await;
    let limits = limits(time_ms);
    client(&base)
        .complete(&messages(), &settings(), &limits)
        .await
}

#[tokio::test]
async fn a_completion_is_asked_for_as_documented() {
    let (base, asked) = server(vec![ok("Because.")]).await;
    let completion = client(&base)
        .complete(&messages(), &settings(), &limits(5_000))
        .await
        .unwrap();
    assert_eq!(completion.text, "Because.");
    assert_eq!(completion.usage.unwrap().output, Tokens(4));
    let asked = asked.lock().unwrap().remove(0);
    assert!(
        asked.starts_with("POST /v1/chat/completions HTTP/1.1"),
        "{asked}"
    );
    assert!(asked.contains("authorization: Bearer sk-hidden"));
    let body: Value = serde_json::from_str(asked.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body["messages"][0]["content"], "Why?");
    assert_eq!(body["temperature"], 0.2);
    assert_eq!(body["max_tokens"], 1_000);
    assert_eq!(body["stream"], false);
    assert_eq!(body["model"], "m");
}

#[tokio::test]
async fn one_failure_is_retried_and_a_second_is_told() {
    let limited = || http("429 Too Many Requests", "retry-after: 0\r\n", "{}");
    let broken = || http("500 Internal Server Error", "retry-after: 0\r\n", "oops");
    assert_eq!(
        complete(vec![limited(), ok("a")], 5_000)
            .await
            .unwrap()
            .text,
        "a"
    );
    assert_eq!(
        complete(vec![broken(), ok("b")], 5_000).await.unwrap().text,
        "b"
    );
    assert_eq!(
        complete(vec![limited(), limited()], 5_000).await,
        Err(LanguageError::RateLimited)
    );
    assert_eq!(
        complete(vec![broken(), broken()], 5_000).await,
        Err(LanguageError::Unreachable("status 500".to_owned()))
    );
    // Waiting as long as it asks would be too late, so nothing waits.
    let begin = Instant::now();
    let late = http(
        "429 Too Many Requests",
        "retry-after: 18446744073709551615\r\n",
        "{}",
    );
    assert_eq!(
        complete(vec![late], 5_000).await,
        Err(LanguageError::RateLimited)
    );
    assert!(begin.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn silence_ends_in_time() {
    assert_eq!(
        complete(vec![String::new()], 300).await,
        Err(LanguageError::Timeout { time_ms: 300 })
    );
}

#[tokio::test]
async fn replies_of_another_shape_are_typed_errors() {
    let json = "content-type: application/json\r\n";
    for (body, what) in [
        ("{\"choices\": [", "not a chat completion"),
        ("{\"choices\": []}", "no choices"),
        (
            "{\"choices\": [{\"message\": {\"content\": null}}]}",
            "no content",
        ),
        ("[1]", "not a chat completion"),
    ] {
        let reply = complete(vec![http("200 OK", json, body)], 5_000).await;
        assert_eq!(
            reply,
            Err(LanguageError::Malformed(what.to_owned())),
            "{body}"
        );
    }
    let page = http(
        "200 OK",
        "content-type: text/html\r\n",
        "<html>sk-hidden</html>",
    );
    let error = complete(vec![page], 5_000).await.unwrap_err();
    assert_eq!(
        error,
        LanguageError::Malformed("not a chat completion".to_owned())
    );
    assert_eq!(
        complete(vec![http("401 Unauthorized", json, "{}")], 5_000).await,
        Err(LanguageError::Refused { status: 401 })
    );
    assert_eq!(
        complete(
            vec![http("302 Found", "location: http://example.com/\r\n", "")],
            5_000
        )
        .await,
        Err(LanguageError::Refused { status: 302 })
    );
}

#[tokio::test]
async fn a_huge_body_is_refused_announced_or_not() {
    let huge = "x".repeat(BODY_LENGTH_MAX + 1);
    let too_large = Err(LanguageError::TooLarge {
        limit: BODY_LENGTH_MAX,
    });
    assert_eq!(
        complete(vec![http("200 OK", "", &huge)], 5_000).await,
        too_large
    );
    let unannounced = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{huge}");
    assert_eq!(complete(vec![unannounced], 5_000).await, too_large);
}

#[tokio::test]
async fn nobody_there_is_an_error_and_no_models() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = client(&base)
        .complete(&[], &[], &limits(3_000))
        .await
        .unwrap_err();
    assert_eq!(
        error,
        LanguageError::Unreachable("no connection".to_owned())
    );
    assert!(detect_ollama(&base).await.is_empty());
}

#[tokio::test]
async fn an_ollama_tells_its_models() {
    let body = r#"{"models":[{"name":"llama3.2:1b","size":1},{"name":"qwen3:4b"}]}"#;
    let (base, asked) = server(vec![http("200 OK", "", body)]).await;
    let base = base.trim_end_matches("/v1");
    assert_eq!(detect_ollama(base).await, ["llama3.2:1b", "qwen3:4b"]);
    assert!(asked.lock().unwrap()[0].starts_with("GET /api/tags "));
}

#[tokio::test]
async fn the_first_model_of_a_list_is_found_with_the_key() {
    let body = r#"{"object":"list","data":[{"id":"first","object":"model"},{"id":"second"}]}"#;
    let replies = vec![http("200 OK", "", body), http("401 Unauthorized", "", body)];
    let (base, asked) = server(replies).await;
    let key = || Some(Key::new("hidden"));
    assert_eq!(first_model(&base, key()).await.as_deref(), Some("first"));
    assert_eq!(first_model(&base, key()).await, None);
    let asked = asked.lock().unwrap()[0].to_lowercase();
    assert!(asked.starts_with("get /v1/models "), "{asked}");
    assert!(asked.contains("authorization: bearer hidden"), "{asked}");
}

#[test]
fn configurations_are_checked_and_keys_hidden() {
    let fails = |base: &str, model: &str, key: &str| {
        let config = Config {
            key: Some(Key::new(key)),
            ..Config::new(base, model)
        };
        Client::new(config).err()
    };
    assert_eq!(fails("ftp://a", "m", "k"), Some(ConfigError::Base));
    assert_eq!(
        fails("http://user:secret@a", "m", "k"),
        Some(ConfigError::Base)
    );
    assert_eq!(fails("http://a/v1", " ", "k"), Some(ConfigError::Model));
    assert_eq!(fails("http://a/v1", "m", "a\nb"), Some(ConfigError::Key));
    let shown = format!("{:?}", client("http://a/v1"));
    assert!(!shown.contains("hidden"), "{shown}");
}
