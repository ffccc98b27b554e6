//! What one model by itself can do and a panel cannot: call tools, and answer in a form (DEB-12).
//!
//! Dialects spell tools and forms in their own ways; requests have them in OpenAI's, for whatever model comes to answer.

use llmnet_types::{
    contract::Strategy,
    request::{RESPONSE_FORMAT, SETTING_LENGTH_MAX, TOOLS},
    tool::TOOL_NAME_LENGTH_MAX,
};
use serde_json::{Map, Value, json};

use crate::{
    conversation::{ModelName, Settings},
    error::ApiError,
    fields::{Fields, invalid, shown, unsupported, wrong_type},
    limits::is_name,
};

/// The most tools of a request, as OpenAI has it.
const TOOLS_MAX: usize = 128;
/// The most characters of a form's name.
const FORM_NAME_MAX: usize = 64;

/// A tool that the client runs.
pub(crate) struct Tool<'a> {
    pub(crate) name: &'a str,
    pub(crate) description: Option<&'a str>,
    /// The JSON Schema of its arguments.
    pub(crate) parameters: Option<&'a Value>,
    pub(crate) strict: Option<bool>,
}

/// Which tools are to be called.
pub(crate) enum Choice {
    /// Whichever the model thinks fit, or none.
    Auto,
    /// None.
    None,
    /// One at least.
    Required,
    /// This one.
    One(String),
}

/// A form of the answer by a JSON Schema.
pub(crate) struct Schema<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) description: Option<&'a str>,
    pub(crate) schema: Option<&'a Value>,
    pub(crate) strict: Option<bool>,
}

/// Refuses of a panel what it cannot do: whoever gets its answer would take it for something else.
pub(crate) fn only_single(model: &ModelName, path: &str, what: &str) -> Result<(), ApiError> {
    if model.strategy() == Strategy::Single {
        return Ok(());
    }
    let message = format!(
        "{what}, and a panel's answer is taken from the words of several models: ask the model llmnet/single, with \
         \"llmnet\": {{\"domain\": …}} for respondents of one domain, or leave '{path}' out"
    );
    Err(unsupported(path, message))
}

/// Refuses tools that are no function of the client's.
pub(crate) fn no_function(tool: &Fields<'_>, kind: &str) -> ApiError {
    let kind = shown(kind);
    let message = format!("nothing here runs tools of type {kind}: offer functions of your own");
    unsupported(tool.path("type"), message)
}

/// The tools of a field, as a dialect reads each; their names.
pub(crate) fn tools<'a>(
    fields: &Fields<'a>,
    model: &ModelName,
    settings: &mut Settings,
    read: impl Fn(&Fields<'a>) -> Result<Tool<'a>, ApiError>,
) -> Result<Vec<&'a str>, ApiError> {
    let tools = fields.array(TOOLS)?.map_or(&[][..], Vec::as_slice);
    if tools.is_empty() {
        return Ok(Vec::new());
    }
    let path = fields.path(TOOLS);
    only_single(model, &path, "tools are called by one model")?;
    if tools.len() > TOOLS_MAX {
        let message = format!(
            "'{path}' has {} where at most {TOOLS_MAX} are allowed",
            tools.len()
        );
        return Err(invalid(path, message));
    }
    let (mut names, mut spelled) = (Vec::new(), Vec::new());
    for (place, value) in tools.iter().enumerate() {
        let tool = Fields::of(format!("{path}[{place}]"), value)?;
        let tool = read(&tool)?;
        names.push(tool.name);
        spelled.push(tool.spelled());
    }
    settings.put(TOOLS, &path, &spelled.into(), SETTING_LENGTH_MAX)?;
    Ok(names)
}

/// Which of the tools of these names are to be called.
pub(crate) fn choose(
    settings: &mut Settings,
    path: &str,
    choice: &Choice,
    names: &[&str],
) -> Result<(), ApiError> {
    let value = match choice {
        Choice::Auto => json!("auto"),
        Choice::None => json!("none"),
        Choice::Required => json!("required"),
        Choice::One(name) => json!({"type": "function", "function": {"name": name}}),
    };
    let missing = match choice {
        Choice::Auto | Choice::None => false,
        Choice::Required => names.is_empty(),
        Choice::One(name) => !names.contains(&name.as_str()),
    };
    if missing {
        return Err(invalid(
            path,
            format!("'{path}' asks for a tool that 'tools' does not offer"),
        ));
    }
    if names.is_empty() {
        return Ok(());
    }
    settings.set("tool_choice", path, &value)
}

/// Whether several tools may be called at once, where there are any.
pub(crate) fn parallel(
    settings: &mut Settings,
    path: &str,
    parallel: Option<bool>,
    names: &[&str],
) -> Result<(), ApiError> {
    match parallel {
        Some(parallel) if !names.is_empty() => {
            settings.set("parallel_tool_calls", path, &parallel.into())
        }
        _ => Ok(()),
    }
}

/// The form that a field asks for, as a dialect reads a schema.
pub(crate) fn form<'a>(
    fields: &Fields<'a>,
    name: &str,
    model: &ModelName,
    settings: &mut Settings,
    read: impl Fn(&Fields<'a>) -> Result<Schema<'a>, ApiError>,
) -> Result<(), ApiError> {
    let Some(format) = fields.object(name)? else {
        return Ok(());
    };
    let path = fields.path(name);
    let kind = format.text("type")?.unwrap_or("text");
    if kind == "text" {
        return Ok(());
    }
    only_single(model, &path, "a form is kept to by one model")?;
    let value = match kind {
        "json_object" => json!({"type": "json_object"}),
        "json_schema" => json!({"type": "json_schema", "json_schema": read(&format)?.spelled()}),
        other => {
            let other = shown(other);
            let message =
                format!("{other} is no form of answers: use text, json_object or json_schema");
            return Err(unsupported(format.path("type"), message));
        }
    };
    settings.put(RESPONSE_FORMAT, &path, &value, SETTING_LENGTH_MAX)
}

/// The name of a tool: one that every maker's API takes.
pub(crate) fn tool_name<'a>(fields: &Fields<'a>, field: &str) -> Result<&'a str, ApiError> {
    fields.required(field)?;
    let name = fields.text(field)?.unwrap_or_default();
    if is_name(name, TOOL_NAME_LENGTH_MAX) {
        return Ok(name);
    }
    let path = fields.path(field);
    let message = format!(
        "{} is no name of a tool: use 1 to {TOOL_NAME_LENGTH_MAX} of A-Z a-z 0-9 - _ . :",
        shown(name)
    );
    Err(invalid(path, message))
}

/// A schema at a field, where there is one: an object.
pub(crate) fn schema<'a>(fields: &Fields<'a>, field: &str) -> Result<Option<&'a Value>, ApiError> {
    match fields.get(field) {
        Some(schema @ Value::Object(_)) => Ok(Some(schema)),
        Some(other) => Err(wrong_type(&fields.path(field), "an object", other)),
        None => Ok(None),
    }
}

/// What is said of a schema in OpenAI's words.
pub(crate) fn openai_schema<'a>(fields: &Fields<'a>) -> Result<Schema<'a>, ApiError> {
    let name = fields.text("name")?;
    if let Some(name) = name
        && !is_name(name, FORM_NAME_MAX)
    {
        let message = format!("a form's name has 1 to {FORM_NAME_MAX} of A-Z a-z 0-9 - _ . :");
        return Err(invalid(fields.path("name"), message));
    }
    Ok(Schema {
        name,
        description: fields.text("description")?,
        schema: schema(fields, "schema")?,
        strict: fields.flag("strict")?,
    })
}

impl Tool<'_> {
    fn spelled(&self) -> Value {
        let mut function = Map::new();
        function.insert("name".to_owned(), self.name.into());
        put(&mut function, "description", self.description);
        put(&mut function, "parameters", self.parameters.cloned());
        put(&mut function, "strict", self.strict);
        json!({"type": "function", "function": function})
    }
}

impl Schema<'_> {
    fn spelled(&self) -> Value {
        let mut schema = Map::new();
        schema.insert("name".to_owned(), self.name.unwrap_or("answer").into());
        put(&mut schema, "description", self.description);
        put(&mut schema, "schema", self.schema.cloned());
        put(&mut schema, "strict", self.strict);
        schema.into()
    }
}

fn put(map: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        map.insert(name.to_owned(), value.into());
    }
}
