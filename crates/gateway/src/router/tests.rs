//! The table of routes and the description of the API, held to each other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::ROUTES;
use crate::openapi::DOCUMENT;

fn document() -> Value {
    serde_json::from_str(DOCUMENT).expect("the description is JSON")
}

/// A route's path as OpenAPI spells it.
fn spelled(path: &str) -> String {
    path.replace("{*", "{")
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let routed: BTreeSet<(String, String)> = ROUTES
        .iter()
        .map(|(method, path)| ((*method).to_owned(), spelled(path)))
        .collect();
    assert_eq!(routed.len(), ROUTES.len(), "a route stands there twice");
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let described: BTreeSet<(String, String)> = paths
        .iter()
        .flat_map(|(path, operations)| {
            let methods = operations.as_object().unwrap().keys();
            methods.map(move |method| (method.clone(), path.clone()))
        })
        .collect();
    assert_eq!(routed, described);
}

/// The text of all strings under a key, anywhere.
fn all<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(object) => {
            for (name, part) in object {
                if let (true, Value::String(text)) = (name == key, part) {
                    found.push(text);
                }
                all(part, key, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| all(item, key, found)),
        _ => {}
    }
}

#[test]
fn what_is_named_is_there_and_what_is_there_is_named() {
    let document = document();
    let mut named = Vec::new();
    all(&document, "$ref", &mut named);
    for name in &named {
        let path = name.strip_prefix('#').expect("a part of this document");
        assert!(document.pointer(path).is_some(), "{name} is not there");
    }
    for kind in ["schemas", "responses", "parameters"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            let reference = format!("#/components/{kind}/{name}");
            // An event's data cannot be tied to its stream: OpenAPI has no word for it.
            let used = named.contains(&reference.as_str()) || name == "StreamedEvent";
            assert!(used, "nothing is a {name}");
        }
    }
}

#[test]
fn operations_are_whole() {
    let document = document();
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let tags: Vec<&Value> = document["tags"].as_array().unwrap().iter().collect();
    let mut ids = BTreeMap::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let id = operation["operationId"].as_str().expect("a name");
            assert_eq!(ids.insert(id, path), None, "two operations are {id}");
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert!(
                operation["responses"]["default"].is_object(),
                "{method} {path}"
            );
            let tag = &operation["tags"][0];
            assert!(tags.iter().any(|known| known["name"] == *tag), "{tag}");
            let parameters = operation["parameters"].as_array();
            let in_path: BTreeSet<&str> = parameters
                .into_iter()
                .flatten()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            let wanted: BTreeSet<&str> = path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                .collect();
            assert_eq!(in_path, wanted, "{method} {path}");
        }
    }
}
