//! The form that an answer must have, and whether a text has it.
//!
//! Of JSON Schema, what is read is what makers' structured outputs promise: `type`, `enum`, `const`, `properties`,
//! `required`, `additionalProperties`, `items`, `prefixItems`, `minItems`, `maxItems`, `anyOf`, `oneOf`, `allOf` and
//! `$ref` within the schema. Other words of a schema are not looked at here; a maker may hold its model to them.

use serde_json::{Map, Value};

/// How deep schemas and references are followed: a schema may refer to itself.
const DEPTH_MAX: usize = 64;
/// How many steps a check takes at the most: choices within choices multiply.
const STEPS_MAX: usize = 100_000;

/// A form of answers.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form {
    /// Text.
    Any,
    /// A JSON object.
    Object,
    /// JSON of this schema.
    Schema(Value),
}

impl Form {
    /// Reads OpenAI's `response_format`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut form: Value = serde_json::from_str(text).ok()?;
        match form.get("type")?.as_str()? {
            "text" => Some(Self::Any),
            "json_object" => Some(Self::Object),
            "json_schema" => {
                let schema = form.get_mut("json_schema")?.get_mut("schema");
                Some(Self::Schema(schema.map_or(Value::Bool(true), Value::take)))
            }
            _ => None,
        }
    }

    /// Whether a text is of this form; if not, where it departs from it, without a word of the text.
    pub(super) fn check(&self, text: &str) -> Result<(), String> {
        let schema = match self {
            Self::Any => return Ok(()),
            Self::Object => &Value::Bool(true),
            Self::Schema(schema) => schema,
        };
        let value: Value = serde_json::from_str(text)
            .map_err(|_| "the model's answer is not JSON, as was asked for".to_owned())?;
        if *self == Self::Object && !value.is_object() {
            return Err("the model's answer is no JSON object, as was asked for".to_owned());
        }
        let mut check = Check {
            root: schema,
            steps: 0,
        };
        if check.holds(schema, &value, 0) {
            return Ok(());
        }
        Err("the model's answer is not of the schema that was asked for".to_owned())
    }
}

struct Check<'a> {
    root: &'a Value,
    steps: usize,
}

impl<'a> Check<'a> {
    fn holds(&mut self, schema: &'a Value, value: &Value, depth: usize) -> bool {
        self.steps += 1;
        if depth > DEPTH_MAX || self.steps > STEPS_MAX {
            return false;
        }
        let schema = match schema {
            Value::Object(schema) => schema,
            // `false` is of nothing; what else is no schema says nothing.
            other => return *other != Value::Bool(false),
        };
        let depth = depth + 1;
        self.refers(schema, value, depth)
            && is_typed(schema, value)
            && is_listed(schema, value)
            && self.combines(schema, value, depth)
            && match value {
                Value::Object(map) => self.has_properties(schema, map, depth),
                Value::Array(items) => self.has_items(schema, items, depth),
                _ => true,
            }
    }

    fn refers(&mut self, schema: &'a Map<String, Value>, value: &Value, depth: usize) -> bool {
        let Some(path) = schema.get("$ref").and_then(Value::as_str) else {
            return true;
        };
        let within = path.strip_prefix('#');
        match within.and_then(|path| self.root.pointer(path)) {
            Some(schema) => self.holds(schema, value, depth),
            None => false,
        }
    }

    fn combines(&mut self, schema: &'a Map<String, Value>, value: &Value, depth: usize) -> bool {
        let list = |name: &str| schema.get(name).and_then(Value::as_array);
        let count = |check: &mut Self, schemas: &'a [Value]| {
            let held = schemas
                .iter()
                .filter(|schema| check.holds(schema, value, depth));
            held.count()
        };
        list("allOf").is_none_or(|all| count(self, all) == all.len())
            && list("anyOf").is_none_or(|any| count(self, any) > 0)
            && list("oneOf").is_none_or(|one| count(self, one) == 1)
    }

    fn has_properties(
        &mut self,
        schema: &'a Map<String, Value>,
        map: &Map<String, Value>,
        depth: usize,
    ) -> bool {
        let properties = schema.get("properties").and_then(Value::as_object);
        let required = schema.get("required").and_then(Value::as_array);
        let missing = required.is_some_and(|names| {
            let mut names = names.iter().filter_map(Value::as_str);
            names.any(|name| !map.contains_key(name))
        });
        let others = schema.get("additionalProperties");
        !missing
            && map.iter().all(|(name, value)| {
                let of = properties
                    .and_then(|properties| properties.get(name))
                    .or(others);
                of.is_none_or(|schema| self.holds(schema, value, depth))
            })
    }

    fn has_items(&mut self, schema: &'a Map<String, Value>, items: &[Value], depth: usize) -> bool {
        let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
        let length = items.len() as u64;
        let first = schema.get("prefixItems").and_then(Value::as_array);
        let first = first.map_or(&[][..], Vec::as_slice);
        bound("minItems").is_none_or(|least| length >= least)
            && bound("maxItems").is_none_or(|most| length <= most)
            && items.iter().enumerate().all(|(place, item)| {
                let of = first.get(place).or_else(|| schema.get("items"));
                of.is_none_or(|schema| self.holds(schema, item, depth))
            })
    }
}

fn is_typed(schema: &Map<String, Value>, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("string") => value.is_string(),
        Some("number") => value.is_number(),
        // 2.0 is a whole number too.
        Some("integer") => {
            value.is_i64()
                || value.is_u64()
                || value.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => false,
    };
    match schema.get("type") {
        None => true,
        Some(Value::Array(names)) => names.iter().any(is),
        Some(name) => is(name),
    }
}

fn is_listed(schema: &Map<String, Value>, value: &Value) -> bool {
    let listed = schema.get("enum").and_then(Value::as_array);
    listed.is_none_or(|values| values.contains(value))
        && schema.get("const").is_none_or(|only| only == value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn form(schema: Value) -> Form {
        let format = json!({"type": "json_schema", "json_schema": {"name": "a", "schema": schema}});
        Form::read(&format.to_string()).unwrap()
    }

    #[test]
    fn a_text_is_of_a_form_or_is_not() {
        let object = Form::read(r#"{"type":"json_object"}"#).unwrap();
        let text = Form::read(r#"{"type":"text"}"#).unwrap();
        assert_eq!(Form::read(r#"{"type":"grammar"}"#), None);
        assert_eq!(Form::read("[]"), None);
        let city = form(json!({
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "size": {"type": ["integer", "null"]},
                "kind": {"enum": ["town", "city"]},
                "parts": {"type": "array", "items": {"$ref": "#"}, "maxItems": 2},
            },
            "required": ["name"],
            "additionalProperties": false,
        }));
        let either = form(json!({
            "$defs": {"a": {"const": 1}, "b": {"type": "string"}},
            "anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}],
        }));
        let pair =
            form(json!({"prefixItems": [{"type": "string"}], "items": false, "minItems": 1}));
        for (form, said, expected) in [
            (&text, "anything", true),
            (&object, "{}", true),
            (&object, "[]", false),
            (&object, "{} and more", false),
            (&object, "```json\n{}\n```", false),
            (&city, r#"{"name":"Paris","size":2,"kind":"city"}"#, true),
            (&city, r#"{"name":"Paris","size":2.0}"#, true),
            (
                &city,
                r#"{"name":"Paris","size":null,"parts":[{"name":"Louvre"}]}"#,
                true,
            ),
            (&city, r#"{"name":"Paris","size":2.5}"#, false),
            (&city, r#"{"name":"Paris","kind":"village"}"#, false),
            (&city, r#"{"size":2}"#, false),
            (&city, r#"{"name":"Paris","mayor":"?"}"#, false),
            (&city, r#"{"name":"Paris","parts":[{"name":3}]}"#, false),
            (
                &city,
                r#"{"name":"Paris","parts":[{"name":"a"},{"name":"b"},{"name":"c"}]}"#,
                false,
            ),
            (&either, "1", true),
            (&either, "\"x\"", true),
            (&either, "2", false),
            (&pair, r#"["a"]"#, true),
            (&pair, "[]", false),
            (&pair, r#"["a",1]"#, false),
        ] {
            assert_eq!(form.check(said).is_ok(), expected, "{said}");
        }
    }

    /// A schema is a stranger's: it may send the check round in circles, or into more branches than there is time for.
    #[test]
    fn a_schema_without_an_end_ends() {
        assert!(form(json!({"$ref": "#"})).check("1").is_err());
        assert!(
            form(json!({"$ref": "https://example.org/schema"}))
                .check("1")
                .is_err()
        );
        let fork = json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]});
        assert!(form(fork).check("1").is_err());
    }

    #[test]
    fn what_is_wrong_is_told_without_what_was_said() {
        let error = form(json!({"type": "string"})).check("12345").unwrap_err();
        assert!(!error.contains("12345"));
    }
}
