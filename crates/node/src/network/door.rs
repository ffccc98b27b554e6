//! Where questions come in: the gateway's listeners, and whom they let in.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use llmnet_gateway::{Access, Config, Listener, ServeError, Tls, port::Ports};
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
    time::sleep,
};
use zeroize::Zeroizing;

use crate::{
    api_keys::ApiKeys,
    config::{Gateway, gateway::Tls as Files},
};

/// How often the files of a certificate are looked at: whoever renews it need not start anything again.
const RENEWAL: Duration = Duration::from_secs(5);

/// A gateway that listens and does not answer yet.
pub(crate) struct Door {
    listener: Listener,
    address: SocketAddr,
    url: String,
    access: Access,
    admin: Option<TcpListener>,
    certificate: Option<Certificate>,
}

impl Door {
    /// Opens it as the configuration says. The digests of its keys, where it asks for any, are in a file.
    ///
    /// # Errors
    /// An address cannot be had, or a file not used.
    pub(crate) async fn open(config: &Gateway, keys: &Path) -> anyhow::Result<Self> {
        let (access, admin) = match config.keys {
            true => {
                let access = Access::keyed(Arc::new(ApiKeys::open(keys)?))?;
                let admin = bind(IpAddr::V4(Ipv4Addr::LOCALHOST), config.admin_port).await?;
                (access, Some(admin))
            }
            false => (Access::open(), None),
        };
        let certificate = config.tls.clone().map(Certificate::new).transpose()?;
        let socket = bind(config.address, config.port).await?;
        let address = socket.local_addr()?;
        Ok(Self {
            listener: match &certificate {
                Some(certificate) => Listener::secured(socket, certificate.tls.clone()),
                None => socket.into(),
            },
            address: config.local(address.port()),
            url: config.url(address.port()),
            access,
            admin,
            certificate,
        })
    }

    /// Where clients of this machine find it.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What they call it.
    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// Where its keys are managed, if it asks for any.
    pub(crate) fn admin_address(&self) -> anyhow::Result<Option<SocketAddr>> {
        let address = self.admin.as_ref().map(TcpListener::local_addr);
        Ok(address.transpose()?)
    }

    /// Whom it lets in.
    pub(crate) fn access(&self) -> Access {
        self.access.clone()
    }

    /// Answers until it is told to close.
    pub(crate) async fn serve(
        self,
        ports: Ports,
        closed: oneshot::Receiver<()>,
    ) -> Result<(), ServeError> {
        let (closing, closes) = watch::channel(false);
        let shutdown = || {
            let mut closes = closes.clone();
            async move {
                // A sender that is gone is as good.
                let _ = closes.wait_for(|closing| *closing).await;
            }
        };
        let admin = async {
            match self.admin {
                Some(listener) => {
                    let config = Config::default();
                    llmnet_gateway::serve_admin(listener, self.access, config, shutdown()).await
                }
                None => Ok(()),
            }
        };
        let gateway = llmnet_gateway::serve(self.listener, ports, Config::default(), shutdown());
        let told = async {
            let _ = closed.await;
            let _ = closing.send(true);
        };
        let renewing = async {
            match self.certificate {
                Some(certificate) => certificate.keep_up().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            (served, managed, ()) = async { tokio::join!(gateway, admin, told) } => served.and(managed),
            never = renewing => match never {},
        }
    }
}

/// What a gateway proves its name with, and the files that is from.
struct Certificate {
    files: Files,
    read: Pem,
    tls: Tls,
}

impl Certificate {
    fn new(files: Files) -> anyhow::Result<Self> {
        let read = Pem::read(&files)?;
        let tls = read.tls(&files)?;
        Ok(Self { files, read, tls })
    }

    /// Takes up what is renewed, for ever. What cannot be used is told once, and what was there before stays.
    async fn keep_up(mut self) -> Infallible {
        let mut failures = 0_u32;
        loop {
            sleep(RENEWAL).await;
            match self.look().await {
                Ok(is_new) => {
                    failures = 0;
                    if is_new {
                        tracing::info!(chain = %self.files.chain.display(), "a renewed certificate is served");
                    }
                }
                Err(error) => {
                    // Once may be between the writing of one file and of the other.
                    failures = failures.saturating_add(1);
                    if failures == 2 {
                        tracing::warn!(
                            error = format!("{error:#}"),
                            "the certificate of before is served"
                        );
                    }
                }
            }
        }
    }

    /// Whether the files have something else that can be used.
    async fn look(&mut self) -> anyhow::Result<bool> {
        let files = self.files.clone();
        let read = tokio::task::spawn_blocking(move || Pem::read(&files)).await??;
        if read == self.read {
            return Ok(false);
        }
        self.tls.renew(&read.tls(&self.files)?);
        self.read = read;
        Ok(true)
    }
}

/// Both files' bytes.
#[derive(PartialEq, Eq)]
struct Pem {
    chain: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Pem {
    fn read(files: &Files) -> anyhow::Result<Self> {
        let read = |path: &Path| {
            let text = std::fs::read(path);
            text.with_context(|| format!("cannot read {}", path.display()))
        };
        Ok(Self {
            chain: read(&files.chain)?,
            key: Zeroizing::new(read(&files.key)?),
        })
    }

    fn tls(&self, files: &Files) -> anyhow::Result<Tls> {
        let (at, of) = (files.chain.display(), files.key.display());
        Tls::new(&self.chain, &self.key).with_context(|| format!("cannot serve with {at} and {of}"))
    }
}

async fn bind(address: IpAddr, port: u16) -> anyhow::Result<TcpListener> {
    let address = SocketAddr::from((address, port));
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}
