//! Events as a stream: none missing, none twice, whatever breaks.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    client::{PATIENCE, Reply, Server, config},
    ledger_script::{NEWEST, events},
    script::Script,
};

/// Somebody who listens.
struct Listener {
    stream: TcpStream,
    bytes: Vec<u8>,
}

/// What was heard: an id, and data.
type Heard = (String, Value);

impl Listener {
    async fn open(server: &Server, query: &str, last: Option<&str>) -> Self {
        let mut stream = server.connect().await;
        let last = last.map_or_else(String::new, |last| format!("Last-Event-ID: {last}\r\n"));
        let request = format!(
            "GET /v1/ledger/events{query} HTTP/1.1\r\nhost: llmnet\r\nconnection: close\r\n{last}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let bytes = Vec::new();
        Self { stream, bytes }
    }

    /// The body as far as it came.
    fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        let Some((_, body)) = text.split_once("\r\n\r\n") else {
            return String::new();
        };
        whole_chunks(body)
    }

    fn heard(&self) -> Vec<Heard> {
        let text = self.text();
        let whole = text
            .split_inclusive("\n\n")
            .filter(|event| event.ends_with("\n\n"));
        whole
            .filter_map(|event| {
                let data = event.lines().find_map(|line| line.strip_prefix("data: "))?;
                let id = event.lines().find_map(|line| line.strip_prefix("id: "));
                let data = serde_json::from_str(data).unwrap();
                Some((id.unwrap_or_default().to_owned(), data))
            })
            .collect()
    }

    /// Reads until something holds of what was read, or the stream ends; says whether it goes on.
    async fn read_until(&mut self, holds: impl Fn(&Self) -> bool) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            let read = timeout(left, self.stream.read_buf(&mut self.bytes)).await;
            if read.expect("something in time").unwrap() == 0 {
                return false;
            }
        }
        true
    }

    /// So many events.
    async fn take(&mut self, count: usize) -> Vec<Heard> {
        self.read_until(|heard| heard.heard().len() >= count).await;
        self.heard()
    }
}

/// What chunks carry, without the one that is still on its way.
fn whole_chunks(mut body: &str) -> String {
    let mut text = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        let Some((chunk, after)) = rest.split_at_checked(length) else {
            break;
        };
        text.push_str(chunk);
        body = after.trim_start_matches("\r\n");
    }
    text
}

/// All events from a place on, up to a block.
fn all(from: (u64, usize), newest: u64) -> Vec<Heard> {
    let mut all = Vec::new();
    for height in from.0..=newest {
        for (index, event) in events(height).into_iter().enumerate() {
            if (height, index) >= from {
                let data = json!({
                    "height": height,
                    "index": index,
                    "transaction": event.transaction,
                    "kind": event.kind,
                });
                all.push((format!("{height}.{index}"), data));
            }
        }
    }
    all
}

#[tokio::test]
async fn all_of_it_from_a_place_on() {
    let server = Server::start().await;
    for (query, from) in [
        ("?from=0", (0, 0)),
        ("?from=0.0", (0, 0)),
        ("?from=2", (2, 0)),
        ("?from=2.1", (2, 1)),
        // Past the block's last: the next block's first.
        ("?from=2.7", (3, 0)),
        ("?from=8.1", (8, 1)),
    ] {
        let expected = all(from, NEWEST);
        let mut listener = Listener::open(&server, query, None).await;
        assert_eq!(listener.take(expected.len()).await, expected, "{query}");
    }
}

#[tokio::test]
async fn what_comes_is_told_and_silence_is_broken() {
    let server = Server::start().await;
    let mut listener = Listener::open(&server, "", None).await;
    // The first words are at once: nothing before the next block is told.
    listener
        .read_until(|heard| heard.text().contains(": height 8\n\n"))
        .await;
    server.ledger.advance(3);
    let expected = all((NEWEST + 1, 0), NEWEST + 3);
    assert_eq!(listener.take(expected.len()).await, expected);
    listener
        .read_until(|heard| heard.text().contains(": height 11\n\n"))
        .await;
    server.ledger.advance(1);
    listener
        .read_until(|heard| heard.text().contains(": height 12\n\n"))
        .await;
    assert_eq!(listener.heard(), expected);
}

#[tokio::test]
async fn listening_again_misses_nothing_and_hears_nothing_twice() {
    let server = Server::start().await;
    let expected = all((0, 0), NEWEST + 9);
    let mut heard: Vec<Heard> = Vec::new();
    // Breaks off after each single event, while blocks are made.
    while heard.len() < expected.len() {
        let last = heard.last().map(|(id, _)| id.clone());
        let mut listener = Listener::open(&server, "?from=0", last.as_deref()).await;
        if heard.len().is_multiple_of(2) && heard.len() < 18 {
            server.ledger.advance(1);
        }
        let first = listener.take(1).await.remove(0);
        heard.push(first);
    }
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn a_place_that_is_not_kept_is_refused() {
    let server = Server::start().await;
    server.ledger.kept_from.store(5, Ordering::SeqCst);
    for path in ["?from=4.9", "?from=0"] {
        let reply = server.get(&format!("/v1/ledger/events{path}")).await;
        assert_eq!(reply.error(), "410 invalid_request_error pruned from");
        assert_eq!(reply.json()["llmnet"]["kept_from"], 5);
    }
    // Also where the client was before.
    let mut listener = Listener::open(&server, "?from=6", Some("3.0")).await;
    listener.read_until(|_| false).await;
    let reply = Reply::parse(&listener.bytes);
    assert_eq!(reply.error(), "410 invalid_request_error pruned from");
}

#[tokio::test]
async fn a_gap_is_told_of_and_ends_the_stream() {
    let server = Server::start().await;
    let mut listener = Listener::open(&server, "?from=8", None).await;
    listener.take(2).await;
    // Blocks are dropped faster than they are told.
    server.ledger.kept_from.store(12, Ordering::SeqCst);
    server.ledger.advance(6);
    assert!(!listener.read_until(|_| false).await);
    let heard = listener.heard();
    let (id, error) = heard.last().unwrap();
    assert_eq!(id, "");
    assert_eq!(error["error"]["code"], "pruned");
    assert_eq!(error["llmnet"]["kept_from"], 12);
    assert_eq!(heard[..heard.len() - 1], all((8, 0), 8));

    let server = Server::start().await;
    server.ledger.unrecorded.store(4, Ordering::SeqCst);
    let mut listener = Listener::open(&server, "?from=2", None).await;
    assert!(!listener.read_until(|_| false).await);
    let heard = listener.heard();
    assert_eq!(heard.last().unwrap().1["error"]["code"], "unrecorded");
    assert_eq!(heard[..heard.len() - 1], all((2, 0), 3));
}

#[tokio::test]
async fn places_that_are_none() {
    let server = Server::start().await;
    for from in [
        "x",
        "-1",
        "1.",
        ".1",
        "1.2.3",
        "1,2",
        "",
        "99999999999999999999",
        "+1",
    ] {
        let reply = server.get(&format!("/v1/ledger/events?from={from}")).await;
        let expected = "400 invalid_request_error invalid_value from";
        assert_eq!(reply.error(), expected, "{from}");
    }
    // What is far ahead is of another network.
    let reply = server.get("/v1/ledger/events?from=10").await;
    assert_eq!(
        reply.error(),
        "404 invalid_request_error height_not_reached from"
    );
    let mut listener = Listener::open(&server, "", Some("soon")).await;
    listener.read_until(|_| false).await;
    let reply = Reply::parse(&listener.bytes);
    let expected = "400 invalid_request_error invalid_value last-event-id";
    assert_eq!(reply.error(), expected);
}

#[tokio::test]
async fn there_is_room_for_so_many_listeners() {
    let mut config = config();
    config.streams_max = 1;
    let server = Server::with(config, Script::default()).await;
    let mut first = Listener::open(&server, "", None).await;
    first
        .read_until(|heard| heard.text().contains(": height"))
        .await;
    let reply = server.get("/v1/ledger/events").await;
    assert_eq!(reply.error(), "503 server_error overloaded -");
    assert_eq!(reply.header("retry-after"), Some("1"));
    drop(first);
    // Its place is free as soon as it is seen to be gone: at the next sign of life.
    let began = Instant::now();
    loop {
        let mut next = Listener::open(&server, "", None).await;
        next.read_until(|heard| heard.bytes.len() > 20).await;
        if next.bytes.starts_with(b"HTTP/1.1 200") {
            break;
        }
        assert!(began.elapsed() < PATIENCE);
    }
}

#[tokio::test]
async fn listeners_do_not_keep_a_gateway_open() {
    let server = Server::start().await;
    let mut listener = Listener::open(&server, "?from=0", None).await;
    listener.take(all((0, 0), NEWEST).len()).await;
    let began = Instant::now();
    let (ended, stopped) = tokio::join!(listener.read_until(|_| false), server.stop());
    stopped.unwrap();
    assert!(!ended);
    assert!(began.elapsed() < Duration::from_secs(5));
}
