//! The JSON of completions and chunks.

use serde::Serialize;

use crate::{
    llmnet::account::Account,
    port::{Answered, Usage},
};

/// What stays the same over all chunks of a stream, and in the answer of one piece.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) id: String,
    /// Seconds since 1970.
    pub(super) created: u64,
    pub(super) model: String,
}

/// Why an answer ended.
pub(super) fn finish_reason(answered: &Answered) -> &'static str {
    if answered.truncated { "length" } else { "stop" }
}

/// An answer of one piece.
#[derive(Serialize)]
pub(super) struct Completion<'a> {
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
    pub(super) fn of(head: &'a Head, answered: &'a Answered) -> Self {
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
pub(super) struct Chunk<'a> {
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
pub(super) struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<&'a str>,
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
    pub(super) fn delta(head: &'a Head, delta: Delta<'a>, include_usage: bool) -> Self {
        let choice = ChunkChoice {
            index: 0,
            delta,
            logprobs: None,
            finish_reason: None,
        };
        Self::new(head, vec![choice], include_usage)
    }

    /// The end of the answer, with the account of it.
    pub(super) fn last(head: &'a Head, answered: &'a Answered, include_usage: bool) -> Self {
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
    pub(super) fn usage(head: &'a Head, usage: Usage) -> Self {
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
