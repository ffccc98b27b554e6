//! The keys of a gateway, for whoever runs it.
//!
//! | | |
//! |---|---|
//! | `GET /admin/keys` | all keys, with what each may do and has spent |
//! | `POST /admin/keys` | a new one, said once: `{name, scopes, requests_per_minute, budget: {credits, days}}` |
//! | `DELETE /admin/keys/{name}` | there is no such key any more |
//!
//! It asks for no key itself, so it is served on loopback and nowhere else, and on a port of its own, so that
//! no proxy in front of the gateway opens it. Browsers come with the name they were sent to: a request for any
//! other than this machine's is refused, or a page could have its own name resolved to here.

mod read;

use std::{net::IpAddr, sync::Arc};

use axum::{
    Router,
    extract::{Path, Request, State},
    http::{HeaderValue, StatusCode, Uri, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::{delete, get},
};
use serde::Serialize;

use crate::{
    Config,
    access::{Access, KeyShape, NoKey},
    error::ApiError,
    json, limits,
    port::keys::{KEYS_MAX, KeyName, KeyStoreError},
};

#[derive(Clone)]
struct Admin {
    access: Access,
    config: Arc<Config>,
}

pub(crate) fn router(access: Access, config: Arc<Config>) -> Router {
    Router::new()
        .route("/admin/keys", get(list).post(create))
        .route("/admin/keys/{name}", delete(remove))
        .fallback(unknown)
        .layer(from_fn(local))
        .with_state(Admin { access, config })
}

/// Refuses what a page elsewhere has a browser send.
async fn local(request: Request, next: Next) -> Response {
    let refused = match is_local(&request) {
        true => limits::same_origin(&request),
        false => Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "not_local",
            "keys are managed on this machine alone: ask at 127.0.0.1, [::1] or localhost",
        )),
    };
    match refused {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

/// Whether a request was sent to a name of this machine's own.
fn is_local(request: &Request) -> bool {
    let host = request.headers().get(header::HOST).map(HeaderValue::to_str);
    let Some(Ok(host)) = host else {
        return false;
    };
    let authority: Option<Uri> = host.parse().ok();
    let host = authority.as_ref().and_then(Uri::host).unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    host == "localhost" || address.is_ok_and(|address: IpAddr| address.is_loopback())
}

async fn list(State(admin): State<Admin>) -> Result<Response, ApiError> {
    let holders = admin.keys()?.holders();
    Ok(json::object(&List {
        object: "list",
        data: holders.iter().map(|holder| KeyShape::of(holder)).collect(),
    }))
}

async fn create(State(admin): State<Admin>, request: Request) -> Result<Response, ApiError> {
    let keys = admin.keys()?;
    let bytes = limits::read(request.into_body(), &admin.config).await?;
    let described = read::key(&bytes)?;
    let (secret, holder) = keys
        .create(|digest| described.with(digest))
        .map_err(|no| match no {
            NoKey::Full => {
                let message =
                    format!("there are {KEYS_MAX} keys, as many as there may be; remove one");
                ApiError::new(StatusCode::CONFLICT, "keys_full", message)
            }
            NoKey::Taken => {
                let message = "there is a key of this name; take another, or remove it first";
                ApiError::new(StatusCode::CONFLICT, "name_taken", message).at("name")
            }
            NoKey::Store(error) => unkept(&error),
        })?;
    let created = json::object(&Created {
        shape: KeyShape::of(&holder),
        key: &secret,
    });
    Ok((StatusCode::CREATED, created).into_response())
}

async fn remove(
    State(admin): State<Admin>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    let keys = admin.keys()?;
    let there = match KeyName::new(&name) {
        Some(name) => keys.remove(&name).map_err(|error| unkept(&error))?,
        None => false,
    };
    if there {
        return Ok(StatusCode::NO_CONTENT);
    }
    let message = "there is no key of this name; see GET /admin/keys";
    Err(ApiError::new(
        StatusCode::NOT_FOUND,
        "key_not_found",
        message,
    ))
}

async fn unknown() -> ApiError {
    let message = "there are GET and POST /admin/keys and DELETE /admin/keys/{name} here";
    ApiError::new(StatusCode::NOT_FOUND, "unknown_url", message)
}

/// Told as it is: whoever hears it runs the gateway.
fn unkept(error: &KeyStoreError) -> ApiError {
    ApiError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "not_kept",
        error.to_string(),
    )
}

impl Admin {
    fn keys(&self) -> Result<Arc<crate::access::Keys>, ApiError> {
        self.access.keys().cloned().ok_or_else(|| {
            let message = "this gateway asks for no keys; have it do so in its configuration";
            ApiError::new(StatusCode::CONFLICT, "no_keys", message)
        })
    }
}

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<KeyShape<'a>>,
}

#[derive(Serialize)]
struct Created<'a> {
    #[serde(flatten)]
    shape: KeyShape<'a>,
    /// Said here and never again.
    key: &'a str,
}
