//! The network over HTTP, held to the chain itself.

use llmnet_chain::client::ChainClient;
use llmnet_ledger::Key;
use llmnet_types::{
    codec::encode,
    id::TransactionId,
    proof::ReceiptProof,
    signature::{PrivateKey, PublicKey},
    transaction::{Instruction, Transaction},
    units::{Amount, Height},
};
use serde_json::{Value, json};

use crate::{
    schema,
    support::{DEADLINE, Local, Room, until},
};

const CONFIG: &str = "[chain]\nepoch_blocks = 64\nidle_interval_ms = 50\narchive = true\n";
const QUESTION: &str = "What happens when one of four validators falls silent?";

/// All events up to a block, as the chain has them: place, transaction, and what happened.
async fn events(chain: &dyn ChainClient, newest: u64) -> Vec<Value> {
    let mut all = Vec::new();
    for height in 0..=newest {
        let block = chain.block(Height(height)).await.unwrap();
        let block = block.unwrap_or_else(|| panic!("block {height} is kept"));
        for (index, event) in block.events.unwrap().iter().enumerate() {
            all.push(json!({
                "height": height,
                "index": index,
                "transaction": event.transaction,
                "kind": event.kind,
            }));
        }
    }
    all
}

/// Listens from a place on, or after an event, until so many events were heard.
async fn listen(local: &Local, query: &str, last: Option<&str>, count: usize) -> Vec<Value> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.get(format!("{}/v1/ledger/events{query}", local.gateway.url));
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let mut response = request.send().await.unwrap().error_for_status().unwrap();
    let mut text = String::new();
    let heard = |text: &str| -> Vec<Value> {
        let whole = text.rfind("\n\n").map_or("", |end| &text[..end]);
        let data = whole.lines().filter_map(|line| line.strip_prefix("data: "));
        data.map(|data| serde_json::from_str(data).unwrap())
            .collect()
    };
    while heard(&text).len() < count {
        let chunk = tokio::time::timeout(DEADLINE, response.chunk()).await;
        let chunk = chunk.expect("events in time").unwrap();
        text.push_str(std::str::from_utf8(&chunk.expect("it goes on")).unwrap());
    }
    let mut heard = heard(&text);
    heard.truncate(count);
    heard
}

fn id(event: &Value) -> String {
    format!("{}.{}", event["height"], event["index"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_is_shown_as_it_is() {
    let local = Local::within(Room::with(CONFIG)).await;
    let (_, _, document) = local.gateway.receipt_for("llmnet/auto", QUESTION).await;

    a_settled_slot_has_its_proof(&local, &document).await;
    what_is_read_is_what_the_chain_has(&local).await;
    transactions_are_handed_in(&local).await;
    who_has_no_validator_finds_what_it_needs(&local).await;
    all_answers_are_as_described(&local, &document).await;
    events_are_whole(&local).await;

    // None of it is in memory alone.
    let local = local.restart().await;
    a_settled_slot_has_its_proof(&local, &document).await;
    events_are_whole(&local).await;
    let status = local.gateway.get("/v1/ledger/status").await.body;
    assert_eq!(status["kept_from"], 0);
    local.stop().await;
}

async fn a_settled_slot_has_its_proof(
    local: &Local,
    document: &llmnet_types::document::ReceiptDocument,
) {
    let receipt = &document.receipt;
    let path = format!("/v1/ledger/proofs/{}/{}", receipt.coordinator, receipt.slot);
    let found = local.gateway.get(&path).await;
    assert_eq!(found.status, 200, "{}", found.body);
    let proof: ReceiptProof = serde_json::from_value(found.body).unwrap();
    let electorate = document.network.electorate();
    proof
        .verify(&electorate, receipt, &document.signed.body)
        .unwrap();
    let settled = document.proof.as_ref().unwrap();
    assert_eq!(proof.leaf, settled.leaf);
    assert_eq!(proof.header, settled.header);

    let path = format!("/v1/ledger/proofs/{}/1000000", receipt.coordinator);
    let later = local.gateway.get(&path).await;
    assert_eq!(later.status, 404);
    assert_eq!(later.body["error"]["code"], "not_settled");
}

async fn what_is_read_is_what_the_chain_has(local: &Local) {
    let genesis = local.genesis();
    let gateway = &local.gateway;
    let status = gateway.get("/v1/ledger/status").await.body;
    assert_eq!(status["network"], genesis.id().to_string());
    assert_eq!(status["root"], json!(genesis.root()));
    assert_eq!(
        status["committee"]["validators"],
        json!(genesis.committee())
    );
    assert_eq!(status["committee"]["quorum"], 3);

    let newest = status["height"].as_u64().unwrap();
    let chain = local.chain();
    let block = chain.block(Height(newest)).await.unwrap().unwrap();
    let shown = gateway
        .get(&format!("/v1/ledger/blocks/{newest}"))
        .await
        .body;
    assert_eq!(shown["header"], json!(block.header));
    assert_eq!(shown["digest"], status["digest"]);
    // All of them, page by page, each the child of the one before.
    let mut from = 0;
    let mut parent = Value::Null;
    while from <= newest {
        let path = format!("/v1/ledger/blocks?from={from}&limit=7");
        let page = gateway.get(&path).await.body;
        for block in page["data"].as_array().unwrap() {
            assert!(parent.is_null() || block["header"]["parent"] == parent);
            parent = block["digest"].clone();
        }
        from = page["next"].as_u64().unwrap();
    }
    let ahead = gateway
        .get(&format!("/v1/ledger/blocks/{}", newest + 100_000))
        .await;
    assert_eq!(ahead.body["error"]["code"], "height_not_reached");

    let keys = local.keys();
    let requester = keys.requester().public_key();
    let account = gateway
        .get(&format!("/v1/ledger/accounts/{requester}"))
        .await
        .body;
    let line = &account["lines"][0];
    assert_eq!(
        line["coordinator"],
        keys.coordinator().public_key().to_string()
    );
    let lines = gateway
        .get(&format!("/v1/ledger/lines?requester={requester}"))
        .await
        .body;
    assert_eq!(lines["data"][0]["id"], line["id"]);
    let coordinator = keys.coordinator().public_key();
    let path = format!("/v1/ledger/lines?requester={coordinator}");
    assert_eq!(gateway.get(&path).await.body["data"], json!([]));
    let coordinator = keys.coordinator().public_key();
    let account = gateway
        .get(&format!("/v1/ledger/accounts/{coordinator}"))
        .await
        .body;
    assert_eq!(account["bonds"][0]["role"], "coordinator");
    assert_eq!(account["coordinator"]["next_slot"], 1);

    let providers = gateway.get("/v1/ledger/providers").await.body;
    let providers = providers["data"].as_array().unwrap();
    let experts = gateway.get("/v1/experts").await.body;
    assert_eq!(providers.len(), experts["data"].as_array().unwrap().len());
    let first = &providers[0];
    let by_key = format!("/v1/ledger/providers/{}", first["node"].as_str().unwrap());
    assert_eq!(gateway.get(&by_key).await.body["id"], first["id"]);
    let domain = first["domains"][0]["domain"].as_str().unwrap();
    let in_domain = gateway
        .get(&format!("/v1/ledger/providers?domain={domain}"))
        .await
        .body;
    assert!(in_domain["data"].as_array().unwrap().contains(first));

    // Two by two, and none twice.
    let mut seen = Vec::new();
    let mut cursor = json!(0);
    while !cursor.is_null() {
        let path = format!("/v1/ledger/reputation?limit=2&cursor={cursor}");
        let page = gateway.get(&path).await.body;
        let rows = page["data"].as_array().unwrap().iter();
        seen.extend(rows.map(|row| (row["provider"].clone(), row["domain"].clone())));
        cursor = page["next"].clone();
    }
    let all = gateway.get("/v1/ledger/reputation").await.body;
    let all: Vec<_> = all["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["provider"].clone(), row["domain"].clone()))
        .collect();
    assert_eq!(seen, all);
    let early = gateway
        .get(&format!("/v1/ledger/reputation?at={}", newest + 100_000))
        .await;
    assert_eq!(early.body["error"]["code"], "height_not_reached");
}

async fn transactions_are_handed_in(local: &Local) {
    let gateway = &local.gateway;
    let key = local.keys().requester();
    let nobody = PrivateKey::from_seed([77; 32]).public_key();
    let path = format!("/v1/ledger/accounts/{}", key.public_key());
    let nonce = gateway.get(&path).await.body["nonce"].as_u64().unwrap();
    let amount = Amount(1_250_000);
    let instruction = Instruction::Transfer { to: nobody, amount };
    let transaction = Transaction::sign(local.network.id, &key, nonce, instruction);
    let hex: String = encode(&transaction)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let sent = send(local, "?wait_ms=20000", &json!({ "hex": hex })).await;
    assert_eq!(sent.0, 200, "{}", sent.1);
    assert!(sent.1["inclusion"]["outcome"]["applied"]["fee"].as_u64() > Some(0));
    assert_eq!(sent.1["id"], transaction.id().to_string());

    let account = gateway
        .get(&format!("/v1/ledger/accounts/{nobody}"))
        .await
        .body;
    assert_eq!(account["balance"], "1.25");
    let found = gateway
        .get(&format!("/v1/ledger/transactions/{}", transaction.id()))
        .await;
    assert_eq!(found.body["inclusion"], sent.1["inclusion"]);
    assert_eq!(found.body["transaction"], json!(transaction));

    // Once more is fine; another with that nonce, or for another network, is not.
    let again = send(
        local,
        "?wait_ms=20000",
        &json!({ "transaction": transaction }),
    )
    .await;
    assert_eq!(
        (again.0, &again.1["inclusion"]),
        (200, &sent.1["inclusion"])
    );
    let instruction = Instruction::Transfer {
        to: nobody,
        amount: Amount(1),
    };
    let late = Transaction::sign(local.network.id, &key, nonce, instruction.clone());
    let late = send(local, "", &json!({ "transaction": late })).await;
    assert_eq!(late.0, 409, "{}", late.1);
    assert_eq!(late.1["llmnet"]["rejection"]["code"], "nonce");
    let other = llmnet_types::id::NetworkId([1; 32]);
    let foreign = Transaction::sign(other, &key, nonce + 1, instruction);
    let foreign = send(local, "", &json!({ "transaction": foreign })).await;
    assert_eq!(foreign.0, 422);
    assert_eq!(foreign.1["llmnet"]["rejection"]["code"], "network");
    let unknown = TransactionId([0; 32]);
    let unknown = gateway
        .get(&format!("/v1/ledger/transactions/{unknown}"))
        .await;
    assert_eq!(unknown.body["error"]["code"], "transaction_not_found");
}

/// What a coordinator without a validator asks for: state under keys, and the next block.
async fn who_has_no_validator_finds_what_it_needs(local: &Local) {
    let (chain, network) = (local.chain(), local.network.id);
    let keys = [
        Key::Params,
        Key::Account(local.keys().requester().public_key()),
        Key::Coordinator(local.keys().coordinator().public_key()),
        Key::Node(PublicKey([9; 32])),
    ];
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    let body = json!({ "keys": keys.each_ref().map(|key| hex(&encode(key))) });
    // Both reads are of one height, sooner or later.
    let (status, told, values) = until("two reads of one state", || async {
        let path = format!("/v1/ledger/state?network={network}");
        let (status, told) = post(local, &path, &body).await;
        let (height, values) = chain.read(&keys).await.unwrap();
        (told["height"] == height.0).then_some((status, told, values))
    })
    .await;
    assert_eq!(status, 200);
    let values: Vec<_> = values
        .iter()
        .map(|value| value.as_deref().map(hex))
        .collect();
    assert_eq!(told["values"], json!(values));
    assert!(values[2].is_some() && values[3].is_none());
    let wrong = post(local, "/v1/ledger/state", &json!({ "keys": ["ffff"] })).await;
    assert_eq!(wrong.1["error"]["param"], "keys[0]");

    let gateway = &local.gateway;
    let newest = chain.tip().borrow().height().0;
    let path = format!("/v1/ledger/blocks?from={}&wait_ms=20000", newest + 1);
    let next = gateway.get(&path).await.body;
    assert_eq!(next["data"][0]["height"], newest + 1);
    let other = llmnet_types::id::NetworkId([1; 32]);
    let other = gateway
        .get(&format!("/v1/ledger/status?network={other}"))
        .await;
    assert_eq!(other.body["error"]["code"], "other_network");
}

async fn send(local: &Local, query: &str, body: &Value) -> (u16, Value) {
    post(local, &format!("/v1/ledger/transactions{query}"), body).await
}

async fn post(local: &Local, path: &str, body: &Value) -> (u16, Value) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}{path}", local.gateway.url);
    let request = client.post(url).timeout(DEADLINE).body(body.to_string());
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// What a real network answers is of the schemas that the gateway's own tests hold a scripted one to.
async fn all_answers_are_as_described(
    local: &Local,
    document: &llmnet_types::document::ReceiptDocument,
) {
    let gateway = &local.gateway;
    let described = gateway.get("/openapi.json").await.body;
    let settled = document.proof.as_ref().unwrap().header.height;
    let receipt = &document.receipt;
    for (path, example) in [
        ("/v1/ledger/status", "/v1/ledger/status".to_owned()),
        ("/v1/ledger/params", "/v1/ledger/params".to_owned()),
        ("/v1/ledger/genesis", "/v1/ledger/genesis".to_owned()),
        (
            "/v1/ledger/blocks",
            "/v1/ledger/blocks?from=0&limit=256&transactions=true".to_owned(),
        ),
        (
            "/v1/ledger/blocks/{height}",
            "/v1/ledger/blocks/0".to_owned(),
        ),
        (
            "/v1/ledger/blocks/{height}",
            format!("/v1/ledger/blocks/{settled}"),
        ),
        (
            "/v1/ledger/accounts/{key}",
            format!("/v1/ledger/accounts/{}", receipt.coordinator),
        ),
        ("/v1/ledger/lines", "/v1/ledger/lines".to_owned()),
        (
            "/v1/ledger/coordinators",
            "/v1/ledger/coordinators".to_owned(),
        ),
        ("/v1/ledger/providers", "/v1/ledger/providers".to_owned()),
        (
            "/v1/ledger/providers/{id}",
            "/v1/ledger/providers/0".to_owned(),
        ),
        ("/v1/ledger/reputation", "/v1/ledger/reputation".to_owned()),
        (
            "/v1/ledger/reputation",
            format!("/v1/ledger/reputation?provider=0&at={settled}"),
        ),
        (
            "/v1/ledger/proofs/{coordinator}/{slot}",
            format!("/v1/ledger/proofs/{}/{}", receipt.coordinator, receipt.slot),
        ),
    ] {
        let answer = gateway.get(&example).await;
        assert_eq!(answer.status, 200, "{example}: {}", answer.body);
        let response = &described["paths"][path]["get"]["responses"]["200"];
        let schema = &response["content"]["application/json"]["schema"];
        schema::check(&described, schema, &answer.body)
            .unwrap_or_else(|error| panic!("{example}: {error}"));
    }
}

async fn events_are_whole(local: &Local) {
    let chain = local.chain();
    let newest = chain.tip().borrow().height().0;
    let expected = events(&*chain, newest).await;
    assert!(expected.len() > 10);
    assert_eq!(
        listen(local, "?from=0", None, expected.len()).await,
        expected
    );
    // Broken off and taken up again at every place.
    let mut heard: Vec<Value> = Vec::new();
    while heard.len() < expected.len() {
        let last = heard.last().map(id);
        let left = (expected.len() - heard.len()).min(3);
        heard.extend(listen(local, "?from=0", last.as_deref(), left).await);
    }
    assert_eq!(heard, expected);
    // What happens next is told as it happens: an epoch begins every 64 blocks.
    let next = listen(local, "", None, 1);
    let next = tokio::time::timeout(DEADLINE, next)
        .await
        .unwrap()
        .remove(0);
    assert!(next["height"].as_u64() > Some(newest));
    let told = until("the block is there", || async {
        let height = Height(next["height"].as_u64().unwrap());
        chain.block(height).await.unwrap()
    })
    .await;
    let index = usize::try_from(next["index"].as_u64().unwrap()).unwrap();
    assert_eq!(next["kind"], json!(told.events.unwrap()[index].kind));
}
