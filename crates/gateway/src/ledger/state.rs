//! `POST /v1/ledger/state`: what stands under keys of the ledger, as bytes. It is what a coordinator needs
//! that has no validator of its own, since the ledger's rules read nothing else; people and explorers are
//! better served by the other routes. It changes nothing: keys are many, and an address has no room.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{RawQuery, Request, State},
    response::Response,
};
use llmnet_types::units::Height;
use serde::Serialize;
use serde_json::Value;

use super::{
    error::refused,
    parameters::{Parameters, bytes_of_hex, hex_of_bytes},
};
use crate::{
    error::ApiError,
    fields::{self, Fields, invalid, wrong_type},
    gateway::Gateway,
    json,
    limits::{self, Call},
};

/// What a body looks like.
const EXAMPLE: &str = r#"{"keys": ["…"]}"#;
/// The most keys of a request: whoever needs more asks again, and compares heights.
const KEYS_MAX: usize = 256;
/// The most bytes of a key; the longest are two public keys and a kind.
const KEY_LENGTH_MAX: usize = 128;

/// `POST /v1/ledger/state`
pub(crate) async fn read(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, ApiError> {
    Parameters::read(&gateway, query.as_deref(), &[])?;
    let body = request.into_body();
    let bytes = call.wait(limits::read(body, &gateway.config)).await?;
    let keys = keys(&bytes)?;
    let read = call.look_up(gateway.ledger.state(&keys)).await?;
    let (height, values) = read.map_err(refused("keys", &call, &gateway))?;
    Ok(json::object(&Values {
        height,
        values: values
            .iter()
            .map(|value| value.as_deref().map(hex_of_bytes))
            .collect(),
    }))
}

fn keys(bytes: &[u8]) -> Result<Vec<Vec<u8>>, ApiError> {
    let value = fields::read_json(bytes, EXAMPLE)?;
    let fields = Fields::of("", &value)?;
    fields.required("keys")?;
    let keys = fields.array("keys")?.map_or(&[][..], Vec::as_slice);
    if keys.is_empty() || keys.len() > KEYS_MAX {
        let message = format!("'keys' must be 1 to {KEYS_MAX} keys, found {}", keys.len());
        return Err(invalid("keys", message));
    }
    let key = |(place, key): (usize, &Value)| {
        let path = format!("keys[{place}]");
        let text = key
            .as_str()
            .ok_or_else(|| wrong_type(&path, "a string", key))?;
        bytes_of_hex(text)
            .filter(|key| (1..=KEY_LENGTH_MAX).contains(&key.len()))
            .ok_or_else(|| {
                let message = format!(
                    "'{path}' must be 1 to {KEY_LENGTH_MAX} bytes in hexadecimal: a key of the \
                     ledger in its canonical encoding"
                );
                invalid(&path, message)
            })
    };
    keys.iter().enumerate().map(key).collect()
}

#[derive(Serialize)]
struct Values {
    height: Height,
    values: Vec<Option<String>>,
}
