//! Whether JSON is of a schema: as much of JSON Schema as the description of the API uses, so that no
//! library of hundreds of files is needed to hold it to the truth.

use serde_json::{Map, Value};

/// What a description may say of a value without narrowing it.
const SILENT: [&str; 3] = ["description", "default", "pattern"];

/// Whether a value is of a schema, in a document whose parts it may name; else where not, and why.
pub(crate) fn check(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let checker = Checker { document };
    checker.check(schema, value, "$")
}

struct Checker<'a> {
    document: &'a Value,
}

impl Checker<'_> {
    fn check(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let schema = schema.as_object().expect("a schema is an object");
        for (word, rule) in schema {
            self.word(schema, word, rule, value, at)?;
        }
        Ok(())
    }

    fn word(
        &self,
        schema: &Map<String, Value>,
        word: &str,
        rule: &Value,
        value: &Value,
        at: &str,
    ) -> Result<(), String> {
        let wrong = |what: String| Err(format!("{at}: {what}, found {value}"));
        match word {
            "$ref" => {
                let path = rule.as_str().unwrap().trim_start_matches('#');
                let named = self.document.pointer(path);
                self.check(named.expect("what is named is there"), value, at)
            }
            "type" => {
                let kinds = rule.as_array().cloned().unwrap_or(vec![rule.clone()]);
                if kinds.iter().any(|kind| is(kind.as_str().unwrap(), value)) {
                    return Ok(());
                }
                wrong(format!("not {rule}"))
            }
            "const" if value != rule => wrong(format!("not {rule}")),
            "enum" if !rule.as_array().unwrap().contains(value) => wrong(format!("none of {rule}")),
            "anyOf" | "oneOf" => {
                let ways = rule.as_array().unwrap().iter();
                let fits = ways
                    .filter(|way| self.check(way, value, at).is_ok())
                    .count();
                if fits == 0 || word == "oneOf" && fits > 1 {
                    return wrong(format!("{fits} of {word} fit"));
                }
                Ok(())
            }
            "minimum" if value.is_number() && value.as_f64() < rule.as_f64() => {
                wrong(format!("below {rule}"))
            }
            "maximum" if value.is_number() && value.as_f64() > rule.as_f64() => {
                wrong(format!("above {rule}"))
            }
            "minItems" if value.is_array() && length(value) < rule.as_u64() => {
                wrong(format!("fewer than {rule}"))
            }
            "maxItems" if length(value) > rule.as_u64() => wrong(format!("more than {rule}")),
            "required" => {
                for name in rule.as_array().unwrap() {
                    let name = name.as_str().unwrap();
                    if value.is_object() && value.get(name).is_none() {
                        return wrong(format!("no {name}"));
                    }
                }
                Ok(())
            }
            "properties" => self.properties(schema, rule, value, at),
            "propertyNames" => {
                for name in value.as_object().unwrap().keys() {
                    self.check(rule, &Value::from(name.as_str()), at)?;
                }
                Ok(())
            }
            "items" => {
                for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                    self.check(rule, item, &format!("{at}[{place}]"))?;
                }
                Ok(())
            }
            "const"
            | "enum"
            | "minimum"
            | "maximum"
            | "minItems"
            | "maxItems"
            | "additionalProperties" => Ok(()),
            "minProperties" | "maxProperties" => {
                let count = value.as_object().map(|object| object.len() as u64);
                let fits = match word {
                    "minProperties" => count >= rule.as_u64(),
                    _ => count <= rule.as_u64(),
                };
                if fits { Ok(()) } else { wrong(word.to_owned()) }
            }
            silent if SILENT.contains(&silent) => Ok(()),
            other => panic!("{at}: this check does not know {other}"),
        }
    }

    /// What is there and not described is a lie as well, unless there may be more.
    fn properties(
        &self,
        schema: &Map<String, Value>,
        rule: &Value,
        value: &Value,
        at: &str,
    ) -> Result<(), String> {
        let open = schema.get("additionalProperties") == Some(&Value::Bool(true));
        for (name, part) in value.as_object().into_iter().flatten() {
            match rule.get(name) {
                Some(rule) => self.check(rule, part, &format!("{at}.{name}"))?,
                None if open => {}
                None => return Err(format!("{at}: {name} is not described")),
            }
        }
        Ok(())
    }
}

fn length(value: &Value) -> Option<u64> {
    value.as_array().map(|array| array.len() as u64)
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("there is no type {other}"),
    }
}
