//! The wire: one POST for a completion, bounded in time and size.

use std::{
    fmt,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use llmnet_types::{
    request::{ChatMessage, Role, Setting},
    units::Tokens,
};
use reqwest::{Response, StatusCode, Url, header::RETRY_AFTER};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    answer::Limits,
    language::{Completion, LanguageError, LanguageModel, Usage},
};

/// The most bytes of a reply's body.
pub const BODY_LENGTH_MAX: usize = 1024 * 1024;
/// How long to wait before the second attempt where the server does not say.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_millis(500);
/// Settings that are ours to make, or would change the shape of the reply.
const SETTINGS_REFUSED: [&str; 10] = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "n",
    "max_tokens",
    "max_completion_tokens",
    "tools",
    "functions",
    "user",
];
/// How long a local Ollama may take to say what it has.
const OLLAMA_TIMEOUT: Duration = Duration::from_millis(800);
/// How long a server may take to list its models.
const LIST_TIMEOUT: Duration = Duration::from_secs(3);
/// The most models listed of an Ollama.
const OLLAMA_MODELS_MAX: usize = 64;

/// An API key: never shown, in no log and no error.
#[derive(Clone)]
pub struct Key(String);

impl Key {
    /// Takes a key as its issuer wrote it.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Where a model is.
#[derive(Debug, Clone)]
pub struct Config {
    /// Up to and with the version, as `http://127.0.0.1:11434/v1`.
    pub base: String,
    /// The model's name there.
    pub model: String,
    /// Sent as a bearer token, if any.
    pub key: Option<Key>,
    /// The most time for a connection; the whole reply has the caller's limit.
    pub connect_timeout: Duration,
}

impl Config {
    /// A server without a key.
    pub fn new(base: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            base: base.into(),
            model: model.into(),
            key: None,
            connect_timeout: Duration::from_secs(3),
        }
    }
}

/// What cannot be a server's configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The base is no URL of HTTP.
    #[error("the base of a model's server must be an http or https URL without credentials")]
    Base,
    /// No model is named.
    #[error("the model's name is empty")]
    Model,
    /// The key cannot be sent.
    #[error("the key has characters that no header may have")]
    Key,
    /// The HTTP client could not be built.
    #[error("no HTTP client: {0}")]
    Client(String),
}

/// A model behind OpenAI's chat API.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: Url,
    model: String,
    key: Option<Key>,
}

impl Client {
    /// A client for one model; nothing is sent yet.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        if config.model.trim().is_empty() {
            return Err(ConfigError::Model);
        }
        let sendable = |key: &Key| key.0.bytes().all(|byte| byte.is_ascii_graphic());
        if !config.key.as_ref().is_none_or(sendable) {
            return Err(ConfigError::Key);
        }
        let url = url(&config.base, "chat/completions")?;
        Ok(Self {
            http: http(&url, config.connect_timeout)?,
            url,
            model: config.model,
            key: config.key,
        })
    }

    async fn attempt(&self, body: &Value, left: Duration) -> Result<Completion, Failure> {
        let mut request = self.http.post(self.url.clone()).timeout(left).json(body);
        if let Some(Key(key)) = &self.key {
            request = request.bearer_auth(key);
        }
        let response = request.send().await.map_err(|error| failure(&error))?;
        let status = response.status();
        let wait = retry_after(&response);
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Err(Failure::again(LanguageError::RateLimited, wait));
        }
        if status.is_server_error() {
            let error = LanguageError::Unreachable(format!("status {}", status.as_u16()));
            return Err(Failure::again(error, wait));
        }
        if !status.is_success() {
            let status = status.as_u16();
            return Err(Failure::final_(LanguageError::Refused { status }));
        }
        let bytes = bounded(response).await?;
        completion(&bytes).map_err(Failure::final_)
    }
}

/// A failed attempt, and whether another may succeed.
struct Failure {
    error: LanguageError,
    again_after: Option<Duration>,
}

impl Failure {
    fn again(error: LanguageError, wait: Option<Duration>) -> Self {
        Self {
            error,
            again_after: Some(wait.unwrap_or(RETRY_AFTER_DEFAULT)),
        }
    }

    const fn final_(error: LanguageError) -> Self {
        Self {
            error,
            again_after: None,
        }
    }
}

#[async_trait]
impl LanguageModel for Client {
    fn name(&self) -> &str {
        &self.model
    }

    async fn complete(
        &self,
        messages: &[ChatMessage],
        settings: &[Setting],
        limits: &Limits,
    ) -> Result<Completion, LanguageError> {
        let body = body(&self.model, messages, settings, limits.output_tokens);
        let whole = Duration::from_millis(u64::from(limits.time_ms));
        let timeout = LanguageError::Timeout {
            time_ms: limits.time_ms,
        };
        let begin = Instant::now();
        let first = match self.attempt(&body, whole).await {
            Ok(completion) => return Ok(completion),
            Err(failure) => failure,
        };
        let Some(wait) = first.again_after else {
            return Err(or_timeout(first.error, &timeout));
        };
        // A second attempt, and only one: a panel has other seats, a server in trouble has enough to do.
        if wait >= whole.saturating_sub(begin.elapsed()) {
            return Err(or_timeout(first.error, &timeout));
        }
        tokio::time::sleep(wait).await;
        let left = whole.saturating_sub(begin.elapsed());
        self.attempt(&body, left)
            .await
            .map_err(|failure| or_timeout(failure.error, &timeout))
    }
}

/// A timeout of one attempt, told as the caller's whole limit.
fn or_timeout(error: LanguageError, timeout: &LanguageError) -> LanguageError {
    match error {
        LanguageError::Timeout { .. } => timeout.clone(),
        other => other,
    }
}

/// Names of the models that an Ollama has, best known first; none where there is no Ollama.
pub async fn detect_ollama(base: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Tags {
        models: Vec<Model>,
    }
    #[derive(Deserialize)]
    struct Model {
        name: String,
    }
    let tags = async {
        let url = url(base, "api/tags").ok()?;
        let http = http(&url, OLLAMA_TIMEOUT).ok()?;
        let request = http.get(url).timeout(OLLAMA_TIMEOUT);
        let response = request.send().await.ok()?.error_for_status().ok()?;
        let bytes = bounded(response).await.ok()?;
        serde_json::from_slice::<Tags>(&bytes).ok()
    };
    let models = tags.await.map(|tags| tags.models).unwrap_or_default();
    let names = models.into_iter().map(|model| model.name);
    names.take(OLLAMA_MODELS_MAX).collect()
}

/// The first model that a server lists; none where it lists none.
pub async fn first_model(base: &str, key: Option<Key>) -> Option<String> {
    #[derive(Deserialize)]
    struct List {
        data: Vec<Model>,
    }
    #[derive(Deserialize)]
    struct Model {
        id: String,
    }
    let url = url(base, "models").ok()?;
    let http = http(&url, LIST_TIMEOUT).ok()?;
    let mut request = http.get(url).timeout(LIST_TIMEOUT);
    if let Some(Key(key)) = key {
        request = request.bearer_auth(key);
    }
    let response = request.send().await.ok()?.error_for_status().ok()?;
    let bytes = bounded(response).await.ok()?;
    let list: List = serde_json::from_slice(&bytes).ok()?;
    list.data.into_iter().map(|model| model.id).next()
}

fn http(url: &Url, connect_timeout: Duration) -> Result<reqwest::Client, ConfigError> {
    let builder = reqwest::Client::builder();
    // A proxy of the environment cannot know this machine's own servers.
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let builder = if local { builder.no_proxy() } else { builder };
    builder
        .connect_timeout(connect_timeout)
        // A redirect could carry prompts to somewhere nobody named.
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| ConfigError::Client(error.without_url().to_string()))
}

fn url(base: &str, path: &str) -> Result<Url, ConfigError> {
    let url = Url::parse(&format!("{}/{path}", base.trim_end_matches('/')));
    url.ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .filter(|url| url.username().is_empty() && url.password().is_none())
        .ok_or(ConfigError::Base)
}

fn body(model: &str, messages: &[ChatMessage], settings: &[Setting], output: Tokens) -> Value {
    let role = |role| match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    let messages: Vec<Value> = messages
        .iter()
        .map(|message| json!({"role": role(message.role), "content": message.content.as_str()}))
        .collect();
    let mut body = Map::new();
    for Setting { name, value } in settings {
        let known = SETTINGS_REFUSED.contains(&name.as_str());
        if let (false, Ok(value)) = (known, serde_json::from_str(value)) {
            body.insert(name.to_string(), value);
        }
    }
    body.insert("model".to_owned(), model.into());
    body.insert("messages".to_owned(), messages.into());
    // The old name: local servers know it, hosted ones still take it.
    body.insert("max_tokens".to_owned(), output.0.into());
    body.insert("stream".to_owned(), false.into());
    body.into()
}

/// Errors of the HTTP client without the URL, which may hold what an operator would not show.
fn failure(error: &reqwest::Error) -> Failure {
    if error.is_timeout() && !error.is_connect() {
        return Failure::final_(LanguageError::Timeout { time_ms: 0 });
    }
    if error.is_connect() {
        let error = LanguageError::Unreachable("no connection".to_owned());
        return Failure::again(error, None);
    }
    Failure::final_(LanguageError::Unreachable(
        "the connection broke".to_owned(),
    ))
}

/// Seconds, the only spelling that model servers use.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

async fn bounded(mut response: Response) -> Result<Vec<u8>, Failure> {
    let too_large = || {
        Failure::final_(LanguageError::TooLarge {
            limit: BODY_LENGTH_MAX,
        })
    };
    if response
        .content_length()
        .is_some_and(|length| length > BODY_LENGTH_MAX as u64)
    {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
        if bytes.len() + chunk.len() > BODY_LENGTH_MAX {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn completion(bytes: &[u8]) -> Result<Completion, LanguageError> {
    #[derive(Deserialize)]
    struct Reply {
        choices: Vec<Choice>,
        usage: Option<Counts>,
    }
    #[derive(Deserialize)]
    struct Choice {
        message: Message,
    }
    #[derive(Deserialize)]
    struct Message {
        content: Option<String>,
    }
    #[derive(Deserialize)]
    struct Counts {
        prompt_tokens: u32,
        completion_tokens: u32,
    }
    let malformed = |what: &str| LanguageError::Malformed(what.to_owned());
    // The parser's own message may quote the reply, so it is not passed on.
    let reply: Reply =
        serde_json::from_slice(bytes).map_err(|_| malformed("not a chat completion"))?;
    let choice = reply
        .choices
        .into_iter()
        .next()
        .ok_or_else(|| malformed("no choices"))?;
    let text = choice
        .message
        .content
        .ok_or_else(|| malformed("no content"))?;
    let usage = reply.usage.map(|counts| Usage {
        input: Tokens(counts.prompt_tokens),
        output: Tokens(counts.completion_tokens),
    });
    Ok(Completion { text, usage })
}

#[cfg(test)]
mod tests;
