//! What is to be measured, as `benches/speed.py` writes it.

use std::fs;

use serde_json::Value;

/// How targets are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One request after the other on one connection, whole answers.
    Plain,
    /// The same, streamed: also the time to the first piece of the answer.
    Stream,
    /// As many at a time as there are connections: requests a second.
    Crowd,
}

/// Who is asked.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) name: String,
    /// Requests of its blocks.
    pub(crate) requests: usize,
    /// Host and port.
    pub(crate) address: String,
    pub(crate) path: String,
    pub(crate) headers: String,
    /// With a place for the question's number.
    pub(crate) body: String,
    /// What an answer says, with a place for the number: a gateway that answers for another is found out.
    pub(crate) expected: String,
    /// Its processes.
    pub(crate) pids: Vec<u32>,
}

/// All of it.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    /// The first is what the others are compared with.
    pub(crate) targets: Vec<Target>,
    pub(crate) blocks: usize,
    /// Connections of a target, where it is asked by a crowd.
    pub(crate) connections: usize,
    /// The first question's number.
    pub(crate) first: u64,
    /// Where receipts are written, by lines: whose, and its id.
    pub(crate) receipts: Option<String>,
}

impl Plan {
    pub(crate) fn read(path: &str) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
        let value: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        Self::of(&value).ok_or_else(|| format!("{path} is no plan: run benches/speed.py"))
    }

    fn of(value: &Value) -> Option<Self> {
        let count = |name: &str| usize::try_from(value.get(name)?.as_u64()?).ok();
        let targets = value.get("targets")?.as_array()?;
        Some(Self {
            kind: match value.get("kind")?.as_str()? {
                "plain" => Kind::Plain,
                "stream" => Kind::Stream,
                "crowd" => Kind::Crowd,
                _ => return None,
            },
            targets: targets.iter().map(Target::of).collect::<Option<_>>()?,
            blocks: count("blocks")?,
            connections: count("connections")?,
            first: value.get("first")?.as_u64()?,
            receipts: value
                .get("receipts")
                .and_then(Value::as_str)
                .map(str::to_owned),
        })
    }
}

impl Target {
    fn of(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name)?.as_str();
        let url = text("url")?.strip_prefix("http://")?;
        let (address, path) = url.split_once('/')?;
        let pids = value.get("pids")?.as_array()?.iter();
        Some(Self {
            name: text("name")?.to_owned(),
            requests: usize::try_from(value.get("requests")?.as_u64()?).ok()?,
            address: address.to_owned(),
            path: format!("/{path}"),
            headers: text("headers").unwrap_or_default().to_owned(),
            body: text("body")?.to_owned(),
            expected: text("expected")?.to_owned(),
            pids: pids
                .map(|pid| pid.as_u64().and_then(|pid| u32::try_from(pid).ok()))
                .collect::<Option<_>>()?,
        })
    }
}
