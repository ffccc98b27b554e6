//! `[[model]]` of llmnet.toml: a respondent backed by a language model.
//!
//! ```toml
//! [[model]]
//! name = "claude-haiku-4-5"        # as its server knows it
//! api = "anthropic"                # openai, anthropic, gemini, xai, or compatible: OpenAI's chat API, at any
//!                                  # other server; compatible where absent
//! base_url = "http://10.0.0.7/v1"  # up to and with the version; its maker's where absent, which compatible
//!                                  # servers have not
//! key = "env::ANTHROPIC_API_KEY"   # or "file::PATH", from here on; never the key itself. Where absent: the
//!                                  # variable of this name for its maker's own API, none for compatible
//! domains = ["medicine"]           # all local domains where absent
//! samples = 5                      # of a closed answer, at most 15, the most frequent of which is given; one where
//!                                  # absent. Each is a call
//! price = { call = 2000, input_kilo = 500, output_kilo = 2000 }         # millionths of a credit
//! limits = { input_tokens = 32000, output_tokens = 4000, thinking_tokens = 0, calls = 16, calls_a_minute = 50 }
//! # attempt_ms: of reply_ms, what the first of two attempts may take; three quarters where absent. rest_ms: how long a
//! # server that failed five times in a row is left alone
//! timeouts = { connect_ms = 3000, reply_ms = 120000, attempt_ms = 90000, rest_ms = 10000 }
//! ```

use std::{
    fs::File,
    io::{self, Read},
    num::{NonZeroU8, NonZeroU32},
    path::{Path, PathBuf},
    time::Duration,
};

use llmnet_model::{
    backend::api::{Api, Bounds, CALLS_A_MINUTE_MAX, Key, UnknownApi},
    consistent::SAMPLES_MAX,
};
use llmnet_types::{domain::Domain, registration::Price, units::Tokens};
use serde::Deserialize;

use crate::models::{self, Environment};

use super::ConfigError;

/// The most bytes of a file with a key.
const KEY_LENGTH_MAX: u64 = 4_096;
/// The longest time that a model may be given, in milliseconds: beyond, no contract waits.
const TIME_MAX_MS: u32 = 3_600_000;

/// A respondent backed by a language model.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Table")]
pub struct Model {
    /// The model's name at its server.
    pub name: String,
    /// What its server speaks.
    pub api: Api,
    /// Where, up to and with the version.
    pub base_url: String,
    /// Where its key is; none for servers that want none.
    pub key: Option<Place>,
    /// What it answers about; everything here where empty.
    pub domains: Vec<Domain>,
    /// How many samples of a closed answer it takes at the most, from 1 to [`SAMPLES_MAX`].
    pub samples: u8,
    /// What it asks.
    pub price: Price,
    /// What it may be asked.
    pub bounds: Bounds,
    /// The most time for a connection.
    pub connect_timeout: Duration,
}

/// Where a key is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Place {
    /// In a variable of the environment.
    Variable(String),
    /// The first line of a file that nobody else may read.
    File(PathBuf),
}

/// Why a key cannot be had. None of them quotes what was found.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not there.
    #[error("the variable {0} is not set")]
    Variable(String),
    /// The file cannot be read.
    #[error("cannot read {}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may read the file.
    #[error("others may read {} (mode {mode:o}); chmod 600 keeps them out", .path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Who may do what with it.
        mode: u32,
    },
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: String,
    api: Option<Name>,
    base_url: Option<String>,
    key: Option<Place>,
    #[serde(default)]
    domains: Vec<Domain>,
    samples: Option<NonZeroU8>,
    price: Option<Price>,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    timeouts: Timeouts,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    input_tokens: Option<NonZeroU32>,
    output_tokens: Option<NonZeroU32>,
    thinking_tokens: Option<u32>,
    calls: Option<NonZeroU32>,
    calls_a_minute: Option<NonZeroU32>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Timeouts {
    connect_ms: Option<NonZeroU32>,
    reply_ms: Option<NonZeroU32>,
    attempt_ms: Option<NonZeroU32>,
    rest_ms: Option<NonZeroU32>,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Name(Api);

impl TryFrom<String> for Name {
    type Error = UnknownApi;

    fn try_from(name: String) -> Result<Self, UnknownApi> {
        name.parse().map(Self)
    }
}

impl TryFrom<String> for Place {
    type Error = &'static str;

    /// Quotes nothing: what stands here by mistake is most likely a key.
    fn try_from(text: String) -> Result<Self, &'static str> {
        if let Some(name) = text.strip_prefix("env::") {
            let named =
                |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
            let begins = name.starts_with(|first: char| first.is_ascii_uppercase() || first == '_');
            return if begins && name.bytes().all(named) {
                Ok(Self::Variable(name.to_owned()))
            } else {
                Err("after env:: comes the name of a variable, in capitals, digits and underscores")
            };
        }
        match text.strip_prefix("file::") {
            Some(path) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            _ => Err(
                "a key never stands in this file itself; write \"env::NAME\" for a variable or \
                 \"file::PATH\" for a file",
            ),
        }
    }
}

impl TryFrom<Table> for Model {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        let Table {
            name,
            api,
            base_url,
            key,
            domains,
            samples,
            price,
            limits,
            timeouts,
        } = table;
        let api = api.map_or(Api::Compatible, |Name(api)| api);
        let Some(base_url) = base_url.or_else(|| api.base().map(ToOwned::to_owned)) else {
            return Err(format!(
                "model {name} has no base_url, and only a maker's own API has one by itself; write \
                 where its server is, or api = \"openai\", \"anthropic\", \"gemini\" or \"xai\""
            ));
        };
        let number = |number: Option<NonZeroU32>, default| number.map_or(default, NonZeroU32::get);
        let tokens = |number: Option<NonZeroU32>, default: Tokens| {
            Tokens(number.map_or(default.0, NonZeroU32::get))
        };
        let default = Bounds::of(api);
        let bounds = Bounds {
            input_tokens: tokens(limits.input_tokens, default.input_tokens),
            output_tokens: tokens(limits.output_tokens, default.output_tokens),
            thinking_tokens: limits
                .thinking_tokens
                .map_or(default.thinking_tokens, Tokens),
            reply_ms: number(timeouts.reply_ms, default.reply_ms),
            attempt_ms: timeouts.attempt_ms.map(NonZeroU32::get),
            rest_ms: number(timeouts.rest_ms, default.rest_ms),
            calls: number(limits.calls, default.calls),
            calls_a_minute: limits.calls_a_minute.map(NonZeroU32::get),
        };
        let connect_ms = number(timeouts.connect_ms, 3_000);
        if bounds.reply_ms.max(bounds.rest_ms).max(connect_ms) > TIME_MAX_MS {
            return Err(format!(
                "model {name} is given more than an hour; no contract waits so long"
            ));
        }
        if bounds
            .calls_a_minute
            .is_some_and(|most| most > CALLS_A_MINUTE_MAX)
        {
            return Err(format!(
                "model {name} may be called more than {CALLS_A_MINUTE_MAX} times a minute, which are \
                 not counted; leave calls_a_minute out for as many as come"
            ));
        }
        let variable = || models::key_variable(api).map(|name| Place::Variable(name.to_owned()));
        let samples = samples.map_or(1, NonZeroU8::get);
        if samples > SAMPLES_MAX {
            return Err(format!(
                "model {name} is to take more than {SAMPLES_MAX} samples of an answer, which is the most"
            ));
        }
        Ok(Self {
            name,
            api,
            base_url,
            key: key.or_else(variable),
            domains,
            samples,
            price: price.unwrap_or(models::PRICE),
            bounds,
            connect_timeout: Duration::from_millis(u64::from(connect_ms)),
        })
    }
}

impl Model {
    /// Makes relative paths start at the directory of the configuration.
    pub(crate) fn resolve(&mut self, directory: &Path) {
        if let Some(place) = &mut self.key {
            place.resolve(directory);
        }
    }

    /// Its key, looked up where the configuration says.
    ///
    /// # Errors
    /// It is not there, or others may read it.
    pub fn secret(&self, environment: Environment<'_>) -> Result<Option<Key>, ConfigError> {
        let found = self.key.as_ref().map(|place| place.secret(environment));
        found.transpose().map_err(|source| ConfigError::Key {
            model: self.name.clone(),
            source,
        })
    }
}

impl Place {
    fn secret(&self, environment: Environment<'_>) -> Result<Key, SecretError> {
        self.text(environment).map(Key::new)
    }

    /// What stands there.
    ///
    /// # Errors
    /// It is not there, or others may read it.
    pub(super) fn text(&self, environment: Environment<'_>) -> Result<String, SecretError> {
        match self {
            Self::Variable(name) => {
                environment(name).ok_or_else(|| SecretError::Variable(name.clone()))
            }
            Self::File(path) => read(path),
        }
    }

    /// Makes a relative path start at the directory of the configuration.
    pub(super) fn resolve(&mut self, directory: &Path) {
        if let Self::File(path) = self {
            *path = directory.join(&path);
        }
    }
}

/// The first line of a file that nobody else may read.
fn read(path: &Path) -> Result<String, SecretError> {
    let failed = |source| SecretError::File {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    #[cfg(unix)]
    {
        let metadata = file.metadata().map_err(failed)?;
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
        if mode & 0o077 != 0 {
            return Err(SecretError::Exposed {
                path: path.to_owned(),
                mode,
            });
        }
    }
    let mut text = String::new();
    file.take(KEY_LENGTH_MAX)
        .read_to_string(&mut text)
        .map_err(failed)?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}
