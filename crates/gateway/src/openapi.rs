//! `GET /openapi.json`: what this gateway speaks, for tools that read OpenAPI 3.1.
//!
//! The document is written by hand. Derived ones describe types, and ours would have to carry another
//! crate's macros down into `types`, which has none of HTTP; what a client wants to know (units, what an
//! absent value means, which refusals to expect) would be written by hand all the same. That it is true is
//! tested: every route stands in it and nothing else, and what a gateway answers is of its schemas.

use axum::{http::HeaderMap, response::Response};

use crate::lasting::{self, Address};

/// The document.
pub(crate) const DOCUMENT: &str = include_str!("openapi.json");

pub(crate) async fn document(headers: HeaderMap) -> Response {
    lasting::body(&headers, Address::OfPlace, DOCUMENT)
}
