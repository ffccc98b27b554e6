//! Embeddings as documented, and what a server may do instead.

use std::time::Duration;

use super::*;
use crate::{
    embedding::{Embedder, EmbeddingError, TEXTS_MAX},
    language::LanguageError,
};

fn embeddings(server: &Server) -> Embeddings {
    Embeddings::new(&EmbeddingsConfig {
        base: server.base(),
        model: "text-embedding-3-small".to_owned(),
        key: Some(Key::new(KEY)),
        time: Duration::from_secs(20),
    })
    .unwrap()
}

fn reply(items: &str) -> Reply {
    let body = format!(
        r#"{{"object":"list","data":[{items}],"model":"text-embedding-3-small",
            "usage":{{"prompt_tokens":8,"total_tokens":8}}}}"#
    );
    http("200 OK", "content-type: application/json\r\n", &body)
}

fn item(index: usize, numbers: &str) -> String {
    format!(r#"{{"object":"embedding","index":{index},"embedding":[{numbers}]}}"#)
}

#[tokio::test]
async fn texts_go_out_as_documented_and_vectors_come_back_in_order() {
    // A server need not keep the order: the index says whose vector it is.
    let items = [item(1, "0.5, -1.25"), item(0, "1, 0")].join(",");
    let server = Server::start(vec![reply(&items)]).await;
    let vectors = embeddings(&server).embed(&["owls", "mice"]).await.unwrap();
    assert_eq!(vectors, [vec![1.0, 0.0], vec![0.5, -1.25]]);
    assert_eq!(
        server.body(0),
        serde_json::json!({
            "model": "text-embedding-3-small",
            "input": ["owls", "mice"],
            "encoding_format": "float"
        })
    );
    let head = server.head(0);
    assert!(head[0].starts_with("POST /embeddings "), "{head:?}");
    assert!(
        head.contains(&format!("authorization: Bearer {KEY}")),
        "{head:?}"
    );
}

#[tokio::test]
async fn many_texts_are_several_calls() {
    let texts: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let items = |count: usize| {
        let items: Vec<_> = (0..count).map(|index| item(index, "1, 2, 3")).collect();
        reply(&items.join(","))
    };
    let server = Server::start(vec![items(16), items(4)]).await;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let vectors = embeddings(&server).embed(&texts).await.unwrap();
    assert_eq!(vectors.len(), 20);
    assert_eq!(server.body(1)["input"][0], "16");
    let many = vec!["x"; TEXTS_MAX + 1];
    let refused = embeddings(&server).embed(&many).await;
    assert_eq!(
        refused,
        Err(EmbeddingError::TooMany {
            found: TEXTS_MAX + 1
        })
    );
}

#[tokio::test]
async fn a_garbled_reply_is_asked_for_once_more() {
    let garbled = [
        "{\"data\": 5}".to_owned(),
        format!("{{\"data\": [{}]}}", item(1, "1")),
        format!("{{\"data\": [{}]}}", item(0, "")),
        format!("{{\"data\": [{},{}]}}", item(0, "1"), item(0, "2")),
        format!("{{\"data\": [{},{}]}}", item(0, "1"), item(1, "2, 3")),
    ];
    for body in garbled {
        let bad = http("200 OK", "", &body);
        let server = Server::start(vec![bad.clone(), reply(&item(0, "1, 1"))]).await;
        let again = embeddings(&server).embed(&["owls"]).await;
        assert_eq!(again, Ok(vec![vec![1.0, 1.0]]), "{body}");
        let server = Server::start(vec![bad.clone(), bad]).await;
        let failed = embeddings(&server).embed(&["owls"]).await;
        let malformed = matches!(
            failed,
            Err(EmbeddingError::Server(LanguageError::Malformed(_)))
        );
        assert!(malformed, "{body}: {failed:?}");
    }
}

#[tokio::test]
async fn a_refusal_shows_neither_key_nor_text() {
    let body = format!(r#"{{"error": "{KEY} may not embed {QUESTION}"}}"#);
    let server = Server::start(vec![http("401 Unauthorized", "", &body)]).await;
    let embeddings = embeddings(&server);
    let error = embeddings.embed(&[QUESTION]).await.unwrap_err();
    for said in [
        error.to_string(),
        format!("{error:?}"),
        format!("{embeddings:?}"),
    ] {
        assert!(!said.contains(KEY) && !said.contains(QUESTION), "{said}");
    }
    assert!(error.to_string().contains("key is wrong"), "{error}");
}
