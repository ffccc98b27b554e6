//! Clients that hang up or dawdle, too many of them, and a gateway told to stop.

use std::{sync::atomic::Ordering, time::Duration};

use llmnet_gateway::ServeError;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

use crate::{
    client::{PATIENCE, Reply, Server, body, config, post, until},
    script::Script,
};

async fn never(server: &Server, fields: &str) -> TcpStream {
    let asked = server.script.asked.load(Ordering::SeqCst);
    let mut stream = server.connect().await;
    let request = post(body("never", fields).as_bytes(), "");
    stream.write_all(&request).await.unwrap();
    until(&server.script.asked, asked + 1).await;
    stream
}

#[tokio::test]
async fn hanging_up_cancels() {
    let server = Server::start().await;
    drop(never(&server, "").await);
    until(&server.script.cancelled, 1).await;

    // At once, before the stream began.
    drop(never(&server, r#","stream":true"#).await);
    until(&server.script.cancelled, 2).await;

    // In the midst of the stream.
    let mut stream = never(&server, r#","stream":true"#).await;
    let mut bytes = [0; 256];
    assert_ne!(stream.read(&mut bytes).await.unwrap(), 0);
    sleep(Duration::from_millis(100)).await;
    drop(stream);
    until(&server.script.cancelled, 3).await;
}

#[tokio::test]
async fn there_is_room_for_so_many() {
    let mut config = config();
    config.requests_max = 2;
    let server = Server::with(config, Script::default()).await;
    let first = never(&server, "").await;
    let _second = never(&server, r#","stream":true"#).await;

    let refused = server.ask("hello", "").await;
    assert_eq!(refused.error(), "503 server_error overloaded -");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("retry-after-ms"), Some("1000"));
    // What is no question goes on.
    assert_eq!(server.get("/health").await.status, 200);
    assert_eq!(server.get("/status").await.json()["gateway"]["requests"], 2);

    drop(first);
    until(&server.script.cancelled, 1).await;
    while server.ask("hello", "").await.status != 200 {
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn an_answer_takes_only_so_long() {
    let mut config = config();
    config.answer_timeout = Duration::from_millis(200);
    let server = Server::with(config, Script::default()).await;
    let reply = server.ask("never", "").await;
    assert_eq!(reply.error(), "503 server_error timeout -");
    assert_eq!(reply.header("x-should-retry"), Some("false"));
    until(&server.script.cancelled, 1).await;
}

#[tokio::test]
async fn dawdling_has_an_end() {
    let mut config = config();
    config.header_timeout = Duration::from_millis(150);
    config.body_timeout = Duration::from_millis(150);
    let server = Server::with(config, Script::default()).await;

    // Headers that never end, and a connection that says nothing.
    for beginning in ["POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nx", ""] {
        let mut stream = server.connect().await;
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        let reading = stream.read_to_end(&mut bytes);
        let ended = tokio::time::timeout(PATIENCE, reading).await;
        assert!(ended.is_ok(), "{beginning:?}");
    }

    // A body that breaks off.
    let mut request = post(body("hello", "").as_bytes(), "connection: close\r\n");
    request.truncate(request.len() - 10);
    let mut stream = server.connect().await;
    stream.write_all(&request).await.unwrap();
    let reply = Reply::read(&mut stream).await;
    assert_eq!(reply.error(), "408 invalid_request_error body_timeout -");
}

#[tokio::test]
async fn connections_are_bounded_but_none_is_refused() {
    let mut config = config();
    config.connections_max = 1;
    let server = Server::with(config, Script::default()).await;
    let first = never(&server, "").await;
    let waiting = server.get("/health");
    tokio::pin!(waiting);
    let early = tokio::time::timeout(Duration::from_millis(100), &mut waiting).await;
    assert!(early.is_err());
    drop(first);
    assert_eq!(waiting.await.status, 200);
}

#[tokio::test]
async fn stopping_lets_open_requests_end() {
    let server = Server::start().await;
    let idle = server.connect().await;
    let mut stream = server.connect().await;
    let request = post(body("slowly", r#","stream":true"#).as_bytes(), "");
    stream.write_all(&request).await.unwrap();
    until(&server.script.asked, 1).await;
    let (stopped, reply) = tokio::join!(server.stop(), Reply::read(&mut stream));
    assert_eq!(stopped, Ok(()));
    assert!(reply.body.contains("[DONE]"));
    drop(idle);
}

#[tokio::test]
async fn stopping_does_not_take_for_ever() {
    let mut config = config();
    config.drain_timeout = Duration::from_millis(100);
    let server = Server::with(config, Script::default()).await;
    let _stream = never(&server, "").await;
    let script = std::sync::Arc::clone(&server.script);
    assert_eq!(
        server.stop().await,
        Err(ServeError::CutOff {
            connections: 1,
            limit: Duration::from_millis(100),
        })
    );
    until(&script.cancelled, 1).await;
}
