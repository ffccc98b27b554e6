//! `GET /v1/ledger/events`: what blocks do, as server-sent events that can be taken up where they broke
//! off.
//!
//! ```text
//! id: 7.0
//! data: {"height":7,"index":0,"transaction":null,"kind":{"event":"epoch_started",…}}
//!
//! : height 8                   nothing happens: all up to block 8 was told
//! ```
//!
//! An event's id is its place, `HEIGHT.INDEX`. `?from=HEIGHT.INDEX` (or `?from=HEIGHT`) begins *with* that
//! one, the header `Last-Event-ID`, which browsers send when they come again, *after* it, and goes first
//! where both are there. With neither, the next block's is the first.
//!
//! Nothing is kept for a client: a block is read when there is room for its events, so a slow client gets
//! all of them late, or is cut off as any other, and takes up where it was. A gap is never passed over:
//! where a block is not there any more, the stream ends with `data: {"error":{…}}` that says so.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use llmnet_types::units::Height;
use serde::Serialize;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, timeout_at},
};

use super::{
    blocks::EventShape,
    error::refused,
    parameters::{Parameters, number},
};
use crate::{
    error::ApiError,
    fields::invalid,
    gateway::Gateway,
    json::text,
    limits::Call,
    port::ledger::{Event, Ledger, LedgerError},
    stream,
};

/// How many events may wait to be sent.
const EVENTS_MAX: usize = 64;

/// The place of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    height: Height,
    index: usize,
}

pub(crate) async fn stream(
    State(gateway): State<Arc<Gateway>>,
    Extension(call): Extension<Call>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let parameters = Parameters::read(&gateway, query.as_deref(), &["from"])?;
    let from = parameters
        .text("from")
        .map(|from| place("from", from))
        .transpose()?;
    let last = headers
        .get("last-event-id")
        .map(|last| place("last-event-id", last.to_str().unwrap_or_default()))
        .transpose()?
        .map(|last| Place {
            index: last.index.saturating_add(1),
            ..last
        });
    let permit = Arc::clone(&gateway.streams)
        .try_acquire_owned()
        .map_err(|_| too_many(gateway.config.retry_after))?;

    let newest = call.look_up(gateway.ledger.newest()).await?;
    let newest = newest.map_err(refused("from", &call, &gateway))?;
    let after = Height(newest.0.saturating_add(1));
    let begin = last.or(from).unwrap_or(Place {
        height: after,
        index: 0,
    });
    // A place far ahead is of another network, or a slip: waiting for it would look like silence.
    if begin.height > after {
        return Err(refused("from", &call, &gateway)(LedgerError::NotReached {
            newest,
        }));
    }
    // What is refused at once is told by the status.
    let first = if begin.height <= newest {
        let events = call.look_up(gateway.ledger.events(begin.height)).await?;
        Some(events.map_err(refused("from", &call, &gateway))?)
    } else {
        None
    };

    let (sender, events) = mpsc::channel(EVENTS_MAX);
    let teller = Teller {
        refused: Box::new(refused("from", &call, &gateway)),
        ledger: Arc::clone(&gateway.ledger),
        keep_alive: gateway.config.keep_alive,
        closing: gateway.closing.clone(),
        events: sender,
    };
    Ok(stream::response(events, async move {
        // An error here means that the client is gone, or that the gateway closes.
        let _ = teller.tell(begin, first).await;
        drop(permit);
    }))
}

/// `HEIGHT.INDEX`, or `HEIGHT` for its first.
fn place(name: &str, text: &str) -> Result<Place, ApiError> {
    let (height, index) = text.split_once('.').unwrap_or((text, "0"));
    let read = |part| number(name, part).ok();
    read(height)
        .zip(read(index))
        .and_then(|(height, index)| {
            let index = usize::try_from(index).ok()?;
            let height = Height(height);
            Some(Place { height, index })
        })
        .ok_or_else(|| {
            let message = format!("'{name}' must be HEIGHT.INDEX, as in 42.0: an event's id");
            invalid(name, message)
        })
}

fn too_many(retry_after: Duration) -> ApiError {
    ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "overloaded",
        "as many listen to events as this node takes; try again later",
    )
    .retry_after(retry_after)
}

/// Tells one client.
struct Teller {
    refused: Box<dyn Fn(LedgerError) -> ApiError + Send + Sync>,
    ledger: Arc<dyn Ledger>,
    keep_alive: Duration,
    closing: watch::Receiver<bool>,
    events: mpsc::Sender<Bytes>,
}

/// The client is gone, or the gateway closes.
struct Gone;

impl Teller {
    async fn tell(&self, begin: Place, mut first: Option<Vec<Event>>) -> Result<(), Gone> {
        let Place {
            mut height,
            mut index,
        } = begin;
        let mut closing = self.closing.clone();
        let mut silence = Instant::now() + self.keep_alive;
        // At once, as proxies cut silent streams and clients wait for a first byte.
        self.comment(height)?;
        loop {
            let events = match first.take() {
                Some(events) => Ok(events),
                None => {
                    let next = timeout_at(silence, self.next(height));
                    let next = tokio::select! {
                        next = next => next,
                        _ = closing.wait_for(|closing| *closing) => return Err(Gone),
                    };
                    match next {
                        Ok(events) => events,
                        Err(_) => {
                            self.comment(height)?;
                            silence = Instant::now() + self.keep_alive;
                            continue;
                        }
                    }
                }
            };
            let events = match events {
                Ok(events) => events,
                Err(error) => return self.send(None, &(self.refused)(error).json()).await,
            };
            for (index, event) in events.iter().enumerate().skip(index) {
                let shape = Told {
                    height,
                    event: EventShape::of(index, event),
                };
                self.send(Some(Place { height, index }), &text(&shape))
                    .await?;
                silence = Instant::now() + self.keep_alive;
            }
            if self.events.is_closed() {
                return Err(Gone);
            }
            height = Height(height.0.saturating_add(1));
            index = 0;
        }
    }

    async fn next(&self, height: Height) -> Result<Vec<Event>, LedgerError> {
        self.ledger.reached(height).await?;
        self.ledger.events(height).await
    }

    async fn send(&self, id: Option<Place>, data: &str) -> Result<(), Gone> {
        let id = id.map_or_else(String::new, |Place { height, index }| {
            format!("id: {height}.{index}\n")
        });
        let event = Bytes::from(format!("{id}data: {data}\n\n"));
        let mut closing = self.closing.clone();
        tokio::select! {
            sent = self.events.send(event) => sent.map_err(|_| Gone),
            _ = closing.wait_for(|closing| *closing) => Err(Gone),
        }
    }

    /// Says how far all was told. Never waits: who does not keep up needs no signs of life.
    fn comment(&self, next: Height) -> Result<(), Gone> {
        let told = next.0.saturating_sub(1);
        let comment = Bytes::from(format!(": height {told}\n\n"));
        match self.events.try_send(comment) {
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Gone),
            Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => Ok(()),
        }
    }
}

#[derive(Serialize)]
struct Told<'a> {
    height: Height,
    #[serde(flatten)]
    event: EventShape<'a>,
}
