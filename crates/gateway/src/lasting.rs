//! Answers that do not change any more: clients and proxies may keep them.
//!
//! Each has an `ETag`, the digest of its bytes, and whoever sends that in `If-None-Match` hears `304` and
//! nothing more. For how long an answer is good without asking hangs on its address:
//!
//! - an address that holds a digest (a transaction's, a contract's), or says `?network=`, will never mean
//!   anything else: `immutable`;
//! - another, as that of a block by its height, means something else once another network is served here,
//!   as happens on people's own machines: whoever keeps the answer asks whether it is still right.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use llmnet_types::id::Digest;

use crate::json;

/// How an address names what it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Address {
    /// It can mean nothing else, ever.
    OfContent,
    /// As that, and it is somebody's own: nothing that many share may keep it.
    Own,
    /// It means what stands there, in the network that is served now.
    OfPlace,
}

impl Address {
    const fn keep(self) -> &'static str {
        match self {
            // A year, the longest that caches reckon with.
            Self::OfContent => "public, max-age=31536000, immutable",
            Self::Own => "private, max-age=31536000, immutable",
            Self::OfPlace => "public, no-cache",
        }
    }
}

/// A response of JSON that never changes; without its body for a client that has it.
pub(crate) fn body(request: &HeaderMap, address: Address, bytes: impl Into<Vec<u8>>) -> Response {
    let bytes = bytes.into();
    let tag = format!("\"{}\"", Digest::of(&bytes));
    let mut response = if known(request, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        json::body(bytes)
    };
    let headers = response.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static(address.keep()),
    );
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// Whether a client says that it has what bears this tag. A weak tag is as good: bytes are compared when
/// they are put together, and a client that has them as text has them.
fn known(request: &HeaderMap, tag: &str) -> bool {
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|value| value == "*" || value.strip_prefix("W/").unwrap_or(value) == tag)
}
