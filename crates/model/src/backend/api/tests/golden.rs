//! What is sent, whole, and documented replies read. Each names the page it follows.

use serde_json::json;

use super::*;

/// <https://platform.openai.com/docs/api-reference/chat/object>
pub(super) fn chat_completion(text: &str) -> String {
    json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_741_569_952,
        "model": "m-1-2026-01-01",
        "choices": [{
            "index": 0,
            "message": {
                "role": "assistant", "content": text, "refusal": null, "annotations": []
            },
            "logprobs": null,
            "finish_reason": "stop"
        }],
        "usage": {
            "prompt_tokens": 19,
            "completion_tokens": 10,
            "total_tokens": 29,
            "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
            "completion_tokens_details": {
                "reasoning_tokens": 0, "audio_tokens": 0,
                "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0
            }
        },
        "service_tier": "default"
    })
    .to_string()
}

/// <https://docs.claude.com/en/api/messages>, with thinking as in
/// <https://docs.claude.com/en/docs/build-with-claude/extended-thinking>
pub(super) fn message(text: &str) -> String {
    let (first, second) = text.split_at(text.len() / 2);
    json!({
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m-1",
        "content": [
            { "type": "thinking", "thinking": "hm", "signature": "c2ln" },
            { "type": "text", "text": first },
            { "type": "text", "text": second, "citations": null }
        ],
        "stop_reason": "end_turn",
        "stop_sequence": null,
        "usage": {
            "input_tokens": 12,
            "cache_creation_input_tokens": 3,
            "cache_read_input_tokens": 4,
            "output_tokens": 10,
            "service_tier": "standard"
        }
    })
    .to_string()
}

/// <https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse>
pub(super) fn generated_content(text: &str) -> String {
    json!({
        "candidates": [{
            "content": {
                "parts": [{ "text": "hm", "thought": true }, { "text": text }],
                "role": "model"
            },
            "finishReason": "STOP",
            "index": 0
        }],
        "usageMetadata": {
            "promptTokenCount": 19,
            "candidatesTokenCount": 4,
            "thoughtsTokenCount": 6,
            "totalTokenCount": 29
        },
        "modelVersion": "m-1-001",
        "responseId": "r1"
    })
    .to_string()
}

/// Asks once; gives the server for what it was sent.
async fn asked(api: Api, path: &str) -> Server {
    let server = Server::start(vec![ok(api, "Nobody.")]).await;
    let config = Config {
        base: format!("{}{path}", server.base()),
        ..config(api, &server)
    };
    let completion = complete(&Client::new(config).unwrap(), 5_000)
        .await
        .unwrap();
    assert_eq!(completion.text, "Nobody.");
    let usage = Usage {
        input: Tokens(19),
        output: Tokens(10),
    };
    assert_eq!(completion.usage, Some(usage));
    server
}

/// <https://platform.openai.com/docs/api-reference/chat/create>
#[tokio::test]
async fn openai() {
    let server = asked(Api::OpenAi, "/v1").await;
    assert_eq!(
        server.head(0),
        [
            "POST /v1/chat/completions HTTP/1.1",
            "authorization: Bearer sk-hidden-5c1f9a",
            "content-type: application/json",
        ]
    );
    assert_eq!(
        server.body(0),
        json!({
            "model": "m-1",
            "messages": [
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": "Why?" },
                { "role": "assistant", "content": "Because." },
                { "role": "user", "content": QUESTION },
            ],
            // 1,000 of text, 4,096 of thinking.
            "max_completion_tokens": 5_096,
            "temperature": 1.5,
            "top_p": 0.9,
            "stop": ["END"],
            "seed": 7,
            "stream": false,
        })
    );
}

/// <https://docs.x.ai/docs/api-reference#chat-completions>
#[tokio::test]
async fn xai() {
    let server = asked(Api::Xai, "/v1").await;
    assert_eq!(
        server.head(0),
        [
            "POST /v1/chat/completions HTTP/1.1",
            "authorization: Bearer sk-hidden-5c1f9a",
            "content-type: application/json",
        ]
    );
    let body = server.body(0);
    assert_eq!(body["model"], "m-1");
    assert_eq!(body["max_completion_tokens"], 5_096);
    assert_eq!(body.get("max_tokens"), None);
}

/// <https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html>,
/// <https://docs.ollama.com/api/openai-compatibility>,
/// <https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md>,
/// <https://huggingface.co/docs/text-generation-inference/messages_api>
#[tokio::test]
async fn any_compatible_server() {
    let server = asked(Api::Compatible, "/v1/").await;
    assert_eq!(server.head(0)[0], "POST /v1/chat/completions HTTP/1.1");
    assert_eq!(
        server.body(0),
        json!({
            "model": "m-1",
            "messages": [
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": "Why?" },
                { "role": "assistant", "content": "Because." },
                { "role": "user", "content": QUESTION },
            ],
            "max_tokens": 1_000,
            "temperature": 1.5,
            "top_p": 0.9,
            "stop": ["END"],
            "seed": 7,
            "stream": false,
        })
    );
    // Most of them want no key, and then none is sent.
    let server = Server::start(vec![ok(Api::Compatible, "Nobody.")]).await;
    let client = Client::new(Config::new(Api::Compatible, server.base(), "m-1")).unwrap();
    complete(&client, 5_000).await.unwrap();
    assert_eq!(
        server.head(0),
        [
            "POST /chat/completions HTTP/1.1",
            "content-type: application/json",
        ]
    );
}

/// <https://docs.claude.com/en/api/messages>, <https://docs.claude.com/en/api/versioning>
#[tokio::test]
async fn anthropic() {
    let server = asked(Api::Anthropic, "").await;
    assert_eq!(
        server.head(0),
        [
            "POST /v1/messages HTTP/1.1",
            "anthropic-version: 2023-06-01",
            "content-type: application/json",
            "x-api-key: sk-hidden-5c1f9a",
        ]
    );
    assert_eq!(
        server.body(0),
        json!({
            "model": "m-1",
            "max_tokens": 5_096,
            "system": "Be brief.",
            "messages": [
                { "role": "user", "content": "Why?" },
                { "role": "assistant", "content": "Because." },
                { "role": "user", "content": QUESTION },
            ],
            // Here it goes to 1 only.
            "temperature": 1.0,
            "top_p": 0.9,
            "stop_sequences": ["END"],
        })
    );
}

/// <https://ai.google.dev/api/generate-content#method:-models.generatecontent>
#[tokio::test]
async fn gemini() {
    let server = asked(Api::Gemini, "/v1beta").await;
    assert_eq!(
        server.head(0),
        [
            "POST /v1beta/models/m-1:generateContent HTTP/1.1",
            "content-type: application/json",
            "x-goog-api-key: sk-hidden-5c1f9a",
        ]
    );
    assert_eq!(
        server.body(0),
        json!({
            "systemInstruction": { "parts": [{ "text": "Be brief." }] },
            "contents": [
                { "role": "user", "parts": [{ "text": "Why?" }] },
                { "role": "model", "parts": [{ "text": "Because." }] },
                { "role": "user", "parts": [{ "text": QUESTION }] },
            ],
            "generationConfig": {
                "maxOutputTokens": 5_096,
                "temperature": 1.5,
                "topP": 0.9,
                "seed": 7,
                "stopSequences": ["END"],
            },
        })
    );
}

/// Replies that are as documented and have no text.
#[test]
fn decisions_and_exhaustion_are_told_apart() {
    use Api::{Anthropic, Gemini, OpenAi};
    let malformed = |what: &str| LanguageError::Malformed(what.to_owned());
    for (api, body, expected) in [
        // platform.openai.com/docs/guides/structured-outputs#refusals
        (
            OpenAi,
            r#"{"choices":[{"message":{"content":null,"refusal":"No."},"finish_reason":"stop"}]}"#,
            LanguageError::Withheld,
        ),
        (
            OpenAi,
            r#"{"choices":[{"message":{"content":"Half a"},"finish_reason":"content_filter"}]}"#,
            LanguageError::Withheld,
        ),
        // platform.openai.com/docs/guides/reasoning#allocating-space-for-reasoning
        (
            OpenAi,
            r#"{"choices":[{"message":{"content":""},"finish_reason":"length"}]}"#,
            LanguageError::Exhausted,
        ),
        (OpenAi, r#"{"choices":[]}"#, malformed("no choices")),
        (
            OpenAi,
            r#"{"choices":[{"message":{"content":null}}]}"#,
            malformed("no content"),
        ),
        // docs.claude.com/en/docs/build-with-claude/handling-stop-reasons
        (
            Anthropic,
            r#"{"content":[],"stop_reason":"refusal"}"#,
            LanguageError::Withheld,
        ),
        (
            Anthropic,
            r#"{"content":[{"type":"thinking","thinking":"hm"}],"stop_reason":"max_tokens"}"#,
            LanguageError::Exhausted,
        ),
        (
            Anthropic,
            r#"{"content":[],"stop_reason":"end_turn"}"#,
            malformed("no text"),
        ),
        // ai.google.dev/api/generate-content#FinishReason, #BlockReason
        (
            Gemini,
            r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#,
            LanguageError::Withheld,
        ),
        (
            Gemini,
            r#"{"candidates":[{"finishReason":"RECITATION"}]}"#,
            LanguageError::Withheld,
        ),
        (
            Gemini,
            r#"{"candidates":[{"content":{"role":"model"},"finishReason":"MAX_TOKENS"}]}"#,
            LanguageError::Exhausted,
        ),
        (Gemini, "{}", malformed("no candidates")),
    ] {
        assert_eq!(api.completion(body.as_bytes()), Err(expected), "{body}");
    }
}

/// Counts that no server has are no reason to fall over.
#[test]
fn absurd_counts_do_not_overflow() {
    let most = u32::MAX;
    let message = format!(
        r#"{{"content":[{{"type":"text","text":"a"}}],"usage":{{"input_tokens":{most},
        "cache_read_input_tokens":{most},"output_tokens":{most}}}}}"#
    );
    let content = format!(
        r#"{{"candidates":[{{"content":{{"parts":[{{"text":"a"}}]}}}}],"usageMetadata":
        {{"promptTokenCount":{most},"candidatesTokenCount":{most},"thoughtsTokenCount":{most}}}}}"#
    );
    let usage = Some(Usage {
        input: Tokens(most),
        output: Tokens(most),
    });
    for (api, body) in [(Api::Anthropic, message), (Api::Gemini, content)] {
        assert_eq!(api.completion(body.as_bytes()).unwrap().usage, usage);
    }
}
