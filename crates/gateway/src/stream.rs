//! Bodies that are written while they are read: server-sent events.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderValue, header},
    response::Response,
};
use hyper::body::Frame;
use tokio::{sync::mpsc, task::JoinSet};

/// A response of events as a task writes them. It ends when the task drops its sender; a client that
/// hangs up ends the task.
pub(crate) fn response(
    events: mpsc::Receiver<Bytes>,
    task: impl Future<Output = ()> + Send + 'static,
) -> Response {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Else a proxy of nginx's kind collects events until it has enough of them.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    let mut tasks = JoinSet::new();
    tasks.spawn(task);
    *response.body_mut() = Body::new(Events {
        events,
        _task: tasks,
    });
    response
}

/// The body of a stream. Dropping it ends the task that fills it, and by that the work itself.
struct Events {
    events: mpsc::Receiver<Bytes>,
    _task: JoinSet<()>,
}

impl HttpBody for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.events
            .poll_recv(context)
            .map(|event| event.map(|event| Ok(Frame::data(event))))
    }
}
