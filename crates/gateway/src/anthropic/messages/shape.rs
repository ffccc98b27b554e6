//! The JSON of messages and their events.
//!
//! ```text
//! event: message_start          a message without content; tokens are not known yet and said to be 0
//! event: ping                   at once, and whenever there is silence
//! event: content_block_start
//! event: content_block_delta    the answer, piece by piece
//! event: content_block_stop
//! event: message_delta          why it ended, all tokens, "llmnet": {…}
//! event: message_stop
//! ```
//!
//! What fails on the way is `event: error` and the end.

use serde::Serialize;

use crate::{
    answer::{Head, Voice, named},
    anthropic::error,
    error::ApiError,
    json,
    llmnet::account::Account,
    port::{Answered, Usage},
};

/// Messages.
pub(super) struct Messages;

impl Voice for Messages {
    fn id(&self, unique: &str) -> String {
        format!("msg_{unique}")
    }

    fn whole(&mut self, head: &Head, answered: &Answered) -> String {
        json::text(&Message {
            content: vec![Block::of(&answered.text)],
            stop_reason: Some(stop_reason(answered)),
            usage: UsageShape::of(answered.usage),
            llmnet: Some(Account::of(answered)),
            ..Message::begun(head)
        })
    }

    fn opening(&mut self, head: &Head) -> String {
        let kind = "message_start";
        let message = Message::begun(head);
        named(kind, &Start { kind, message }) + &ping()
    }

    fn silence(&mut self, _head: &Head) -> String {
        ping()
    }

    fn pings(&self) -> bool {
        true
    }

    fn beginning(&mut self, _head: &Head) -> String {
        let kind = "content_block_start";
        let start = BlockStart {
            kind,
            index: 0,
            content_block: Block::of(""),
        };
        named(kind, &start)
    }

    fn piece(&mut self, _head: &Head, piece: &str) -> String {
        let kind = "content_block_delta";
        let delta = TextDelta {
            kind: "text_delta",
            text: piece,
        };
        named(
            kind,
            &BlockDelta {
                kind,
                index: 0,
                delta,
            },
        )
    }

    fn end(&mut self, _head: &Head, answered: &Answered) -> String {
        let kind = "content_block_stop";
        let stop = named(kind, &BlockStop { kind, index: 0 });
        let kind = "message_delta";
        let delta = MessageDelta {
            kind,
            delta: Delta {
                stop_reason: stop_reason(answered),
                stop_sequence: None,
            },
            usage: UsageShape::of(answered.usage),
            llmnet: Account::of(answered),
        };
        let delta = named(kind, &delta);
        let kind = "message_stop";
        stop + &delta + &named(kind, &Bare { kind })
    }

    fn failure(&mut self, _head: &Head, error: &ApiError, call_id: &str) -> String {
        named("error", &error::Shape::of(error, call_id))
    }
}

fn ping() -> String {
    named("ping", &Bare { kind: "ping" })
}

fn stop_reason(answered: &Answered) -> &'static str {
    if answered.truncated {
        "max_tokens"
    } else {
        "end_turn"
    }
}

#[derive(Serialize)]
struct Message<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    model: &'a str,
    content: Vec<Block<'a>>,
    stop_reason: Option<&'static str>,
    stop_sequence: Option<()>,
    usage: UsageShape,
    #[serde(skip_serializing_if = "Option::is_none")]
    llmnet: Option<Account<'a>>,
}

impl<'a> Message<'a> {
    /// A message of which nothing is known yet.
    fn begun(head: &'a Head) -> Self {
        Self {
            id: &head.id,
            kind: "message",
            role: "assistant",
            model: &head.model,
            content: Vec::new(),
            stop_reason: None,
            stop_sequence: None,
            usage: UsageShape::of(Usage::default()),
            llmnet: None,
        }
    }
}

#[derive(Serialize)]
struct Block<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    text: &'a str,
}

impl<'a> Block<'a> {
    fn of(text: &'a str) -> Self {
        Self { kind: "text", text }
    }
}

/// Tokens of all seats together.
#[derive(Serialize)]
struct UsageShape {
    input_tokens: u32,
    output_tokens: u32,
}

impl UsageShape {
    fn of(usage: Usage) -> Self {
        Self {
            input_tokens: usage.prompt_tokens.0,
            output_tokens: usage.completion_tokens.0,
        }
    }
}

#[derive(Serialize)]
struct Start<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: Message<'a>,
}

#[derive(Serialize)]
struct BlockStart<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    index: u8,
    content_block: Block<'a>,
}

#[derive(Serialize)]
struct BlockDelta<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    index: u8,
    delta: TextDelta<'a>,
}

#[derive(Serialize)]
struct TextDelta<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
struct BlockStop {
    #[serde(rename = "type")]
    kind: &'static str,
    index: u8,
}

#[derive(Serialize)]
struct MessageDelta<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    delta: Delta,
    usage: UsageShape,
    llmnet: Account<'a>,
}

#[derive(Serialize)]
struct Delta {
    stop_reason: &'static str,
    stop_sequence: Option<()>,
}

/// An event that says nothing but what it is.
#[derive(Serialize)]
struct Bare {
    #[serde(rename = "type")]
    kind: &'static str,
}
