//! Where links arrive.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    LinkError, Settings, identity,
    link::{Link, greet, stand},
};

/// Handshakes at a time. More wait in the system's queue: a handshake costs a signature, and anybody may begin one.
const HANDSHAKES_MAX: usize = 64;
/// Links that stand and nobody took yet.
const ARRIVED_MAX: usize = 64;
/// How long to wait when the system has no connection to give, as when no file can be opened.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes links of whoever has a key and is of the same network. Dropped, it listens no more; links that stand stay.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    arrived: mpsc::Receiver<Link>,
    accepting: JoinHandle<()>,
}

impl Listener {
    /// Listens.
    ///
    /// # Errors
    /// The address cannot be had, or the key not used.
    pub async fn bind(settings: Settings, address: SocketAddr) -> Result<Self, LinkError> {
        let acceptor = TlsAcceptor::from(identity::listening(&settings)?);
        let listen = |source| LinkError::Listen {
            address: address.to_string(),
            source,
        };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let (sender, arrived) = mpsc::channel(ARRIVED_MAX);
        let accepting = tokio::spawn(accept(listener, acceptor, Arc::new(settings), sender));
        Ok(Self {
            address,
            arrived,
            accepting,
        })
    }

    /// Where.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next link. A peer may have several: the newest is the one that it still uses.
    pub async fn accept(&mut self) -> Option<Link> {
        self.arrived.recv().await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    settings: Arc<Settings>,
    arrived: mpsc::Sender<Link>,
) {
    let places = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "no connection can be taken");
                sleep(PAUSE).await;
                continue;
            }
        };
        let (acceptor, settings) = (acceptor.clone(), Arc::clone(&settings));
        let arrived = arrived.clone();
        tokio::spawn(async move {
            let link = timeout(settings.handshake, link(stream, acceptor, &settings)).await;
            drop(place);
            match link {
                Ok(Ok(link)) => {
                    let _ = arrived.send(link).await;
                }
                Ok(Err(reason)) => tracing::debug!(reason, "a connection is no link"),
                Err(_) => tracing::debug!("a handshake took too long"),
            }
        });
    }
}

async fn link(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    settings: &Settings,
) -> Result<Link, String> {
    let _ = stream.set_nodelay(true);
    let failed = |error: std::io::Error| error.to_string();
    let mut stream = acceptor.accept(stream).await.map_err(failed)?;
    let (_, tls) = stream.get_ref();
    if tls.alpn_protocol() != Some(identity::PROTOCOL) {
        return Err("it speaks another protocol".to_owned());
    }
    let peer = identity::peer_of(tls.peer_certificates()).ok_or("it proved no key")?;
    // It is told of our network before it is judged by its own, so that it can say what is wrong.
    let network = greet(&mut stream, settings).await.map_err(failed)?;
    if network != settings.network {
        return Err(format!("it is of network {network}"));
    }
    Ok(stand(stream, peer, settings))
}
