//! Keys: made, compared, bounded, taken away; and that none is seen again.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use expect_test::expect;
use llmnet_gateway::{
    Access, ServeError,
    port::keys::{ApiKey, KeyStore, KeyStoreError, Spent},
    serve_admin,
};
use llmnet_types::id::{ContractId, Digest};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    time::sleep,
};

use crate::{
    client::{Reply, Server, body, config, post_to, steady, until},
    ledger_script::transaction,
    schema::check,
    script::{RECEIPT, RECEIPT_FILE, Script},
};

/// What outlives a gateway.
#[derive(Default)]
struct Memory {
    keys: Mutex<Vec<(ApiKey, Spent)>>,
    asked: Mutex<Vec<(Digest, ContractId)>>,
    full: AtomicBool,
}

impl KeyStore for Memory {
    fn keys(&self) -> Result<Vec<(ApiKey, Spent)>, KeyStoreError> {
        Ok(self.keys.lock().unwrap().clone())
    }

    fn add(&self, key: &ApiKey) -> Result<(), KeyStoreError> {
        if self.full.load(Ordering::SeqCst) {
            return Err(KeyStoreError("the disk is full".to_owned()));
        }
        self.keys
            .lock()
            .unwrap()
            .push((key.clone(), Spent::default()));
        Ok(())
    }

    fn remove(&self, key: &Digest) -> Result<(), KeyStoreError> {
        self.keys
            .lock()
            .unwrap()
            .retain(|(kept, _)| kept.digest != *key);
        Ok(())
    }

    fn spent(&self, key: &Digest, spent: Spent) -> Result<(), KeyStoreError> {
        let mut keys = self.keys.lock().unwrap();
        let kept = keys.iter_mut().find(|(kept, _)| kept.digest == *key);
        kept.into_iter().for_each(|(_, kept)| *kept = spent);
        Ok(())
    }

    fn asked(&self, key: &Digest, contract: &ContractId) -> Result<(), KeyStoreError> {
        self.asked.lock().unwrap().push((*key, *contract));
        Ok(())
    }

    fn has_asked(&self, key: &Digest, contract: &ContractId) -> Result<bool, KeyStoreError> {
        if self.full.load(Ordering::SeqCst) {
            return Err(KeyStoreError("the disk is gone".to_owned()));
        }
        let asked = self.asked.lock().unwrap();
        Ok(asked.contains(&(*key, *contract)))
    }
}

/// A gateway that asks for keys, and the door to manage them by.
struct Guarded {
    server: Server,
    admin: SocketAddr,
    store: Arc<Memory>,
}

impl Guarded {
    async fn start() -> Self {
        Self::over(Arc::default()).await
    }

    async fn over(store: Arc<Memory>) -> Self {
        let access = Access::keyed(Arc::clone(&store) as _).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let admin = listener.local_addr().unwrap();
        tokio::spawn(serve_admin(
            listener,
            access.clone(),
            config(),
            std::future::pending(),
        ));
        Self {
            server: Server::guarded(config(), Script::default(), access).await,
            admin,
            store,
        }
    }

    async fn manage(&self, method: &str, path: &str, headers: &str, body: &str) -> Reply {
        let length = body.len();
        let host = self.admin;
        let headers = match headers.contains("host: ") {
            true => headers.to_owned(),
            false => format!("host: {host}\r\n{headers}"),
        };
        let text = format!(
            "{method} {path} HTTP/1.1\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
        );
        let mut stream = TcpStream::connect(self.admin).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        Reply::read(&mut stream).await
    }

    /// Makes a key and says its header.
    async fn key(&self, described: Value) -> String {
        let reply = self
            .manage("POST", "/admin/keys", "", &described.to_string())
            .await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        let key = reply.json()["key"].as_str().unwrap().to_owned();
        format!("authorization: Bearer {key}\r\n")
    }

    async fn ask(&self, key: &str, question: &str) -> Reply {
        let body = body(question, "");
        self.server
            .send_with("/v1/chat/completions", key, &body)
            .await
    }

    /// What a key has spent, reserved and left.
    async fn stands(&self, key: &str) -> String {
        let stands = self.server.get_with("/v1/key", key).await.json();
        let document = self.server.get("/openapi.json").await.json();
        check(
            &document,
            &document["components"]["schemas"]["ApiKey"],
            &stands,
        )
        .unwrap();
        format!(
            "{} {} {}",
            stands["spent"], stands["reserved"], stands["available"]
        )
    }
}

#[tokio::test]
async fn nobody_asks_without_a_key() {
    let guarded = Guarded::start().await;
    let key = guarded.key(json!({"name": "ci"})).await;
    assert_eq!(guarded.ask(&key, "aspirin?").await.status, 200);
    let plain = key.replace("authorization: Bearer", "x-api-key:");
    assert_eq!(guarded.ask(&plain, "aspirin?").await.status, 200);

    let asked = guarded.server.script.asked.load(Ordering::SeqCst);
    let short = format!("{}\r\n", &key[..key.len() - 3]);
    for wrong in [
        "",
        "authorization: Bearer\r\n",
        "x-api-key: llmnet-\r\n",
        &short,
    ] {
        let reply = guarded.ask(wrong, "aspirin?").await;
        assert_eq!(
            reply.error(),
            "401 authentication_error invalid_api_key -",
            "{wrong}"
        );
        let reply = guarded.server.send_with("/v1/messages", wrong, "{}").await;
        assert_eq!(reply.json()["error"]["type"], "authentication_error");
    }
    assert_eq!(guarded.server.script.asked.load(Ordering::SeqCst), asked);
    // What there is is not told either; whether it is up, and how to ask, is.
    assert_eq!(guarded.server.get("/v1/nothing").await.status, 401);
    assert_eq!(guarded.server.get("/health").await.status, 200);
    assert_eq!(guarded.server.get("/openapi.json").await.status, 200);
}

#[tokio::test]
async fn a_key_is_good_for_its_scopes() {
    let guarded = Guarded::start().await;
    let ask = guarded.key(json!({"name": "ask"})).await;
    let read = guarded
        .key(json!({"name": "read", "scopes": ["read"]}))
        .await;
    let submit = guarded
        .key(json!({"name": "submit", "scopes": ["submit"]}))
        .await;
    let transaction = json!({ "transaction": transaction(2) }).to_string();
    let mut table = String::new();
    for (name, key) in [("ask", &ask), ("read", &read), ("submit", &submit)] {
        let asked = guarded.ask(key, "aspirin?").await;
        let listed = guarded.server.get_with("/v1/models", key).await;
        let status = guarded.server.get_with("/v1/ledger/status", key).await;
        let path = "/v1/ledger/transactions";
        let submitted = guarded.server.send_with(path, key, &transaction).await;
        let own = guarded.server.get_with("/v1/key", key).await;
        let statuses = [asked, listed, status, submitted, own].map(|reply| reply.status);
        table += &format!("{name} {statuses:?}\n");
    }
    expect![[r#"
        ask [200, 200, 403, 403, 200]
        read [403, 403, 200, 403, 200]
        submit [403, 403, 403, 202, 200]
    "#]]
    .assert_eq(&table);
    let refused = guarded.ask(&read, "aspirin?").await;
    assert_eq!(
        refused.error(),
        "403 invalid_request_error insufficient_scope -"
    );
}

/// A receipt has all that was said: it is for who asked, and for who runs the gateway.
#[tokio::test]
async fn a_receipt_is_for_the_key_that_asked() {
    let guarded = Guarded::start().await;
    let key =
        |name: &'static str, scopes: Value| guarded.key(json!({"name": name, "scopes": scopes}));
    let owner = key("owner", json!(["ask"])).await;
    let other = key("other", json!(["ask", "read", "submit"])).await;
    let operator = key("operator", json!(["receipts"])).await;
    let path = format!("/v1/receipts/{RECEIPT}");
    let unknown = format!("/v1/receipts/{}", "0".repeat(64));
    let read = async |key: &str, path: &str| guarded.server.get_with(path, key).await;

    // Before it is asked for it is nobody's, and nobody else can tell whether it ever was.
    assert_eq!(read(&owner, &path).await.status, 404);
    assert_eq!(guarded.ask(&owner, "aspirin?").await.status, 200);
    assert_eq!(read(&owner, &path).await.body, RECEIPT_FILE);
    assert_eq!(read(&operator, &path).await.body, RECEIPT_FILE);
    let refused = read(&other, &path).await;
    assert_eq!(
        refused.error(),
        "404 invalid_request_error receipt_not_found id"
    );
    let refused = steady(&refused.body).replace(&RECEIPT.to_string(), "…");
    let missing = steady(&read(&other, &unknown).await.body).replace(&"0".repeat(64), "…");
    assert_eq!(refused, missing);
    assert_eq!(read("", &path).await.status, 401);
    // The operator's key reads, and asks nothing.
    assert_eq!(guarded.ask(&operator, "aspirin?").await.status, 403);

    // Its own again after the program started anew.
    let again = Guarded::over(Arc::clone(&guarded.store)).await;
    let read = async |key: &str| again.server.get_with(&path, key).await;
    assert_eq!(read(&owner).await.body, RECEIPT_FILE);
    assert_eq!(read(&other).await.status, 404);
    again.store.full.store(true, Ordering::SeqCst);
    assert_eq!(read(&owner).await.status, 500, "whose it is cannot be told");
}

#[tokio::test]
async fn a_key_asks_only_so_often() {
    let guarded = Guarded::start().await;
    let key = guarded
        .key(json!({"name": "slow", "requests_per_minute": 2}))
        .await;
    let other = guarded
        .key(json!({"name": "other", "requests_per_minute": 2}))
        .await;
    let reply = guarded.ask(&key, "aspirin?").await;
    assert_eq!(reply.header("x-ratelimit-limit-requests"), Some("2"));
    assert_eq!(reply.header("x-ratelimit-remaining-requests"), Some("1"));
    assert_eq!(reply.header("x-ratelimit-reset-requests"), Some("30s"));
    assert_eq!(guarded.ask(&key, "aspirin?").await.status, 200);
    let refused = guarded.ask(&key, "aspirin?").await;
    assert_eq!(
        refused.error(),
        "429 rate_limit_error rate_limit_exceeded -"
    );
    assert_eq!(refused.header("x-ratelimit-remaining-requests"), Some("0"));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((20..=30).contains(&wait), "{wait}");
    assert_eq!(guarded.ask(&other, "aspirin?").await.status, 200);
}

#[tokio::test]
async fn a_key_spends_its_budget_and_no_more() {
    let guarded = Guarded::start().await;
    // A question may cost 0.002 and costs 0.0014.
    let budget = json!({"credits": "0.005", "days": 36_500});
    let key = guarded.key(json!({"name": "poor", "budget": budget})).await;
    assert_eq!(guarded.stands(&key).await, r#""0" "0" "0.005""#);

    // What is worked on is set aside; whoever hangs up pays nothing here, as the script did no work.
    let mut open = guarded.server.connect().await;
    let bytes = post_to("/v1/chat/completions", body("never", "").as_bytes(), &key);
    open.write_all(&bytes).await.unwrap();
    until(&guarded.server.script.asked, 1).await;
    assert_eq!(guarded.stands(&key).await, r#""0" "0.002" "0.003""#);
    assert_eq!(guarded.ask(&key, "aspirin?").await.status, 200);
    assert_eq!(guarded.stands(&key).await, r#""0.0014" "0.002" "0.0016""#);
    let refused = guarded.ask(&key, "aspirin?").await;
    assert_eq!(refused.error(), "402 insufficient_quota unfunded -");
    drop(open);
    until(&guarded.server.script.cancelled, 1).await;
    while guarded.stands(&key).await != r#""0.0014" "0" "0.0036""# {
        sleep(std::time::Duration::from_millis(5)).await;
    }

    // Asked again under its key, an answer costs nothing.
    let twice = format!("{key}idempotency-key: a\r\n");
    for _ in 0..2 {
        assert_eq!(guarded.ask(&twice, "aspirin?").await.status, 200);
    }
    assert_eq!(guarded.stands(&key).await, r#""0.0028" "0" "0.0022""#);

    // Another gateway over the same store goes on where this one was.
    let again = Guarded::over(Arc::clone(&guarded.store)).await;
    assert_eq!(again.stands(&key).await, r#""0.0028" "0" "0.0022""#);
    assert_eq!(again.ask(&key, "aspirin?").await.status, 200);
    assert_eq!(again.ask(&key, "aspirin?").await.status, 402);
}

#[tokio::test]
async fn keys_are_managed() {
    let guarded = Guarded::start().await;
    let described = json!({
        "name": "ci", "scopes": ["read", "ask"], "requests_per_minute": 60,
        "budget": {"credits": "2.5", "days": 1},
    });
    let key = guarded.key(described.clone()).await;
    guarded.key(json!({"name": "another"})).await;
    let list = guarded.manage("GET", "/admin/keys", "", "").await;
    expect![[r#"
        200
        {"object":"list",
        "data":[{"object":"key",
        "name":"another",
        "scopes":["ask"],
        "requests_per_minute":null,
        "budget":null,
        "spent":"0",
        "reserved":"0",
        "available":null},{"object":"key",
        "name":"ci",
        "scopes":["ask",
        "read"],
        "requests_per_minute":60,
        "budget":{"credits":"2.5",
        "days":1},
        "spent":"0",
        "reserved":"0",
        "available":"2.5"}]}"#]]
    .assert_eq(&list.shown());
    // Neither the key nor its digest is said or kept anywhere.
    let secret = key["authorization: Bearer ".len()..].trim();
    let kept = guarded.store.keys().unwrap();
    let digest = kept
        .iter()
        .find(|(kept, _)| kept.name.as_str() == "ci")
        .unwrap()
        .0
        .digest;
    assert_eq!(digest, Digest::of(secret.as_bytes()));
    assert!(!format!("{kept:?}").contains(secret));
    assert!(!list.body.contains(&digest.to_string()));

    let taken = guarded
        .manage("POST", "/admin/keys", "", &described.to_string())
        .await;
    assert_eq!(taken.error(), "409 invalid_request_error name_taken name");
    guarded.store.full.store(true, Ordering::SeqCst);
    let full = guarded
        .manage("POST", "/admin/keys", "", r#"{"name":"c"}"#)
        .await;
    assert_eq!(full.error(), "500 server_error not_kept -");

    assert_eq!(guarded.ask(&key, "aspirin?").await.status, 200);
    let removed = guarded.manage("DELETE", "/admin/keys/ci", "", "").await;
    assert_eq!((removed.status, removed.body.as_str()), (204, ""));
    assert_eq!(guarded.ask(&key, "aspirin?").await.status, 401);
    let again = guarded.manage("DELETE", "/admin/keys/ci", "", "").await;
    assert_eq!(again.error(), "404 invalid_request_error key_not_found -");
    assert_eq!(guarded.store.keys().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_that_is_described_badly_is_not_made() {
    let guarded = Guarded::start().await;
    for (described, expected) in [
        (
            json!({}),
            "400 invalid_request_error missing_required_parameter name",
        ),
        (
            json!({"name": "a b"}),
            "400 invalid_request_error invalid_value name",
        ),
        (
            json!({"name": "a".repeat(65)}),
            "400 invalid_request_error invalid_value name",
        ),
        (
            json!({"name": "a", "scopes": []}),
            "400 invalid_request_error invalid_value scopes",
        ),
        (
            json!({"name": "a", "scopes": ["all"]}),
            "400 invalid_request_error invalid_value scopes",
        ),
        (
            json!({"name": "a", "requests_per_minute": 0}),
            "400 invalid_request_error invalid_value requests_per_minute",
        ),
        (
            json!({"name": "a", "budget": {"credits": 1}}),
            "400 invalid_request_error invalid_type budget.credits",
        ),
        (
            json!({"name": "a", "budget": {"credits": "1e3"}}),
            "400 invalid_request_error invalid_value budget.credits",
        ),
        (
            json!({"name": "a", "budget": {"credits": "1", "days": 70_000}}),
            "400 invalid_request_error invalid_value budget.days",
        ),
        // Misspelled, it would be a bound that is not there.
        (
            json!({"name": "a", "bugdet": {}}),
            "400 invalid_request_error unknown_parameter bugdet",
        ),
    ] {
        let body = described.to_string();
        let reply = guarded.manage("POST", "/admin/keys", "", &body).await;
        assert_eq!(reply.error(), expected, "{body}");
    }
    assert_eq!(guarded.store.keys().unwrap().len(), 0);
}

#[tokio::test]
async fn keys_are_managed_from_this_machine_alone() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let served = serve_admin(listener, Access::open(), config(), std::future::pending()).await;
    assert!(matches!(served, Err(ServeError::NotLoopback { .. })));

    let guarded = Guarded::start().await;
    let port = guarded.admin.port();
    for (host, status) in [
        (format!("127.0.0.1:{port}"), 200),
        (format!("localhost:{port}"), 200),
        (format!("[::1]:{port}"), 200),
        // A page whose name was made to mean this machine.
        (format!("evil.example:{port}"), 403),
        ("192.0.2.1".to_owned(), 403),
        (String::new(), 403),
    ] {
        let reply = guarded
            .manage("GET", "/admin/keys", &format!("host: {host}\r\n"), "")
            .await;
        assert_eq!(reply.status, status, "{host}");
    }
    let origin = "origin: https://evil.example\r\n";
    let reply = guarded
        .manage("POST", "/admin/keys", origin, r#"{"name":"a"}"#)
        .await;
    assert_eq!(reply.error(), "403 invalid_request_error cross_origin -");
    // The gateway's own door does not lead there.
    let key = guarded
        .key(json!({"name": "a", "scopes": ["ask", "read", "submit"]}))
        .await;
    assert_eq!(
        guarded.server.get_with("/admin/keys", &key).await.status,
        404
    );
}

#[tokio::test]
async fn an_open_gateway_has_no_keys() {
    let server = Server::start().await;
    let reply = server.get("/v1/key").await;
    assert_eq!(reply.error(), "404 invalid_request_error no_keys -");
    // A key that is sent all the same, as SDKs insist on, is not looked at.
    let reply = server
        .get_with("/v1/models", "authorization: Bearer x\r\n")
        .await;
    assert_eq!(reply.status, 200);
}
