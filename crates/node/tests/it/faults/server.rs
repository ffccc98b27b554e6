//! A server of OpenAI's shape that fails as it is told to: always, by a seeded chance, or as the question says.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use llmnet_types::id::Digest;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::sleep,
};

/// How a call may go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// 429, with a wait that fits.
    Limited,
    /// 500.
    Broken,
    /// Takes the prompt and never says anything.
    Hang,
    /// Says what it should, later, and in two pieces.
    Slow,
    /// Ends in the middle of its reply.
    Cut,
    /// Says 200, and JSON that is none.
    Garbled,
    /// Says 200, and a page for people.
    Page,
    /// Announces more than it sends, and keeps the connection.
    Long,
    /// Announces less than it sends.
    Short,
}

impl Fault {
    pub(crate) const ALL: [Self; 9] = [
        Self::Limited,
        Self::Broken,
        Self::Hang,
        Self::Slow,
        Self::Cut,
        Self::Garbled,
        Self::Page,
        Self::Long,
        Self::Short,
    ];
    /// Those after which there is no reply.
    pub(crate) const FAILING: [Self; 8] = [
        Self::Limited,
        Self::Broken,
        Self::Hang,
        Self::Cut,
        Self::Garbled,
        Self::Page,
        Self::Long,
        Self::Short,
    ];
}

/// When a server fails.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Plan {
    /// Never.
    Well,
    /// Each call, in a way drawn for it.
    Always,
    /// Each call by this chance in thousandths, in a way drawn for it.
    Chance(u64),
}

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// A first answer.
    Answer,
    /// Looking at peers' answers.
    Revision,
    /// Writing one answer from all.
    Synthesis,
    /// Comparing two of them.
    Ballot,
}

/// What all calls to a server share.
#[derive(Debug)]
struct Shared {
    plan: Plan,
    /// The work that is taken and never done, if any.
    hangs: Mutex<Option<Work>>,
    /// Calls that hang now.
    hanging: AtomicU64,
    /// How later calls fail whatever the plan says, and whether only revisions, syntheses and ballots do.
    told: Mutex<Option<(Fault, bool)>>,
    seed: u64,
    number: u64,
    calls: AtomicU64,
    failed: AtomicU64,
}

/// One model's server, until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    _serving: JoinSet<()>,
}

impl Server {
    pub(crate) async fn start(plan: Plan, seed: u64, number: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            plan,
            hangs: Mutex::default(),
            hanging: AtomicU64::new(0),
            told: Mutex::default(),
            seed,
            number,
            calls: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        });
        let mut serving = JoinSet::new();
        let told = Arc::clone(&shared);
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let Ok((stream, _)) = accepted else { return };
                        connections.spawn(serve(stream, Arc::clone(&told)));
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Self {
            address,
            shared,
            _serving: serving,
        }
    }

    pub(crate) fn base(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// From now on it fails so, always or only after its first answer; or as planned.
    pub(crate) fn tell(&self, fault: Option<(Fault, bool)>) {
        *self.shared.told.lock().unwrap() = fault;
    }

    /// From now on it takes this work and never does it.
    pub(crate) fn hang_at(&self, work: Option<Work>) {
        *self.shared.hangs.lock().unwrap() = work;
    }

    /// Calls that hang, and whose client waits still.
    pub(crate) fn hanging(&self) -> u64 {
        self.shared.hanging.load(Ordering::SeqCst)
    }

    /// Calls, and how many of them it failed.
    pub(crate) fn calls(&self) -> (u64, u64) {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (count(&self.shared.calls), count(&self.shared.failed))
    }
}

impl Shared {
    /// What becomes of the next call: by its number on this server, and the seed.
    fn fault(&self, is_later: bool) -> Option<Fault> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        if let Some((fault, only_later)) = *self.told.lock().unwrap() {
            return (is_later || !only_later).then_some(fault);
        }
        let drawn = Digest::tagged(
            "llmnet/test/faults",
            &[
                &self.seed.to_le_bytes(),
                &self.number.to_le_bytes(),
                &call.to_le_bytes(),
            ],
        );
        let number =
            |from: usize| u64::from(u16::from_le_bytes([drawn.0[from], drawn.0[from + 1]]));
        let fails = match self.plan {
            Plan::Well => false,
            Plan::Always => true,
            // 65536 values make a thousandth exact to a part in 65.
            Plan::Chance(thousandths) => number(0) * 1_000 < thousandths * 65_536,
        };
        let ways = Fault::FAILING.len();
        fails.then(|| Fault::FAILING[usize::try_from(number(2)).unwrap_or(0) % ways])
    }
}

/// Request after request of a connection, until a fault ends it.
async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut waiting = Vec::new();
    while let Some(body) = read(&mut stream, &mut waiting).await {
        let (text, work) = says(&body, shared.number);
        let reply = completion(&text).to_string();
        if *shared.hangs.lock().unwrap() == Some(work) {
            shared.hanging.fetch_add(1, Ordering::SeqCst);
            // Nothing comes any more but the end of the connection.
            let _ = read(&mut stream, &mut waiting).await;
            shared.hanging.fetch_sub(1, Ordering::SeqCst);
            return;
        }
        let fault = shared.fault(work != Work::Answer);
        if fault.is_some_and(|fault| fault != Fault::Slow) {
            shared.failed.fetch_add(1, Ordering::Relaxed);
        }
        let length = reply.len();
        let json = |status: &str, length: usize, more: &str, body: &str| {
            format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{more}\r\n{body}"
            )
        };
        let error = r#"{"error":{"message":"no","type":"server_error"}}"#;
        let (bytes, goes_on) = match fault {
            None => (json("200 OK", length, "", &reply), true),
            Some(Fault::Limited) => {
                let headers = "retry-after-ms: 20\r\nretry-after: 1\r\n";
                let limited = json("429 Too Many Requests", error.len(), headers, error);
                (limited, true)
            }
            Some(Fault::Broken) => {
                let status = "500 Internal Server Error";
                (json(status, error.len(), "", error), true)
            }
            Some(Fault::Hang) => return std::future::pending().await,
            Some(Fault::Slow) => {
                sleep(Duration::from_millis(50)).await;
                let whole = json("200 OK", length, "", &reply);
                let (head, rest) = whole.split_at(whole.len() / 2);
                if stream.write_all(head.as_bytes()).await.is_err() {
                    return;
                }
                sleep(Duration::from_millis(50)).await;
                (rest.to_owned(), true)
            }
            Some(Fault::Cut) => (json("200 OK", length, "", &reply[..length / 2]), false),
            Some(Fault::Garbled) => {
                let half = &reply[..length / 2];
                (json("200 OK", half.len(), "", half), true)
            }
            Some(Fault::Page) => {
                let page = "<html><body>Sign in to go on.</body></html>";
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html";
                let length = page.len();
                (
                    format!("{head}\r\ncontent-length: {length}\r\n\r\n{page}"),
                    true,
                )
            }
            Some(Fault::Long) => {
                let bytes = json("200 OK", length + 1_000, "", &reply);
                if stream.write_all(bytes.as_bytes()).await.is_err() {
                    return;
                }
                return std::future::pending().await;
            }
            Some(Fault::Short) => (json("200 OK", length / 2, "", &reply), false),
        };
        if stream.write_all(bytes.as_bytes()).await.is_err() || !goes_on {
            return;
        }
    }
}

/// What it says to a prompt, and what that is for.
fn says(body: &Value, number: u64) -> (String, Work) {
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    let system = messages
        .first()
        .and_then(|message| message["content"].as_str())
        .unwrap_or_default();
    if system.contains("\"better\"") {
        // The first in both orders: two words that agree on nothing, which is a tie.
        (json!({ "better": 1 }).to_string(), Work::Ballot)
    } else if system.contains("\"convinced_by\"") {
        (json!({ "keep": true }).to_string(), Work::Revision)
    } else {
        // One of them differs, so that panels with it have something to talk about.
        let choice = if number == 1 { "A" } else { "B" };
        let work = match system.starts_with("You write one answer") {
            true => Work::Synthesis,
            false => Work::Answer,
        };
        (format!("It is ({choice})."), work)
    }
}

fn completion(text: &str) -> Value {
    json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": text },
            "finish_reason": "stop",
        }],
        "usage": { "prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20 },
    })
}

/// The next request's body; what came behind it waits.
async fn read(stream: &mut TcpStream, waiting: &mut Vec<u8>) -> Option<Value> {
    loop {
        let head = waiting.windows(4).position(|end| end == b"\r\n\r\n");
        if let Some(end) = head {
            let head = String::from_utf8_lossy(&waiting[..end]).to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
                .unwrap_or(0_usize);
            let whole = end + 4 + length;
            if waiting.len() >= whole {
                let body = serde_json::from_slice(&waiting[end + 4..whole]).ok();
                waiting.drain(..whole);
                return body;
            }
        }
        let mut part = [0; 4096];
        let count = stream.read(&mut part).await.ok()?;
        if count == 0 {
            return None;
        }
        waiting.extend_from_slice(&part[..count]);
    }
}
