//! A gateway at work in this process, in front of whatever role the node has.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use async_trait::async_trait;
use llmnet_chain::client::ChainClient;
use llmnet_gateway::{
    Access,
    port::{
        Allowance, AnswerError, Answered, Coordinator, Expert, Health, Offer, PanelSize, Part,
        Ports, ReceiptDocument,
    },
};
use llmnet_ledger::Genesis;
use llmnet_types::{
    id::{ContractId, NetworkId},
    request::{Progress, Request},
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::explorer::Explorer;

/// Takes an address for a gateway. First of all, so that whoever has it hears of it before anything is begun.
///
/// # Errors
/// The address cannot be had.
pub(crate) async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| format!("cannot listen on {address}"))
}

/// A gateway that serves.
pub(crate) struct Serving {
    closing: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), llmnet_gateway::ServeError>>,
}

impl Serving {
    /// Begins to serve.
    pub(crate) fn begin(listener: TcpListener, ports: Ports) -> Self {
        Self::spawn(|closed| {
            let config = llmnet_gateway::Config::default();
            llmnet_gateway::serve(listener, ports, config, async {
                let _ = closed.await;
            })
        })
    }

    /// Begins to serve by what does so until it is told to close.
    pub(crate) fn spawn<F>(serve: impl FnOnce(oneshot::Receiver<()>) -> F) -> Self
    where
        F: Future<Output = Result<(), llmnet_gateway::ServeError>> + Send + 'static,
    {
        let (closing, closed) = oneshot::channel();
        let serving = tokio::spawn(serve(closed));
        Self { closing, serving }
    }

    /// Takes no more, and lets open requests end for as long as the gateway allows.
    ///
    /// # Errors
    /// Requests had to be cut off.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        let _ = self.closing.send(());
        Ok(self.serving.await??)
    }
}

/// What a node without a coordinator says of itself.
pub(crate) trait Report: Send + Sync {
    /// What it says to who asks it a question.
    fn refusal(&self) -> &'static str;

    /// Its parts besides the chain.
    fn parts(&self) -> Vec<Part> {
        Vec::new()
    }
}

/// What a gateway in front of a node without a coordinator needs.
pub(crate) fn ports(
    chain: Arc<dyn ChainClient>,
    genesis: Genesis,
    report: Arc<dyn Report>,
) -> Ports {
    Ports {
        coordinator: Arc::new(Bystander {
            network: genesis.id(),
            chain: Arc::clone(&chain),
            report,
        }),
        ledger: Arc::new(Explorer::new(chain, genesis)),
        // What such a node tells is everybody's to know, and nothing is spent by it.
        access: Access::open(),
        embedder: None,
    }
}

/// In place of a coordinator, where there is none: it answers no questions.
struct Bystander {
    network: NetworkId,
    chain: Arc<dyn ChainClient>,
    report: Arc<dyn Report>,
}

impl Bystander {
    fn refused(&self) -> AnswerError {
        AnswerError::InvalidRequest {
            param: None,
            message: self.report.refusal().to_owned(),
        }
    }
}

#[async_trait]
impl Coordinator for Bystander {
    async fn answer(
        &self,
        _: Request,
        _: PanelSize,
        _: Allowance,
        _: mpsc::Sender<Progress>,
    ) -> Result<Answered, AnswerError> {
        Err(self.refused())
    }

    async fn models(&self) -> Vec<Offer> {
        Vec::new()
    }

    async fn experts(&self) -> Vec<Expert> {
        Vec::new()
    }

    async fn receipt(
        &self,
        _: &ContractId,
        _: Duration,
    ) -> Result<Option<ReceiptDocument>, AnswerError> {
        Err(self.refused())
    }

    async fn health(&self) -> Health {
        let tip = self.chain.tip();
        let (ready, height) = (tip.has_changed().is_ok(), tip.borrow().height());
        let detail = match ready {
            true => format!("block {height} is final"),
            false => "the chain has stopped; see the log".to_owned(),
        };
        let mut parts = vec![Part {
            name: "chain".to_owned(),
            ready,
            detail: detail.clone(),
        }];
        parts.extend(self.report.parts());
        Health {
            // Machines that restart nodes look here: a node that runs is well, whatever it is asked.
            blocked: (!ready).then_some(detail),
            network: Some(self.network),
            height: Some(height),
            parts,
        }
    }
}
