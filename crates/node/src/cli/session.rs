//! The network that a command is about: the running one, or one started for the command.

use std::path::Path;

use super::{Models, client::Client, output::Output};
use crate::{
    home::{Home, Running},
    network::{Network, Options},
};

/// A gateway to talk to, and the network behind it where it is ours.
pub(super) struct Session {
    pub(super) client: Client,
    started: Option<Network>,
}

impl Session {
    /// Finds the directory's network, or starts it.
    pub(super) async fn open(
        directory: &Path,
        models: &Models,
        output: &Output,
    ) -> anyhow::Result<Self> {
        if let Some(Running { url, .. }) = Home::running(directory) {
            return Ok(Self {
                client: Client::new(&url)?,
                started: None,
            });
        }
        let network = start(directory, None, models, output).await?;
        Ok(Self {
            client: Client::new(&network.url())?,
            started: Some(network),
        })
    }

    /// Stops what was started.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        match self.started {
            Some(network) => network.stop().await,
            None => Ok(()),
        }
    }
}

/// Starts a directory's network, showing how far it is. With a port it serves others there, as the configuration
/// says; without one nobody but this program.
pub(super) async fn start(
    directory: &Path,
    port: Option<u16>,
    models: &Models,
    output: &Output,
) -> anyhow::Result<Network> {
    let home = Home::open(directory)?;
    let progress = output.progress();
    let options = Options {
        port: port.unwrap_or(0),
        serves: port.is_some(),
        ollama: models.ollama.clone(),
        no_models: models.no_models,
    };
    let network = Network::start(home, &options, |stage| progress.step(stage.label())).await?;
    progress.done();
    for (name, origin) in &network.models {
        output.note(&format!(
            "{name} ({origin}) sits on panels; --no-models leaves it out"
        ));
    }
    Ok(network)
}
