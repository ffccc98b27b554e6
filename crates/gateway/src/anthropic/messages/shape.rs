//! The JSON of messages and their events.
//!
//! ```text
//! event: message_start          a message without content; tokens are not known yet and said to be 0
//! event: ping                   at once, and whenever there is silence
//! event: content_block_start    words, then a block for each tool that is called
//! event: content_block_delta    the answer, piece by piece
//! event: content_block_stop
//! event: message_delta          why it ended, all tokens, "llmnet": {…}
//! event: message_stop
//! ```
//!
//! What fails on the way is `event: error` and the end.

use llmnet_types::tool::ToolCall;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    answer::{Called, Head, Voice, has_words, named},
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
            content: {
                let words = has_words(answered).then(|| Block::of(&answered.text));
                let calls = answered.calls.iter().map(Block::call);
                words.into_iter().chain(calls).collect()
            },
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
        started(0, Block::of(""))
    }

    fn piece(&mut self, _head: &Head, piece: &str) -> String {
        changed(0, BlockChange::TextDelta { text: piece })
    }

    fn ending(&mut self, _head: &Head, _answered: &Answered) -> String {
        stopped(0)
    }

    fn call_begins(&mut self, _head: &Head, called: &Called<'_>) -> String {
        started(called.index, Block::begun(called.call))
    }

    fn call_piece(&mut self, _head: &Head, called: &Called<'_>, piece: &str) -> String {
        // Clients read the pieces together as an object: what is none is put into one, in one piece, at its end.
        match object(&called.call.arguments) {
            Some(_) => changed(
                called.index,
                BlockChange::InputJsonDelta {
                    partial_json: piece,
                },
            ),
            None => String::new(),
        }
    }

    fn call_ends(&mut self, _head: &Head, called: &Called<'_>) -> String {
        let whole = match object(&called.call.arguments) {
            Some(_) => String::new(),
            None => changed(
                called.index,
                BlockChange::InputJsonDelta {
                    partial_json: &json::text(&input(called.call)),
                },
            ),
        };
        whole + &stopped(called.index)
    }

    fn end(&mut self, _head: &Head, answered: &Answered) -> String {
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
        delta + &named(kind, &Bare { kind })
    }

    fn failure(&mut self, _head: &Head, error: &ApiError, call_id: &str) -> String {
        named("error", &error::Shape::of(error, call_id))
    }
}

fn ping() -> String {
    named("ping", &Bare { kind: "ping" })
}

fn started(index: usize, content_block: Block<'_>) -> String {
    let kind = "content_block_start";
    let start = BlockStart {
        kind,
        index,
        content_block,
    };
    named(kind, &start)
}

fn changed(index: usize, delta: BlockChange<'_>) -> String {
    let kind = "content_block_delta";
    named(kind, &BlockDelta { kind, index, delta })
}

fn stopped(index: usize) -> String {
    let kind = "content_block_stop";
    named(kind, &BlockStop { kind, index })
}

fn stop_reason(answered: &Answered) -> &'static str {
    match answered {
        answered if answered.truncated => "max_tokens",
        answered if answered.calls.is_empty() => "end_turn",
        _ => "tool_use",
    }
}

/// What a tool is called with, as far as it is the object that this API says it is.
fn object(arguments: &str) -> Option<Map<String, Value>> {
    match serde_json::from_str(arguments) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

/// What a tool is called with: an object, whatever the model wrote.
fn input(call: &ToolCall) -> Map<String, Value> {
    object(&call.arguments).unwrap_or_else(|| {
        let said = call.arguments.trim();
        let said = (!said.is_empty()).then(|| ("arguments".to_owned(), said.into()));
        said.into_iter().collect()
    })
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
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text {
        text: &'a str,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: Map<String, Value>,
    },
}

impl<'a> Block<'a> {
    fn of(text: &'a str) -> Self {
        Self::Text { text }
    }

    fn call(call: &'a ToolCall) -> Self {
        Self::ToolUse {
            id: &call.id,
            name: &call.name,
            input: input(call),
        }
    }

    /// A call of which only the tool is told yet.
    fn begun(call: &'a ToolCall) -> Self {
        Self::ToolUse {
            id: &call.id,
            name: &call.name,
            input: Map::new(),
        }
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
    index: usize,
    content_block: Block<'a>,
}

#[derive(Serialize)]
struct BlockDelta<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    index: usize,
    delta: BlockChange<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum BlockChange<'a> {
    TextDelta { text: &'a str },
    InputJsonDelta { partial_json: &'a str },
}

#[derive(Serialize)]
struct BlockStop {
    #[serde(rename = "type")]
    kind: &'static str,
    index: usize,
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
