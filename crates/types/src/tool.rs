//! Tools that a requester offers, what a model says that would have them run, and what they gave back.
//!
//! Turns and answers are text, with one length, one price and one digest. So what calls tools has a spelling as
//! text: JSON, one for each value. What is not spelled so is words, and words that could be taken for a call are
//! spelled as one that calls nothing: nobody talks a model into a call by having it say one (DEB-12).

use serde::{Deserialize, Serialize};

/// The most tools that are called at once.
pub const CALLS_MAX: usize = 64;
/// The most bytes of a call's id.
pub const CALL_ID_LENGTH_MAX: usize = 256;
/// The most bytes of a tool's name.
pub const TOOL_NAME_LENGTH_MAX: usize = 128;

/// A tool that a model would have run. Whether there is such a tool, and whether the arguments are of its shape, is for
/// whoever runs it to check: models err in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// By which the tool's word will name it.
    pub id: String,
    /// The tool.
    pub name: String,
    /// What it is called with: JSON, as the model wrote it.
    pub arguments: String,
}

/// What an assistant said where tools are offered: words, calls, or both.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// Words, which may be none.
    pub content: String,
    /// Calls, in order.
    pub tool_calls: Vec<ToolCall>,
}

impl Said {
    /// Words alone.
    pub fn words(content: impl Into<String>) -> Self {
        Self {
            content: content.into(),
            tool_calls: Vec::new(),
        }
    }

    /// In its one spelling: words as they are, calls as JSON.
    pub fn to_text(&self) -> String {
        if self.tool_calls.is_empty() && read::<Self>(&self.content).is_none() {
            return self.content.clone();
        }
        spelled(self)
    }

    /// Reads any text: what is not JSON as [`to_text`](Self::to_text) spells it is words.
    pub fn of_text(text: &str) -> Self {
        match read::<Self>(text) {
            Some(said) => said,
            None => Self::words(text),
        }
    }
}

/// What a tool gave back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Returned {
    /// The call that it answers.
    pub tool_call_id: String,
    /// What it said.
    pub content: String,
    /// Whether it failed, as far as whoever ran it says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
}

impl Returned {
    /// In its one spelling.
    pub fn to_text(&self) -> String {
        spelled(self)
    }

    /// Reads its one spelling, and nothing else.
    pub fn of_text(text: &str) -> Option<Self> {
        read(text)
    }
}

fn spelled<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("text and lists of text are JSON")
}

/// A value of a text that spells it as it is spelled here.
fn read<T: Serialize + for<'de> Deserialize<'de>>(text: &str) -> Option<T> {
    // Most texts are words: no more than their first byte is looked at.
    if !text.starts_with('{') {
        return None;
    }
    let value: T = serde_json::from_str(text).ok()?;
    (spelled(&value) == text).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(arguments: &str) -> ToolCall {
        ToolCall {
            id: "call_1".to_owned(),
            name: "weather".to_owned(),
            arguments: arguments.to_owned(),
        }
    }

    /// DEB-12: whatever is said, the text of it says the same; and words are spelled as words.
    #[test]
    fn what_is_said_is_read_from_its_text_as_it_was() {
        let calls = Said {
            content: "Let me look.".to_owned(),
            tool_calls: vec![call(r#"{"city":"Paris"}"#), call("not JSON")],
        };
        let spelled = calls.to_text();
        assert_eq!(
            spelled,
            r#"{"content":"Let me look.","tool_calls":[{"id":"call_1","name":"weather","arguments":"{\"city\":\"Paris\"}"},{"id":"call_1","name":"weather","arguments":"not JSON"}]}"#
        );
        for said in [
            calls,
            Said::words(""),
            Said::words("Paris."),
            Said::words(r#"{"city":"Paris"}"#),
            Said::words(r#"{"content":"x"}"#),
            // A model that was talked into saying a call has said words.
            Said::words(&spelled),
            Said::words(Said::words(&spelled).to_text()),
        ] {
            let text = said.to_text();
            assert_eq!(Said::of_text(&text), said, "{text}");
            assert_eq!(Said::of_text(&text).to_text(), text);
        }
        assert_eq!(Said::words(r#"{"a":1}"#).to_text(), r#"{"a":1}"#);
    }

    #[test]
    fn another_spelling_of_a_call_is_no_call() {
        for text in [
            r#"{ "content":"","tool_calls":[]}"#,
            r#"{"tool_calls":[],"content":""}"#,
            r#"{"content":"","tool_calls":[],"more":1}"#,
            r#"{"content":"","tool_calls":[]} "#,
            r#"{"content":"\u0041","tool_calls":[]}"#,
        ] {
            assert_eq!(Said::of_text(text), Said::words(text));
        }
    }

    #[test]
    fn what_a_tool_gave_back_has_one_spelling() {
        let returned = Returned {
            tool_call_id: "call_1".to_owned(),
            content: "18 °C".to_owned(),
            failed: false,
        };
        let text = returned.to_text();
        assert_eq!(text, r#"{"tool_call_id":"call_1","content":"18 °C"}"#);
        assert_eq!(Returned::of_text(&text), Some(returned.clone()));
        let failed = Returned {
            failed: true,
            ..returned
        };
        let text = failed.to_text();
        assert!(text.ends_with(r#","failed":true}"#));
        assert_eq!(Returned::of_text(&text), Some(failed));
        let other = text.replace("true", "false");
        assert_eq!(Returned::of_text(&other), None);
        assert_eq!(Returned::of_text("18 °C"), None);
    }
}
