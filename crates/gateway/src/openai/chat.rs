//! `POST /v1/chat/completions`: a question in, an answer with its account out, at once or as a stream.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue},
    response::Response,
};

use crate::{
    gateway::Gateway,
    json,
    limits::{self, Call},
    openai::{
        ask,
        asking::Asking,
        error::ApiError,
        shape::{Completion, Head},
        sse,
    },
    port::Answered,
};

pub(crate) async fn completions(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    request: Request,
) -> Result<Response, ApiError> {
    let body = request.into_body();
    let bytes = call.wait(limits::read(body, &gateway.config)).await?;
    let permit = limits::admit(&gateway)?;
    let ask = ask::parse(&bytes)?;
    if ask.model.domain().is_some() {
        let offers = call.look_up(gateway.coordinator.models()).await?;
        ask.model.offered(&offers)?;
    }

    let head = Head {
        id: format!("chatcmpl-{}", call.id),
        created: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
        model: ask.model.to_string(),
    };
    let asking = Asking::start(
        Arc::clone(&gateway.coordinator),
        ask.request,
        gateway.config.answer_timeout,
    );
    if ask.stream {
        let manner = sse::Manner {
            progress: ask.progress.unwrap_or(gateway.config.progress),
            include_usage: ask.include_usage,
            keep_alive: gateway.config.keep_alive,
            patience: gateway.config.stream_patience,
        };
        return sse::respond(head, asking, manner, &call, permit).await;
    }

    let answered = call.wait(asking.done()).await;
    let answered = answered.map_err(|error| ApiError::answer(error, &call.id))?;
    let mut response = json::object(&Completion::of(&head, &answered));
    account_headers(response.headers_mut(), &answered);
    Ok(response)
}

/// The account in brief, for those who look at headers only.
pub(super) fn account_headers(headers: &mut HeaderMap, answered: &Answered) {
    let receipt = answered.receipt.map(|receipt| receipt.to_string());
    for (name, value) in [
        ("x-llmnet-receipt", receipt),
        ("x-llmnet-cost", Some(answered.cost.total.credits())),
    ] {
        if let Some(Ok(value)) = value.map(|value| HeaderValue::from_str(&value)) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}
