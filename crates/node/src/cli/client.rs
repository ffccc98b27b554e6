//! A client of the gateway, as any OpenAI client would be.

use std::time::Duration;

use anyhow::Context;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Where the key is that the gateway asks for.
const KEY: &str = "LLMNET_API_KEY";
/// What a gateway may take to begin to answer.
const TIMEOUT: Duration = Duration::from_secs(300);
/// The most bytes of a reply.
const REPLY_LENGTH_MAX: usize = 16 * 1024 * 1024;

/// The gateway said no, or nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    /// It answered with an error.
    #[error("{message}")]
    Refused {
        /// What it says.
        message: String,
        /// What it advises.
        hint: Option<String>,
        /// What is wrong, for programs; empty where it did not say.
        code: String,
        /// The oldest block it keeps, where that is why.
        kept_from: Option<u64>,
    },
    /// It did not answer.
    #[error("the gateway at {url} cannot be reached")]
    Unreachable {
        /// Where it should be.
        url: String,
        /// Why not.
        source: reqwest::Error,
    },
    /// It answered with something else.
    #[error("the gateway's reply cannot be read: {0}")]
    Malformed(String),
}

/// A gateway.
#[derive(Debug, Clone)]
pub(super) struct Client {
    url: String,
    http: reqwest::Client,
}

/// An answer with all that is ours about it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Answer {
    /// The text.
    pub(super) content: String,
    /// What stands under `llmnet`.
    pub(super) llmnet: Value,
    /// What it took, where the gateway says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<Usage>,
}

/// Tokens, of all seats together.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Usage {
    /// All that was read and written.
    pub(super) total_tokens: u64,
}

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    choices: Vec<Choice>,
    llmnet: Option<Value>,
    usage: Option<Usage>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Delta,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
    #[serde(default)]
    code: String,
}

#[derive(Deserialize)]
struct Refused {
    error: Refusal,
    #[serde(default)]
    llmnet: More,
}

#[derive(Default, Deserialize)]
struct More {
    kept_from: Option<u64>,
}

/// The key of a gateway that asks for one, from the environment.
fn key() -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    if let Ok(key) = std::env::var(KEY) {
        let value = HeaderValue::from_str(&format!("Bearer {key}"));
        let mut value = value.with_context(|| format!("{KEY} is not an API key"))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

impl Client {
    pub(super) fn new(url: &str) -> anyhow::Result<Self> {
        // A proxy must not stand between this program and its own network.
        let http = reqwest::Client::builder()
            .no_proxy()
            .read_timeout(TIMEOUT)
            .default_headers(key()?)
            .build()?;
        Ok(Self {
            url: url.to_owned(),
            http,
        })
    }

    fn unreachable(&self, source: reqwest::Error) -> ClientError {
        ClientError::Unreachable {
            url: self.url.clone(),
            source,
        }
    }

    /// Asks and listens to what happens meanwhile.
    pub(super) async fn ask(
        &self,
        model: &str,
        question: &str,
        mut on_progress: impl FnMut(&str),
    ) -> Result<Answer, ClientError> {
        let body = serde_json::json!({
            "model": model,
            "stream": true,
            "stream_options": { "include_usage": true },
            "messages": [{ "role": "user", "content": question }],
        });
        let request = self.http.post(format!("{}/v1/chat/completions", self.url));
        let response = request
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await
            .map_err(|error| self.unreachable(error))?;
        let mut response = self.checked(response).await?;
        let mut lines = Lines::default();
        let mut answer = Answer {
            content: String::new(),
            llmnet: Value::Null,
            usage: None,
        };
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.unreachable(error))?
        {
            for line in lines.push(&chunk)? {
                if let Some(comment) = line.strip_prefix(": llmnet ") {
                    on_progress(comment);
                } else if let Some(data) = line.strip_prefix("data: ") {
                    take(&mut answer, data)?;
                }
            }
        }
        if answer.llmnet.is_null() {
            return Err(ClientError::Malformed("the stream ended early".to_owned()));
        }
        Ok(answer)
    }

    /// A receipt's bytes, after waiting so long for it to be final.
    pub(super) async fn receipt(&self, id: &str, wait: Duration) -> Result<Vec<u8>, ClientError> {
        let path = format!("/v1/receipts/{id}?wait_ms={}", wait.as_millis());
        self.get(&path).await
    }

    /// A reply as JSON.
    pub(super) async fn json(&self, path: &str) -> Result<Value, ClientError> {
        self.read(path).await
    }

    /// A reply's JSON as what it stands for.
    pub(super) async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let bytes = self.get(path).await?;
        serde_json::from_slice(&bytes).map_err(|error| ClientError::Malformed(error.to_string()))
    }

    /// A reply's bytes.
    pub(super) async fn get(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        let request = self.http.get(format!("{}{path}", self.url));
        let response = request
            .send()
            .await
            .map_err(|error| self.unreachable(error))?;
        let mut response = self.checked(response).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.unreachable(error))?
        {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > REPLY_LENGTH_MAX {
                return Err(ClientError::Malformed("it is too large".to_owned()));
            }
        }
        Ok(bytes)
    }

    async fn checked(&self, response: reqwest::Response) -> Result<reqwest::Response, ClientError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let text = response.text().await.unwrap_or_default();
        let refused = serde_json::from_str(&text).unwrap_or_else(|_| Refused {
            error: Refusal {
                message: format!("status {status}"),
                code: String::new(),
            },
            llmnet: More::default(),
        });
        let hint = match (status.as_u16(), refused.error.code.as_str()) {
            (401, _) => Some("put a key of this gateway into LLMNET_API_KEY"),
            (404, "height_not_reached") => None,
            (404, _) => Some("llmnet experts lists the domains that can be asked"),
            _ => None,
        };
        Err(ClientError::Refused {
            message: refused.error.message,
            hint: hint.map(str::to_owned),
            code: refused.error.code,
            kept_from: refused.llmnet.kept_from,
        })
    }
}

fn take(answer: &mut Answer, data: &str) -> Result<(), ClientError> {
    if data == "[DONE]" {
        return Ok(());
    }
    let event: Event =
        serde_json::from_str(data).map_err(|error| ClientError::Malformed(error.to_string()))?;
    if let Some(error) = event.error {
        return Err(ClientError::Refused {
            message: error.message,
            hint: None,
            code: error.code,
            kept_from: None,
        });
    }
    for choice in event.choices {
        answer
            .content
            .push_str(choice.delta.content.as_deref().unwrap_or_default());
    }
    if let Some(llmnet) = event.llmnet {
        answer.llmnet = llmnet;
    }
    answer.usage = event.usage.or(answer.usage);
    Ok(())
}

/// Lines out of chunks that end anywhere.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn push(&mut self, chunk: &[u8]) -> Result<Vec<String>, ClientError> {
        self.0.extend_from_slice(chunk);
        if self.0.len() > REPLY_LENGTH_MAX {
            return Err(ClientError::Malformed("a line is too long".to_owned()));
        }
        let Some(end) = self.0.iter().rposition(|byte| *byte == b'\n') else {
            return Ok(Vec::new());
        };
        let whole: Vec<u8> = self.0.drain(..=end).collect();
        let text = String::from_utf8(whole)
            .map_err(|_| ClientError::Malformed("it is not UTF-8".to_owned()))?;
        Ok(text.lines().map(ToOwned::to_owned).collect())
    }
}
