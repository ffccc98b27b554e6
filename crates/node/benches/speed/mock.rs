//! A provider of OpenAI's shape that answers the same to the same, after a set time, as fast as one thread can.

use std::{cell::Cell, fmt::Write, net::Ipv4Addr, rc::Rc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    task::{LocalSet, spawn_local},
};

use crate::{
    answer::{find, holds, number, text},
    http::Connection,
};

/// How it answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// Before the first byte.
    delay: Duration,
    /// Of an answer; each of a stream is an event.
    tokens: usize,
}

impl Manner {
    pub(crate) fn read(options: &[&str]) -> Option<Self> {
        let mut manner = Self {
            delay: Duration::ZERO,
            tokens: 64,
        };
        for pair in options.chunks(2) {
            match pair {
                ["--delay-us", value] => {
                    manner.delay = Duration::from_micros(value.parse().ok()?);
                }
                ["--tokens", value] => manner.tokens = value.parse().ok()?,
                _ => return None,
            }
        }
        Some(manner)
    }
}

/// Serves until it is killed. The first line it prints is where.
pub(crate) async fn serve(manner: Manner) -> Result<(), String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.map_err(|error| format!("cannot listen: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    println!("http://{address}");
    let answered = Rc::new(Cell::new(0));
    let accepting = async {
        loop {
            let (stream, _) = listener.accept().await.map_err(|error| error.to_string())?;
            let answered = Rc::clone(&answered);
            spawn_local(async move {
                // Whoever breaks a connection hears nothing of it here, and will miss its answer.
                let _ = connection(stream, manner, &answered).await;
            });
        }
    };
    LocalSet::new().run_until(accepting).await
}

async fn connection(stream: TcpStream, manner: Manner, answered: &Cell<u64>) -> Result<(), String> {
    let mut connection = Connection::new(stream)?;
    while let Some(head) = connection.head().await? {
        let body = connection.body(&head, |_| {}).await?;
        let reply = if head.line().starts_with("GET ") {
            // Whether a gateway asked at all, and how often, is checked by this.
            whole("200 OK", &format!(r#"{{"answered":{}}}"#, answered.get()))
        } else {
            answered.set(answered.get() + 1);
            reply(&body, manner)
        };
        if !manner.delay.is_zero() {
            // The runtime's own timers count in milliseconds, which are what is measured here.
            let delay = manner.delay;
            let slept = tokio::task::spawn_blocking(move || std::thread::sleep(delay)).await;
            slept.map_err(|error| error.to_string())?;
        }
        connection.write(reply.as_bytes()).await?;
    }
    Ok(())
}

fn reply(body: &[u8], manner: Manner) -> String {
    let model = value(body, b"\"model\"").and_then(|value| {
        let value = value.strip_prefix(b"\"")?;
        std::str::from_utf8(&value[..find(value, b"\"")?]).ok()
    });
    let (Some(model), Some(number)) = (model, number(body)) else {
        return whole(
            "400 Bad Request",
            r#"{"error":{"message":"no question with a number","type":"invalid_request_error"}}"#,
        );
    };
    // A judge is asked for a decision: neither is better.
    let text = if holds(body, br#"{\"better\": 1}"#) {
        r#"{\"better\": 0}"#.to_owned()
    } else {
        text(number, model, manner.tokens)
    };
    let stream = value(body, b"\"stream\"").is_some_and(|value| value.starts_with(b"true"));
    if stream {
        let usage = value(body, b"\"include_usage\"");
        events(
            model,
            &text,
            manner.tokens,
            usage.is_some_and(|value| value.starts_with(b"true")),
        )
    } else {
        let tokens = manner.tokens;
        let total = tokens + 40;
        let body = format!(
            r#"{{"id":"chatcmpl-mock","object":"chat.completion","created":1700000000,"model":"{model}","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":40,"completion_tokens":{tokens},"total_tokens":{total}}}}}"#
        );
        whole("200 OK", &body)
    }
}

fn whole(status: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

fn events(model: &str, text: &str, tokens: usize, usage: bool) -> String {
    let mut reply = String::with_capacity(256 * tokens);
    reply.push_str(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
    );
    let mut event = |choices: &str, rest: &str| {
        let event = format!(
            "data: {{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"{model}\",\"choices\":[{choices}]{rest}}}\n\n"
        );
        // Writing to a string cannot fail.
        let _ = write!(reply, "{:x}\r\n{event}\r\n", event.len());
    };
    event(
        r#"{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}"#,
        "",
    );
    for word in text.split_inclusive(' ') {
        event(
            &format!(r#"{{"index":0,"delta":{{"content":"{word}"}},"finish_reason":null}}"#),
            "",
        );
    }
    event(r#"{"index":0,"delta":{},"finish_reason":"stop"}"#, "");
    if usage {
        let total = tokens + 40;
        event(
            "",
            &format!(
                r#","usage":{{"prompt_tokens":40,"completion_tokens":{tokens},"total_tokens":{total}}}"#
            ),
        );
    }
    reply.push_str("e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
    reply
}

/// What stands behind the first field of this name, quotes included. Inside of texts, quotes are escaped.
fn value<'a>(body: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = body;
    loop {
        let at = find(rest, name)?;
        let behind = rest[at + name.len()..].trim_ascii_start();
        if let Some(value) = behind.strip_prefix(b":") {
            return Some(value.trim_ascii_start());
        }
        rest = behind;
    }
}
