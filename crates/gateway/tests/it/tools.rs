//! Tools and forms, of one model alone: in all three dialects, at once and streamed (DEB-12).

use expect_test::expect;
use llmnet_types::tool::Said;
use serde_json::{Value, json};

use crate::client::{Reply, Server, steady};

const QUESTION: &str = "What is the weather in Paris?";

fn schema() -> Value {
    json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]})
}

/// A chat completion's body, with further fields.
fn chat(question: &str, more: Value) -> String {
    let body = json!({
        "model": "llmnet/single",
        "messages": [{"role": "user", "content": question}],
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": schema()}}],
    });
    merged(body, more)
}

fn response(question: &str, more: Value) -> String {
    let body = json!({
        "model": "llmnet/single",
        "input": question,
        "tools": [{"type": "function", "name": "weather", "parameters": schema(), "strict": false}],
    });
    merged(body, more)
}

fn message(question: &str, more: Value) -> String {
    let body = json!({
        "model": "llmnet/single",
        "max_tokens": 99,
        "messages": [{"role": "user", "content": question}],
        "tools": [{"name": "weather", "input_schema": schema()}],
    });
    merged(body, more)
}

fn merged(mut body: Value, more: Value) -> String {
    let Value::Object(more) = more else {
        panic!("no fields: {more}");
    };
    body.as_object_mut().unwrap().extend(more);
    body.to_string()
}

/// The events of a stream, without comments and accounts.
fn events(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.body);
    let text = steady(&reply.body);
    let lines = text.lines().filter(|line| line.starts_with("data:"));
    let lines = lines.map(|line| match line.split_once(",\"llmnet\":") {
        Some((line, _)) => format!("{line} …\n"),
        None => format!("{line}\n"),
    });
    lines.collect()
}

/// The request as it reached the node.
fn echoed(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.body);
    let answer = reply.json();
    let texts = [
        "/choices/0/message/content",
        "/output/0/content/0/text",
        "/content/0/text",
    ];
    let text = texts.iter().find_map(|path| answer.pointer(path)?.as_str());
    serde_json::from_str(text.expect("an answer")).unwrap()
}

/// A setting of a request, as JSON.
fn setting(request: &Value, name: &str) -> Value {
    let settings = request["settings"].as_array().unwrap();
    let setting = settings.iter().find(|setting| setting["name"] == name);
    let value = setting.unwrap_or_else(|| panic!("no {name}: {request}"));
    serde_json::from_str(value["value"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn a_chat_completion_calls_tools() {
    let server = Server::start().await;
    let reply = server.post(chat(QUESTION, json!({}))).await;
    let choice = &reply.json()["choices"][0];
    expect![[r#"{"finish_reason":"tool_calls","index":0,"logprobs":null,"message":{"content":null,"refusal":null,"role":"assistant","tool_calls":[{"function":{"arguments":"{\"city\":\"Paris\",\"unit\":\"degrees Celsius, as everywhere else in the world\"}","name":"weather"},"id":"call_0","type":"function"}]}}"#]]
    .assert_eq(&choice.to_string());

    let reply = server
        .post(chat(
            "Is it warmer in Paris or in Rome?",
            json!({"stream": true}),
        ))
        .await;
    expect![[r#"
        data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":…,"model":"llmnet/single","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}
        data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":…,"model":"llmnet/single","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_0","type":"function","function":{"name":"weather","arguments":""}}]},"logprobs":null,"finish_reason":null}]}
        data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":…,"model":"llmnet/single","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"city\":\"Paris\",\"unit\":\"degrees Celsius, as everywhere else in the "}}]},"logprobs":null,"finish_reason":null}]}
        data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":…,"model":"llmnet/single","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"world\"}"}}]},"logprobs":null,"finish_reason":null}]}
        data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":…,"model":"llmnet/single","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"call_1","type":"function","function":{"name":"weather","arguments":""}}]},"logprobs":null,"finish_reason":null}]}
        data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":…,"model":"llmnet/single","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"arguments":"{\"city\":\"Rome\",\"unit\":\"degrees Celsius, as everywhere else in the "}}]},"logprobs":null,"finish_reason":null}]}
        data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":…,"model":"llmnet/single","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"arguments":"world\"}"}}]},"logprobs":null,"finish_reason":null}]}
        data: {"id":"chatcmpl-…","object":"chat.completion.chunk","created":…,"model":"llmnet/single","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"tool_calls"}] …
        data: [DONE]
    "#]].assert_eq(&events(&reply));
}

#[tokio::test]
async fn a_response_calls_tools() {
    let server = Server::start().await;
    let reply = server
        .send("/v1/responses", &response(QUESTION, json!({})))
        .await;
    let answer = reply.json();
    assert_eq!(answer["status"], "completed");
    assert_eq!(answer["tool_choice"], "auto");
    assert_eq!(answer["parallel_tool_calls"], true);
    assert_eq!(answer["tools"][0]["name"], "weather");
    let output = steady(&answer["output"].to_string());
    assert!(output.contains(r#""call_id":"call_0""#), "{output}");
    assert_eq!(answer["output"].as_array().unwrap().len(), 1);

    let streamed = response(QUESTION, json!({"stream": true}));
    let reply = server.send("/v1/responses", &streamed).await;
    let told = events(&reply);
    let of_output = told.lines().filter(|line| line.contains("output_index"));
    let of_output: String = of_output.map(|line| format!("{line}\n")).collect();
    expect![[r#"
        data: {"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":{"id":"fc_…_0","type":"function_call","status":"in_progress","call_id":"call_0","name":"weather","arguments":""}}
        data: {"type":"response.function_call_arguments.delta","sequence_number":3,"item_id":"fc_…_0","output_index":0,"delta":"{\"city\":\"Paris\",\"unit\":\"degrees Celsius, as everywhere else in the "}
        data: {"type":"response.function_call_arguments.delta","sequence_number":4,"item_id":"fc_…_0","output_index":0,"delta":"world\"}"}
        data: {"type":"response.function_call_arguments.done","sequence_number":5,"item_id":"fc_…_0","output_index":0,"name":"weather","arguments":"{\"city\":\"Paris\",\"unit\":\"degrees Celsius, as everywhere else in the world\"}"}
        data: {"type":"response.output_item.done","sequence_number":6,"output_index":0,"item":{"id":"fc_…_0","type":"function_call","status":"completed","call_id":"call_0","name":"weather","arguments":"{\"city\":\"Paris\",\"unit\":\"degrees Celsius, as everywhere else in the world\"}"}}
    "#]].assert_eq(&of_output);
    assert!(
        told.lines().last().unwrap().contains("response.completed"),
        "{told}"
    );
}

#[tokio::test]
async fn a_message_calls_tools() {
    let server = Server::start().await;
    let reply = server
        .send("/v1/messages", &message(QUESTION, json!({})))
        .await;
    let answer = reply.json();
    assert_eq!(answer["stop_reason"], "tool_use");
    expect![[r#"[{"id":"call_0","input":{"city":"Paris","unit":"degrees Celsius, as everywhere else in the world"},"name":"weather","type":"tool_use"}]"#]].assert_eq(&answer["content"].to_string());

    let streamed = message("Is it warmer in Paris or in Rome?", json!({"stream": true}));
    let reply = server.send("/v1/messages", &streamed).await;
    expect![[r#"
        data: {"type":"message_start","message":{"id":"msg_…","type":"message","role":"assistant","model":"llmnet/single","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":0,"output_tokens":0}}}
        data: {"type":"ping"}
        data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"call_0","name":"weather","input":{}}}
        data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"city\":\"Paris\",\"unit\":\"degrees Celsius, as everywhere else in the "}}
        data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"world\"}"}}
        data: {"type":"content_block_stop","index":0}
        data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"call_1","name":"weather","input":{}}}
        data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"city\":\"Rome\",\"unit\":\"degrees Celsius, as everywhere else in the "}}
        data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"world\"}"}}
        data: {"type":"content_block_stop","index":1}
        data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":120,"output_tokens":36} …
        data: {"type":"message_stop"}
    "#]].assert_eq(&events(&reply));
}

/// What is said again is what was said: the node is told the same whoever spells it.
#[tokio::test]
async fn conversations_with_tools_reach_the_node_alike() {
    let server = Server::start().await;
    let arguments = r#"{"city":"Paris"}"#;
    let call = json!({"id": "call_1", "type": "function",
        "function": {"name": "weather", "arguments": arguments}});
    let of_chat = json!({
        "messages": [
            {"role": "user", "content": "echo"},
            {"role": "assistant", "content": "I look.", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "18"}]},
        ],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "parallel_tool_calls": false,
    });
    let of_responses = json!({
        "input": [
            {"role": "user", "content": "echo"},
            {"type": "reasoning", "summary": []},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
            {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": arguments},
            {"type": "function_call_output", "call_id": "call_1", "output": "18"},
        ],
        "tool_choice": {"type": "function", "name": "weather"},
        "parallel_tool_calls": false,
    });
    let of_messages = json!({
        "messages": [
            {"role": "user", "content": "echo"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Paris"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "18"}]},
            ]},
        ],
        "tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": true},
    });
    let mut told = Vec::new();
    for (path, body) in [
        ("/v1/chat/completions", chat("echo", of_chat)),
        ("/v1/responses", response("echo", of_responses)),
        ("/v1/messages", message("echo", of_messages)),
    ] {
        let request = echoed(&server.send(path, &body).await);
        let choice = json!({"type": "function", "function": {"name": "weather"}});
        assert_eq!(setting(&request, "tool_choice"), choice, "{path}");
        assert_eq!(setting(&request, "parallel_tool_calls"), json!(false));
        let tool = &setting(&request, "tools")[0];
        assert_eq!(tool["type"], "function", "{path}");
        assert_eq!(tool["function"]["name"], "weather");
        assert_eq!(tool["function"]["parameters"], schema());
        let said = request["messages"][1]["content"].as_str().unwrap();
        assert_eq!(Said::of_text(said).tool_calls.len(), 1, "{path}");
        told.push(request["messages"].to_string());
    }
    expect![[r#"[{"content":"echo","role":"user"},{"content":"{\"content\":\"I look.\",\"tool_calls\":[{\"id\":\"call_1\",\"name\":\"weather\",\"arguments\":\"{\\\"city\\\":\\\"Paris\\\"}\"}]}","role":"calls"},{"content":"{\"tool_call_id\":\"call_1\",\"content\":\"18\"}","role":"tool"}]"#]]
    .assert_eq(&told[0]);
    assert!(told.iter().all(|other| *other == told[0]), "{told:#?}");
}

#[tokio::test]
async fn what_a_tool_failed_at_and_a_question_behind_it() {
    let server = Server::start().await;
    let body = message(
        "echo",
        json!({"messages": [
            {"role": "user", "content": "echo"},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "a", "name": "weather", "input": {}},
                {"type": "tool_use", "id": "b", "name": "weather", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "b", "is_error": true, "content": "no"},
                {"type": "tool_result", "tool_use_id": "a"},
                {"type": "text", "text": "echo"},
            ]},
        ]}),
    );
    let request = echoed(&server.send("/v1/messages", &body).await);
    let turns: Vec<_> = request["messages"].as_array().unwrap()[2..].to_vec();
    expect![[r#"[{"content":"{\"tool_call_id\":\"b\",\"content\":\"no\",\"failed\":true}","role":"tool"},{"content":"{\"tool_call_id\":\"a\",\"content\":\"\"}","role":"tool"},{"content":"echo","role":"user"}]"#]]
    .assert_eq(&Value::from(turns).to_string());
}

#[tokio::test]
async fn answers_have_the_form_that_was_asked_for() {
    let server = Server::start().await;
    let named = json!({"type": "json_schema",
        "json_schema": {"name": "place", "schema": schema(), "strict": true}});
    let flat = json!({"type": "json_schema", "name": "place", "schema": schema(), "strict": true});
    let bare = json!({"type": "json_schema", "schema": schema()});
    let turns = |question: &str| json!([{"role": "user", "content": question}]);
    let bodies = |question: &str| {
        [
            (
                "/v1/chat/completions",
                json!({"model": "llmnet/single", "messages": turns(question), "response_format": named}),
            ),
            (
                "/v1/responses",
                json!({"model": "llmnet/single", "input": question, "text": {"format": flat}}),
            ),
            (
                "/v1/messages",
                json!({"model": "llmnet/single", "max_tokens": 9, "messages": turns(question),
                    "output_config": {"format": bare}}),
            ),
        ]
    };
    for (path, body) in bodies("echo") {
        let request = echoed(&server.send(path, &body.to_string()).await);
        let form = setting(&request, "response_format");
        assert_eq!(form["type"], "json_schema", "{path}");
        assert_eq!(form["json_schema"]["schema"], schema(), "{path}");
        assert_eq!(form["json_schema"]["strict"], true, "{path}");
    }
    for (path, body) in bodies(QUESTION) {
        // The scripted model's answer, as text.
        let answer = echoed(&server.send(path, &body.to_string()).await);
        assert_eq!(answer["degrees"], 18, "{path}");
    }
    let (_, mut body) = bodies("echo").into_iter().next().unwrap();
    body["response_format"] = json!({"type": "json_object"});
    let request = echoed(&server.post(body.to_string()).await);
    assert_eq!(
        setting(&request, "response_format"),
        json!({"type": "json_object"})
    );
}

/// A panel is asked for neither, nor spoken to of tools.
#[tokio::test]
async fn panels_call_no_tools_and_keep_to_no_form() {
    let server = Server::start().await;
    let panel = |body: &str| body.replace("llmnet/single", "llmnet/auto");
    let said = json!({"messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "a", "arguments": ""}}]},
        {"role": "tool", "tool_call_id": "1", "content": "b"},
    ], "tools": []});
    for (path, body, field) in [
        ("/v1/chat/completions", chat("a", json!({})), "tools"),
        (
            "/v1/chat/completions",
            chat("a", said),
            "messages[1].tool_calls",
        ),
        ("/v1/responses", response("a", json!({})), "tools"),
    ] {
        let reply = server.send(path, &panel(&body)).await;
        let expected = format!("400 invalid_request_error unsupported_parameter {field}");
        assert_eq!(reply.error(), expected);
        assert!(reply.body.contains("llmnet/single"), "{}", reply.body);
    }
    let reply = server
        .send("/v1/messages", &panel(&message("a", json!({}))))
        .await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["llmnet"]["param"], "tools");
}

#[tokio::test]
async fn what_is_no_tool_and_no_turn_of_one() {
    let server = Server::start().await;
    let tool = |tool: Value| json!({"tools": [tool]});
    let function = |function: Value| tool(json!({"type": "function", "function": function}));
    let turns = |turns: &[Value]| {
        let first = json!({"role": "user", "content": "a"});
        let all = [&[first], turns].concat();
        json!({ "messages": all })
    };
    let calls = |ids: &[&str]| {
        let calls: Vec<_> = ids
            .iter()
            .map(|id| json!({"id": id, "type": "function", "function": {"name": "a", "arguments": ""}}))
            .collect();
        json!({"role": "assistant", "tool_calls": calls})
    };
    let gave = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "b"});
    let user = || json!({"role": "user", "content": "c"});
    let many: Vec<Value> = (0..129)
        .map(|_| json!({"type": "function", "function": {"name": "a"}}))
        .collect();
    let long = "x".repeat(60_000);
    for (more, expected) in [
        (json!({"tools": {}}), "invalid_type tools"),
        (json!({"tools": many}), "invalid_value tools"),
        (
            function(json!({"name": "a", "description": long})),
            "context_length_exceeded tools",
        ),
        (tool(json!({})), "missing_required_parameter tools[0].type"),
        (
            tool(json!({"type": "web_search"})),
            "unsupported_parameter tools[0].type",
        ),
        (
            tool(json!({"type": "function"})),
            "missing_required_parameter tools[0].function",
        ),
        (
            function(json!({})),
            "missing_required_parameter tools[0].function.name",
        ),
        (
            function(json!({"name": "a b"})),
            "invalid_value tools[0].function.name",
        ),
        (
            function(json!({"name": "a", "parameters": []})),
            "invalid_type tools[0].function.parameters",
        ),
        (json!({"tool_choice": "any"}), "invalid_value tool_choice"),
        (
            json!({"tools": [], "tool_choice": "required"}),
            "invalid_value tool_choice",
        ),
        (
            json!({"tool_choice": {"type": "function", "function": {"name": "other"}}}),
            "invalid_value tool_choice",
        ),
        (
            json!({"response_format": {"type": "json_schema"}}),
            "missing_required_parameter response_format.json_schema",
        ),
        (
            json!({"response_format": {"type": "grammar"}}),
            "unsupported_parameter response_format.type",
        ),
        (
            json!({"response_format": {"type": "json_schema", "json_schema": {"schema": 7}}}),
            "invalid_type response_format.json_schema.schema",
        ),
        (
            turns(&[gave("1")]),
            "invalid_value messages[1].tool_call_id",
        ),
        (turns(&[calls(&["1"]), user()]), "invalid_value messages[2]"),
        (
            turns(&[calls(&["1", "2"]), gave("1")]),
            "invalid_value messages[2]",
        ),
        (
            turns(&[calls(&["1"]), gave("1"), gave("1")]),
            "invalid_value messages[3].tool_call_id",
        ),
        (
            turns(&[calls(&[""]), gave("")]),
            "invalid_value messages[1].tool_calls",
        ),
        (turns(&[calls(&["1"])]), "invalid_value messages[1].role"),
        (
            turns(&[
                json!({"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "a"}}]}),
            ]),
            "missing_required_parameter messages[1].tool_calls[0].function.arguments",
        ),
    ] {
        let reply = server.post(chat("a", more)).await;
        assert_eq!(
            reply.error(),
            format!("400 invalid_request_error {expected}"),
            "{}",
            reply.body
        );
    }
}

/// An answer under an idempotency key is kept with its calls.
#[tokio::test]
async fn calls_are_kept_under_a_key() {
    let server = Server::start().await;
    let body = chat(QUESTION, json!({}));
    let path = "/v1/chat/completions";
    let first = server
        .send_with(path, "idempotency-key: a\r\n", &body)
        .await;
    let again = server
        .send_with(path, "idempotency-key: a\r\n", &body)
        .await;
    assert_eq!(again.header("x-llmnet-replayed"), Some("true"));
    assert_eq!(first.body, again.body);
    assert!(first.body.contains("tool_calls"));
}
