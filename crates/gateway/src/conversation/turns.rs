//! Turns of a conversation, one after the other.

use llmnet_types::{
    codec::{List, Text},
    request::{ChatMessage, MESSAGE_LENGTH_MAX, MESSAGES_MAX, Role},
};
use serde_json::Value;

use crate::{
    error::ApiError,
    fields::{Fields, invalid, shown, unsupported, wrong_type},
};

/// Turns as they are read.
pub(crate) struct Turns {
    /// The field they stand in.
    field: &'static str,
    messages: List<ChatMessage, MESSAGES_MAX>,
    /// The last turn's object and its text, as paths.
    last: (String, String),
}

impl Turns {
    pub(crate) fn new(field: &'static str) -> Self {
        Self {
            field,
            messages: List::new(),
            last: (field.to_owned(), field.to_owned()),
        }
    }

    /// The list of turns in a body, of which there is at least one and not too many.
    pub(crate) fn listed<'a>(&self, values: &'a [Value]) -> Result<&'a [Value], ApiError> {
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
        let content =
            Text::new(text).map_err(|error| too_long(&text_at, error.found, MESSAGE_LENGTH_MAX))?;
        if !self.messages.push(ChatMessage { role, content }) {
            return Err(self.too_many(MESSAGES_MAX + 1));
        }
        self.last = (at, text_at);
        Ok(())
    }

    /// All of them, if they end with a question.
    pub(crate) fn ended(self) -> Result<List<ChatMessage, MESSAGES_MAX>, ApiError> {
        let (at, text_at) = self.last;
        match self.messages.last() {
            Some(last) if last.role != Role::User => {
                let message = "the last message must be the user's question";
                // None of the list, it is the list that lacks one.
                let at = if at == self.field {
                    at
                } else {
                    format!("{at}.role")
                };
                Err(invalid(at, message))
            }
            Some(last) if !last.content.trim().is_empty() => Ok(self.messages),
            _ => Err(invalid(text_at, "the question is empty; write one")),
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
