//! `GET /health`, for machines that route and restart; `GET /status`, for people who wonder.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use llmnet_types::{id::NetworkId, units::Height};
use serde::Serialize;

use crate::{
    error::{ApiError, retry_hints},
    gateway::Gateway,
    json,
    limits::Call,
    port::Part,
};

/// 200 once a question would be answered, else 503 with the reason.
pub(crate) async fn health(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
) -> Result<Response, ApiError> {
    let health = call.look_up(gateway.coordinator.health()).await?;
    let response = json::object(&HealthShape {
        status: if health.blocked.is_none() {
            "ready"
        } else {
            "not_ready"
        },
        reason: health.blocked.as_deref(),
    });
    if health.blocked.is_none() {
        return Ok(response);
    }
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, response).into_response();
    retry_hints(response.headers_mut(), gateway.config.retry_after);
    Ok(response)
}

/// Each part's state. 200 whatever it says: whoever asks wants to read it.
pub(crate) async fn status(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
) -> Result<Response, ApiError> {
    let mut health = call.look_up(gateway.coordinator.health()).await?;
    if let Some(embedder) = &gateway.embedder {
        let trouble = embedder.trouble();
        health.parts.push(Part {
            name: format!("embedding {}", embedder.model()),
            ready: trouble.is_none(),
            detail: trouble.unwrap_or_else(|| "makes vectors".to_owned()),
        });
    }
    let requests_max = gateway.config.requests_max;
    Ok(json::object(&StatusShape {
        ready: health.blocked.is_none(),
        reason: health.blocked.as_deref(),
        version: env!("CARGO_PKG_VERSION"),
        network: health.network,
        height: health.height,
        parts: health.parts.iter().map(PartShape::of).collect(),
        gateway: GatewayShape {
            uptime_s: gateway.started.elapsed().as_secs(),
            requests: requests_max.saturating_sub(gateway.room.available_permits()),
            requests_max,
        },
    }))
}

#[derive(Serialize)]
struct HealthShape<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

#[derive(Serialize)]
struct StatusShape<'a> {
    ready: bool,
    reason: Option<&'a str>,
    version: &'static str,
    network: Option<NetworkId>,
    height: Option<Height>,
    parts: Vec<PartShape<'a>>,
    gateway: GatewayShape,
}

#[derive(Serialize)]
struct PartShape<'a> {
    name: &'a str,
    ready: bool,
    detail: &'a str,
}

impl<'a> PartShape<'a> {
    fn of(part: &'a Part) -> Self {
        Self {
            name: &part.name,
            ready: part.ready,
            detail: &part.detail,
        }
    }
}

#[derive(Serialize)]
struct GatewayShape {
    uptime_s: u64,
    requests: usize,
    requests_max: usize,
}
