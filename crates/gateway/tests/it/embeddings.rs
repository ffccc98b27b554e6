//! Vectors, where the operator has a model for them.

use expect_test::expect;
use serde_json::{Value, json};

use crate::{client::Server, script::EMBEDDER};

const PATH: &str = "/v1/embeddings";

fn body(fields: Value) -> String {
    let mut body = json!({"model": EMBEDDER});
    let fields = fields.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(fields);
    body.to_string()
}

#[tokio::test]
async fn vectors_come_as_numbers_or_as_bytes() {
    let server = Server::embedding().await;
    let reply = server
        .send(PATH, &body(json!({"input": ["ab", "abcd"], "user": "ann"})))
        .await;
    expect![[r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[2.0,2.5,3.0]},{"object":"embedding","index":1,"embedding":[4.0,4.5,5.0]}],"model":"script-embedding","usage":{"prompt_tokens":2,"total_tokens":2}}"#]].assert_eq(&reply.body);
    let bytes = json!({"input": "ab", "encoding_format": "base64", "dimensions": 2});
    let reply = server.send(PATH, &body(bytes)).await;
    // 2.0 and 2.5, four bytes each, the least significant first.
    assert_eq!(reply.json()["data"][0]["embedding"], "AAAAQAAAIEA=");
    for tokens in [json!([1, 2]), json!([[1, 2]])] {
        let reply = server.send(PATH, &body(json!({"input": tokens}))).await;
        assert_eq!(reply.json()["data"][0]["embedding"][0], 8.0);
    }
    let listed = server.get("/v1/models").await.json();
    let listed = listed["data"].as_array().unwrap();
    assert!(listed.iter().any(|model| model["id"] == EMBEDDER));
    let one = server.get(&format!("/v1/models/{EMBEDDER}")).await.json();
    assert_eq!(
        (&one["owned_by"], &one["pricing"]),
        (&json!("operator"), &Value::Null)
    );
}

#[tokio::test]
async fn what_cannot_be_made_is_said_with_its_field() {
    let server = Server::embedding().await;
    let many = vec!["a"; 1_025];
    for (fields, expected) in [
        (
            json!({}),
            "400 invalid_request_error missing_required_parameter input",
        ),
        (
            json!({"input": []}),
            "400 invalid_request_error invalid_value input",
        ),
        (
            json!({"input": ""}),
            "400 invalid_request_error invalid_value input",
        ),
        (
            json!({"input": many}),
            "400 invalid_request_error invalid_value input",
        ),
        (
            json!({"input": {}}),
            "400 invalid_request_error invalid_type input",
        ),
        (
            json!({"input": ["a", 7]}),
            "400 invalid_request_error invalid_type input",
        ),
        (
            json!({"input": ["a", {}]}),
            "400 invalid_request_error invalid_type input[1]",
        ),
        (
            json!({"input": [-1]}),
            "400 invalid_request_error invalid_type input",
        ),
        (
            json!({"input": "a", "encoding_format": "hex"}),
            "400 invalid_request_error invalid_value encoding_format",
        ),
        (
            json!({"input": "a", "dimensions": 0}),
            "400 invalid_request_error invalid_value dimensions",
        ),
        (
            json!({"input": "x".repeat(1_001)}),
            "400 invalid_request_error invalid_request input",
        ),
        (
            json!({"input": "nobody there"}),
            "503 server_error not_ready -",
        ),
        (
            json!({"input": "a", "model": "other"}),
            "404 invalid_request_error model_not_found model",
        ),
        (
            json!({"input": "a", "model": 7}),
            "400 invalid_request_error invalid_type model",
        ),
    ] {
        let reply = server.send(PATH, &body(fields)).await;
        assert_eq!(reply.error(), expected);
    }
    let reply = server
        .send(PATH, &body(json!({"input": "nobody there"})))
        .await;
    assert_eq!(reply.header("retry-after"), Some("3"));
    let reply = server
        .send(PATH, &body(json!({"input": "a", "model": "other"})))
        .await;
    assert!(
        reply.body.contains("ask \\\"script-embedding\\\""),
        "{}",
        reply.body
    );
}

/// Where nobody configured one, there is none.
#[tokio::test]
async fn without_a_model_there_are_no_vectors() {
    let server = Server::start().await;
    let reply = server.send(PATH, &body(json!({"input": "a"}))).await;
    assert_eq!(
        reply.error(),
        "404 invalid_request_error model_not_found model"
    );
    let listed = server.get("/v1/models").await.body;
    assert!(!listed.contains(EMBEDDER), "{listed}");
}
