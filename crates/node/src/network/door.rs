//! Where questions come in: the gateway's listeners, and whom they let in.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

use anyhow::Context;
use llmnet_gateway::{Access, Config, Listener, ServeError, Tls, port::Ports};
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
};
use zeroize::Zeroizing;

use super::Options;
use crate::{
    api_keys::ApiKeys,
    config::{self, Gateway},
    home::Home,
};

/// A gateway that listens and does not answer yet.
pub(super) struct Door {
    listener: Listener,
    address: SocketAddr,
    url: String,
    access: Access,
    admin: Option<TcpListener>,
}

impl Door {
    /// Opens it as the configuration says, or on loopback for this program alone.
    pub(super) async fn open(home: &Home, options: &Options) -> anyhow::Result<Self> {
        let config = &home.config.gateway;
        if !options.serves {
            let own = Gateway::default();
            return Self::bind(&own, options.port, Access::open(), None).await;
        }
        if !config.keys {
            return Self::bind(config, options.port, Access::open(), None).await;
        }
        let keys = ApiKeys::open(&home.path.join("keys.db"))?;
        let access = Access::keyed(Arc::new(keys))?;
        let admin = bind(IpAddr::V4(Ipv4Addr::LOCALHOST), config.admin_port).await?;
        Self::bind(config, options.port, access, Some(admin)).await
    }

    async fn bind(
        config: &Gateway,
        port: u16,
        access: Access,
        admin: Option<TcpListener>,
    ) -> anyhow::Result<Self> {
        let tls = config.tls.as_ref().map(tls).transpose()?;
        let socket = bind(config.address, port).await?;
        let mut address = socket.local_addr()?;
        if address.ip().is_unspecified() {
            // Where clients on this machine find it.
            address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
        let url = match &config.tls {
            Some(tls) => format!("https://{}:{}", tls.name, address.port()),
            None => format!("http://{address}"),
        };
        Ok(Self {
            listener: match tls {
                Some(tls) => Listener::secured(socket, tls),
                None => socket.into(),
            },
            address,
            url,
            access,
            admin,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where clients of this machine call it.
    pub(super) fn url(&self) -> String {
        self.url.clone()
    }

    pub(super) fn admin_address(&self) -> anyhow::Result<Option<SocketAddr>> {
        let address = self.admin.as_ref().map(TcpListener::local_addr);
        Ok(address.transpose()?)
    }

    pub(super) fn access(&self) -> Access {
        self.access.clone()
    }

    /// Answers until it is told to close.
    pub(super) async fn serve(
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
        let (served, managed, ()) = tokio::join!(gateway, admin, told);
        served.and(managed)
    }
}

fn tls(files: &config::gateway::Tls) -> anyhow::Result<Tls> {
    let read = |path: &Path| {
        std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let chain = read(&files.chain)?;
    let key = Zeroizing::new(read(&files.key)?);
    let (at, of) = (files.chain.display(), files.key.display());
    Tls::new(&chain, &key).with_context(|| format!("cannot serve with {at} and {of}"))
}

async fn bind(address: IpAddr, port: u16) -> anyhow::Result<TcpListener> {
    let address = SocketAddr::from((address, port));
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}
