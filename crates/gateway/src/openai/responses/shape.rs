//! The JSON of a response.

use llmnet_types::tool::ToolCall;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    answer::{Called, Head, called, has_words},
    error::{ApiError, Ours},
    llmnet::account::Account,
    openai::annotation::{self, OfResponse},
    port::{Answered, Usage},
};

/// What a request said of itself, and its response repeats.
#[derive(Debug, Clone)]
pub(super) struct Echo {
    pub(super) instructions: Option<String>,
    pub(super) max_output_tokens: Option<u32>,
    pub(super) metadata: Map<String, Value>,
    pub(super) reasoning_effort: Option<String>,
    pub(super) temperature: Option<f64>,
    pub(super) top_p: Option<f64>,
    pub(super) tools: Vec<Value>,
    pub(super) tool_choice: Option<Value>,
    pub(super) parallel_tool_calls: Option<bool>,
    pub(super) format: Value,
}

impl Echo {
    /// Which tools might be called: none where there are none.
    fn tool_choice(&self) -> Value {
        let none = self.tools.is_empty();
        let said = self.tool_choice.clone().filter(|_| !none);
        said.unwrap_or_else(|| if none { "none" } else { "auto" }.into())
    }
}

/// A response at some moment.
#[derive(Serialize)]
pub(super) struct Response<'a> {
    id: &'a str,
    object: &'static str,
    created_at: u64,
    status: &'static str,
    background: bool,
    error: Option<Failure<'a>>,
    incomplete_details: Option<Incomplete>,
    instructions: Option<&'a str>,
    max_output_tokens: Option<u32>,
    max_tool_calls: Option<()>,
    model: &'a str,
    output: Vec<Item<'a>>,
    parallel_tool_calls: bool,
    previous_response_id: Option<()>,
    reasoning: Reasoning<'a>,
    store: bool,
    temperature: Option<f64>,
    text: TextConfig<'a>,
    tool_choice: Value,
    tools: &'a [Value],
    top_logprobs: u8,
    top_p: Option<f64>,
    truncation: &'static str,
    usage: Option<UsageShape>,
    user: Option<()>,
    metadata: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    llmnet: Option<About<'a>>,
}

impl<'a> Response<'a> {
    /// Nothing is known yet.
    pub(super) fn begun(head: &'a Head, echo: &'a Echo) -> Self {
        Self {
            id: &head.id,
            object: "response",
            created_at: head.created,
            status: "in_progress",
            background: false,
            error: None,
            incomplete_details: None,
            instructions: echo.instructions.as_deref(),
            max_output_tokens: echo.max_output_tokens,
            max_tool_calls: None,
            model: &head.model,
            output: Vec::new(),
            parallel_tool_calls: !echo.tools.is_empty() && echo.parallel_tool_calls != Some(false),
            previous_response_id: None,
            reasoning: Reasoning {
                effort: echo.reasoning_effort.as_deref(),
                summary: None,
            },
            store: false,
            temperature: echo.temperature,
            text: TextConfig {
                format: &echo.format,
            },
            tool_choice: echo.tool_choice(),
            tools: &echo.tools,
            top_logprobs: 0,
            top_p: echo.top_p,
            truncation: "disabled",
            usage: None,
            user: None,
            metadata: &echo.metadata,
            llmnet: None,
        }
    }

    /// Answered, if only as far as a cap on tokens let it.
    pub(super) fn ended(head: &'a Head, echo: &'a Echo, answered: &'a Answered) -> Self {
        Self {
            status: status(answered),
            incomplete_details: answered.truncated.then_some(Incomplete {
                reason: "max_output_tokens",
            }),
            output: {
                let words = has_words(answered).then(|| Item::of(head, answered));
                let calls = called(answered).map(|called| Item::call(head, &called));
                words.into_iter().chain(calls).collect()
            },
            usage: Some(UsageShape::of(answered.usage)),
            llmnet: Some(About::Answer(Box::new(Account::of(answered)))),
            ..Self::begun(head, echo)
        }
    }

    /// Failed on the way.
    pub(super) fn failed(head: &'a Head, echo: &'a Echo, error: &'a ApiError) -> Self {
        Self {
            status: "failed",
            error: Some(Failure::of(error)),
            llmnet: Some(About::Failure(error.ours())),
            ..Self::begun(head, echo)
        }
    }
}

/// How an answer ended.
pub(super) fn status(answered: &Answered) -> &'static str {
    if answered.truncated {
        "incomplete"
    } else {
        "completed"
    }
}

/// What is ours in a response.
#[derive(Serialize)]
#[serde(untagged)]
enum About<'a> {
    Answer(Box<Account<'a>>),
    Failure(Ours<'a>),
}

/// An error within a response: OpenAI has few codes for it, and clients read no others.
#[derive(Serialize)]
struct Failure<'a> {
    code: &'static str,
    message: &'a str,
}

impl<'a> Failure<'a> {
    fn of(error: &'a ApiError) -> Self {
        let code = match error.status().as_u16() {
            429 => "rate_limit_exceeded",
            400..=499 => "invalid_prompt",
            _ => "server_error",
        };
        Self {
            code,
            message: error.message(),
        }
    }
}

#[derive(Serialize)]
struct Incomplete {
    reason: &'static str,
}

#[derive(Serialize)]
struct Reasoning<'a> {
    effort: Option<&'a str>,
    summary: Option<()>,
}

#[derive(Serialize)]
struct TextConfig<'a> {
    format: &'a Value,
}

/// A part of what is answered: words, or a tool that is called.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Item<'a> {
    Message(Message<'a>),
    Call(FunctionCall<'a>),
}

/// The one message of an answer.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    status: &'static str,
    role: &'static str,
    content: Vec<Part<'a>>,
}

/// A function that the client is to run.
#[derive(Serialize)]
pub(super) struct FunctionCall<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    status: &'static str,
    call_id: &'a str,
    name: &'a str,
    arguments: &'a str,
}

/// The message within a response has an id of its own.
pub(super) fn message_id(head: &Head) -> String {
    head.id.replacen("resp_", "msg_", 1)
}

/// And so has each call.
pub(super) fn call_id(head: &Head, place: usize) -> String {
    format!("{}_{place}", head.id.replacen("resp_", "fc_", 1))
}

impl<'a> Item<'a> {
    pub(super) fn begun(head: &Head) -> Self {
        Self::Message(Message::begun(head))
    }

    pub(super) fn of(head: &Head, answered: &'a Answered) -> Self {
        Self::Message(Message {
            status: status(answered),
            content: vec![Part::of(answered)],
            ..Message::begun(head)
        })
    }

    /// A call of which only the tool is told yet.
    pub(super) fn call_begun(head: &Head, called: &Called<'a>) -> Self {
        Self::Call(FunctionCall {
            status: "in_progress",
            arguments: "",
            ..FunctionCall::of(head, called.place, called.call)
        })
    }

    pub(super) fn call(head: &Head, called: &Called<'a>) -> Self {
        Self::Call(FunctionCall::of(head, called.place, called.call))
    }
}

impl Message<'_> {
    fn begun(head: &Head) -> Self {
        Self {
            id: message_id(head),
            kind: "message",
            status: "in_progress",
            role: "assistant",
            content: Vec::new(),
        }
    }
}

impl<'a> FunctionCall<'a> {
    fn of(head: &Head, place: usize, call: &'a ToolCall) -> Self {
        Self {
            id: call_id(head, place),
            kind: "function_call",
            status: "completed",
            call_id: &call.id,
            name: &call.name,
            arguments: &call.arguments,
        }
    }
}

/// Its text.
#[derive(Serialize)]
pub(super) struct Part<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    annotations: Vec<OfResponse<'a>>,
    logprobs: [(); 0],
    text: &'a str,
}

impl<'a> Part<'a> {
    pub(super) fn begun() -> Self {
        Self {
            kind: "output_text",
            annotations: Vec::new(),
            logprobs: [],
            text: "",
        }
    }

    pub(super) fn of(answered: &'a Answered) -> Self {
        Self {
            annotations: annotation::of_response(answered),
            text: &answered.text,
            ..Self::begun()
        }
    }
}

/// Tokens of all seats together; nothing is cached, and of thinking nothing is known.
#[derive(Serialize)]
struct UsageShape {
    input_tokens: u32,
    input_tokens_details: InputDetails,
    output_tokens: u32,
    output_tokens_details: OutputDetails,
    total_tokens: u64,
}

#[derive(Serialize)]
struct InputDetails {
    cached_tokens: u32,
    cache_write_tokens: u32,
}

#[derive(Serialize)]
struct OutputDetails {
    reasoning_tokens: u32,
}

impl UsageShape {
    fn of(usage: Usage) -> Self {
        let (input, output) = (usage.prompt_tokens.0, usage.completion_tokens.0);
        Self {
            input_tokens: input,
            input_tokens_details: InputDetails {
                cached_tokens: 0,
                cache_write_tokens: 0,
            },
            output_tokens: output,
            output_tokens_details: OutputDetails {
                reasoning_tokens: 0,
            },
            total_tokens: u64::from(input) + u64::from(output),
        }
    }
}
