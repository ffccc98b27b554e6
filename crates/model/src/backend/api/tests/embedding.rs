//! Embeddings as documented, and what a server may do instead:
//! <https://platform.openai.com/docs/api-reference/embeddings/create>,
//! <https://docs.ollama.com/api/openai-compatibility>, <https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html>.

use std::time::Duration;

use super::*;
use crate::{
    embedding::{Embedder, EmbeddingError, Input, Inputs, TEXTS_MAX},
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

/// What a client of the gateway's may want besides: tokens for texts, so many numbers, a count.
#[tokio::test]
async fn inputs_go_out_as_they_came_and_what_was_read_is_counted() {
    let items = [item(0, "1, 0"), item(1, "0, 1")].join(",");
    let server = Server::start(vec![reply(&items)]).await;
    let inputs = vec![Input::Text("a".to_owned()), Input::Tokens(vec![1, 2])];
    let inputs = Inputs::new(inputs).unwrap();
    let made = embeddings(&server).vectors(&inputs, Some(2)).await.unwrap();
    assert_eq!(made.vectors, [[1.0, 0.0], [0.0, 1.0]]);
    assert_eq!(made.input, Some(Tokens(8)));
    assert_eq!(
        server.body(0),
        serde_json::json!({
            "model": "text-embedding-3-small",
            "input": ["a", [1, 2]],
            "encoding_format": "float",
            "dimensions": 2
        })
    );
    assert!(Inputs::new(Vec::new()).is_none());
    assert!(Inputs::new(vec![Input::Tokens(Vec::new()); 1_025]).is_none());
}

/// Many inputs are several calls; their vectors and counts are put together.
#[tokio::test]
async fn many_inputs_are_several_calls() {
    let items = |count: usize| {
        let items: Vec<_> = (0..count).map(|index| item(index, "1, 2, 3")).collect();
        items.join(",")
    };
    let server = Server::start(vec![reply(&items(64)), reply(&items(6))]).await;
    let inputs = (0..70).map(|number| Input::Text(number.to_string()));
    let inputs = Inputs::new(inputs.collect()).unwrap();
    let made = embeddings(&server).vectors(&inputs, None).await.unwrap();
    assert_eq!((made.vectors.len(), made.input), (70, Some(Tokens(16))));
    assert_eq!(server.body(1)["input"][0], "64");

    let bare = format!(r#"{{"data":[{}]}}"#, items(6));
    let server = Server::start(vec![reply(&items(64)), http("200 OK", "", &bare)]).await;
    let made = embeddings(&server).vectors(&inputs, None).await.unwrap();
    assert_eq!((made.vectors.len(), made.input), (70, None));

    let shorter: Vec<_> = (0..6).map(|index| item(index, "1")).collect();
    let server = Server::start(vec![reply(&items(64)), reply(&shorter.join(","))]).await;
    let made = embeddings(&server).vectors(&inputs, None).await;
    assert!(matches!(made, Err(LanguageError::Malformed(_))), "{made:?}");

    let many = vec!["x"; TEXTS_MAX + 1];
    let refused = embeddings(&server).embed(&many).await;
    assert_eq!(
        refused,
        Err(EmbeddingError::TooMany {
            found: TEXTS_MAX + 1
        })
    );
    assert_eq!(embeddings(&server).embed(&[]).await, Ok(Vec::new()));
}

/// One failure is borne and a second is told; a refusal is told at once; after five the server is left alone.
#[tokio::test]
async fn a_server_that_fails_is_asked_once_more_and_then_left_alone() {
    let broken = || http("500 Internal Server Error", "retry-after-ms: 1\r\n", "{}");
    let server = Server::start(vec![broken(), reply(&item(0, "1"))]).await;
    assert!(embeddings(&server).embed(&["owls"]).await.is_ok());
    let server = Server::start(vec![http("400 Bad Request", "", "{}")]).await;
    let refused = Err(LanguageError::Refused { status: 400 }.into());
    assert_eq!(embeddings(&server).embed(&["owls"]).await, refused);

    let server = Server::start((0..10).map(|_| broken()).collect()).await;
    let embeddings = embeddings(&server);
    for _ in 0..5 {
        assert_eq!(embeddings.trouble(), None);
        let failed = LanguageError::Unreachable("status 500".to_owned());
        assert_eq!(embeddings.embed(&["owls"]).await, Err(failed.into()));
    }
    let resting = embeddings.embed(&["owls"]).await;
    let left_alone = matches!(
        resting,
        Err(EmbeddingError::Server(LanguageError::Resting { .. }))
    );
    assert!(left_alone, "{resting:?}");
    assert!(embeddings.clone().trouble().is_some());
}

#[test]
fn what_cannot_be_a_configuration_is_refused() {
    let with = |api, change: fn(&mut Bounds)| {
        let mut config = Config::new(api, "http://a/v1", "m");
        change(&mut config.bounds);
        Embeddings::of(config).err()
    };
    for api in [Api::Anthropic, Api::Gemini] {
        assert_eq!(with(api, |_| ()), Some(ConfigError::Api(api)));
    }
    assert_eq!(with(Api::Xai, |_| ()), None);
    assert_eq!(
        with(Api::OpenAi, |bounds| bounds.calls = 0),
        Some(ConfigError::Calls)
    );
    assert_eq!(
        with(Api::OpenAi, |bounds| bounds.calls_a_minute = Some(10_001)),
        Some(ConfigError::Calls)
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
