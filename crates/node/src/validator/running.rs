//! One validator in one process, and the queries it answers.

use std::sync::Arc;

use llmnet_chain::{client::ChainClient, validator::Validator};
use llmnet_types::signature::PrivateKey;

use super::settings::Settings;
use crate::serving::{self, Report, Serving};

/// A running validator.
pub struct Running {
    validator: Validator,
    chain: Arc<dyn ChainClient>,
    queries: Option<Serving>,
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
        Some(address) => Some(serving::listen(address).await?),
        None => None,
    };
    let config = settings.config(key);
    let validator = tokio::task::spawn_blocking(|| llmnet_chain::start(config)).await??;
    let chain: Arc<dyn ChainClient> = validator.client();
    let genesis = settings.genesis.clone();
    let queries = listener.map(|listener| {
        let ports = serving::ports(Arc::clone(&chain), genesis, Arc::new(Bystander));
        Serving::begin(listener, ports)
    });
    Ok(Running {
        validator,
        chain,
        queries,
    })
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
            Some(queries) => queries.end().await,
            None => Ok(()),
        };
        let validator = self.validator;
        tokio::task::spawn_blocking(move || validator.stop()).await?;
        served
    }
}

/// What a validator says of itself.
pub(crate) struct Bystander;

impl Report for Bystander {
    fn refusal(&self) -> &'static str {
        "this node is a validator; ask a coordinator's gateway"
    }
}
