//! `POST /v1/embeddings`: vectors, by a model of the operator's. Where there is none, that is said as OpenAI says it of
//! any model that is not there.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::Value;
use tokio::time::timeout;

use crate::{
    error::ApiError,
    fields::{Fields, invalid, read_json, shown, wrong_type},
    gateway::Gateway,
    json,
    limits::{self, Call},
    port::embedder::{EmbedError, Embedded, INPUTS_MAX, Input},
};

/// What a body looks like.
const EXAMPLE: &str = r#"{"model": "…", "input": "…"}"#;
/// The most dimensions of a vector.
const DIMENSIONS_MAX: u64 = 8_192;

pub(crate) async fn create(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    request: Request,
) -> Result<Response, ApiError> {
    let body = request.into_body();
    let bytes = call.wait(limits::read(body, &gateway.config)).await?;
    let ask = Ask::read(&bytes)?;
    let named = gateway.embedder.as_ref();
    let named = named.filter(|embedder| embedder.model() == ask.model);
    let Some(embedder) = named else {
        return Err(not_found(&gateway, &ask.model));
    };
    let _permit = limits::admit(&gateway)?;
    let limit = gateway.config.answer_timeout;
    let made = timeout(limit, embedder.embed(ask.inputs, ask.dimensions));
    let made = call.wait(made).await.map_err(|_| {
        let message = "the model for embeddings takes too long; send less or try later";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", message)
            .retry_after(gateway.config.retry_after)
    })?;
    let embedded = made.map_err(|error| match error {
        EmbedError::Refused { message } => {
            ApiError::bad_request("invalid_request", message).at("input")
        }
        EmbedError::Unavailable {
            message,
            retry_after,
        } => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", message)
            .retry_after(retry_after),
    })?;
    Ok(json::object(&List::of(&embedded, &ask.model, ask.base64)))
}

/// What a body asks for.
struct Ask {
    model: String,
    inputs: Vec<Input>,
    dimensions: Option<u32>,
    /// Whether vectors are wanted as bytes in base64.
    base64: bool,
}

impl Ask {
    fn read(bytes: &[u8]) -> Result<Self, ApiError> {
        let value = read_json(bytes, EXAMPLE)?;
        let fields = Fields::of("", &value)?;
        let model = match fields.required("model")? {
            Value::String(model) => model.clone(),
            other => return Err(wrong_type("model", "a string", other)),
        };
        let base64 = match fields.text("encoding_format")?.unwrap_or("float") {
            "float" => false,
            "base64" => true,
            _ => {
                let message = "'encoding_format' must be float or base64";
                return Err(invalid("encoding_format", message));
            }
        };
        let dimensions = match fields.whole("dimensions")? {
            None => None,
            Some(dimensions) if (1..=DIMENSIONS_MAX).contains(&dimensions) => {
                u32::try_from(dimensions).ok()
            }
            Some(_) => {
                let message = format!("'dimensions' must be from 1 to {DIMENSIONS_MAX}");
                return Err(invalid("dimensions", message));
            }
        };
        Ok(Self {
            model,
            inputs: inputs(fields.required("input")?)?,
            dimensions,
            base64,
        })
    }
}

/// A text, tokens, or a list of either.
fn inputs(value: &Value) -> Result<Vec<Input>, ApiError> {
    let expected = "a string, an array of strings, or one or more arrays of tokens";
    let inputs = match value {
        Value::String(text) => vec![Input::Text(text.clone())],
        Value::Array(values) if values.iter().any(Value::is_number) => {
            vec![Input::Tokens(tokens("input", values)?)]
        }
        Value::Array(values) => values
            .iter()
            .enumerate()
            .map(|(place, value)| match value {
                Value::String(text) => Ok(Input::Text(text.clone())),
                Value::Array(values) => {
                    Ok(Input::Tokens(tokens(&format!("input[{place}]"), values)?))
                }
                other => Err(wrong_type(
                    &format!("input[{place}]"),
                    "a string or tokens",
                    other,
                )),
            })
            .collect::<Result<_, _>>()?,
        other => return Err(wrong_type("input", expected, other)),
    };
    if !(1..=INPUTS_MAX).contains(&inputs.len()) {
        let found = inputs.len();
        let message = format!(
            "'input' must be from 1 to {INPUTS_MAX} inputs, found {found}; send them in parts"
        );
        return Err(invalid("input", message));
    }
    let empty = |input: &Input| match input {
        Input::Text(text) => text.is_empty(),
        Input::Tokens(tokens) => tokens.is_empty(),
    };
    if inputs.iter().any(empty) {
        return Err(invalid("input", "an input is empty; leave it out"));
    }
    Ok(inputs)
}

fn tokens(path: &str, values: &[Value]) -> Result<Vec<u32>, ApiError> {
    let token = |value: &Value| {
        let token = value.as_u64().and_then(|token| u32::try_from(token).ok());
        token.ok_or_else(|| wrong_type(path, "an array of tokens", value))
    };
    values.iter().map(token).collect()
}

fn not_found(gateway: &Gateway, model: &str) -> ApiError {
    let instead = match &gateway.embedder {
        Some(embedder) => format!("ask {} for vectors", shown(embedder.model())),
        None => {
            "whoever runs this gateway has configured none; ask a server of embeddings for vectors"
                .to_owned()
        }
    };
    let message = format!(
        "there is no model {} for embeddings: the models of this network answer questions, at \
         /v1/chat/completions, /v1/responses and /v1/messages; {instead}",
        shown(model)
    );
    ApiError::new(StatusCode::NOT_FOUND, "model_not_found", message).at("model")
}

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Row<'a>>,
    model: &'a str,
    usage: Usage,
}

#[derive(Serialize)]
struct Row<'a> {
    object: &'static str,
    index: usize,
    embedding: Shape<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Shape<'a> {
    Numbers(&'a [f32]),
    Bytes(String),
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: u32,
    total_tokens: u32,
}

impl<'a> List<'a> {
    fn of(embedded: &'a Embedded, model: &'a str, base64: bool) -> Self {
        let rows = embedded.vectors.iter().enumerate();
        let rows = rows.map(|(index, vector)| Row {
            object: "embedding",
            index,
            embedding: if base64 {
                // Little-endian, four bytes each, as OpenAI's SDKs read them.
                let bytes: Vec<u8> = vector
                    .iter()
                    .flat_map(|number| number.to_le_bytes())
                    .collect();
                Shape::Bytes(STANDARD.encode(bytes))
            } else {
                Shape::Numbers(vector)
            },
        });
        Self {
            object: "list",
            data: rows.collect(),
            model,
            usage: Usage {
                prompt_tokens: embedded.tokens.0,
                total_tokens: embedded.tokens.0,
            },
        }
    }
}
