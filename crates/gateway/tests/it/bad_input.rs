//! Whatever is sent, a clear refusal comes back.

use expect_test::expect;
use tokio::io::AsyncWriteExt;

use crate::client::{Reply, Server, body, post};

async fn check(cases: &[(&str, &str)]) {
    let server = Server::start().await;
    for (body, expected) in cases {
        assert_eq!(server.post(body).await.error(), *expected, "{body}");
    }
    // None of it got any further.
    assert_eq!(
        server
            .script
            .asked
            .load(std::sync::atomic::Ordering::SeqCst),
        0
    );
}

#[tokio::test]
async fn what_is_no_json() {
    let deep = "[".repeat(100_000);
    check(&[
        ("", "400 invalid_request_error empty_body -"),
        (" \n", "400 invalid_request_error empty_body -"),
        ("{", "400 invalid_request_error invalid_json -"),
        ("model=x", "400 invalid_request_error invalid_json -"),
        (&deep, "400 invalid_request_error invalid_json -"),
        (
            r#"{"model":"\ud800"}"#,
            "400 invalid_request_error invalid_json -",
        ),
        (r#"{"n":1e999}"#, "400 invalid_request_error invalid_json -"),
        ("[]", "400 invalid_request_error invalid_type -"),
        ("null", "400 invalid_request_error invalid_type -"),
    ])
    .await;
    let server = Server::start().await;
    let reply = server.post(b"{\"model\": \"\xff\"}").await;
    assert_eq!(reply.error(), "400 invalid_request_error invalid_utf8 -");
}

/// A body with these fields besides a good model and question.
async fn fields(cases: &[(&str, &str)]) {
    let bodies: Vec<(String, String)> = cases
        .iter()
        .map(|(fields, expected)| {
            let expected = format!("400 invalid_request_error {expected}");
            (body("hello", &format!(",{fields}")), expected)
        })
        .collect();
    let bodies: Vec<(&str, &str)> = bodies
        .iter()
        .map(|(body, expected)| (body.as_str(), expected.as_str()))
        .collect();
    check(&bodies).await;
}

#[tokio::test]
async fn what_has_the_wrong_type_or_value() {
    fields(&[
        (r#""stream":"yes""#, "invalid_type stream"),
        (r#""stream_options":true"#, "invalid_type stream_options"),
        (
            r#""stream_options":{"include_usage":1}"#,
            "invalid_type stream_options.include_usage",
        ),
        (r#""llmnet":[]"#, "invalid_type llmnet"),
        (r#""llmnet":{"progress":0}"#, "invalid_type llmnet.progress"),
        (r#""llmnet":{"seats":"7"}"#, "invalid_type llmnet.seats"),
        (r#""llmnet":{"seats":0}"#, "invalid_value llmnet.seats"),
        (r#""llmnet":{"seats":8}"#, "invalid_value llmnet.seats"),
        (r#""llmnet":{"quorum":999}"#, "invalid_value llmnet.quorum"),
        (
            r#""llmnet":{"seats":2,"quorum":3}"#,
            "invalid_value llmnet.quorum",
        ),
        (r#""llmnet":{"first":0}"#, "invalid_value llmnet.first"),
        (
            r#""llmnet":{"seats":2,"first":3}"#,
            "invalid_value llmnet.first",
        ),
        (
            r#""llmnet":{"grace_ms":-1}"#,
            "invalid_type llmnet.grace_ms",
        ),
        (
            r#""llmnet":{"grace_ms":60001}"#,
            "invalid_value llmnet.grace_ms",
        ),
        (r#""llmnet":{"domain":7}"#, "invalid_type llmnet.domain"),
        (r#""llmnet":{"domain":""}"#, "invalid_value llmnet.domain"),
        (r#""llmnet":{"domain":"/"}"#, "invalid_value llmnet.domain"),
        (r#""max_tokens":"9""#, "invalid_type max_tokens"),
        (r#""max_tokens":-1"#, "invalid_type max_tokens"),
        (r#""max_tokens":0"#, "invalid_value max_tokens"),
        (r#""temperature":"hot""#, "invalid_type temperature"),
        (r#""temperature":3"#, "invalid_value temperature"),
        (r#""top_p":-0.1"#, "invalid_value top_p"),
        (r#""seed":0.5"#, "invalid_type seed"),
        (r#""stop":7"#, "invalid_type stop"),
        (r#""n":0"#, "invalid_value n"),
    ])
    .await;
}

#[tokio::test]
async fn what_would_change_the_meaning() {
    fields(&[
        (r#""n":2"#, "unsupported_parameter n"),
        (r#""tools":[{}]"#, "unsupported_parameter tools"),
        (r#""functions":[{}]"#, "unsupported_parameter functions"),
        (
            r#""response_format":{"type":"json_schema"}"#,
            "unsupported_parameter response_format",
        ),
        (
            r#""modalities":["text","audio"]"#,
            "unsupported_parameter modalities",
        ),
        (r#""audio":{"voice":"x"}"#, "unsupported_parameter audio"),
        (r#""logprobs":true"#, "unsupported_parameter logprobs"),
        (r#""top_logprobs":2"#, "unsupported_parameter top_logprobs"),
        (
            r#""logit_bias":{"50256":-100}"#,
            "unsupported_parameter logit_bias",
        ),
        (
            r#""web_search_options":{}"#,
            "unsupported_parameter web_search_options",
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_is_no_conversation() {
    let long = "x".repeat(60_001);
    let user = r#"{"role":"user","content":"hello"}"#;
    let many = vec![user; 257].join(",");
    let heavy = format!(r#"{{"role":"user","content":"{}"}}"#, "x".repeat(59_000));
    let heavy = [heavy.as_str(); 5].join(",");
    let messages = [
        ("7".to_owned(), "invalid_type messages"),
        ("null".to_owned(), "missing_required_parameter messages"),
        ("[]".to_owned(), "invalid_value messages"),
        ("[3]".to_owned(), "invalid_type messages[0]"),
        (
            "[{}]".to_owned(),
            "missing_required_parameter messages[0].role",
        ),
        (
            r#"[{"role":"user"}]"#.to_owned(),
            "missing_required_parameter messages[0].content",
        ),
        (
            r#"[{"role":"user","content":5}]"#.to_owned(),
            "invalid_type messages[0].content",
        ),
        (
            r#"[{"role":"user","content":" \n"}]"#.to_owned(),
            "invalid_value messages[0].content",
        ),
        (
            r#"[{"role":"user","content":[{"type":"text"}]}]"#.to_owned(),
            "missing_required_parameter messages[0].content[0].text",
        ),
        (
            r#"[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]"#.to_owned(),
            "unsupported_parameter messages[0].content[0].type",
        ),
        (
            r#"[{"role":"king","content":"a"}]"#.to_owned(),
            "invalid_value messages[0].role",
        ),
        (
            r#"[{"role":"tool","content":"a"}]"#.to_owned(),
            "unsupported_parameter messages[0].role",
        ),
        (
            format!(r#"[{user},{{"role":"assistant","content":"hi"}}]"#),
            "invalid_value messages[1].role",
        ),
        (
            format!(r#"[{{"role":"user","content":"{long}"}}]"#),
            "context_length_exceeded messages[0].content",
        ),
        (format!("[{many}]"), "context_length_exceeded messages"),
        (format!("[{heavy}]"), "context_length_exceeded messages"),
    ];
    let server = Server::start().await;
    for (messages, expected) in messages {
        let body = format!(r#"{{"model":"llmnet/auto","messages":{messages}}}"#);
        let reply = server.post(body).await;
        let expected = format!("400 invalid_request_error {expected}");
        assert_eq!(reply.error(), expected, "{messages:.80}");
    }
}

#[tokio::test]
async fn what_is_no_model() {
    let model = |name: &str| format!(r#"{{"model":{name},"messages":[]}}"#);
    check(&[
        (
            "{}",
            "400 invalid_request_error missing_required_parameter model",
        ),
        (&model("4"), "400 invalid_request_error invalid_type model"),
        (
            &model(r#""""#),
            "404 invalid_request_error model_not_found model",
        ),
        (
            &model(r#""gpt-4o""#),
            "404 invalid_request_error model_not_found model",
        ),
        (
            &model(r#""llmnet/expert:""#),
            "404 invalid_request_error model_not_found model",
        ),
        (
            &body("hello", "").replace("auto", "expert:law"),
            "404 invalid_request_error model_not_found model",
        ),
        (
            &body("hello", r#","llmnet":{"domain":"law"}"#),
            "404 invalid_request_error domain_not_found llmnet.domain",
        ),
        (
            &body("hello", r#","llmnet":{"domain":"law"}"#).replace("auto", "expert:law"),
            "404 invalid_request_error model_not_found model",
        ),
        (
            &body("hello", r#","llmnet":{"domain":"astronomy"}"#)
                .replace("auto", "expert:medicine"),
            "400 invalid_request_error invalid_value llmnet.domain",
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_is_too_large() {
    let server = Server::start().await;
    let expected = "413 invalid_request_error body_too_large -";
    for length in [1024 * 1024 + 1, 6 * 1024 * 1024] {
        // Sent whole before the reply is read, as most clients do.
        let reply = server.post(vec![b' '; length]).await;
        assert_eq!(reply.error(), expected);
    }
    let mut stream = server.connect().await;
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: llmnet\r\n\
                content-length: 99999999999\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(Reply::read(&mut stream).await.error(), expected);

    let wide = format!(
        "GET /health HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n",
        "x".repeat(200_000)
    );
    assert_eq!(server.raw(wide.as_bytes()).await.status, 431);
}

#[tokio::test]
async fn what_is_not_there() {
    let server = Server::start().await;
    assert_eq!(
        server.get("/v1/images").await.error(),
        "404 invalid_request_error unknown_url -"
    );
    assert_eq!(
        server.get("/v1/chat/completions").await.error(),
        "405 invalid_request_error method_not_allowed -"
    );
    assert_eq!(server.raw(b"\x16\x03\x01\r\n\r\n").await.status, 400);
}

/// A model that is not there, named; not a path that nobody knows.
#[tokio::test]
async fn models_for_embeddings() {
    let server = Server::start().await;
    for (body, expected) in [
        (
            r#"{"model":"text-embedding-3-small","input":"a"}"#,
            "404 invalid_request_error model_not_found model",
        ),
        (
            r#"{"input":"a"}"#,
            "400 invalid_request_error missing_required_parameter model",
        ),
        (
            r#"{"model":"llmnet/auto"}"#,
            "400 invalid_request_error missing_required_parameter input",
        ),
        ("[]", "400 invalid_request_error invalid_type -"),
    ] {
        let reply = server.send("/v1/embeddings", body).await;
        assert_eq!(reply.error(), expected, "{body}");
    }
    let body = r#"{"model":"text-embedding-3-small","input":["a","b"]}"#;
    let reply = server.send("/v1/embeddings", body).await;
    expect![[r#"
        404
        {"error":{"message":"there is no model \"text-embedding-3-small\" for embeddings: the models of this network answer questions, at /v1/chat/completions, /v1/responses and /v1/messages; whoever runs this gateway has configured none; ask a server of embeddings for vectors",
        "type":"invalid_request_error",
        "param":"model",
        "code":"model_not_found"}}"#]].assert_eq(&reply.shown());
}

/// The refusal says which strategy could.
#[tokio::test]
async fn answers_of_a_schema() {
    let server = Server::start().await;
    let fields =
        r#","response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{}}}"#;
    let reply = server.ask("hello", fields).await;
    expect![[r#"
        400
        {"error":{"message":"a form is kept to by one model, and a panel's answer is taken from the words of several models: ask the model llmnet/single, with \"llmnet\": {\"domain\": …} for respondents of one domain, or leave 'response_format' out",
        "type":"invalid_request_error",
        "param":"response_format",
        "code":"unsupported_parameter"}}"#]].assert_eq(&reply.shown());
    let reply = server
        .ask("hello", r#","response_format":{"type":"json_object"}"#)
        .await;
    let expected = "400 invalid_request_error unsupported_parameter response_format";
    assert_eq!(reply.error(), expected);
}

#[tokio::test]
async fn pages_of_other_origins() {
    let server = Server::start().await;
    for (headers, status) in [
        ("origin: https://evil.example\r\n", 403),
        ("origin: null\r\n", 403),
        (
            "origin: http://llmnet\r\nsec-fetch-site: cross-site\r\n",
            403,
        ),
        ("origin: http://llmnet\r\n", 200),
        (
            "origin: https://elsewhere\r\nsec-fetch-site: same-origin\r\n",
            200,
        ),
    ] {
        let headers = format!("{headers}connection: close\r\n");
        let reply = server
            .raw(&post(body("hello", "").as_bytes(), &headers))
            .await;
        assert_eq!(reply.status, status, "{headers}");
    }
}
