//! Secrets that servers know their customers by.

use std::fmt;

use reqwest::header::HeaderValue;

use super::ConfigError;

/// An API key: never shown, in no log and no error.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// Takes a key as its issuer wrote it.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// As the value of a header by itself.
    pub(super) fn bare(&self) -> Result<HeaderValue, ConfigError> {
        if self.0.is_empty() || !self.0.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ConfigError::Key);
        }
        secret(&self.0)
    }

    /// As a bearer token.
    pub(super) fn bearer(&self) -> Result<HeaderValue, ConfigError> {
        self.bare()?;
        secret(&format!("Bearer {}", self.0))
    }
}

/// Marked, so that no library prints it with other headers.
fn secret(text: &str) -> Result<HeaderValue, ConfigError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| ConfigError::Key)?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}
