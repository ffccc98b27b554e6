//! Turns of a conversation, one after the other.

use llmnet_types::{
    codec::{List, Text},
    request::{ChatMessage, MESSAGE_LENGTH_MAX, MESSAGES_MAX, Role},
    tool::{CALL_ID_LENGTH_MAX, CALLS_MAX, Returned, Said},
};
use serde_json::Value;

use crate::{
    conversation::{ModelName, alone::only_single},
    error::ApiError,
    fields::{Fields, invalid, shown, unsupported, wrong_type},
};

/// Turns as they are read.
pub(crate) struct Turns<'a> {
    /// The field they stand in.
    field: &'static str,
    /// Who is asked: not everybody can make sense of every turn.
    model: &'a ModelName,
    messages: List<ChatMessage, MESSAGES_MAX>,
    /// The last turn's object and its text, as paths.
    last: (String, String),
    /// Calls that no tool has answered yet.
    open: Vec<String>,
}

impl<'a> Turns<'a> {
    pub(crate) fn new(field: &'static str, model: &'a ModelName) -> Self {
        Self {
            field,
            model,
            messages: List::new(),
            last: (field.to_owned(), field.to_owned()),
            open: Vec::new(),
        }
    }

    /// The list of turns in a body, of which there is at least one and not too many.
    pub(crate) fn listed<'v>(&self, values: &'v [Value]) -> Result<&'v [Value], ApiError> {
        let field = self.field;
        if values.is_empty() {
            let message = format!(
                r#"'{field}' is empty; add one such as {{"role": "user", "content": "…"}}"#
            );
            return Err(invalid(field, message));
        }
        if values.len() > MESSAGES_MAX {
            return Err(self.too_many(values.len()));
        }
        Ok(values)
    }

    /// What holds for all turns, before the first.
    pub(crate) fn preface(&mut self, at: &str, text: String) -> Result<(), ApiError> {
        let last = self.last.clone();
        self.push(Role::System, at.to_owned(), at.to_owned(), text)?;
        self.last = last;
        Ok(())
    }

    /// A turn at its object's and its text's path.
    pub(crate) fn push(
        &mut self,
        role: Role,
        at: String,
        text_at: String,
        text: String,
    ) -> Result<(), ApiError> {
        self.answered(&at)?;
        self.add(role, at, text_at, text)
    }

    /// Refuses to speak of tools to a panel, at what does so.
    pub(crate) fn of_tools(&self, at: &str) -> Result<(), ApiError> {
        only_single(self.model, at, "tools are called by one model")
    }

    /// What the assistant said, whose calls stand at a path of their own.
    pub(crate) fn said(
        &mut self,
        at: String,
        text_at: String,
        calls_at: &str,
        said: Said,
    ) -> Result<(), ApiError> {
        if said.tool_calls.is_empty() {
            return self.push(Role::Assistant, at, text_at, said.content);
        }
        self.of_tools(calls_at)?;
        self.answered(&at)?;
        let ids = said.tool_calls.iter().map(|call| call.id.clone());
        let ids: Vec<String> = ids.collect();
        let named = |id: &String| (1..=CALL_ID_LENGTH_MAX).contains(&id.len());
        if ids.len() > CALLS_MAX || !ids.iter().all(named) {
            let message = format!(
                "'{calls_at}' must be at most {CALLS_MAX} calls, each with an id of 1 to {CALL_ID_LENGTH_MAX} bytes"
            );
            return Err(invalid(calls_at, message));
        }
        self.open = ids;
        self.add(Role::Calls, at, calls_at.to_owned(), said.to_text())
    }

    /// What a tool gave back to a call, whose id stands at a path of its own.
    pub(crate) fn returned(
        &mut self,
        at: String,
        text_at: String,
        id_at: &str,
        returned: Returned,
    ) -> Result<(), ApiError> {
        let called = self.open.iter().position(|id| *id == returned.tool_call_id);
        let Some(place) = called else {
            let message =
                format!("'{id_at}' names no call of the turn before that is still unanswered");
            return Err(invalid(id_at, message));
        };
        self.open.swap_remove(place);
        self.add(Role::Tool, at, text_at, returned.to_text())
    }

    /// Refuses to go on while a call has no answer: no model could tell what became of it.
    fn answered(&self, at: &str) -> Result<(), ApiError> {
        let Some(id) = self.open.first() else {
            return Ok(());
        };
        let message = format!(
            "the call {} before '{at}' has no answer: put the tool's word behind it",
            shown(id)
        );
        Err(invalid(at, message))
    }

    fn add(
        &mut self,
        role: Role,
        at: String,
        text_at: String,
        text: String,
    ) -> Result<(), ApiError> {
        let content =
            Text::new(text).map_err(|error| too_long(&text_at, error.found, MESSAGE_LENGTH_MAX))?;
        if !self.messages.push(ChatMessage { role, content }) {
            return Err(self.too_many(MESSAGES_MAX + 1));
        }
        self.last = (at, text_at);
        Ok(())
    }

    /// All of them, if they end with a question, or with what was called for.
    pub(crate) fn ended(self) -> Result<List<ChatMessage, MESSAGES_MAX>, ApiError> {
        let (at, text_at) = &self.last;
        match self.messages.last() {
            Some(last) if last.role == Role::Tool => {
                self.answered(at)?;
                Ok(self.messages)
            }
            Some(last) if last.role != Role::User => {
                let message = "the last message must be the user's question";
                // None of the list, it is the list that lacks one.
                let at = if at == self.field {
                    at.clone()
                } else {
                    format!("{at}.role")
                };
                Err(invalid(at, message))
            }
            Some(last) if !last.content.trim().is_empty() => Ok(self.messages),
            _ => Err(invalid(
                text_at.as_str(),
                "the question is empty; write one",
            )),
        }
    }

    fn too_many(&self, found: usize) -> ApiError {
        let field = self.field;
        let message = format!(
            "'{field}' has {found} messages where at most {MESSAGES_MAX} are allowed; drop older ones"
        );
        ApiError::bad_request("context_length_exceeded", message).at(field)
    }
}

/// The text of a string, or of parts of these kinds, each of which goes on lines of its own. `None` is a kind
/// that is no part of what was said.
pub(crate) fn text(
    path: &str,
    value: &Value,
    read: impl Fn(&Fields<'_>, &str) -> Result<Option<String>, ApiError>,
) -> Result<String, ApiError> {
    let parts = match value {
        Value::String(text) => return Ok(text.clone()),
        Value::Array(parts) => parts,
        other => {
            return Err(wrong_type(
                path,
                "a string or an array of text parts",
                other,
            ));
        }
    };
    let mut texts = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        let fields = Fields::of(format!("{path}[{place}]"), part)?;
        let kind = fields.text("type")?.unwrap_or("text");
        texts.extend(read(&fields, kind)?);
    }
    Ok(texts.join("\n"))
}

/// What stands in a part's field.
pub(crate) fn part(fields: &Fields<'_>, name: &str) -> Result<Option<String>, ApiError> {
    fields.required(name)?;
    Ok(fields.text(name)?.map(str::to_owned))
}

/// The complaint about a part that is no text.
pub(crate) fn no_text(fields: &Fields<'_>, kind: &str) -> ApiError {
    let kind = shown(kind);
    let message = format!("panels read text only: leave parts of type {kind} out");
    unsupported(fields.path("type"), message)
}

/// The complaint about a role that there is not.
pub(crate) fn no_role(fields: &Fields<'_>, role: &str, roles: &str) -> ApiError {
    let role = shown(role);
    let message = format!("{role} is not a role: use {roles}");
    invalid(fields.path("role"), message)
}

/// The complaint about more text than there is room for.
pub(crate) fn too_long(path: &str, found: usize, limit: usize) -> ApiError {
    let message =
        format!("'{path}' has {found} bytes where at most {limit} are allowed; shorten it");
    ApiError::bad_request("context_length_exceeded", message).at(path)
}
