//! What will not change may be kept, and only that.

use crate::{
    client::{Reply, Server},
    ledger_script::{GENESIS, NETWORK, transaction},
    script::RECEIPT,
};

const KEY: &str = "1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a";
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// A receipt has what somebody asked: no cache that many share may keep it.
const FOR_ITS_OWNER: &str = "private, max-age=31536000, immutable";
const WHILE_RIGHT: &str = "public, no-cache";

fn tag(reply: &Reply) -> &str {
    reply.header("etag").expect("a tag")
}

/// Who has an answer hears nothing but that it is still right.
async fn is_kept(server: &Server, path: &str, keep: &str) {
    let reply = server.get(path).await;
    assert_eq!(reply.status, 200, "{path}");
    assert_eq!(reply.header("cache-control"), Some(keep), "{path}");
    let tag = tag(&reply).to_owned();
    assert_eq!(tag.len(), 66, "a digest in quotes");
    for condition in [
        tag.clone(),
        format!("W/{tag}"),
        "*".to_owned(),
        format!("\"other\" , {tag},\"third\""),
    ] {
        let condition = format!("If-None-Match: {condition}\r\n");
        let known = server.get_with(path, &condition).await;
        assert_eq!((known.status, known.body.as_str()), (304, ""), "{path}");
        assert_eq!(known.header("etag"), Some(tag.as_str()));
        assert_eq!(known.header("cache-control"), Some(keep));
    }
    for condition in [
        "\"other\"".to_owned(),
        tag.replace('"', ""),
        format!("{}\"", tag.to_uppercase()),
        "\u{fffd}".to_owned(),
    ] {
        let condition = format!("If-None-Match: {condition}\r\n");
        let other = server.get_with(path, &condition).await;
        assert_eq!((other.status, &other.body), (200, &reply.body), "{path}");
    }
}

#[tokio::test]
async fn what_is_final_may_be_kept() {
    let server = Server::start().await;
    let id = transaction(2).id();
    let receipt = format!("/v1/receipts/{RECEIPT}?wait_ms=1000");
    is_kept(&server, &receipt, FOR_ITS_OWNER).await;
    is_kept(&server, &format!("/v1/ledger/transactions/{id}"), FOR_EVER).await;
    is_kept(&server, "/openapi.json", WHILE_RIGHT).await;
    // A place means another thing in another network, unless the address says in which.
    for place in [
        "/v1/ledger/blocks/5".to_owned(),
        "/v1/ledger/genesis".to_owned(),
        format!("/v1/ledger/proofs/{KEY}/2"),
        "/v1/ledger/hand-overs/0".to_owned(),
    ] {
        is_kept(&server, &place, WHILE_RIGHT).await;
        let of_network = format!("{place}?network={NETWORK}");
        is_kept(&server, &of_network, FOR_EVER).await;
    }
    let genesis = server.get("/v1/ledger/genesis").await;
    assert_eq!(genesis.body, GENESIS);
}

#[tokio::test]
async fn what_may_change_is_not_kept() {
    let server = Server::start().await;
    for path in [
        // Its votes are under way.
        "/v1/ledger/blocks/8".to_owned(),
        "/v1/ledger/blocks?from=0&limit=1".to_owned(),
        "/v1/ledger/status".to_owned(),
        "/v1/ledger/params".to_owned(),
        "/v1/ledger/reputation".to_owned(),
        "/v1/ledger/lines/0".to_owned(),
        format!("/v1/ledger/accounts/{KEY}"),
        // Not settled yet.
        format!("/v1/receipts/{RECEIPT}"),
        // Refusals.
        "/v1/ledger/blocks/9".to_owned(),
        "/v1/ledger/lines/9".to_owned(),
    ] {
        let reply = server.get_with(&path, "If-None-Match: *\r\n").await;
        assert_ne!(reply.status, 304, "{path}");
        assert_eq!(reply.header("etag"), None, "{path}");
        assert_eq!(reply.header("cache-control"), None, "{path}");
    }
}

#[tokio::test]
async fn the_network_that_is_meant() {
    let server = Server::start().await;
    let other = "0".repeat(64);
    for path in [
        "/v1/ledger/status",
        "/v1/ledger/params",
        "/v1/ledger/genesis",
        "/v1/ledger/blocks",
        "/v1/ledger/blocks/5",
        "/v1/ledger/lines",
        "/v1/ledger/coordinators",
        "/v1/ledger/providers",
        "/v1/ledger/reputation",
    ] {
        let meant = server.get(&format!("{path}?network={NETWORK}")).await;
        assert_eq!(meant.status, 200, "{path}");
        let reply = server.get(&format!("{path}?network={other}")).await;
        let expected = "409 invalid_request_error other_network network";
        assert_eq!(reply.error(), expected, "{path}");
        assert!(reply.body.contains(&NETWORK.to_string()), "{}", reply.body);
        let reply = server.get(&format!("{path}?network=main")).await;
        let expected = "400 invalid_request_error invalid_value network";
        assert_eq!(reply.error(), expected, "{path}");
    }
    // Nothing is handed in where it was not meant to go.
    let body = serde_json::json!({ "transaction": transaction(2) }).to_string();
    let path = format!("/v1/ledger/transactions?network={other}");
    let reply = server.send(&path, &body).await;
    let expected = "409 invalid_request_error other_network network";
    assert_eq!(reply.error(), expected);
    assert!(server.ledger.submitted.lock().unwrap().is_empty());
}
