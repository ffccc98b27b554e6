//! What an operator may set.

use std::time::Duration;

/// The bounds and manners of a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The most bytes of a request's body; more is refused with 413.
    pub body_length_max: usize,
    /// The most questions worked on at once; more are refused with 503 and a hint when to come back.
    pub requests_max: usize,
    /// The most listeners to events at once; more are refused with 503.
    pub streams_max: usize,
    /// The most connections at once; more wait in the kernel's queue.
    pub connections_max: usize,
    /// How long a client may take to send its headers, and how long a connection may stay idle.
    pub header_timeout: Duration,
    /// How long a client may take to send its body.
    pub body_timeout: Duration,
    /// How long a client may take nothing of what is sent to it before it is cut off.
    pub write_timeout: Duration,
    /// How long an answer may take at all. Below the terms' own durations, paid work is thrown away.
    pub answer_timeout: Duration,
    /// How long the node may take for anything else, such as its health.
    pub lookup_timeout: Duration,
    /// The most that `?wait_ms=` of a receipt or a transaction counts.
    pub receipt_wait_max: Duration,
    /// How long a stream waits before its first byte, so that a request refused at once is told so by
    /// its HTTP status. Proxies cut streams without a first byte after some 100 seconds.
    pub stream_patience: Duration,
    /// The longest silence of a stream.
    pub keep_alive: Duration,
    /// Whether streams tell of progress in comments, unless a request says otherwise. Hand-written
    /// clients may not know that lines beginning with `:` are to be ignored.
    pub progress: bool,
    /// When a client refused for want of room is told to come back.
    pub retry_after: Duration,
    /// The most answers kept for clients that ask again under the same `Idempotency-Key`; the oldest goes first.
    pub kept_answers_max: usize,
    /// The most bytes that they take together, about.
    pub kept_answers_length_max: usize,
    /// How long one is kept. Whoever asks again later pays again.
    pub kept_answers_age: Duration,
    /// How long open requests may go on once the gateway is told to stop.
    pub drain_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            body_length_max: 1024 * 1024,
            requests_max: 64,
            streams_max: 64,
            connections_max: 512,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(60),
            answer_timeout: Duration::from_secs(600),
            lookup_timeout: Duration::from_secs(5),
            receipt_wait_max: Duration::from_secs(30),
            stream_patience: Duration::from_millis(100),
            keep_alive: Duration::from_secs(10),
            progress: true,
            retry_after: Duration::from_secs(1),
            kept_answers_max: 1_024,
            kept_answers_length_max: 8 * 1024 * 1024,
            kept_answers_age: Duration::from_secs(600),
            drain_timeout: Duration::from_secs(30),
        }
    }
}
