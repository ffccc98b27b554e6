//! Answers as server-sent events.
//!
//! ```text
//! : llmnet accepted …          at once, as proxies cut silent streams
//! …                            the dialect's opening
//! : llmnet debate round 1/2    progress, dropped where the client does not keep up
//! …                            the answer, piece by piece; its end, with the account of it
//! ```
//!
//! What fails on the way is an event of the dialect's and the end. What fails within the first moments is
//! an ordinary refusal with its status, since nothing was sent yet.

use std::{sync::Arc, time::Duration};

use axum::{body::Bytes, http::HeaderMap, response::Response};
use llmnet_types::request::Progress;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::{sleep, timeout},
};

use crate::{
    Config,
    answer::{
        Ending, account_headers,
        asking::{Asking, Event},
        comment,
        once::Kept,
        voice::{Head, Voice, called, has_words},
    },
    error::ApiError,
    limits::Call,
    port::{AnswerError, Answered},
    stream,
};

/// How many events may wait to be sent.
const EVENTS_MAX: usize = 64;
/// About how many bytes of the answer go into one event.
const PIECE_LENGTH: usize = 64;

/// How a stream is to be.
pub(super) struct Manner {
    progress: bool,
    keep_alive: Duration,
    patience: Duration,
}

impl Manner {
    pub(super) fn of(config: &Config, progress: Option<bool>) -> Self {
        Self {
            progress: progress.unwrap_or(config.progress),
            keep_alive: config.keep_alive,
            patience: config.stream_patience,
        }
    }
}

/// Streams an answer; refuses with a status if it fails within the manner's patience.
pub(super) async fn respond(
    voice: Box<dyn Voice>,
    manner: Manner,
    mut asking: Asking,
    ending: Ending,
    call: &Call,
    permit: OwnedSemaphorePermit,
) -> Result<Response, ApiError> {
    let patience = manner.patience;
    let (mut writer, events) = Writer::new(voice, ending.head.clone(), manner, call);
    writer.comment(&format!("accepted {}", call.id));
    let early = timeout(patience, first_end(&mut asking, &mut writer));
    match call.wait(early).await {
        Ok(outcome) => known(writer, events, ending.over(*outcome), permit),
        Err(_) => Ok(writer.response(events, Rest::Open(asking, ending), None, permit)),
    }
}

/// Streams what was answered before.
pub(super) fn replay(
    voice: Box<dyn Voice>,
    manner: Manner,
    kept: Arc<Kept>,
    call: &Call,
    permit: OwnedSemaphorePermit,
) -> Result<Response, ApiError> {
    let (writer, events) = Writer::new(voice, kept.head.clone(), manner, call);
    writer.comment(&format!("accepted {}, answered before", call.id));
    known(writer, events, kept, permit)
}

/// Streams what is there; a failure has its status still.
fn known(
    writer: Writer,
    events: mpsc::Receiver<Bytes>,
    kept: Arc<Kept>,
    permit: OwnedSemaphorePermit,
) -> Result<Response, ApiError> {
    let answered = kept.outcome.as_ref().map_err(Clone::clone)?;
    let rest = Rest::Known(Arc::clone(&kept));
    Ok(writer.response(events, rest, Some(answered), permit))
}

/// The end of the work; progress on the way is told as it comes.
async fn first_end(asking: &mut Asking, writer: &mut Writer) -> Box<Result<Answered, AnswerError>> {
    loop {
        match asking.next().await {
            Event::Progress(progress) => writer.progress(&progress),
            Event::Done(outcome) => return outcome,
        }
    }
}

/// What a stream is still to tell.
enum Rest {
    Open(Asking, Ending),
    Known(Arc<Kept>),
}

/// The client is gone.
struct Gone;

/// Writes a stream in a dialect.
struct Writer {
    voice: Box<dyn Voice>,
    head: Head,
    manner: Manner,
    call_id: String,
    events: mpsc::Sender<Bytes>,
}

impl Writer {
    fn new(
        voice: Box<dyn Voice>,
        head: Head,
        manner: Manner,
        call: &Call,
    ) -> (Self, mpsc::Receiver<Bytes>) {
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let writer = Self {
            voice,
            head,
            manner,
            call_id: call.id.clone(),
            events: sender,
        };
        (writer, events)
    }

    fn response(
        self,
        events: mpsc::Receiver<Bytes>,
        rest: Rest,
        answered: Option<&Answered>,
        permit: OwnedSemaphorePermit,
    ) -> Response {
        let mut headers = HeaderMap::new();
        account_headers(&mut headers, &self.head, answered);
        let mut response = stream::response(events, async move {
            // An error here means that the client is gone.
            let _ = self.write(rest).await;
            drop(permit);
        });
        response.headers_mut().extend(headers);
        response
    }

    async fn write(mut self, rest: Rest) -> Result<(), Gone> {
        let opening = self.voice.opening(&self.head);
        self.send(opening).await?;
        let kept = match rest {
            Rest::Known(kept) => kept,
            Rest::Open(asking, ending) => ending.over(*self.follow(asking).await?),
        };
        self.tell(&kept).await
    }

    /// Tells of progress, and breaks long silences.
    async fn follow(
        &mut self,
        mut asking: Asking,
    ) -> Result<Box<Result<Answered, AnswerError>>, Gone> {
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

    async fn tell(&mut self, kept: &Kept) -> Result<(), Gone> {
        let answered = match &kept.outcome {
            Ok(answered) => answered,
            Err(error) => {
                let failure = self.voice.failure(&self.head, error, &self.call_id);
                return self.send(failure).await;
            }
        };
        if has_words(answered) {
            let beginning = self.voice.beginning(&self.head);
            self.send(beginning).await?;
            for piece in pieces(&answered.text) {
                let piece = self.voice.piece(&self.head, piece);
                self.send(piece).await?;
            }
            let ending = self.voice.ending(&self.head, answered);
            self.send(ending).await?;
        }
        for called in called(answered) {
            let begins = self.voice.call_begins(&self.head, &called);
            self.send(begins).await?;
            for piece in pieces(&called.call.arguments) {
                let piece = self.voice.call_piece(&self.head, &called, piece);
                self.send(piece).await?;
            }
            let ends = self.voice.call_ends(&self.head, &called);
            self.send(ends).await?;
        }
        let end = self.voice.end(&self.head, answered);
        self.send(end).await
    }

    async fn send(&mut self, events: String) -> Result<(), Gone> {
        if events.is_empty() {
            return Ok(());
        }
        self.events.send(events.into()).await.map_err(|_| Gone)
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

    fn keep_alive(&mut self) {
        if self.manner.progress && !self.voice.pings() {
            return self.comment("working");
        }
        // Room first: an event that is counted must be sent.
        if let Ok(room) = self.events.try_reserve() {
            room.send(self.voice.silence(&self.head).into());
        }
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
