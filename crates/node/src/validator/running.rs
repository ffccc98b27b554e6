//! One validator in one process, and the queries it answers.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use async_trait::async_trait;
use llmnet_chain::{client::ChainClient, validator::Validator};
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
    signature::PrivateKey,
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::settings::Settings;
use crate::explorer::Explorer;

/// A running validator.
pub struct Running {
    validator: Validator,
    chain: Arc<dyn ChainClient>,
    queries: Option<Queries>,
}

struct Queries {
    closing: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), llmnet_gateway::ServeError>>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}

/// Starts a validator. It need not have met others yet.
///
/// # Errors
/// The key is another node's, an address is taken, or the chain does not start; nothing runs then.
pub async fn start(settings: &Settings, key: &PrivateKey) -> anyhow::Result<Running> {
    anyhow::ensure!(
        key.public_key() == settings.node,
        "{} is the key of {}, and the settings say {}; one of them is another validator's",
        settings.key.display(),
        key.public_key(),
        settings.node
    );
    // The port first: whoever has it must hear of it before anything else is begun.
    let listener = match settings.http {
        Some(address) => {
            let listener = TcpListener::bind(address).await;
            Some(listener.with_context(|| format!("cannot listen on {address}"))?)
        }
        None => None,
    };
    let config = settings.config(key);
    let validator = tokio::task::spawn_blocking(|| llmnet_chain::start(config)).await??;
    let chain: Arc<dyn ChainClient> = validator.client();
    let genesis = settings.genesis.clone();
    let queries = listener.map(|listener| {
        let (closing, closed) = oneshot::channel::<()>();
        let ports = ports(Arc::clone(&chain), genesis);
        let config = llmnet_gateway::Config::default();
        let serving = tokio::spawn(llmnet_gateway::serve(listener, ports, config, async {
            let _ = closed.await;
        }));
        Queries { closing, serving }
    });
    Ok(Running {
        validator,
        chain,
        queries,
    })
}

/// What a gateway in front of a chain alone needs.
pub(crate) fn ports(chain: Arc<dyn ChainClient>, genesis: Genesis) -> Ports {
    Ports {
        coordinator: Arc::new(Bystander {
            network: genesis.id(),
            chain: Arc::clone(&chain),
        }),
        ledger: Arc::new(Explorer::new(chain, genesis)),
        // What a validator tells is everybody's to know, and nothing is spent by it.
        access: Access::open(),
    }
}

impl Running {
    /// Waits until the validator stops by itself, which is a failure.
    pub async fn failed(&self) -> anyhow::Error {
        let mut tip = self.chain.tip();
        while tip.changed().await.is_ok() {}
        match self.chain.read(&[]).await {
            Err(error) => error.into(),
            Ok(_) => anyhow::anyhow!("the validator stopped"),
        }
    }

    /// Stops it, and waits until all is written.
    ///
    /// # Errors
    /// Queries had to be cut off.
    pub async fn stop(self) -> anyhow::Result<()> {
        let served = match self.queries {
            Some(queries) => {
                let _ = queries.closing.send(());
                queries.serving.await?
            }
            None => Ok(()),
        };
        let validator = self.validator;
        tokio::task::spawn_blocking(move || validator.stop()).await?;
        Ok(served?)
    }
}

/// In place of a coordinator, where there is none: a validator answers no questions.
struct Bystander {
    network: NetworkId,
    chain: Arc<dyn ChainClient>,
}

/// What a validator says to who asks it a question.
const NO_COORDINATOR: &str = "this node is a validator; ask a coordinator's gateway";

fn refused() -> AnswerError {
    AnswerError::InvalidRequest {
        param: None,
        message: NO_COORDINATOR.to_owned(),
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
        Err(refused())
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
        Err(refused())
    }

    async fn health(&self) -> Health {
        let tip = self.chain.tip();
        let (ready, height) = (tip.has_changed().is_ok(), tip.borrow().height());
        let detail = match ready {
            true => format!("block {height} is final"),
            false => "the chain has stopped; see the log".to_owned(),
        };
        Health {
            // Machines that restart nodes look here: a validator that runs is well, whatever it is asked.
            blocked: (!ready).then(|| detail.clone()),
            network: Some(self.network),
            height: Some(height),
            parts: vec![Part {
                name: "chain".to_owned(),
                ready,
                detail,
            }],
        }
    }
}
