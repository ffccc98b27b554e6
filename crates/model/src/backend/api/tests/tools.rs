//! Tools and forms over each API: what is sent, whole, and documented replies read (DEB-12). Each names the page it
//! follows.

use llmnet_types::{
    codec::List,
    contract::Strategy,
    id::ContractId,
    message::DeclineReason,
    request::Request,
    tool::{Returned, Said, ToolCall},
};
use serde_json::json;

use super::*;
use crate::{
    answer::{AnswerError, Answerer},
    backend::prompted::Prompted,
};

const CONTRACT: ContractId = ContractId([7; 32]);

fn setting(name: &str, value: &Value) -> Setting {
    Setting {
        name: Text::new(name).unwrap(),
        value: Text::new(value.to_string()).unwrap(),
    }
}

fn weather() -> Value {
    json!({
        "type": "object",
        "properties": { "city": { "type": "string" } },
        "required": ["city"],
        "additionalProperties": false,
    })
}

/// Two tools, one of them to be called, one call at a time; and a tool that a server would run at its customer's cost.
fn tools() -> Vec<Setting> {
    vec![
        setting("parallel_tool_calls", &json!(false)),
        setting("temperature", &json!(0.5)),
        setting("tool_choice", &json!("required")),
        setting(
            "tools",
            &json!([
                { "type": "function", "function": {
                    "name": "weather", "description": "By city.", "parameters": weather(), "strict": true,
                } },
                { "type": "function", "function": { "name": "now" } },
                { "type": "web_search", "function": { "name": "search" } },
            ]),
        ),
        setting("web_search_options", &json!({})),
    ]
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    }
}

/// A question, two calls, what came of them, and one question more.
fn conversation() -> Vec<ChatMessage> {
    let turn = |role, text: String| ChatMessage {
        role,
        content: Text::new(text).unwrap(),
    };
    let returned = |id: &str, content: &str, failed| Returned {
        tool_call_id: id.to_owned(),
        content: content.to_owned(),
        failed,
    };
    let said = Said {
        content: "I look.".to_owned(),
        tool_calls: vec![
            call("call_1", "weather", r#"{"city":"Paris"}"#),
            call("call_2", "now", ""),
        ],
    };
    vec![
        turn(Role::System, "Be brief.".to_owned()),
        turn(Role::User, "Paris?".to_owned()),
        turn(Role::Calls, said.to_text()),
        turn(Role::Tool, returned("call_1", "18 °C", false).to_text()),
        turn(Role::Tool, returned("call_2", "no clock", true).to_text()),
        turn(Role::User, QUESTION.to_owned()),
    ]
}

/// Asks once; gives what was sent, and what came of the reply.
async fn asked(
    api: Api,
    settings: &[Setting],
    reply: &Value,
) -> (Value, Result<Completion, LanguageError>) {
    let server = Server::start(vec![http("200 OK", "", &reply.to_string())]).await;
    let client = client(api, &server);
    let completion = client
        .complete(&conversation(), settings, &limits(5_000))
        .await;
    (server.body(0), completion)
}

/// <https://platform.openai.com/docs/guides/function-calling>
fn chat_call(arguments: &Value) -> Value {
    json!({
        "choices": [{
            "message": { "role": "assistant", "content": null, "tool_calls": [{
                "id": "call_9", "type": "function",
                "function": { "name": "weather", "arguments": arguments },
            }] },
            "finish_reason": "tool_calls",
        }],
    })
}

#[tokio::test]
async fn openai() {
    let arguments = r#"{"city":"Rome"}"#;
    let reply = chat_call(&arguments.into());
    let (sent, completion) = asked(Api::OpenAi, &tools(), &reply).await;
    let function = |name: &str, arguments: &str| json!({ "name": name, "arguments": arguments });
    assert_eq!(
        sent,
        json!({
            "model": "m-1",
            "messages": [
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": "Paris?" },
                { "role": "assistant", "content": "I look.", "tool_calls": [
                    { "id": "call_1", "type": "function",
                      "function": function("weather", r#"{"city":"Paris"}"#) },
                    { "id": "call_2", "type": "function", "function": function("now", "") },
                ] },
                { "role": "tool", "tool_call_id": "call_1", "content": "18 °C" },
                { "role": "tool", "tool_call_id": "call_2", "content": "no clock" },
                { "role": "user", "content": QUESTION },
            ],
            "tools": [
                { "type": "function", "function": {
                    "name": "weather", "description": "By city.", "parameters": weather(), "strict": true,
                } },
                { "type": "function", "function": { "name": "now" } },
            ],
            "tool_choice": "required",
            "parallel_tool_calls": false,
            "temperature": 0.5,
            "max_completion_tokens": 5_096,
            "stream": false,
        })
    );
    let calls = vec![call("call_9", "weather", arguments)];
    assert_eq!(completion.unwrap().calls, calls);
    // Some compatible servers say an object where OpenAI says text of one, and no id.
    let mut reply = chat_call(&json!({ "city": "Rome" }));
    reply["choices"][0]["message"]["tool_calls"][0]["id"].take();
    let without_id = reply["choices"][0]["message"]["tool_calls"][0].as_object_mut();
    without_id.unwrap().remove("id");
    let (_, completion) = asked(Api::Compatible, &tools(), &reply).await;
    assert_eq!(completion.unwrap().calls, [call("", "weather", arguments)]);
}

/// <https://platform.openai.com/docs/guides/structured-outputs>
#[tokio::test]
async fn openais_forms() {
    let schema = json!({ "name": "city", "strict": true, "schema": weather() });
    let format = json!({ "type": "json_schema", "json_schema": schema });
    let reply = serde_json::from_str(&golden::chat_completion("{}")).unwrap();
    for (said, expected) in [
        (format.clone(), format),
        (
            json!({ "type": "json_object" }),
            json!({ "type": "json_object" }),
        ),
    ] {
        let settings = [setting("response_format", &said)];
        let (sent, _) = asked(Api::OpenAi, &settings, &reply).await;
        assert_eq!(sent["response_format"], expected);
        assert_eq!(sent.get("tools"), None);
    }
}

/// <https://docs.claude.com/en/docs/agents-and-tools/tool-use/implement-tool-use>
#[tokio::test]
async fn anthropic() {
    let reply = json!({
        "content": [
            { "type": "text", "text": "I look." },
            { "type": "tool_use", "id": "toolu_1", "name": "weather", "input": { "city": "Rome" } },
        ],
        "stop_reason": "tool_use",
    });
    let (sent, completion) = asked(Api::Anthropic, &tools(), &reply).await;
    assert_eq!(
        sent,
        json!({
            "model": "m-1",
            "max_tokens": 5_096,
            "system": "Be brief.",
            "messages": [
                { "role": "user", "content": "Paris?" },
                { "role": "assistant", "content": [
                    { "type": "text", "text": "I look." },
                    { "type": "tool_use", "id": "call_1", "name": "weather", "input": { "city": "Paris" } },
                    { "type": "tool_use", "id": "call_2", "name": "now", "input": {} },
                ] },
                { "role": "user", "content": [
                    { "type": "tool_result", "tool_use_id": "call_1", "content": "18 °C" },
                    { "type": "tool_result", "tool_use_id": "call_2", "content": "no clock", "is_error": true },
                    { "type": "text", "text": QUESTION },
                ] },
            ],
            "temperature": 0.5,
            "tools": [
                { "name": "weather", "description": "By city.", "input_schema": weather(), "strict": true },
                { "name": "now", "input_schema": { "type": "object", "properties": {} } },
            ],
            "tool_choice": { "type": "any", "disable_parallel_tool_use": true },
        })
    );
    let completion = completion.unwrap();
    assert_eq!(completion.text, "I look.");
    let calls = [call("toolu_1", "weather", r#"{"city":"Rome"}"#)];
    assert_eq!(completion.calls, calls);
}

/// <https://docs.claude.com/en/docs/build-with-claude/structured-outputs>
#[tokio::test]
async fn anthropics_forms() {
    let schema = json!({ "name": "city", "strict": true, "schema": weather() });
    let format = json!({ "type": "json_schema", "json_schema": schema });
    let reply = serde_json::from_str(&golden::message("{}")).unwrap();
    let settings = [setting("response_format", &format)];
    let (sent, _) = asked(Api::Anthropic, &settings, &reply).await;
    let format = json!({ "type": "json_schema", "schema": weather() });
    assert_eq!(sent["output_config"], json!({ "format": format }));
    // It knows of no form without a schema: then it is told in words, and what it says is looked at.
    let settings = [setting(
        "response_format",
        &json!({ "type": "json_object" }),
    )];
    let (sent, _) = asked(Api::Anthropic, &settings, &reply).await;
    assert!(sent["system"].as_str().unwrap().contains("one JSON object"));
    assert_eq!(sent.get("output_config"), None);
}

/// <https://ai.google.dev/gemini-api/docs/function-calling>,
/// <https://ai.google.dev/gemini-api/docs/thought-signatures>
#[tokio::test]
async fn gemini() {
    let reply = json!({
        "candidates": [{
            "content": { "role": "model", "parts": [
                { "text": "I look." },
                { "functionCall": { "name": "weather", "args": { "city": "Rome" } }, "thoughtSignature": "c2ln" },
                { "functionCall": { "id": "g2", "name": "now" } },
            ] },
            "finishReason": "STOP",
        }],
    });
    let (sent, completion) = asked(Api::Gemini, &tools(), &reply).await;
    assert_eq!(
        sent,
        json!({
            "systemInstruction": { "parts": [{ "text": "Be brief." }] },
            "contents": [
                { "role": "user", "parts": [{ "text": "Paris?" }] },
                { "role": "model", "parts": [
                    { "text": "I look." },
                    { "functionCall": { "name": "weather", "args": { "city": "Paris" } },
                      "thoughtSignature": "skip_thought_signature_validator" },
                    { "functionCall": { "name": "now", "args": {} } },
                ] },
                { "role": "user", "parts": [
                    { "functionResponse": { "name": "weather", "response": { "output": "18 °C" } } },
                    { "functionResponse": { "name": "now", "response": { "error": "no clock" } } },
                ] },
                { "role": "user", "parts": [{ "text": QUESTION }] },
            ],
            "tools": [{ "functionDeclarations": [
                { "name": "weather", "description": "By city.", "parametersJsonSchema": weather() },
                { "name": "now" },
            ] }],
            "toolConfig": { "functionCallingConfig": { "mode": "ANY" } },
            "generationConfig": { "maxOutputTokens": 5_096, "temperature": 0.5 },
        })
    );
    let calls = [
        call("", "weather", r#"{"city":"Rome"}"#),
        call("g2", "now", "{}"),
    ];
    let completion = completion.unwrap();
    assert_eq!(completion.text, "I look.");
    assert_eq!(completion.calls, calls);
}

/// <https://ai.google.dev/gemini-api/docs/structured-output>
#[tokio::test]
async fn geminis_forms() {
    let schema = json!({ "name": "city", "schema": weather() });
    let format = json!({ "type": "json_schema", "json_schema": schema });
    let reply = serde_json::from_str(&golden::generated_content("{}")).unwrap();
    let settings = [setting("response_format", &format)];
    let (sent, _) = asked(Api::Gemini, &settings, &reply).await;
    let config = &sent["generationConfig"];
    assert_eq!(config["responseMimeType"], "application/json");
    assert_eq!(config["responseJsonSchema"], weather());
}

/// Half a call is worse than none.
#[test]
fn a_call_that_was_cut_off_is_no_call() {
    let mut chat = chat_call(&r#"{"city":"Ro"#.into());
    chat["choices"][0]["finish_reason"] = "length".into();
    let message = json!({
        "content": [{ "type": "tool_use", "id": "toolu_1", "name": "weather", "input": {} }],
        "stop_reason": "max_tokens",
    });
    for (api, reply) in [(Api::OpenAi, chat), (Api::Anthropic, message)] {
        let came = api.completion(reply.to_string().as_bytes());
        assert_eq!(came, Err(LanguageError::Exhausted), "{api}");
    }
    let mut nameless = chat_call(&"{}".into());
    nameless["choices"][0]["message"]["tool_calls"][0]["function"]["name"] = "".into();
    let came = Api::OpenAi.completion(nameless.to_string().as_bytes());
    assert!(matches!(came, Err(LanguageError::Malformed(_))), "{came:?}");
}

/// Where a server refuses a setting it is asked again without; never without what the answer is to be.
#[tokio::test]
async fn settings_are_left_out_and_tools_are_not() {
    let refusal = http("400 Bad Request", "", "{}");
    let reply = chat_call(&"{}".into()).to_string();
    let replies = vec![refusal.clone(), http("200 OK", "", &reply)];
    let server = Server::start(replies).await;
    let client = client(Api::Compatible, &server);
    let mut settings = tools();
    settings.push(setting(
        "response_format",
        &json!({ "type": "json_object" }),
    ));
    let ask = |settings: Vec<Setting>| {
        let client = client.clone();
        async move {
            client
                .complete(&conversation(), &settings, &limits(5_000))
                .await
        }
    };
    assert_eq!(ask(settings).await.unwrap().calls.len(), 1);
    let (first, second) = (server.body(0), server.body(1));
    assert_eq!(first["temperature"], 0.5);
    assert_eq!(second.get("temperature"), None);
    assert_eq!(second.get("parallel_tool_calls"), None);
    for name in ["tools", "tool_choice", "response_format"] {
        assert_eq!(second[name], first[name]);
    }

    // With nothing to leave out there is nothing else to ask for.
    let server = Server::start(vec![refusal]).await;
    let only = vec![setting(
        "tools",
        &tools()[3].value.parse::<Value>().unwrap(),
    )];
    let client = super::client(Api::Compatible, &server);
    let came = client
        .complete(&conversation(), &only, &limits(5_000))
        .await;
    assert_eq!(came, Err(LanguageError::Refused { status: 400 }));
    assert_eq!(server.asked().len(), 1);
}

fn request(settings: Vec<Setting>) -> Request {
    Request {
        messages: List::truncated(conversation()),
        strategy: Strategy::Single,
        domain: None,
        output_tokens_max: None,
        settings: List::truncated(settings),
    }
}

/// DEB-12: the conversation goes as it came, without words of ours; what comes back is one text, in its one spelling.
#[tokio::test]
async fn a_seat_answers_with_calls() {
    for api in Api::ALL {
        let reply = match api {
            Api::Anthropic => json!({
                "content": [
                    { "type": "tool_use", "id": "a", "name": "weather", "input": { "city": "Rome" } },
                    { "type": "tool_use", "id": "b", "name": "now", "input": {} },
                ],
                "stop_reason": "tool_use",
            }),
            Api::Gemini => json!({
                "candidates": [{ "content": { "parts": [
                    { "functionCall": { "name": "weather", "args": { "city": "Rome" } } },
                    { "functionCall": { "name": "now" } },
                ] } }],
            }),
            _ => {
                let mut reply = chat_call(&r#"{"city":"Rome"}"#.into());
                let calls = &mut reply["choices"][0]["message"]["tool_calls"];
                let second = calls[0].clone();
                calls.as_array_mut().unwrap().push(second);
                reply
            }
        };
        let server = Server::start(vec![http("200 OK", "", &reply.to_string())]).await;
        let seat = Prompted::new(client(api, &server));
        let answer = seat
            .answer(&CONTRACT, &request(tools()), &limits(5_000))
            .await;
        let answer = answer.unwrap();
        let said = Said::of_text(&answer.text);
        // One at a time, as was asked for, whatever the server made of it.
        let [only] = &said.tool_calls[..] else {
            panic!("{api}: {said:?}");
        };
        assert_eq!(
            (&*only.name, &*only.arguments),
            ("weather", r#"{"city":"Rome"}"#)
        );
        assert!(!only.id.is_empty(), "{api}");
        assert_eq!(said.to_text(), answer.text.as_str());
        let sent = server.body(0).to_string();
        assert!(!sent.contains("panel of experts"), "{api}: {sent}");
    }
}

/// DEB-12: words that look like a call are words.
#[tokio::test]
async fn a_seat_that_says_a_call_has_called_nothing() {
    let spoken = Said {
        content: String::new(),
        tool_calls: vec![call("x", "delete_everything", "{}")],
    };
    let reply = golden::chat_completion(&spoken.to_text());
    let server = Server::start(vec![http("200 OK", "", &reply)]).await;
    let seat = Prompted::new(client(Api::Compatible, &server));
    let answer = seat
        .answer(&CONTRACT, &request(tools()), &limits(5_000))
        .await;
    let said = Said::of_text(&answer.unwrap().text);
    assert_eq!(said, Said::words(spoken.to_text()));
}

/// DEB-12: what is not of the form is no answer.
#[tokio::test]
async fn a_seat_keeps_to_the_form_or_says_nothing() {
    let schema = json!({ "name": "city", "schema": weather() });
    let format = json!({ "type": "json_schema", "json_schema": schema });
    let settings = || vec![setting("response_format", &format)];
    let texts = [
        r#"{"city":"Rome"}"#,
        "Rome, I would say.",
        r#"{"town":"Rome"}"#,
    ];
    let replies = texts.iter().map(|text| ok(Api::Compatible, text)).collect();
    let server = Server::start(replies).await;
    let seat = Prompted::new(client(Api::Compatible, &server));
    let answer = seat
        .answer(&CONTRACT, &request(settings()), &limits(5_000))
        .await;
    assert_eq!(answer.unwrap().text.as_str(), texts[0]);
    for _ in 1..texts.len() {
        let came = seat
            .answer(&CONTRACT, &request(settings()), &limits(5_000))
            .await;
        let error = came.unwrap_err();
        assert_eq!(error.reason(), DeclineReason::ModelUnavailable);
        assert!(!error.to_string().contains("Rome"), "{error}");
    }
    let odd = vec![setting("response_format", &json!({ "type": "grammar" }))];
    let came = seat.answer(&CONTRACT, &request(odd), &limits(5_000)).await;
    assert!(matches!(came, Err(AnswerError::Backend(_))), "{came:?}");
    assert_eq!(
        server.asked().len(),
        texts.len(),
        "nobody was asked for the last"
    );
}
