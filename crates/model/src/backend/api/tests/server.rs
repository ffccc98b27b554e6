//! A server that says what it was told to, whatever it is asked, and keeps what that was.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

/// What it says to one connection.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// These bytes, and the end of the connection.
    Raw(String),
    /// Nothing at all.
    Silence,
}

/// A whole reply.
pub(super) fn http(status: &str, headers: &str, body: &str) -> Reply {
    Reply::Raw(format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}",
        body.len()
    ))
}

/// One that ends before it is over.
pub(super) fn cut(body: &str) -> Reply {
    Reply::Raw(format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len() + 100
    ))
}

/// One in chunks, which announces no length.
pub(super) fn chunked(body: &str) -> Reply {
    let length = body.len();
    Reply::Raw(format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n\
         {length:x}\r\n{body}\r\n0\r\n\r\n"
    ))
}

pub(super) struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Server {
    /// Says these, one for each connection, and refuses connections after them.
    pub(super) async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        // Where there is nothing to say, nobody is there: not even until the task below runs.
        let listener = (!replies.is_empty()).then_some(listener);
        let serving = tokio::spawn(async move {
            let Some(listener) = listener else {
                return;
            };
            for reply in replies {
                let (mut stream, text) = loop {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    // Whose time was over before it had asked has not asked.
                    if let Some(text) = read(&mut stream).await {
                        break (stream, text);
                    }
                };
                log.lock().unwrap().push(text);
                match reply {
                    Reply::Raw(bytes) => {
                        // The client may hang up in the middle of a body that is too large.
                        let _ = stream.write_all(bytes.as_bytes()).await;
                    }
                    Reply::Silence => {
                        tokio::spawn(async move {
                            tokio::time::sleep(Duration::from_secs(60)).await;
                            drop(stream);
                        });
                    }
                }
            }
        });
        Self {
            address,
            asked,
            serving,
        }
    }

    pub(super) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All it was asked, head and body.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// The body of one request.
    pub(super) fn body(&self, number: usize) -> Value {
        let asked = self.asked();
        let (_, body) = asked[number].split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }

    /// The head of one request, but for what every client sends.
    pub(super) fn head(&self, number: usize) -> Vec<String> {
        const COMMON: [&str; 4] = ["host:", "accept:", "content-length:", "user-agent:"];
        let asked = self.asked();
        let (head, _) = asked[number].split_once("\r\n\r\n").unwrap();
        let lines = head.lines().map(ToOwned::to_owned);
        let mut lines: Vec<String> = lines
            .filter(|line| !COMMON.iter().any(|name| line.starts_with(name)))
            .collect();
        lines[1..].sort();
        lines
    }
}

async fn read(stream: &mut tokio::net::TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.ok()?;
        if read == 0 {
            return None;
        }
        bytes.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            let line = line.to_lowercase();
            line.strip_prefix("content-length: ")?.parse().ok()
        });
        if body.len() >= length.unwrap_or(0) {
            return Some(text);
        }
    }
}
