//! The JSON of completions and chunks.
//!
//! ```text
//! data: {… "delta":{"role":"assistant","content":""} …}
//! data: {… "delta":{"content":"…"} …}
//! data: {… "delta":{"tool_calls":[{"index":0, "id":…, "function":{"name":…, "arguments":""}}]} …}
//! data: {… "delta":{"tool_calls":[{"index":0, "function":{"arguments":"…"}}]} …}
//! data: {… "delta":{"annotations":[…]}, "finish_reason":"stop" … "llmnet":{…}}
//! data: {… "choices":[], "usage":{…}}    only if asked for
//! data: [DONE]
//! ```
//!
//! What fails on the way is `data: {"error":{…}}` and the end, without `[DONE]`.

use serde::Serialize;

use llmnet_types::tool::ToolCall;

use crate::{
    answer::{Called, Head, Voice, has_words},
    error::ApiError,
    json,
    llmnet::account::Account,
    openai::annotation::{self, OfChat},
    port::{Answered, Usage},
};

/// Chat completions.
pub(super) struct Chat {
    pub(super) include_usage: bool,
}

impl Chat {
    fn delta(&self, head: &Head, delta: Delta<'_>) -> String {
        data(&Chunk::delta(head, delta, self.include_usage))
    }

    fn content(&self, head: &Head, content: &str) -> String {
        let delta = Delta {
            content: Some(content),
            ..Delta::default()
        };
        self.delta(head, delta)
    }
}

impl Voice for Chat {
    fn id(&self, unique: &str) -> String {
        format!("chatcmpl-{unique}")
    }

    fn whole(&mut self, head: &Head, answered: &Answered) -> String {
        json::text(&Completion::of(head, answered))
    }

    fn opening(&mut self, head: &Head) -> String {
        let delta = Delta {
            role: Some("assistant"),
            content: Some(""),
            ..Delta::default()
        };
        self.delta(head, delta)
    }

    fn silence(&mut self, head: &Head) -> String {
        self.content(head, "")
    }

    fn piece(&mut self, head: &Head, piece: &str) -> String {
        self.content(head, piece)
    }

    fn call_begins(&mut self, head: &Head, called: &Called<'_>) -> String {
        let delta = Delta {
            tool_calls: Some([CallDelta {
                index: called.place,
                call: Some(Named {
                    id: &called.call.id,
                    kind: "function",
                }),
                function: FunctionDelta {
                    name: Some(&called.call.name),
                    arguments: "",
                },
            }]),
            ..Delta::default()
        };
        self.delta(head, delta)
    }

    fn call_piece(&mut self, head: &Head, called: &Called<'_>, piece: &str) -> String {
        let delta = Delta {
            tool_calls: Some([CallDelta {
                index: called.place,
                call: None,
                function: FunctionDelta {
                    name: None,
                    arguments: piece,
                },
            }]),
            ..Delta::default()
        };
        self.delta(head, delta)
    }

    fn end(&mut self, head: &Head, answered: &Answered) -> String {
        let mut end = data(&Chunk::last(head, answered, self.include_usage));
        if self.include_usage {
            end.push_str(&data(&Chunk::usage(head, answered.usage)));
        }
        end.push_str("data: [DONE]\n\n");
        end
    }

    fn failure(&mut self, _head: &Head, error: &ApiError, _call_id: &str) -> String {
        format!("data: {}\n\n", error.json())
    }
}

fn data(chunk: &Chunk<'_>) -> String {
    format!("data: {}\n\n", json::text(chunk))
}

/// Why an answer ended.
fn finish_reason(answered: &Answered) -> &'static str {
    match answered {
        answered if answered.truncated => "length",
        answered if answered.calls.is_empty() => "stop",
        _ => "tool_calls",
    }
}

/// An answer of one piece.
#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [Choice<'a>; 1],
    usage: UsageShape,
    llmnet: Account<'a>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u8,
    message: Message<'a>,
    logprobs: Option<()>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    /// Null where it only calls tools.
    content: Option<&'a str>,
    refusal: Option<()>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<OfChat<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
}

/// A function that the client is to run.
#[derive(Serialize)]
struct Call<'a> {
    #[serde(flatten)]
    named: Named<'a>,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Named<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: &'a str,
}

impl<'a> Call<'a> {
    fn of(call: &'a ToolCall) -> Self {
        Self {
            named: Named {
                id: &call.id,
                kind: "function",
            },
            function: Function {
                name: &call.name,
                arguments: &call.arguments,
            },
        }
    }
}

impl<'a> Completion<'a> {
    fn of(head: &'a Head, answered: &'a Answered) -> Self {
        Self {
            id: &head.id,
            object: "chat.completion",
            created: head.created,
            model: &head.model,
            choices: [Choice {
                index: 0,
                message: Message {
                    role: "assistant",
                    content: has_words(answered).then_some(&*answered.text),
                    refusal: None,
                    annotations: annotation::of_chat(answered),
                    tool_calls: answered.calls.iter().map(Call::of).collect(),
                },
                logprobs: None,
                finish_reason: finish_reason(answered),
            }],
            usage: UsageShape::of(answered.usage),
            llmnet: Account::of(answered),
        }
    }
}

/// A piece of a streamed answer.
#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    /// Empty with the usage and never else: clients look at the first without asking.
    choices: Vec<ChunkChoice<'a>>,
    /// Absent where nobody asked, null until the end where somebody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<UsageShape>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    llmnet: Option<Account<'a>>,
}

#[derive(Serialize)]
struct ChunkChoice<'a> {
    index: u8,
    delta: Delta<'a>,
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
}

/// What a chunk adds.
#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[CallDelta<'a>; 1]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<OfChat<'a>>,
}

/// What a chunk adds to a call: all that names it with the first, then what it is called with.
#[derive(Serialize)]
struct CallDelta<'a> {
    index: usize,
    #[serde(flatten)]
    call: Option<Named<'a>>,
    function: FunctionDelta<'a>,
}

#[derive(Serialize)]
struct FunctionDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

impl<'a> Chunk<'a> {
    fn new(head: &'a Head, choices: Vec<ChunkChoice<'a>>, include_usage: bool) -> Self {
        Self {
            id: &head.id,
            object: "chat.completion.chunk",
            created: head.created,
            model: &head.model,
            choices,
            usage: include_usage.then_some(None),
            llmnet: None,
        }
    }

    /// More of the answer.
    fn delta(head: &'a Head, delta: Delta<'a>, include_usage: bool) -> Self {
        let choice = ChunkChoice {
            index: 0,
            delta,
            logprobs: None,
            finish_reason: None,
        };
        Self::new(head, vec![choice], include_usage)
    }

    /// The end of the answer, with the account of it.
    fn last(head: &'a Head, answered: &'a Answered, include_usage: bool) -> Self {
        let choice = ChunkChoice {
            index: 0,
            delta: Delta {
                annotations: annotation::of_chat(answered),
                ..Delta::default()
            },
            logprobs: None,
            finish_reason: Some(finish_reason(answered)),
        };
        Self {
            llmnet: Some(Account::of(answered)),
            ..Self::new(head, vec![choice], include_usage)
        }
    }

    /// What was read and written.
    fn usage(head: &'a Head, usage: Usage) -> Self {
        Self {
            usage: Some(Some(UsageShape::of(usage))),
            ..Self::new(head, Vec::new(), true)
        }
    }
}

#[derive(Serialize)]
struct UsageShape {
    prompt_tokens: u32,
    completion_tokens: u32,
    total_tokens: u64,
}

impl UsageShape {
    fn of(usage: Usage) -> Self {
        let (prompt, completion) = (usage.prompt_tokens.0, usage.completion_tokens.0);
        Self {
            prompt_tokens: prompt,
            completion_tokens: completion,
            total_tokens: u64::from(prompt) + u64::from(completion),
        }
    }
}
