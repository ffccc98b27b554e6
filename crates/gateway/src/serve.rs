//! Connections: accepted, bounded, drained.

mod patient;
mod tls;

pub use tls::{Tls, TlsError};

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    pin,
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    Access, Config, admin, gateway::permits, port::Ports, router, serve::patient::Patient,
};

/// The most bytes of a request's line and headers; more is refused with 431.
const HEADERS_LENGTH_MAX: usize = 64 * 1024;

/// How long to wait when the system has no socket to give, rather than spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why serving ended other than in order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServeError {
    /// Requests were still open when the time to drain was over.
    #[error("{connections} connections were cut off, as they took longer than {limit:?} to end")]
    CutOff {
        /// How many.
        connections: usize,
        /// The time they had.
        limit: Duration,
    },
    /// Whoever reaches it could make keys.
    #[error("keys are managed on loopback alone, not on {address:?}; take 127.0.0.1")]
    NotLoopback {
        /// Where it was to be served.
        address: Option<SocketAddr>,
    },
}

/// Where connections come in.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    tls: Option<Tls>,
}

impl Listener {
    /// One where nobody listens in.
    pub fn secured(socket: TcpListener, tls: Tls) -> Self {
        Self {
            socket,
            tls: Some(tls),
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(socket: TcpListener) -> Self {
        Self { socket, tls: None }
    }
}

/// Serves until `shutdown` ends, then takes no more and lets open requests end for a bounded time.
///
/// # Errors
/// Requests had to be cut off.
pub async fn serve(
    listener: impl Into<Listener> + Send,
    ports: Ports,
    config: Config,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let config = Arc::new(config);
    let (closing, closed) = watch::channel(false);
    let routes = router::router(ports, Arc::clone(&config), closed);
    run(listener.into(), routes, config, closing, shutdown).await
}

/// Serves what only who runs the gateway may do, until `shutdown` ends: its keys.
///
/// # Errors
/// The address is not of loopback, or requests had to be cut off.
pub async fn serve_admin(
    listener: TcpListener,
    access: Access,
    config: Config,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let address = listener.local_addr().ok();
    if !address.is_some_and(|address| address.ip().is_loopback()) {
        return Err(ServeError::NotLoopback { address });
    }
    let config = Arc::new(config);
    let routes = admin::router(access, Arc::clone(&config));
    run(
        listener.into(),
        routes,
        config,
        watch::Sender::new(false),
        shutdown,
    )
    .await
}

async fn run(
    listener: Listener,
    routes: Router,
    config: Arc<Config>,
    closing: watch::Sender<bool>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let closed = closing.subscribe();
    let room = permits(config.connections_max);
    let mut connections = JoinSet::new();
    pin!(shutdown);

    loop {
        tokio::select! {
            () = &mut shutdown => break,
            // Ended connections are reaped as we go, or they would pile up.
            Some(_) = connections.join_next() => {}
            (stream, permit) = accept(&listener.socket, &room) => {
                let connection = Connection {
                    routes: routes.clone(),
                    config: Arc::clone(&config),
                    closed: closed.clone(),
                };
                let connection = connection.connect(stream, listener.tls.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
        }
    }
    drop(listener);

    let _ = closing.send(true);
    let limit = config.drain_timeout;
    let drained = timeout(limit, async {
        while connections.join_next().await.is_some() {}
    });
    match drained.await {
        Ok(()) => Ok(()),
        Err(_) => Err(ServeError::CutOff {
            connections: connections.len(),
            limit,
        }),
    }
}

/// The next connection there is room for.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> (TcpStream, tokio::sync::OwnedSemaphorePermit) {
    let permit = Arc::clone(room).acquire_owned().await;
    let permit = permit.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, permit),
            // The client was gone before we came; others wait.
            Err(error) if gone(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

/// Waits to be told to close; not being told any more counts.
async fn told(closed: &mut watch::Receiver<bool>) {
    let _ = closed.wait_for(|closing| *closing).await;
}

/// One connection to its end; told to close, it ends after the request it is at.
struct Connection {
    routes: Router,
    config: Arc<Config>,
    closed: watch::Receiver<bool>,
}

impl Connection {
    async fn connect(self, stream: TcpStream, tls: Option<Tls>) {
        // Small events must not wait for each other.
        let _ = stream.set_nodelay(true);
        let stream = Patient::new(stream, self.config.write_timeout);
        let Some(tls) = tls else {
            return self.talk(stream).await;
        };
        let limit = self.config.header_timeout;
        match timeout(limit, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => self.talk(Box::new(stream)).await,
            Ok(Err(error)) => tracing::debug!(%error, "a client could not agree on TLS"),
            Err(_) => tracing::debug!("a client took too long to agree on TLS"),
        }
    }

    async fn talk(mut self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.config.header_timeout)
            .max_buf_size(HEADERS_LENGTH_MAX)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(self.routes));
        pin!(connection);
        let outcome = tokio::select! {
            outcome = &mut connection => outcome,
            () = told(&mut self.closed) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        // A client's own doing: it hung up, or spoke something else.
        if let Err(error) = outcome {
            tracing::debug!(%error, "a connection broke");
        }
    }
}
