//! Keys as they are sent and made.

use axum::http::{HeaderMap, header};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::port::keys::KeyStoreError;

/// How our keys begin, so that tools that look for lost keys know one.
const MARK: &str = "llmnet-";
/// Bytes of chance in a key.
const CHANCE_LENGTH: usize = 32;

/// What a request sends for a key: as OpenAI's clients do, or as Anthropic's.
pub(super) fn given(headers: &HeaderMap) -> Option<&[u8]> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.as_bytes().split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then_some(key)
    });
    let plain = || Some(headers.get("x-api-key")?.as_bytes());
    bearer
        .or_else(plain)
        .map(<[u8]>::trim_ascii)
        .filter(|key| !key.is_empty())
}

/// A key that nobody had before.
pub(super) fn fresh() -> Result<String, KeyStoreError> {
    let mut chance = [0; CHANCE_LENGTH];
    getrandom::fill(&mut chance)
        .map_err(|error| KeyStoreError(format!("the system gives no chance: {error}")))?;
    Ok(format!("{MARK}{}", URL_SAFE_NO_PAD.encode(chance)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_in_both_makers_ways() {
        let sent = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            given(&headers).map(|key| String::from_utf8(key.to_vec()).unwrap())
        };
        let key = Some("llmnet-a".to_owned());
        assert_eq!(sent("authorization", "Bearer llmnet-a"), key);
        assert_eq!(sent("authorization", "bearer  llmnet-a "), key);
        assert_eq!(sent("x-api-key", "llmnet-a"), key);
        for nothing in ["", "Bearer", "Bearer ", "Basic llmnet-a", "llmnet-a"] {
            assert_eq!(sent("authorization", nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn fresh_keys_are_long_and_never_the_same() {
        let (one, other) = (fresh().unwrap(), fresh().unwrap());
        assert_eq!(one.len(), MARK.len() + 43);
        assert_ne!(one, other);
    }
}
