//! What a dialect makes of an answer.

use llmnet_types::{request::Request, tool::ToolCall};
use serde::Serialize;

use crate::{
    conversation::{ModelName, Ours},
    error::ApiError,
    json,
    port::Answered,
};

/// What a client asks for, and how it wants to hear it.
pub(crate) struct Ask {
    pub(crate) model: ModelName,
    pub(crate) request: Request,
    pub(crate) stream: bool,
    pub(crate) ours: Ours,
    pub(crate) voice: Box<dyn Voice>,
}

/// What stays the same over all events of a stream, and in the answer of one piece.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) id: String,
    /// Seconds since 1970.
    pub(crate) created: u64,
    pub(crate) model: String,
}

/// A tool that an answer calls, and where in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Called<'a> {
    /// Its place among the calls.
    pub(crate) place: usize,
    /// Its place among all parts of the answer: words, if there are any, come first.
    pub(crate) index: usize,
    pub(crate) call: &'a ToolCall,
}

/// All calls of an answer.
pub(crate) fn called(answered: &Answered) -> impl Iterator<Item = Called<'_>> {
    let words = usize::from(has_words(answered));
    let calls = answered.calls.iter().enumerate();
    calls.map(move |(place, call)| Called {
        place,
        index: words + place,
        call,
    })
}

/// Whether an answer has words: one that calls nothing has, if only none.
pub(crate) fn has_words(answered: &Answered) -> bool {
    answered.calls.is_empty() || !answered.text.is_empty()
}

/// The shapes of one answer in a dialect. Events are whole: one or more, each with its empty line; none is
/// the empty text.
pub(crate) trait Voice: Send {
    /// The answer's id, of a part that no other answer has.
    fn id(&self, unique: &str) -> String;

    /// The answer of one piece.
    fn whole(&mut self, head: &Head, answered: &Answered) -> String;

    /// How a stream begins, before anything is known.
    fn opening(&mut self, head: &Head) -> String;

    /// An event that adds nothing, for clients that know no comments.
    fn silence(&mut self, head: &Head) -> String;

    /// Whether clients of this dialect expect such events in any case.
    fn pings(&self) -> bool {
        false
    }

    /// What comes before the first piece of the answer's words, where it has any.
    fn beginning(&mut self, _head: &Head) -> String {
        String::new()
    }

    /// A piece of the answer's words.
    fn piece(&mut self, head: &Head, piece: &str) -> String;

    /// What comes after the last piece of the answer's words.
    fn ending(&mut self, _head: &Head, _answered: &Answered) -> String {
        String::new()
    }

    /// A call of a tool begins.
    fn call_begins(&mut self, head: &Head, called: &Called<'_>) -> String;

    /// A piece of what the tool is called with.
    fn call_piece(&mut self, head: &Head, called: &Called<'_>, piece: &str) -> String;

    /// A call of a tool is whole.
    fn call_ends(&mut self, _head: &Head, _called: &Called<'_>) -> String {
        String::new()
    }

    /// The end of the answer and of the stream, with the account of it.
    fn end(&mut self, head: &Head, answered: &Answered) -> String;

    /// A failure on the way, which is the end as well.
    fn failure(&mut self, head: &Head, error: &ApiError, call_id: &str) -> String;
}

/// An event with its name.
pub(crate) fn named(name: &str, data: &impl Serialize) -> String {
    format!("event: {name}\ndata: {}\n\n", json::text(data))
}
