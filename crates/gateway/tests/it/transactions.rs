//! Handing transactions in.

use std::time::Duration;

use llmnet_gateway::port::ledger::LedgerError;
use llmnet_types::{codec::encode, rejection::Rejection, transaction::Transaction, units::Amount};
use serde_json::{Value, json};

use crate::{client::Server, ledger_script::transaction};

const PATH: &str = "/v1/ledger/transactions";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// By the textbook, beside the library's.
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, place| {
            bits << 8 | usize::from(three.get(place).copied().unwrap_or(0))
        });
        for place in 0..4 {
            let sign = char::from(SIGNS[bits >> (18 - 6 * place) & 63]);
            text.push(if place <= three.len() { sign } else { '=' });
        }
    }
    text
}

fn bodies(transaction: &Transaction) -> [Value; 4] {
    let bytes = encode(transaction);
    [
        json!({ "hex": hex(&bytes) }),
        json!({ "hex": hex(&bytes).to_uppercase(), "base64": null }),
        json!({ "base64": base64(&bytes) }),
        json!({ "transaction": transaction }),
    ]
}

#[tokio::test]
async fn bytes_and_json_are_the_same_transaction() {
    let server = Server::start().await;
    let wanted = transaction(7);
    for body in bodies(&wanted) {
        let reply = server.send(PATH, &body.to_string()).await;
        assert_eq!(reply.status, 202, "{}", reply.body);
        let expected = json!({ "id": wanted.id(), "inclusion": null });
        assert_eq!(reply.json(), expected);
        assert_eq!(
            server.ledger.submitted.lock().unwrap().pop(),
            Some(wanted.clone())
        );
    }
}

#[tokio::test]
async fn the_outcome_can_be_waited_for() {
    let server = Server::start().await;
    let body = json!({ "transaction": transaction(2) }).to_string();
    let reply = server.send(&format!("{PATH}?wait_ms=100"), &body).await;
    assert_eq!(reply.status, 200);
    let outcome = json!({ "height": 2, "index": 0, "outcome": { "applied": { "fee": 216 } } });
    let expected = json!({ "id": transaction(2).id(), "inclusion": outcome });
    assert_eq!(reply.json(), expected);

    let id = transaction(2).id();
    let reply = server.get(&format!("{PATH}/{id}")).await;
    let expected = json!({ "id": id, "inclusion": outcome, "transaction": transaction(2) });
    assert_eq!(reply.json(), expected);
    let unknown = transaction(3).id();
    let reply = server.get(&format!("{PATH}/{unknown}?wait_ms=5")).await;
    let expected = "404 invalid_request_error transaction_not_found id";
    assert_eq!(reply.error(), expected);
}

#[tokio::test]
async fn what_is_no_transaction() {
    let server = Server::start().await;
    let bytes = encode(&transaction(7));
    let longer = [bytes.as_slice(), &[0]].concat();
    let mut unsigned = json!(transaction(7));
    unsigned.as_object_mut().unwrap().remove("signature");
    let mut more = json!(transaction(7));
    more["body"]["memo"] = "hello".into();
    for (body, expected) in [
        (String::new(), "400 invalid_request_error empty_body -"),
        ("[".to_owned(), "400 invalid_request_error invalid_json -"),
        ("[]".to_owned(), "400 invalid_request_error invalid_type -"),
        ("{}".to_owned(), "400 invalid_request_error invalid_value -"),
        (
            json!({ "hex": "00", "base64": "AA==" }).to_string(),
            "400 invalid_request_error invalid_value -",
        ),
        (
            json!({ "hex": 7 }).to_string(),
            "400 invalid_request_error invalid_type hex",
        ),
        (
            json!({ "hex": "0" }).to_string(),
            "400 invalid_request_error invalid_value hex",
        ),
        (
            json!({ "hex": "zz" }).to_string(),
            "400 invalid_request_error invalid_value hex",
        ),
        (
            json!({ "hex": "é" }).to_string(),
            "400 invalid_request_error invalid_value hex",
        ),
        (
            json!({ "hex": "" }).to_string(),
            "400 invalid_request_error invalid_value hex",
        ),
        (
            json!({ "hex": hex(&longer) }).to_string(),
            "400 invalid_request_error invalid_value hex",
        ),
        (
            json!({ "hex": hex(&bytes[1..]) }).to_string(),
            "400 invalid_request_error invalid_value hex",
        ),
        (
            json!({ "hex": "00".repeat(65_537) }).to_string(),
            "400 invalid_request_error invalid_value hex",
        ),
        (
            json!({ "base64": "not base64!" }).to_string(),
            "400 invalid_request_error invalid_value base64",
        ),
        (
            json!({ "base64": "AAAA" }).to_string(),
            "400 invalid_request_error invalid_value base64",
        ),
        (
            json!({ "transaction": "x" }).to_string(),
            "400 invalid_request_error invalid_value transaction",
        ),
        (
            json!({ "transaction": unsigned }).to_string(),
            "400 invalid_request_error invalid_value transaction",
        ),
        (
            json!({ "transaction": more }).to_string(),
            "400 invalid_request_error invalid_value transaction",
        ),
        (
            json!({ "hex": "00".repeat(1 << 20) }).to_string(),
            "413 invalid_request_error body_too_large -",
        ),
    ] {
        let reply = server.send(PATH, &body).await;
        assert_eq!(reply.error(), expected, "{}", reply.body);
    }
    assert!(server.ledger.submitted.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_the_ledger_refuses() {
    let server = Server::start().await;
    let body = json!({ "transaction": transaction(7) }).to_string();
    let rejected = |rejection| LedgerError::Rejected(rejection);
    for (refusal, expected, rejection) in [
        (
            rejected(Rejection::Nonce {
                expected: 8,
                found: 7,
            }),
            "409 invalid_request_error transaction_rejected -",
            json!({ "code": "nonce", "expected": 8, "found": 7 }),
        ),
        (
            rejected(Rejection::Balance {
                needed: Amount(216),
                available: Amount(1),
            }),
            "402 insufficient_quota transaction_rejected -",
            json!({ "code": "balance", "needed": 216, "available": 1 }),
        ),
        (
            rejected(Rejection::TooLarge),
            "413 invalid_request_error transaction_rejected -",
            json!({ "code": "too_large" }),
        ),
        (
            rejected(Rejection::Signature),
            "422 invalid_request_error transaction_rejected -",
            json!({ "code": "signature" }),
        ),
        (
            rejected(Rejection::Network),
            "422 invalid_request_error transaction_rejected -",
            json!({ "code": "network" }),
        ),
        (
            LedgerError::NonceTaken { nonce: 7 },
            "409 invalid_request_error nonce_taken -",
            Value::Null,
        ),
        (
            LedgerError::SignerFull { limit: 64 },
            "429 rate_limit_error signer_full -",
            Value::Null,
        ),
        (
            LedgerError::Full,
            "503 server_error mempool_full -",
            Value::Null,
        ),
        (
            LedgerError::NotReady {
                message: "the chain has stopped".to_owned(),
                retry_after: Duration::from_secs(2),
            },
            "503 server_error not_ready -",
            Value::Null,
        ),
        (
            LedgerError::Internal {
                detail: "secret path".to_owned(),
            },
            "500 server_error internal_error -",
            Value::Null,
        ),
    ] {
        *server.ledger.refusal.lock().unwrap() = Some(refusal);
        let reply = server.send(PATH, &body).await;
        assert_eq!(reply.error(), expected);
        assert_eq!(reply.json()["llmnet"]["rejection"], rejection);
        assert!(!reply.body.contains("secret"));
        let retry = matches!(reply.status, 429 | 503);
        assert_eq!(reply.header("retry-after").is_some(), retry);
    }
}

#[tokio::test]
async fn pages_of_other_origins_hand_nothing_in() {
    let server = Server::start().await;
    let body = json!({ "transaction": transaction(7) }).to_string();
    let length = body.len();
    let request = format!(
        "POST {PATH} HTTP/1.1\r\nhost: llmnet\r\norigin: http://elsewhere\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    let reply = server.raw(request.as_bytes()).await;
    assert_eq!(reply.error(), "403 invalid_request_error cross_origin -");
    assert!(server.ledger.submitted.lock().unwrap().is_empty());
}
