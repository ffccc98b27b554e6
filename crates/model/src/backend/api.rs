//! Language models behind HTTP: OpenAI's, Anthropic's, Google's, xAI's, and any server that speaks OpenAI's
//! chat API, as vLLM, Ollama, llama.cpp and TGI do.
//!
//! ```text
//! Client: two attempts within one deadline
//!   breaker     a server that fails again and again is left alone for a while
//!   pace        calls at a time, calls a minute
//!   openai, anthropic, gemini     pure: a Call as JSON; a reply's bytes as a Completion
//!   offered     tools and forms that a request wants, out of its settings
//!   transport   one POST, bounded in time and size; what came back instead of a reply
//! embeddings    vectors, of OpenAI's API and its like
//! key           a secret that is never shown
//! list          which models a server has
//! ```
//!
//! A new API is a variant of [`Api`] and a file with two functions. Errors name statuses and causes of our
//! own words only: servers quote keys and prompts in theirs.

mod breaker;
mod embeddings;
mod key;
mod list;
mod pace;
mod transport;

mod anthropic;
mod gemini;
mod offered;
mod openai;

use std::{
    borrow::Cow,
    fmt,
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use llmnet_types::{
    request::{ChatMessage, RESPONSE_FORMAT, Setting, TOOLS},
    tool::{CALL_ID_LENGTH_MAX, CALLS_MAX, TOOL_NAME_LENGTH_MAX, ToolCall},
    units::Tokens,
    way::VIA,
};
use reqwest::{
    Url,
    header::{HeaderMap, HeaderValue},
};
use serde_json::Value;

pub use embeddings::{Embeddings, EmbeddingsConfig};
pub use key::Key;
pub use list::{detect_ollama, first_model};

use crate::{
    answer::Limits,
    language::{Completion, LanguageError, LanguageModel, Usage},
    way,
};
use breaker::{Breaker, Change, Outcome, Resting};
use pace::Pace;
use transport::{Again, Failure};

/// The most bytes of a reply's body.
pub const BODY_LENGTH_MAX: usize = 1024 * 1024;
/// A time-out of less says nothing of a server, where its operator does not give it less anyhow.
const TELLING_MS: u32 = 2_000;
/// The most calls of a minute that are counted.
pub const CALLS_A_MINUTE_MAX: u32 = 10_000;

/// Which API a server speaks, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// OpenAI's chat completions, at OpenAI.
    OpenAi,
    /// Anthropic's messages.
    Anthropic,
    /// Google's `generateContent`.
    Gemini,
    /// xAI's chat completions, of OpenAI's shape.
    Xai,
    /// OpenAI's chat completions, as any other server speaks them.
    Compatible,
}

impl Api {
    /// All there are.
    pub const ALL: [Self; 5] = [
        Self::OpenAi,
        Self::Anthropic,
        Self::Gemini,
        Self::Xai,
        Self::Compatible,
    ];

    /// Its name in configurations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Xai => "xai",
            Self::Compatible => "compatible",
        }
    }

    /// Where its maker serves it; nowhere for what anybody may serve.
    pub const fn base(self) -> Option<&'static str> {
        match self {
            Self::OpenAi => Some("https://api.openai.com/v1"),
            Self::Anthropic => Some("https://api.anthropic.com/v1"),
            Self::Gemini => Some("https://generativelanguage.googleapis.com/v1beta"),
            Self::Xai => Some("https://api.x.ai/v1"),
            Self::Compatible => None,
        }
    }

    /// Tokens that its models may think beside those of the text, where nobody says another number.
    ///
    /// Newer models of all four makers think unless told not to, and count it as output: with the text's
    /// tokens alone, a short answer is none at all.
    pub const fn thinking_tokens(self) -> Tokens {
        match self {
            Self::OpenAi | Self::Anthropic | Self::Gemini | Self::Xai => Tokens(4_096),
            Self::Compatible => Tokens(0),
        }
    }

    /// Where a model of this API is asked.
    fn url(self, base: &str, model: &str) -> Result<Url, ConfigError> {
        match self {
            Self::OpenAi | Self::Xai | Self::Compatible => {
                transport::url(base, &["chat", "completions"])
            }
            Self::Anthropic => anthropic::url(base),
            Self::Gemini => gemini::url(base, model),
        }
    }

    /// What goes beside a request: the key, and a version where the API wants one.
    fn headers(self, key: Option<&Key>) -> Result<HeaderMap, ConfigError> {
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            let (name, value) = match self {
                Self::OpenAi | Self::Xai | Self::Compatible => ("authorization", key.bearer()?),
                Self::Anthropic => ("x-api-key", key.bare()?),
                Self::Gemini => ("x-goog-api-key", key.bare()?),
            };
            headers.insert(name, value);
        }
        if self == Self::Anthropic {
            let (name, version) = anthropic::VERSION;
            headers.insert(name, HeaderValue::from_static(version));
        }
        Ok(headers)
    }

    fn body(self, call: &Call<'_>) -> Value {
        match self {
            Self::OpenAi | Self::Xai => openai::body(call, "max_completion_tokens"),
            // The old name: not all servers know the new one.
            Self::Compatible => openai::body(call, "max_tokens"),
            Self::Anthropic => anthropic::body(call),
            Self::Gemini => gemini::body(call),
        }
    }

    fn completion(self, bytes: &[u8]) -> Result<Completion, LanguageError> {
        match self {
            Self::OpenAi | Self::Xai | Self::Compatible => openai::completion(bytes),
            Self::Anthropic => anthropic::completion(bytes),
            Self::Gemini => gemini::completion(bytes),
        }
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Api {
    type Err = UnknownApi;

    fn from_str(name: &str) -> Result<Self, UnknownApi> {
        let mut all = Self::ALL.into_iter();
        all.find(|api| api.name() == name).ok_or(UnknownApi)
    }
}

/// A name of no API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an api is openai, anthropic, gemini, xai or compatible")]
pub struct UnknownApi;

/// What is asked of a model, in no API's words yet.
struct Call<'a> {
    model: &'a str,
    messages: &'a [ChatMessage],
    settings: &'a [Setting],
    /// Of text and thinking together.
    output: Tokens,
}

impl Call<'_> {
    /// The value of a setting, by OpenAI's name for it.
    fn setting(&self, name: &str) -> Option<Value> {
        let setting = self.settings.iter().find(|it| it.name.as_str() == name)?;
        serde_json::from_str(&setting.value).ok()
    }
}

/// Settings without which an answer would mean something else: never left out.
const MEANT: [&str; 3] = [TOOLS, "tool_choice", RESPONSE_FORMAT];

fn is_meant(setting: &Setting) -> bool {
    MEANT.contains(&setting.name.as_str())
}

/// Calls of tools, if all of them can be handed on.
fn whole_calls(calls: Vec<ToolCall>) -> Result<Vec<ToolCall>, LanguageError> {
    let whole = |call: &ToolCall| {
        call.id.len() <= CALL_ID_LENGTH_MAX && (1..=TOOL_NAME_LENGTH_MAX).contains(&call.name.len())
    };
    if calls.len() <= CALLS_MAX && calls.iter().all(whole) {
        return Ok(calls);
    }
    let what = "a call of a tool without a name, or with too long a one, or too many of them";
    Err(LanguageError::Malformed(what.to_owned()))
}

/// What one model may be asked, whatever a contract allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Tokens sent in one call.
    pub input_tokens: Tokens,
    /// Tokens of the text of one call.
    pub output_tokens: Tokens,
    /// Tokens it may think in one call, beside those of the text. Its operator pays for them by the call.
    pub thinking_tokens: Tokens,
    /// Milliseconds until a reply must be there, both attempts together.
    pub reply_ms: u32,
    /// Milliseconds of them that the first attempt may take, so that a connection that hangs leaves time for
    /// the second; three quarters where absent.
    pub attempt_ms: Option<u32>,
    /// Milliseconds for which a server is left alone once it failed five times in a row; twice as long each
    /// time it still fails then, up to eight times.
    pub rest_ms: u32,
    /// Calls at a time; at least 1.
    pub calls: u32,
    /// Calls begun within any minute, at most [`CALLS_A_MINUTE_MAX`]; as many as come where absent.
    pub calls_a_minute: Option<u32>,
}

impl Bounds {
    /// What suits models of an API.
    pub const fn of(api: Api) -> Self {
        // A machine of one's own works on few prompts at a time, and the rest would wait there unseen.
        let calls = match api {
            Api::Compatible => 8,
            Api::OpenAi | Api::Anthropic | Api::Gemini | Api::Xai => 16,
        };
        Self {
            input_tokens: Tokens(32_000),
            output_tokens: Tokens(4_000),
            thinking_tokens: api.thinking_tokens(),
            reply_ms: 120_000,
            attempt_ms: None,
            rest_ms: 10_000,
            calls,
            calls_a_minute: None,
        }
    }

    /// Whether anything could ever be asked.
    fn check(&self) -> Result<(), ConfigError> {
        let minute = |most| (1..=CALLS_A_MINUTE_MAX).contains(&most);
        if self.calls == 0 || !self.calls_a_minute.is_none_or(minute) {
            return Err(ConfigError::Calls);
        }
        Ok(())
    }
}

/// Where a model is, and what it may be asked.
#[derive(Clone)]
pub struct Config {
    /// What is spoken there.
    pub api: Api,
    /// Where: up to and with the version, as `http://127.0.0.1:11434/v1`.
    pub base: String,
    /// The model's name there.
    pub model: String,
    /// Sent with each call, if any.
    pub key: Option<Key>,
    /// The most time for a connection.
    pub connect_timeout: Duration,
    /// What it may be asked.
    pub bounds: Bounds,
}

impl Config {
    /// A model without a key, within the bounds that suit its API.
    pub fn new(api: Api, base: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            api,
            base: base.into(),
            model: model.into(),
            key: None,
            connect_timeout: Duration::from_secs(3),
            bounds: Bounds::of(api),
        }
    }
}

impl fmt::Debug for Config {
    /// Without the base, in which somebody may have written a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("api", &self.api)
            .field("model", &self.model)
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}

/// What cannot be a model's configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The base is no URL of HTTP.
    #[error(
        "the base of a model's server must be an http or https URL without credentials, query or fragment"
    )]
    Base,
    /// No model is named.
    #[error("the model's name is empty")]
    Model,
    /// The key cannot be sent.
    #[error("the key is empty or has characters that no header may have")]
    Key,
    /// Nothing could ever be asked.
    #[error("a model needs at least 1 call at a time, and 1 to 10,000 a minute")]
    Calls,
    /// It makes no vectors, or in another shape.
    #[error("{0} has no embeddings of OpenAI's shape: take openai, xai or compatible")]
    Api(Api),
    /// The HTTP client could not be built.
    #[error("no HTTP client: {0}")]
    Client(String),
}

/// A model behind an HTTP API.
#[derive(Clone)]
pub struct Client {
    api: Api,
    model: String,
    url: Url,
    headers: HeaderMap,
    http: reqwest::Client,
    /// Whether its server is told which way a request came: one that may be a gateway, and not a maker's own, whom
    /// that does not concern.
    tells_way: bool,
    bounds: Bounds,
    breaker: Arc<Breaker>,
    pace: Arc<Pace>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("api", &self.api)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client for one model; nothing is sent yet.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let Config {
            api,
            base,
            model,
            key,
            connect_timeout,
            bounds,
        } = config;
        if model.trim().is_empty() {
            return Err(ConfigError::Model);
        }
        bounds.check()?;
        let url = api.url(&base, &model)?;
        Ok(Self {
            api,
            headers: api.headers(key.as_ref())?,
            http: transport::http(&url, connect_timeout)?,
            tells_way: api.base() != Some(base.trim_end_matches('/')),
            model,
            url,
            bounds,
            breaker: Arc::new(Breaker::new(Duration::from_millis(u64::from(
                bounds.rest_ms,
            )))),
            pace: Arc::new(Pace::new(bounds.calls, bounds.calls_a_minute)),
        })
    }

    async fn converse(
        &self,
        messages: &[ChatMessage],
        settings: &[Setting],
        limits: &Limits,
    ) -> Result<Completion, LanguageError> {
        let limits = self.within(limits);
        let deadline = Instant::now() + Duration::from_millis(u64::from(limits.time_ms));
        // Nobody queues for a server that is left alone; those who did hear of it when it is their turn.
        if let Some(resting) = self.breaker.resting(Instant::now()) {
            return Err(resting.into());
        }
        let _place = self.pace.enter(deadline).await?;
        let pass = self.breaker.pass(Instant::now())?;
        let completion = self.attempts(messages, settings, &limits, deadline).await;
        let outcome = match &completion {
            Ok(_) => Outcome::Answered,
            Err(error) => self.tells(error),
        };
        match pass.over(Instant::now(), outcome) {
            Some(Change::Opened(rest)) => tracing::warn!(
                api = %self.api, model = %self.model, ?rest,
                "a model's server failed again and again: it is left alone, and its seat declines"
            ),
            Some(Change::Closed) => {
                tracing::info!(api = %self.api, model = %self.model, "a model's server works again");
            }
            None => {}
        }
        completion
    }

    /// What an error says of the server.
    fn tells(&self, error: &LanguageError) -> Outcome {
        match error {
            LanguageError::Timeout { time_ms } if *time_ms < TELLING_MS.min(self.bounds.reply_ms) => {
                Outcome::Unknown
            }
            LanguageError::Timeout { .. }
            | LanguageError::RateLimited
            | LanguageError::Unreachable(_)
            | LanguageError::Malformed(_)
            | LanguageError::TooLarge { .. }
            // No key, no money, no such model: so it will be for the next request.
            | LanguageError::Refused { status: 300..=399 | 401..=404 } => Outcome::Failed,
            LanguageError::Refused { .. } | LanguageError::Withheld | LanguageError::Exhausted => {
                Outcome::Answered
            }
            LanguageError::Saturated | LanguageError::Resting { .. } => Outcome::Unknown,
        }
    }

    /// Asks, and once more where the first failure may pass.
    async fn attempts(
        &self,
        messages: &[ChatMessage],
        settings: &[Setting],
        limits: &Limits,
        deadline: Instant,
    ) -> Result<Completion, LanguageError> {
        let mut settings = Cow::Borrowed(settings);
        // A second attempt, and only one: a panel has other seats, a server in trouble has enough to do.
        let mut last = false;
        loop {
            self.pace.begin(deadline).await?;
            let thinking = self.bounds.thinking_tokens.0;
            let call = Call {
                model: &self.model,
                messages,
                settings: &settings,
                output: Tokens(limits.output_tokens.0.saturating_add(thinking)),
            };
            let body = self.api.body(&call);
            let until = if last {
                deadline
            } else {
                self.first_until(deadline)
            };
            let Failure { error, again } = match self.attempt(&body, until).await {
                Ok(completion) => return Ok(completion),
                Err(failure) => failure,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            match again {
                Again::After(wait) if !last && wait < left => {
                    tokio::time::sleep(transport::spread(wait, left)).await;
                }
                // Models differ in the settings they take, and the asker knows none of them.
                Again::Plainer if !last && settings.iter().any(|setting| !is_meant(setting)) => {
                    settings.to_mut().retain(is_meant);
                }
                _ => {
                    return Err(match error {
                        LanguageError::Timeout { .. } => LanguageError::Timeout {
                            time_ms: limits.time_ms,
                        },
                        other => other,
                    });
                }
            }
            last = true;
        }
    }

    /// When the first attempt has taken its part of the time.
    fn first_until(&self, deadline: Instant) -> Instant {
        let now = Instant::now();
        let left = deadline.saturating_duration_since(now);
        let part = match self.bounds.attempt_ms {
            Some(ms) => Duration::from_millis(u64::from(ms)),
            None => left * 3 / 4,
        };
        now + part.min(left)
    }

    async fn attempt(&self, body: &Value, deadline: Instant) -> Result<Completion, Failure> {
        let request = self.http.post(self.url.clone());
        let mut request = request.headers(self.headers.clone()).json(body);
        if let Some(way) = way::current().filter(|_| self.tells_way) {
            request = request.header(VIA, way.to_string());
        }
        let bytes = transport::send(request, deadline).await?;
        self.api.completion(&bytes).map_err(Failure::of_reply)
    }
}

impl From<Resting> for LanguageError {
    fn from(resting: Resting) -> Self {
        let Resting { failures, left } = resting;
        Self::Resting {
            failures,
            left_ms: u32::try_from(left.as_millis()).unwrap_or(u32::MAX),
        }
    }
}

#[async_trait]
impl LanguageModel for Client {
    fn name(&self) -> &str {
        &self.model
    }

    fn within(&self, limits: &Limits) -> Limits {
        Limits {
            input_tokens: limits.input_tokens.min(self.bounds.input_tokens),
            output_tokens: limits.output_tokens.min(self.bounds.output_tokens),
            time_ms: limits.time_ms.min(self.bounds.reply_ms),
            height: limits.height,
        }
    }

    fn trouble(&self) -> Option<String> {
        let resting = self.breaker.resting(Instant::now())?;
        Some(LanguageError::from(resting).to_string())
    }

    async fn complete(
        &self,
        messages: &[ChatMessage],
        settings: &[Setting],
        limits: &Limits,
    ) -> Result<Completion, LanguageError> {
        let completion = self.converse(messages, settings, limits).await;
        if let Err(error) = &completion
            // That was told when it began.
            && !matches!(error, LanguageError::Resting { .. })
        {
            // The seat tells its coordinator no more than that it has no answer: this is for its operator.
            tracing::warn!(api = %self.api, model = %self.model, %error, "no text from a model");
        }
        completion
    }
}

#[cfg(test)]
mod tests;
