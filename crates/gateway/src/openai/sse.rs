//! Answers as server-sent events.
//!
//! ```text
//! : llmnet accepted …          at once, as proxies cut silent streams
//! data: {… "delta":{"role":"assistant","content":""} …}
//! : llmnet debate round 1/2    progress, dropped where the client does not keep up
//! data: {… "delta":{"content":"…"} …}
//! data: {… "delta":{}, "finish_reason":"stop" … "llmnet":{…}}
//! data: {… "choices":[], "usage":{…}}    only if asked for
//! data: [DONE]
//! ```
//!
//! What fails on the way is `data: {"error":{…}}` and the end. What fails within the first moments is
//! an ordinary refusal with its status, since nothing was sent yet.

mod comment;

use std::time::Duration;

use axum::{body::Bytes, http::HeaderMap, response::Response};
use llmnet_types::request::Progress;
use serde::Serialize;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::{sleep, timeout},
};

use crate::{
    json::text,
    limits::Call,
    openai::{
        asking::{Asking, Event},
        chat::account_headers,
        error::ApiError,
        shape::{Chunk, Delta, Head},
    },
    port::{AnswerError, Answered},
    stream,
};

/// How many events may wait to be sent.
const EVENTS_MAX: usize = 64;
/// About how many bytes of the answer go into one event.
const PIECE_LENGTH: usize = 64;

/// How a stream is to be.
pub(super) struct Manner {
    pub(super) progress: bool,
    pub(super) include_usage: bool,
    pub(super) keep_alive: Duration,
    pub(super) patience: Duration,
}

/// Streams an answer; refuses with a status if it fails within the manner's patience.
pub(super) async fn respond(
    head: Head,
    mut asking: Asking,
    manner: Manner,
    call: &Call,
    permit: OwnedSemaphorePermit,
) -> Result<Response, ApiError> {
    let (sender, events) = mpsc::channel(EVENTS_MAX);
    let writer = Writer {
        head,
        manner,
        call_id: call.id.clone(),
        events: sender,
    };
    writer.comment(&format!("accepted {}", call.id));

    let early = timeout(writer.manner.patience, first_end(&mut asking, &writer));
    let early = call.wait(early).await.ok();
    let early = match early.map(|outcome| *outcome) {
        None => None,
        Some(Ok(answered)) => Some(answered),
        Some(Err(error)) => return Err(ApiError::answer(error, &call.id)),
    };

    let mut headers = HeaderMap::new();
    if let Some(answered) = &early {
        account_headers(&mut headers, answered);
    }
    let mut response = stream::response(events, async move {
        // An error here means that the client is gone.
        let _ = writer.write(asking, early).await;
        drop(permit);
    });
    response.headers_mut().extend(headers);
    Ok(response)
}

/// The end of the work; progress on the way is told as it comes.
async fn first_end(asking: &mut Asking, writer: &Writer) -> Box<Result<Answered, AnswerError>> {
    loop {
        match asking.next().await {
            Event::Progress(progress) => writer.progress(&progress),
            Event::Done(outcome) => return outcome,
        }
    }
}

/// The client is gone.
struct Gone;

struct Writer {
    head: Head,
    manner: Manner,
    call_id: String,
    events: mpsc::Sender<Bytes>,
}

impl Writer {
    async fn write(&self, asking: Asking, early: Option<Answered>) -> Result<(), Gone> {
        let role = Delta {
            role: Some("assistant"),
            content: Some(""),
        };
        self.delta(role).await?;
        let outcome = match early {
            Some(answered) => Ok(answered),
            None => *self.follow(asking).await?,
        };
        match outcome {
            Ok(answered) => self.answer(&answered).await,
            Err(error) => {
                let error = ApiError::answer(error, &self.call_id);
                self.data(&error.json()).await
            }
        }
    }

    /// Tells of progress, and breaks long silences.
    async fn follow(&self, mut asking: Asking) -> Result<Box<Result<Answered, AnswerError>>, Gone> {
        loop {
            let event = tokio::select! {
                event = asking.next() => event,
                () = sleep(self.manner.keep_alive) => {
                    self.keep_alive();
                    continue;
                }
            };
            match event {
                Event::Progress(progress) => self.progress(&progress),
                Event::Done(outcome) => return Ok(outcome),
            }
        }
    }

    async fn answer(&self, answered: &Answered) -> Result<(), Gone> {
        let usage = self.manner.include_usage;
        for piece in pieces(&answered.text) {
            let delta = Delta {
                role: None,
                content: Some(piece),
            };
            self.delta(delta).await?;
        }
        self.chunk(&Chunk::last(&self.head, answered, usage))
            .await?;
        if usage {
            self.chunk(&Chunk::usage(&self.head, answered.usage))
                .await?;
        }
        self.data("[DONE]").await
    }

    async fn delta(&self, delta: Delta<'_>) -> Result<(), Gone> {
        let usage = self.manner.include_usage;
        self.chunk(&Chunk::delta(&self.head, delta, usage)).await
    }

    async fn chunk(&self, chunk: &impl Serialize) -> Result<(), Gone> {
        self.data(&text(chunk)).await
    }

    async fn data(&self, data: &str) -> Result<(), Gone> {
        let event = Bytes::from(format!("data: {data}\n\n"));
        self.events.send(event).await.map_err(|_| Gone)
    }

    fn progress(&self, progress: &Progress) {
        self.comment(&comment::of(progress));
    }

    /// Says something to people. Never waits: who does not keep up does not hear it.
    fn comment(&self, comment: &str) {
        if self.manner.progress {
            let event = Bytes::from(format!(": llmnet {comment}\n\n"));
            let _ = self.events.try_send(event);
        }
    }

    fn keep_alive(&self) {
        if self.manner.progress {
            return self.comment("working");
        }
        // For clients that know no comments: an event that adds nothing.
        let delta = Delta {
            role: None,
            content: Some(""),
        };
        let chunk = Chunk::delta(&self.head, delta, self.manner.include_usage);
        let event = Bytes::from(format!("data: {}\n\n", text(&chunk)));
        let _ = self.events.try_send(event);
    }
}

/// Cuts text into pieces, after spaces where there are any.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let least = rest.ceil_char_boundary(PIECE_LENGTH);
        let most = rest.ceil_char_boundary(2 * PIECE_LENGTH);
        let space = rest[least..most].find(char::is_whitespace);
        let cut = match space {
            Some(place) => rest.ceil_char_boundary(least + place + 1),
            None => most,
        };
        let (piece, after) = rest.split_at(cut);
        rest = after;
        Some(piece)
    })
}
