//! Which API a client speaks. Paths tell: what is no other's is OpenAI's or our own, and both refuse alike.

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::Response,
};

use crate::{anthropic, error::Refusal};

/// Whose shapes a client expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// OpenAI's, and our own.
    OpenAi,
    /// Anthropic's.
    Anthropic,
}

impl Dialect {
    pub(crate) fn of(path: &str) -> Self {
        match path.strip_prefix("/v1/messages") {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => Self::Anthropic,
            _ => Self::OpenAi,
        }
    }

    /// Says a refusal in the dialect, wherever it came from, and names the request as its clients look for it.
    pub(crate) fn finish(self, response: &mut Response, call_id: &str) {
        if self == Self::OpenAi {
            return;
        }
        if let Some(Refusal(error)) = response.extensions_mut().remove::<Refusal>() {
            let body = anthropic::error::text(&error, call_id);
            response.headers_mut().remove(header::CONTENT_LENGTH);
            *response.body_mut() = body.into();
        }
        if let Ok(id) = HeaderValue::from_str(call_id) {
            let name = HeaderName::from_static("request-id");
            response.headers_mut().insert(name, id);
        }
    }
}
