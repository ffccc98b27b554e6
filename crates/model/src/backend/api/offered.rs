//! What a request wants of a model beside words: tools it may call, and the form of its text.
//!
//! Settings have OpenAI's spelling. They come from a coordinator, whom the model's operator need not trust: what is
//! read here goes on in each API's words, and nothing else of it does. Tools that a server would run by itself, at its
//! customer's expense, are none of what is read.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Call;

/// A tool that the requester runs.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) description: Option<String>,
    /// The JSON Schema of its arguments; one without arguments may have none.
    pub(super) parameters: Option<Value>,
    /// Whether its arguments must be of that schema.
    pub(super) strict: Option<bool>,
}

/// Which of the tools the model may, or must, call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    Auto,
    None,
    Required,
    One(String),
}

/// Of which form the text must be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form {
    /// Some JSON object.
    Object,
    /// JSON of a schema.
    Schema(Schema),
}

/// A JSON Schema with what is said of it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Schema {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) schema: Option<Value>,
    pub(super) strict: Option<bool>,
}

impl Call<'_> {
    /// The tools, in the order in which they were offered.
    pub(super) fn tools(&self) -> Vec<Tool> {
        #[derive(Deserialize)]
        struct Offered {
            r#type: String,
            function: Tool,
        }
        let offered = self.setting("tools");
        let offered = offered.and_then(|tools| match tools {
            Value::Array(tools) => Some(tools),
            _ => None,
        });
        let offered = offered.unwrap_or_default().into_iter();
        let read = offered.filter_map(|tool| serde_json::from_value::<Offered>(tool).ok());
        read.filter(|offered| offered.r#type == "function")
            .map(|offered| offered.function)
            .collect()
    }

    /// Which of them is wanted; the model's own choice where nothing is said.
    pub(super) fn choice(&self) -> Option<Choice> {
        let choice = self.setting("tool_choice")?;
        match choice.as_str() {
            Some("auto") => Some(Choice::Auto),
            Some("none") => Some(Choice::None),
            Some("required") => Some(Choice::Required),
            Some(_) => None,
            None => {
                let name = choice.get("function")?.get("name")?.as_str()?;
                Some(Choice::One(name.to_owned()))
            }
        }
    }

    /// Whether several tools may be called at once, where somebody says so.
    pub(super) fn parallel(&self) -> Option<bool> {
        self.setting("parallel_tool_calls")?.as_bool()
    }

    /// Of which form its text must be; any where nothing is said.
    pub(super) fn form(&self) -> Option<Form> {
        let form = self.setting("response_format")?;
        match form.get("type")?.as_str()? {
            "json_object" => Some(Form::Object),
            "json_schema" => {
                let schema = form.get("json_schema")?.clone();
                serde_json::from_value(schema).ok().map(Form::Schema)
            }
            _ => None,
        }
    }
}

impl Tool {
    /// The schema of its arguments: that of no arguments where it names none.
    pub(super) fn schema(&self) -> Value {
        let none = || json!({"type": "object", "properties": {}});
        self.parameters.clone().unwrap_or_else(none)
    }
}

impl Schema {
    /// The schema itself: of anything where it says nothing.
    pub(super) fn schema(&self) -> Value {
        self.schema.clone().unwrap_or_else(|| json!({}))
    }
}

/// Arguments as an object, as some APIs have them. What a model wrote that is none stands in one, so that it can see
/// what it did.
pub(super) fn object(arguments: &str) -> Value {
    match serde_json::from_str(arguments) {
        Ok(Value::Object(object)) => object.into(),
        _ if arguments.trim().is_empty() => json!({}),
        _ => json!({"arguments": arguments}),
    }
}

/// Puts what is there under a name.
pub(super) fn put(map: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        map.insert(name.to_owned(), value.into());
    }
}
