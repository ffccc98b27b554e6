//! The JSON of completions and chunks.
//!
//! ```text
//! data: {… "delta":{"role":"assistant","content":""} …}
//! data: {… "delta":{"content":"…"} …}
//! data: {… "delta":{}, "finish_reason":"stop" … "llmnet":{…}}
//! data: {… "choices":[], "usage":{…}}    only if asked for
//! data: [DONE]
//! ```
//!
//! What fails on the way is `data: {"error":{…}}` and the end, without `[DONE]`.

use serde::Serialize;

use crate::{
    answer::{Head, Voice},
    error::ApiError,
    json,
    llmnet::account::Account,
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
            role: None,
            content: Some(content),
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
        };
        self.delta(head, delta)
    }

    fn silence(&mut self, head: &Head) -> String {
        self.content(head, "")
    }

    fn piece(&mut self, head: &Head, piece: &str) -> String {
        self.content(head, piece)
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
    if answered.truncated { "length" } else { "stop" }
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
    content: &'a str,
    refusal: Option<()>,
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
                    content: &answered.text,
                    refusal: None,
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
            delta: Delta::default(),
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
