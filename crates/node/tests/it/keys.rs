//! A gateway that asks for keys, as a process of its own: what is spent under one is known again after a crash.

use std::fs;

use llmnet::config::Config;
use reqwest::{Certificate, Client, StatusCode};
use serde_json::{Value, json};

use crate::support::{DEADLINE, Room, Up, command, finish, place, until};

const QUESTION: &str = "Why does the Moon have phases?";
const KEYED: &str = "[gateway]\nkeys = true\nadmin_port = 0\n";

/// Asks under a key, if there is one.
async fn ask(http: &Client, up: &Up, key: Option<&str>) -> (StatusCode, Value) {
    let body = json!({"model": "llmnet/vote", "messages": [{"role": "user", "content": QUESTION}]});
    let url = format!("{}/v1/chat/completions", up.gateway.url);
    let mut request = http.post(url).body(body.to_string());
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

/// How a key stands.
async fn stands(http: &Client, up: &Up, key: &str) -> Value {
    let request = http.get(format!("{}/v1/key", up.gateway.url));
    let response = request.bearer_auth(key).send().await.unwrap();
    response.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_pays_for_what_it_asks_and_is_known_again_after_a_crash() {
    let (room, _place) = (Room::with(KEYED), place().await);
    let up = Up::start(&room, &["--no-models"]).await;
    let http = Client::builder()
        .no_proxy()
        .timeout(DEADLINE)
        .build()
        .unwrap();
    assert_eq!(ask(&http, &up, None).await.0, StatusCode::UNAUTHORIZED);

    let admin = format!("{}/admin/keys", up.admin.as_ref().unwrap());
    let described = json!({"name": "ci", "scopes": ["ask"], "budget": {"credits": "5"}});
    let created = http
        .post(&admin)
        .body(described.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(created.status(), StatusCode::CREATED);
    let created: Value = created.json().await.unwrap();
    let key = created["key"].as_str().unwrap();
    let (status, answer) = ask(&http, &up, Some(key)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let spent = answer["llmnet"]["cost"]["total"].as_str().unwrap();
    assert!(spent.parse::<f64>().unwrap() > 0.0);
    let before = stands(&http, &up, key).await;
    assert_eq!(before["spent"], spent);
    assert_eq!(before["reserved"], "0");

    // Its receipt is its own, before and after the crash below.
    let receipt = answer["llmnet"]["receipt_id"].as_str().unwrap();
    let read = async |up: &Up, key: &str| {
        let url = format!("{}/v1/receipts/{receipt}", up.gateway.url);
        let response = http.get(url).bearer_auth(key).send().await.unwrap();
        response.status()
    };
    assert_eq!(read(&up, key).await, StatusCode::OK);

    // The program itself asks under a key as well.
    let asking = ["ask", QUESTION, "--json"];
    let refused = finish(command(&room).args(asking)).await;
    assert_ne!(refused.code, 0, "{}", refused.out);
    assert!(refused.err.contains("LLMNET_API_KEY"), "{}", refused.err);
    let asked = finish(command(&room).args(asking).env("LLMNET_API_KEY", key)).await;
    assert_eq!(asked.code, 0, "{}", asked.err);
    let twice = stands(&http, &up, key).await;
    assert_ne!(twice["spent"], before["spent"]);

    up.kill().await;
    let up = Up::start(&room, &["--no-models"]).await;
    assert_eq!(stands(&http, &up, key).await, twice);
    // Nobody's budget covers what it does not have.
    let admin = format!("{}/admin/keys", up.admin.as_ref().unwrap());
    let described = json!({"name": "poor", "budget": {"credits": "0.000001"}});
    let created = http
        .post(&admin)
        .body(described.to_string())
        .send()
        .await
        .unwrap();
    let created: Value = created.json().await.unwrap();
    let poor = created["key"].as_str().unwrap();
    assert_eq!(read(&up, key).await, StatusCode::OK);
    assert_eq!(read(&up, poor).await, StatusCode::NOT_FOUND);
    let (status, refused) = ask(&http, &up, Some(poor)).await;
    assert_eq!(status, StatusCode::PAYMENT_REQUIRED, "{refused}");
    assert_eq!(stands(&http, &up, poor).await["spent"], "0");
    assert_eq!(up.stop().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_proves_its_name() {
    let chain = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../gateway/tests/it/tls/chain.pem"
    );
    let key = chain.replace("chain.pem", "key.pem");
    let config =
        format!("[gateway.tls]\nname = \"localhost\"\nchain = \"{chain}\"\nkey = \"{key}\"\n");
    let (room, _place) = (Room::with(&config), place().await);
    let up = Up::start(&room, &["--no-models"]).await;
    assert!(up.gateway.url.starts_with("https://localhost:"));
    let http = || Client::builder().no_proxy().timeout(DEADLINE);
    let known = Certificate::from_pem(&fs::read(chain).unwrap()).unwrap();
    let knowing = http().add_root_certificate(known).build().unwrap();
    assert_eq!(ask(&knowing, &up, None).await.0, StatusCode::OK);
    let unknowing = http().build().unwrap();
    assert!(unknowing.get(&up.gateway.url).send().await.is_err());
    assert_eq!(up.stop().await, 0);
}

/// The other certificate of the same name, made for this test as the first was, by `openssl req -x509`.
const RENEWED: [&str; 2] = [
    include_str!("keys/renewed.pem"),
    include_str!("keys/renewed-key.pem"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_renewed_is_taken_up_while_it_serves() {
    let tls = concat!(env!("CARGO_MANIFEST_DIR"), "/../gateway/tests/it/tls");
    let before =
        ["chain.pem", "key.pem"].map(|name| fs::read_to_string(format!("{tls}/{name}")).unwrap());
    let (room, _place) = (Room::new(), place().await);
    let [chain, key] = ["chain.pem", "key.pem"].map(|name| room.path().join(name));
    fs::write(&chain, &before[0]).unwrap();
    fs::write(&key, &before[1]).unwrap();
    let config = format!(
        "[gateway.tls]\nname = \"localhost\"\nchain = \"{}\"\nkey = \"{}\"\n",
        chain.display(),
        key.display()
    );
    fs::create_dir_all(room.network()).unwrap();
    fs::write(room.network().join("llmnet.toml"), config).unwrap();
    let up = Up::start(&room, &["--no-models"]).await;
    let health = format!("{}/health", up.gateway.url);
    // Whoever trusts one of them alone; a new connection each time.
    let reaches = async |certificate: &str| {
        let known = Certificate::from_pem(certificate.as_bytes()).unwrap();
        let http = Client::builder().no_proxy().timeout(DEADLINE);
        let http = http.add_root_certificate(known).build().unwrap();
        http.get(&health).send().await.is_ok()
    };
    assert!(reaches(&before[0]).await);
    assert!(!reaches(RENEWED[0]).await);

    // One file without the other is no use: what was there before goes on.
    fs::write(&chain, RENEWED[0]).unwrap();
    until("it is told that the files do not fit", || async {
        let log = fs::read_to_string(room.path().join("up.log")).unwrap();
        log.contains("the certificate of before is served")
            .then_some(())
    })
    .await;
    assert!(reaches(&before[0]).await);
    fs::write(&key, RENEWED[1]).unwrap();
    until("the renewed one is served", || async {
        reaches(RENEWED[0]).await.then_some(())
    })
    .await;
    assert!(!reaches(&before[0]).await);
    assert_eq!(up.stop().await, 0);
}

#[test]
fn strangers_reach_no_gateway_that_asks_for_no_keys() {
    let read = |config: &str| {
        let room = Room::with(config);
        Config::read(&room.network()).map_err(|error| error.to_string())
    };
    for address in ["0.0.0.0", "::", "192.0.2.1"] {
        let open = format!("[gateway]\naddress = \"{address}\"\n");
        let refused = read(&open).unwrap_err();
        assert!(refused.contains("set keys = true"), "{refused}");
        assert!(read(&format!("{open}keys = true\n")).is_ok());
    }
    assert!(read("[gateway]\naddress = \"::1\"\n").is_ok());
}
