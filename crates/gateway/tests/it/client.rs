//! A gateway on a free port, and a client that writes HTTP by hand so as to break it at will.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use llmnet_gateway::{
    Access, Config, Listener, ServeError, Tls,
    port::{Embedder, Ports},
    serve,
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{
    ledger_script::LedgerScript,
    script::{Script, Vectors},
};

/// A test fails rather than hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) script: Arc<Script>,
    pub(crate) ledger: Arc<LedgerScript>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), ServeError>>,
}

/// What a gateway stands in front of.
struct Scripts {
    script: Script,
    access: Access,
    embedder: Option<Arc<dyn Embedder>>,
}

impl Scripts {
    fn guarded(script: Script, access: Access) -> Self {
        Self {
            script,
            access,
            embedder: None,
        }
    }
}

/// Bounds small enough to be met by a test.
pub(crate) fn config() -> Config {
    Config {
        stream_patience: Duration::from_millis(50),
        keep_alive: Duration::from_millis(80),
        ..Config::default()
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(config(), Script::default()).await
    }

    pub(crate) async fn with(config: Config, script: Script) -> Self {
        Self::guarded(config, script, Access::open()).await
    }

    pub(crate) async fn guarded(config: Config, script: Script, access: Access) -> Self {
        Self::at(None, config, Scripts::guarded(script, access)).await
    }

    /// Where there is a model for embeddings.
    pub(crate) async fn embedding() -> Self {
        let mut ports = Scripts::guarded(Script::default(), Access::open());
        ports.embedder = Some(Arc::new(Vectors));
        Self::at(None, config(), ports).await
    }

    /// Where nobody listens in, and clients must check whom they speak to.
    pub(crate) async fn secured(tls: Tls, config: Config) -> Self {
        let scripts = Scripts::guarded(Script::default(), Access::open());
        Self::at(Some(tls), config, scripts).await
    }

    async fn at(tls: Option<Tls>, config: Config, scripts: Scripts) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(scripts.script);
        let listener = match tls {
            Some(tls) => Listener::secured(listener, tls),
            None => listener.into(),
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let ledger = Arc::<LedgerScript>::default();
        let ports = Ports {
            coordinator: Arc::clone(&script) as _,
            ledger: Arc::clone(&ledger) as _,
            access: scripts.access,
            embedder: scripts.embedder,
        };
        let serving = tokio::spawn(serve(listener, ports, config, async {
            let _ = stopped.await;
        }));
        Self {
            address,
            script,
            ledger,
            stop,
            serving,
        }
    }

    /// Tells it to stop and waits until it did.
    pub(crate) async fn stop(self) -> Result<(), ServeError> {
        let _ = self.stop.send(());
        timeout(PATIENCE, self.serving).await.unwrap().unwrap()
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes and reads to the end.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> Reply {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        Reply::read(&mut stream).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.get_with(path, "").await
    }

    /// With further headers, each with its line's end.
    pub(crate) async fn get_with(&self, path: &str, headers: &str) -> Reply {
        let text =
            format!("GET {path} HTTP/1.1\r\nhost: llmnet\r\nconnection: close\r\n{headers}\r\n");
        self.raw(text.as_bytes()).await
    }

    /// Posts JSON to any path.
    pub(crate) async fn send(&self, path: &str, body: &str) -> Reply {
        self.send_with(path, "", body).await
    }

    /// With further headers, each with its line's end.
    pub(crate) async fn send_with(&self, path: &str, headers: &str, body: &str) -> Reply {
        let headers = format!("connection: close\r\n{headers}");
        self.raw(&post_to(path, body.as_bytes(), &headers)).await
    }

    pub(crate) async fn post(&self, body: impl AsRef<[u8]>) -> Reply {
        self.raw(&post(body.as_ref(), "connection: close\r\n"))
            .await
    }

    /// Asks `llmnet/auto`, with further fields if any.
    pub(crate) async fn ask(&self, question: &str, fields: &str) -> Reply {
        self.post(body(question, fields)).await
    }
}

/// A chat completion's body.
pub(crate) fn body(question: &str, fields: &str) -> String {
    let question = Value::from(question);
    format!(
        r#"{{"model":"llmnet/auto","messages":[{{"role":"user","content":{question}}}]{fields}}}"#
    )
}

/// A chat completion's bytes on the wire.
pub(crate) fn post(body: &[u8], headers: &str) -> Vec<u8> {
    post_to("/v1/chat/completions", body, headers)
}

/// A body's bytes on the wire.
pub(crate) fn post_to(path: &str, body: &[u8], headers: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: llmnet\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) async fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        let reading = stream.read_to_end(&mut bytes);
        timeout(PATIENCE, reading).await.expect("an end").unwrap();
        Self::parse(&bytes)
    }

    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let mut reply = Self {
            status: status.parse().unwrap(),
            headers,
            body: body.to_owned(),
        };
        if reply.header("transfer-encoding") == Some("chunked") {
            reply.body = unchunk(body);
        }
        reply
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// Status and body with one field a line, without what differs from run to run.
    pub(crate) fn shown(&self) -> String {
        let body = steady(&self.body).replace(",\"", ",\n\"");
        format!("{}\n{body}", self.status)
    }

    /// The error's status, code and field.
    pub(crate) fn error(&self) -> String {
        let error = &self.json()["error"];
        let text = |name: &str| error[name].as_str().unwrap_or("-").to_owned();
        assert!(!text("message").is_empty());
        format!(
            "{} {} {} {}",
            self.status,
            text("type"),
            text("code"),
            text("param")
        )
    }
}

/// Waits until a count is reached.
pub(crate) async fn until(what: &AtomicUsize, count: usize) {
    let began = Instant::now();
    while what.load(Ordering::SeqCst) < count {
        assert!(began.elapsed() < PATIENCE);
        sleep(Duration::from_millis(5)).await;
    }
}

/// Replaces ids and times.
pub(crate) fn steady(text: &str) -> String {
    let mut steady = text.to_owned();
    for (mark, length) in [
        ("chatcmpl-", 16),
        ("resp_", 16),
        ("msg_", 16),
        ("fc_", 16),
        ("\"request_id\":\"", 16),
        ("\"created_at\":", 10),
        ("accepted ", 16),
        ("with the id ", 16),
        ("\"created\":", 10),
    ] {
        let mut from = 0;
        while let Some(place) = steady[from..].find(mark) {
            let start = from + place + mark.len();
            if !steady[start..].starts_with("0,") {
                steady.replace_range(start..start + length, "…");
            }
            from = start;
        }
    }
    steady
}

fn unchunk(mut body: &str) -> String {
    let mut text = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        text.push_str(&rest[..length]);
        body = rest[length..].trim_start_matches("\r\n");
        if length == 0 {
            break;
        }
    }
    text
}
