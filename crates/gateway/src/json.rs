//! JSON as bodies. Shapes are structs, never maps, so that their fields keep their order.

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// A value's JSON.
pub(crate) fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("our shapes have text keys and finite numbers")
}

/// A response of a value's JSON.
pub(crate) fn object(value: &impl Serialize) -> Response {
    body(text(value))
}

/// A response of bytes that are JSON.
pub(crate) fn body(bytes: impl Into<Body>) -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], bytes.into()).into_response()
}
