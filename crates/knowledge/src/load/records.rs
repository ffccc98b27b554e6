//! Tables and lines of JSON: each row or line is a document of its own.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::{LoadError, Loaded, Piece, RECORDS_MAX};

/// The most fields of a record.
const FIELDS_MAX: usize = 500;
/// Names of fields that hold what a record says, in the order they are looked for.
const TEXTS: [&str; 6] = ["text", "body", "content", "contents", "abstract", "passage"];
/// And what it is called.
const TITLES: [&str; 4] = ["title", "name", "heading", "subject"];
const KEYS: [&str; 5] = ["id", "_id", "key", "url", "doc_id"];

/// Rows under a line of names; a tab in that line and no comma makes it tabs that part the fields.
pub(super) fn csv(text: &str) -> Result<Loaded, LoadError> {
    let first = text.lines().next().unwrap_or_default();
    let delimiter = match (
        first.contains('\t'),
        first.contains(','),
        first.contains(';'),
    ) {
        (true, false, _) => b'\t',
        (_, false, true) => b';',
        _ => b',',
    };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .from_reader(text.as_bytes());
    let names = reader
        .headers()
        .map_err(|error| LoadError::Damaged(error.to_string()))?
        .clone();
    if names.len() > FIELDS_MAX {
        return Err(too_many("a row", FIELDS_MAX, "fields"));
    }
    let mut loaded = Loaded::default();
    for (at, row) in reader.records().enumerate() {
        if at >= RECORDS_MAX {
            return Err(too_many("the file", RECORDS_MAX, "rows"));
        }
        let Ok(row) = row else {
            loaded.unread += 1;
            continue;
        };
        let fields = row
            .iter()
            .enumerate()
            .take(FIELDS_MAX)
            .map(|(place, value)| {
                let name = names.get(place).unwrap_or_default().trim();
                (name.to_owned(), Value::String(value.trim().to_owned()))
            });
        loaded
            .parts
            .extend(part(&fields.collect::<Vec<_>>(), at + 1));
    }
    Ok(loaded)
}

/// An object on each line. A line that is none is counted and passed over, as long as others are.
pub(super) fn json_lines(text: &str) -> Result<Loaded, LoadError> {
    let mut loaded = Loaded::default();
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    for (at, line) in lines.enumerate() {
        if at >= RECORDS_MAX {
            return Err(too_many("the file", RECORDS_MAX, "lines"));
        }
        match serde_json::from_str::<Map<String, Value>>(line) {
            Ok(fields) if fields.len() <= FIELDS_MAX => {
                let mut fields: Vec<_> = fields.into_iter().collect();
                // Whether a map keeps its order is up to how a library was built, and digests must not be.
                fields.sort_by(|a, b| a.0.cmp(&b.0));
                loaded.parts.extend(part(&fields, at + 1));
            }
            _ => loaded.unread += 1,
        }
    }
    if loaded.parts.is_empty() && loaded.unread > 0 {
        return Err(LoadError::Damaged(
            "no line of it is a JSON object".to_owned(),
        ));
    }
    Ok(loaded)
}

const fn too_many(what: &'static str, limit: usize, unit: &'static str) -> LoadError {
    LoadError::TooLarge { what, limit, unit }
}

/// A record as a part: its text if a field is called so, else all its fields with their names.
fn part(fields: &[(String, Value)], number: usize) -> Option<Piece> {
    let find = |names: &[&str]| {
        names.iter().find_map(|wanted| {
            let (name, value) = fields
                .iter()
                .find(|(name, value)| name.eq_ignore_ascii_case(wanted) && !value.is_object())?;
            let words = words(value);
            (!words.is_empty()).then_some((name.clone(), words))
        })
    };
    let key = find(&KEYS).map(|(_, key)| key);
    let title = find(&TITLES).map(|(_, title)| title).unwrap_or_default();
    let text = match find(&TEXTS) {
        Some((_, text)) => text,
        None => {
            let mut text = String::new();
            for (name, value) in fields {
                let value = words(value);
                if !value.is_empty() {
                    // Writing to a string does not fail.
                    let _ = writeln!(text, "{name}: {value}");
                }
            }
            text
        }
    };
    (!text.trim().is_empty()).then(|| Piece {
        key: Some(key.unwrap_or_else(|| number.to_string())),
        title,
        text: text.trim().to_owned(),
    })
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}
