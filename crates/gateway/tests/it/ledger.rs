//! What stands on the ledger, and what does not.

use std::sync::atomic::Ordering;

use expect_test::expect;
use llmnet_types::{proof::ReceiptProof, signature::PublicKey};

use crate::{
    client::Server,
    ledger_script::{GENESIS, transaction},
};

const KEY: PublicKey = PublicKey([0x1a; 32]);

#[tokio::test]
async fn where_the_network_stands() {
    let server = Server::start().await;
    let reply = server.get("/v1/ledger/status").await;
    expect![[r#"
        200
        {"network":"0707070707070707070707070707070707070707070707070707070707070707",
        "name":"scripted",
        "height":8,
        "digest":"cccd0c51c9e4af486855617308048f0d0bab462e9b76dfd11b888286abb1f802",
        "timestamp_ms":8000,
        "kept_from":0,
        "epoch":0,
        "beacon":"0101010101010101010101010101010101010101010101010101010101010101",
        "committee":{"term":0,
        "digest":"38b5bad31f05c3b24d4a4f2317542ec5c9be077b611207f1e627dc7689051bf6",
        "quorum":1,
        "validators":["0404040404040404040404040404040404040404040404040404040404040404"]},
        "root":{"committee":["0404040404040404040404040404040404040404040404040404040404040404"],
        "genesis":"0202020202020202020202020202020202020202020202020202020202020202"},
        "totals":{"supply":"1000000",
        "accounts":"999989.996096",
        "lines":"9.996096",
        "bonds":"0",
        "held":"0",
        "deposits":"0",
        "pool":"0",
        "burnt":"0.007808"},
        "counts":{"providers":2,
        "lines":3,
        "domains":1}}"#]]
    .assert_eq(&reply.shown());
    let reply = server.get("/v1/ledger/genesis").await;
    assert_eq!(reply.body, GENESIS);
    let reply = server.get("/v1/ledger/params").await;
    assert_eq!(reply.json()["params"]["fee_per_byte"], 1);
    assert_eq!(reply.json()["height"], 8);
}

#[tokio::test]
async fn money() {
    let server = Server::start().await;
    let reply = server.get(&format!("/v1/ledger/accounts/{KEY}")).await;
    expect![[r#"
        200
        {"key":"1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a",
        "height":8,
        "balance":"12.5",
        "nonce":3,
        "bonds":[{"role":"coordinator",
        "operator":"1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a",
        "standing":"10",
        "leaving":[{"free":9,
        "amount":"1"}],
        "enlisted":true,
        "address":""}],
        "coordinator":{"next_slot":5,
        "height":4},
        "registrations":1,
        "provider":0,
        "lines":[{"id":0,
        "requester":"0101010101010101010101010101010101010101010101010101010101010101",
        "coordinator":"0202020202020202020202020202020202020202020202020202020202020202",
        "locked":"10",
        "drawn":"0.003904",
        "rest":"9.996096",
        "n":1,
        "ends":100,
        "closed":false}]}"#]]
    .assert_eq(&reply.shown());
    let reply = server.get("/v1/ledger/lines/2").await;
    assert_eq!(reply.json()["rest"], "9.996096");
    let reply = server.get("/v1/ledger/lines/3").await;
    let expected = "404 invalid_request_error line_not_found id";
    assert_eq!(reply.error(), expected);
}

#[tokio::test]
async fn reputation() {
    let server = Server::start().await;
    let reply = server.get("/v1/ledger/reputation?provider=0&at=8").await;
    expect![[r#"
        200
        {"object":"list",
        "height":8,
        "at":8,
        "prior":{"positive":1000000,
        "negative":2000000},
        "decay":0.98,
        "data":[{"provider":0,
        "node":"1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a",
        "name":"medicine expert",
        "domain_id":0,
        "domain":"medicine",
        "mean":0.6666,
        "lower_bound":0.3684,
        "deviation":0.1491,
        "samples":12,
        "latency_ms":340,
        "ceiling":0.9,
        "evidence":{"positive":5000000,
        "negative":1000000},
        "history":[{"height":3,
        "samples":12,
        "latency_ms":340,
        "evidence":{"positive":5000000,
        "negative":1000000},
        "audits":{"long_right":2000000,
        "long_wrong":0,
        "short_right":0,
        "short_wrong":0}}]}],
        "next":null}"#]]
    .assert_eq(&reply.shown());
    let reply = server.get("/v1/ledger/reputation").await;
    assert!(reply.json()["data"][1].get("history").is_none());
}

#[tokio::test]
async fn coordinators() {
    let server = Server::start().await;
    let reply = server.get("/v1/ledger/coordinators?limit=1").await;
    expect![[r#"
        200
        {"object":"list",
        "height":8,
        "data":[{"key":"1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a",
        "address":"node-0.example:7373",
        "bond":"2.5"}],
        "next":1}"#]]
    .assert_eq(&reply.shown());
}

#[tokio::test]
async fn providers() {
    let server = Server::start().await;
    let reply = server.get(&format!("/v1/ledger/providers/{KEY}")).await;
    expect![[r#"
        200
        {"id":0,
        "name":"medicine expert",
        "node":"1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a",
        "operator":"0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
        "nonce":0,
        "registered_at":1,
        "retired_at":null,
        "from":1,
        "domains":[{"id":0,
        "domain":"medicine",
        "reputation":{"mean":0.6666,
        "lower_bound":0.3684,
        "deviation":0.1491,
        "samples":12,
        "latency_ms":340,
        "ceiling":0.9,
        "evidence":{"positive":5000000,
        "negative":1000000}}}],
        "model":{"family":"llama",
        "name":"Llama-3.2-1B",
        "digest":"0303030303030303030303030303030303030303030303030303030303030303",
        "assurance":"declared"},
        "corpus":{"root":"0202020202020202020202020202020202020202020202020202020202020202",
        "as_of":"2026-02-16",
        "passages":12},
        "adapter":{"adapter":"0101010101010101010101010101010101010101010101010101010101010101",
        "base":"0202020202020202020202020202020202020202020202020202020202020202",
        "data":"0303030303030303030303030303030303030303030303030303030303030303",
        "before":5000,
        "after":6000},
        "price":{"unit":"credit",
        "call":"0",
        "input_per_1k":"0",
        "output_per_1k":"0"},
        "tokenizer":"bytes4",
        "bond":"5"}"#]]
    .assert_eq(&reply.shown());
    assert_eq!(
        server.get("/v1/ledger/providers/0").await.json(),
        reply.json()
    );
}

#[tokio::test]
async fn a_block_and_what_became_of_it() {
    let server = Server::start().await;
    let reply = server.get("/v1/ledger/blocks/5").await.json();
    assert_eq!(
        reply["transactions"][0]["id"],
        transaction(5).id().to_string()
    );
    let reason = &reply["transactions"][0]["outcome"]["rejected"]["reason"];
    assert_eq!(reason["code"], "nonce");
    assert_eq!(reply["events"][1]["kind"]["fee"], 51);
    assert_eq!(reply["events"][1]["index"], 1);
    assert_eq!(reply["finality"]["certificate"]["signers"][0], 0);
    // Its votes are still under way.
    let reply = server.get("/v1/ledger/blocks/8").await.json();
    assert!(reply["finality"].is_null());
}

#[tokio::test]
async fn blocks_come_in_pages() {
    let server = Server::start().await;
    let heights = |reply: &serde_json::Value| -> Vec<u64> {
        let blocks = reply["data"].as_array().unwrap().iter();
        blocks
            .map(|block| block["height"].as_u64().unwrap())
            .collect()
    };
    let mut seen = Vec::new();
    let mut from = 0;
    loop {
        let path = format!("/v1/ledger/blocks?from={from}&limit=4&transactions=true");
        let page = server.get(&path).await.json();
        if heights(&page).is_empty() {
            assert_eq!(page["next"], from);
            break;
        }
        seen.extend(heights(&page));
        from = page["next"].as_u64().unwrap();
    }
    assert_eq!(seen, (0..=8).collect::<Vec<u64>>());
    let newest = server.get("/v1/ledger/blocks?limit=2").await.json();
    assert_eq!(heights(&newest), [7, 8]);
    assert!(newest["data"][1].get("transactions").is_none());
    assert_eq!(newest["data"][1]["transaction_count"], 1);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let server = Server::start().await;
    for (list, count) in [
        ("lines", 3),
        ("coordinators", 2),
        ("providers", 2),
        ("reputation", 2),
    ] {
        let mut seen = 0;
        let mut cursor = serde_json::Value::from(0);
        while !cursor.is_null() {
            let path = format!("/v1/ledger/{list}?limit=1&cursor={cursor}");
            let page = server.get(&path).await.json();
            seen += page["data"].as_array().unwrap().len();
            cursor = page["next"].clone();
        }
        assert_eq!(seen, count, "{list}");
    }
}

#[tokio::test]
async fn a_proof_can_be_read_back() {
    let server = Server::start().await;
    let reply = server.get(&format!("/v1/ledger/proofs/{KEY}/2")).await;
    let proof: ReceiptProof = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(proof.settlement.coordinator, KEY);
}

#[tokio::test]
async fn what_is_asked_for_badly() {
    let server = Server::start().await;
    let key = "0".repeat(64);
    let upper = "A".repeat(64);
    let long = "9".repeat(10_000);
    for (path, expected) in [
        (
            "status?x=1",
            "400 invalid_request_error unknown_parameter x",
        ),
        (
            "params?height=1",
            "400 invalid_request_error unknown_parameter height",
        ),
        (
            "genesis?%ff=1",
            "400 invalid_request_error unknown_parameter \u{fffd}",
        ),
        (
            "blocks?form=1",
            "400 invalid_request_error unknown_parameter form",
        ),
        (
            "blocks?from=",
            "400 invalid_request_error invalid_value from",
        ),
        (
            "blocks?from",
            "400 invalid_request_error invalid_value from",
        ),
        (
            "blocks?from=-1",
            "400 invalid_request_error invalid_value from",
        ),
        (
            "blocks?from=1.0",
            "400 invalid_request_error invalid_value from",
        ),
        (
            "blocks?from=%2B1",
            "400 invalid_request_error invalid_value from",
        ),
        (
            &format!("blocks?from={long}"),
            "400 invalid_request_error invalid_value from",
        ),
        (
            "blocks?from=1&from=2",
            "400 invalid_request_error invalid_value from",
        ),
        (
            "blocks?from=10",
            "404 invalid_request_error height_not_reached from",
        ),
        (
            "blocks?limit=0",
            "400 invalid_request_error invalid_value limit",
        ),
        (
            "blocks?limit=257",
            "400 invalid_request_error invalid_value limit",
        ),
        (
            "blocks?limit=ten",
            "400 invalid_request_error invalid_value limit",
        ),
        (
            "blocks?transactions=yes",
            "400 invalid_request_error invalid_value transactions",
        ),
        ("blocks/x", "400 invalid_request_error invalid_value height"),
        (
            "blocks/%ff",
            "400 invalid_request_error invalid_value height",
        ),
        (
            "blocks/18446744073709551616",
            "400 invalid_request_error invalid_value height",
        ),
        (
            "blocks/18446744073709551615",
            "404 invalid_request_error height_not_reached height",
        ),
        (
            "blocks/9",
            "404 invalid_request_error height_not_reached height",
        ),
        (
            "blocks/1?x",
            "400 invalid_request_error unknown_parameter x",
        ),
        (
            "transactions/x",
            "400 invalid_request_error invalid_value id",
        ),
        (
            &format!("transactions/{upper}"),
            "400 invalid_request_error invalid_value id",
        ),
        (
            &format!("transactions/{key}"),
            "404 invalid_request_error transaction_not_found id",
        ),
        (
            &format!("transactions/{key}?wait_ms=soon"),
            "400 invalid_request_error invalid_value wait_ms",
        ),
        ("accounts/me", "400 invalid_request_error invalid_value key"),
        (
            &format!("accounts/{key}0"),
            "400 invalid_request_error invalid_value key",
        ),
        (
            &format!("accounts/{key}?at=1"),
            "400 invalid_request_error unknown_parameter at",
        ),
        (
            "lines?requester=me",
            "400 invalid_request_error invalid_value requester",
        ),
        (
            "lines?coordinator=",
            "400 invalid_request_error invalid_value coordinator",
        ),
        (
            "lines?cursor=x",
            "400 invalid_request_error invalid_value cursor",
        ),
        ("lines/x", "400 invalid_request_error invalid_value id"),
        (
            "lines/4294967296",
            "400 invalid_request_error invalid_value id",
        ),
        (
            "coordinators?role=validator",
            "400 invalid_request_error unknown_parameter role",
        ),
        (
            "coordinators?limit=0",
            "400 invalid_request_error invalid_value limit",
        ),
        (
            "providers?domain=no%20such",
            "404 invalid_request_error domain_not_found domain",
        ),
        (
            "providers?domain=",
            "400 invalid_request_error invalid_value domain",
        ),
        (
            "providers?domain=%f0%9f%98%80",
            "400 invalid_request_error invalid_value domain",
        ),
        (
            &format!("providers?domain={long}"),
            "400 invalid_request_error invalid_value domain",
        ),
        (
            "providers?limit=1&limit=1",
            "400 invalid_request_error invalid_value limit",
        ),
        ("providers/x", "400 invalid_request_error invalid_value id"),
        (
            "providers/2",
            "404 invalid_request_error provider_not_found id",
        ),
        (
            &format!("providers/{key}"),
            "404 invalid_request_error provider_not_found id",
        ),
        (
            "reputation?provider=x",
            "400 invalid_request_error invalid_value provider",
        ),
        (
            "reputation?provider=2",
            "404 invalid_request_error provider_not_found provider",
        ),
        (
            "reputation?domain=-x",
            "400 invalid_request_error invalid_value domain",
        ),
        (
            "reputation?at=x",
            "400 invalid_request_error invalid_value at",
        ),
        (
            "reputation?at=9",
            "404 invalid_request_error height_not_reached at",
        ),
        (
            "proofs/x/1",
            "400 invalid_request_error invalid_value coordinator",
        ),
        (
            &format!("proofs/{key}/x"),
            "400 invalid_request_error invalid_value slot",
        ),
        (
            &format!("proofs/{key}/3"),
            "410 invalid_request_error pruned slot",
        ),
        (&format!("proofs/{key}/4"), "503 server_error not_ready -"),
        (
            &format!("proofs/{key}/5"),
            "404 invalid_request_error not_settled slot",
        ),
        (
            "hand-overs/1",
            "404 invalid_request_error hand_over_not_found term",
        ),
        (
            "hand-overs/x",
            "400 invalid_request_error invalid_value term",
        ),
        (
            &format!("proofs/{key}"),
            "404 invalid_request_error unknown_url -",
        ),
        ("", "404 invalid_request_error unknown_url -"),
    ] {
        let reply = server.get(&format!("/v1/ledger/{path}")).await;
        assert_eq!(reply.error(), expected, "{path}");
    }
    let reply = server.send("/v1/ledger/blocks", "{}").await;
    assert_eq!(
        reply.error(),
        "405 invalid_request_error method_not_allowed -"
    );
    let reply = server.get("/v1/ledger/transactions").await;
    assert!(reply.body.contains("use POST"), "{}", reply.body);
}

#[tokio::test]
async fn what_is_not_kept_any_more() {
    let server = Server::start().await;
    server.ledger.kept_from.store(6, Ordering::SeqCst);
    for (path, expected) in [
        ("blocks?from=5", "410 invalid_request_error pruned from"),
        ("blocks/5", "410 invalid_request_error pruned height"),
        ("reputation?at=5", "410 invalid_request_error forgotten at"),
    ] {
        let reply = server.get(&format!("/v1/ledger/{path}")).await;
        assert_eq!(reply.error(), expected, "{path}");
    }
    let reply = server.get("/v1/ledger/blocks/5").await;
    assert_eq!(reply.json()["llmnet"]["kept_from"], 6);
}
