//! A question on its way through the node.

use std::{pin::Pin, sync::Arc, time::Duration};

use llmnet_types::request::{Progress, Request};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Sleep, sleep},
};

use crate::port::{Allowance, AnswerError, Answered, Coordinator, PanelSize};

/// How much progress may wait to be read.
const PROGRESS_MAX: usize = 32;

/// An answer being worked on. Dropping it cancels the work.
pub(super) struct Asking {
    // A task of its own: it goes on while a slow client takes its time, and its panic is not ours.
    work: JoinSet<Result<Answered, AnswerError>>,
    progress: mpsc::Receiver<Progress>,
    deadline: Pin<Box<Sleep>>,
    limit: Duration,
}

/// What is heard of it.
pub(super) enum Event {
    /// It came further.
    Progress(Progress),
    /// It is over. Boxed, as it is much larger than the other.
    Done(Box<Result<Answered, AnswerError>>),
}

impl Asking {
    pub(super) fn start(
        coordinator: Arc<dyn Coordinator>,
        request: Request,
        size: PanelSize,
        allowance: Allowance,
        limit: Duration,
    ) -> Self {
        let (sender, progress) = mpsc::channel(PROGRESS_MAX);
        let mut work = JoinSet::new();
        work.spawn(async move { coordinator.answer(request, size, allowance, sender).await });
        Self {
            work,
            progress,
            deadline: Box::pin(sleep(limit)),
            limit,
        }
    }

    /// The next thing heard; progress before the end. Losing the future loses nothing.
    pub(super) async fn next(&mut self) -> Event {
        tokio::select! {
            biased;
            Some(progress) = self.progress.recv() => Event::Progress(progress),
            joined = self.work.join_next() => Event::Done(Box::new(outcome(joined))),
            () = &mut self.deadline => Event::Done(Box::new(Err(AnswerError::Timeout {
                message: format!(
                    "there was no answer within {} seconds; ask less or try later",
                    self.limit.as_secs()
                ),
                receipt: None,
            }))),
        }
    }

    /// The end, whatever happens on the way.
    pub(super) async fn done(mut self) -> Result<Answered, AnswerError> {
        loop {
            if let Event::Done(outcome) = self.next().await {
                return *outcome;
            }
        }
    }
}

type Joined = Option<Result<Result<Answered, AnswerError>, tokio::task::JoinError>>;

fn outcome(joined: Joined) -> Result<Answered, AnswerError> {
    match joined {
        Some(Ok(outcome)) => outcome,
        Some(Err(error)) => Err(AnswerError::Internal {
            detail: error.to_string(),
        }),
        None => Err(AnswerError::Internal {
            detail: "asked for the end after the end".to_owned(),
        }),
    }
}
