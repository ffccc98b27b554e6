//! `[knowledge]` of llmnet.toml: where experts' documents are looked up.
//!
//! ```toml
//! [knowledge]
//! engine = "postgres://llmnet@10.0.0.9/llmnet"   # PostgreSQL with pgvector; SQLite where absent
//! password = "env::LLMNET_ENGINE_PASSWORD"       # or "file::PATH"; never the password itself
//! ```

use std::{fmt, path::Path};

use serde::Deserialize;

use super::{
    ConfigError,
    model::{Place, SecretError},
};
use crate::models::Environment;

/// Where documents are looked up.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Knowledge {
    /// A server instead of SQLite.
    pub engine: Option<EngineUrl>,
    /// Where its password is.
    pub password: Option<Place>,
}

/// The address of an engine, without a password.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct EngineUrl(String);

impl EngineUrl {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EngineUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for EngineUrl {
    type Err = &'static str;

    /// Quotes nothing: a password may stand here by mistake.
    fn from_str(url: &str) -> Result<Self, &'static str> {
        let rest = url
            .strip_prefix("postgres://")
            .or_else(|| url.strip_prefix("postgresql://"));
        let Some(rest) = rest else {
            return Err("an engine is postgres://USER@HOST:PORT/DATABASE");
        };
        let user = rest.rsplit_once('@').map_or("", |(user, _)| user);
        if user.contains(':') || rest.contains("password=") {
            return Err("a password never stands in an address, which others can see");
        }
        Ok(Self(url.to_owned()))
    }
}

impl TryFrom<String> for EngineUrl {
    type Error = &'static str;

    fn try_from(url: String) -> Result<Self, &'static str> {
        url.parse()
    }
}

impl Knowledge {
    pub(crate) fn resolve(&mut self, directory: &Path) {
        if let Some(place) = &mut self.password {
            place.resolve(directory);
        }
    }

    /// The engine's password, looked up where the configuration says.
    ///
    /// # Errors
    /// It is not there, or others may read it.
    pub fn secret(&self, environment: Environment<'_>) -> Result<Option<String>, ConfigError> {
        let found = self.password.as_ref().map(|place| place.text(environment));
        found
            .transpose()
            .map_err(|source: SecretError| ConfigError::Password { source })
    }
}
