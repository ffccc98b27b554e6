//! Reads JSON that anybody may have written, so that every complaint names its field.

use serde_json::{Map, Value};

use crate::error::ApiError;

/// The JSON of a body; the complaint about any other shows what it should be like.
pub(crate) fn read_json(bytes: &[u8], example: &str) -> Result<Value, ApiError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let message = format!("the body is not UTF-8 from byte {at} on; encode it as UTF-8");
        ApiError::bad_request("invalid_utf8", message)
    })?;
    if text.trim().is_empty() {
        let message = format!("the body is empty; send JSON such as {example}");
        return Err(ApiError::bad_request("empty_body", message));
    }
    serde_json::from_str(text).map_err(|error| {
        let message = format!("the body is not JSON: {error}; send JSON such as {example}");
        ApiError::bad_request("invalid_json", message)
    })
}

/// A client's text as it is shown back to it: quoted, and not all of it.
pub(crate) fn shown(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    format!("{short:?}")
}

/// A JSON object and the way to it.
pub(crate) struct Fields<'a> {
    path: String,
    map: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// The object at a path, `""` being the body itself.
    pub(crate) fn of(path: impl Into<String>, value: &'a Value) -> Result<Self, ApiError> {
        let path = path.into();
        match value {
            Value::Object(map) => Ok(Self { path, map }),
            other => Err(wrong_type(&path, "an object", other)),
        }
    }

    /// The way to the object itself.
    pub(crate) fn at(&self) -> &str {
        &self.path
    }

    /// The way to a field.
    pub(crate) fn path(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// Refuses fields of other names.
    pub(crate) fn only(&self, names: &[&str]) -> Result<(), ApiError> {
        let other = self.map.keys().find(|name| !names.contains(&name.as_str()));
        other.map_or(Ok(()), |other| {
            let other: String = other.chars().take(80).collect();
            let message = format!("there is no '{other}' here; use {}", names.join(", "));
            Err(ApiError::bad_request("unknown_parameter", message).at(self.path(&other)))
        })
    }

    /// A field; null is as good as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// A field that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<&'a Value, ApiError> {
        self.get(name).ok_or_else(|| {
            let path = self.path(name);
            ApiError::bad_request(
                "missing_required_parameter",
                format!("'{path}' is missing; add it"),
            )
            .at(path)
        })
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, ApiError> {
        self.typed(name, "a string", Value::as_str)
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.typed(name, "true or false", Value::as_bool)
    }

    pub(crate) fn whole(&self, name: &str) -> Result<Option<u64>, ApiError> {
        self.typed(name, "a whole number, 0 or more", Value::as_u64)
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<f64>, ApiError> {
        self.typed(name, "a number", Value::as_f64)
    }

    pub(crate) fn array(&self, name: &str) -> Result<Option<&'a Vec<Value>>, ApiError> {
        self.typed(name, "an array", Value::as_array)
    }

    pub(crate) fn object(&self, name: &str) -> Result<Option<Self>, ApiError> {
        self.get(name)
            .map(|value| Self::of(self.path(name), value))
            .transpose()
    }

    fn typed<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        match read(value) {
            Some(read) => Ok(Some(read)),
            None => Err(wrong_type(&self.path(name), expected, value)),
        }
    }
}

/// The complaint about a value of another type.
pub(crate) fn wrong_type(path: &str, expected: &str, found: &Value) -> ApiError {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "another number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    let found = if found == "another number" && !expected.contains("number") {
        "a number"
    } else {
        found
    };
    if path.is_empty() {
        let message = format!("the body must be {expected}, found {found}");
        return ApiError::bad_request("invalid_type", message);
    }
    let message = format!("'{path}' must be {expected}, found {found}");
    ApiError::bad_request("invalid_type", message).at(path)
}

/// The complaint about a value out of bounds.
pub(crate) fn invalid(path: impl Into<String>, message: impl Into<String>) -> ApiError {
    ApiError::bad_request("invalid_value", message).at(path)
}

/// The complaint about something we cannot do, where leaving it out would change the answer's meaning.
pub(crate) fn unsupported(path: impl Into<String>, message: impl Into<String>) -> ApiError {
    ApiError::bad_request("unsupported_parameter", message).at(path)
}
