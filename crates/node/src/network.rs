//! The composition root of a local network, or of roles on one that runs elsewhere: read it top to bottom to
//! see the whole.

pub(crate) mod chain;
mod documents;
pub(crate) mod door;
pub(crate) mod funding;
pub(crate) mod roles;
mod seats;

pub use funding::Unfunded;
pub(crate) use roles::submit;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use llmnet_chain::{client::ChainClient, config::Pacing, validator::Validator};
use llmnet_gateway::port::Ports;
use llmnet_types::id::NetworkId;
use tokio::task::JoinSet;

use documents::Following;

use crate::{
    anchor::Anchors,
    config::Gateway,
    coordinator::{self, Desk, Port, journal::Journal},
    embedder,
    experts::{Experts, RESPONDENTS},
    explorer::Explorer,
    home::Home,
    models,
    remote::Remote,
    serving::Serving,
    stores::Engine,
    transport::{Hub, far::Listening},
};

/// What to run.
#[derive(Debug, Default)]
pub struct Options {
    /// The gateway's port; 0 for a free one.
    pub port: u16,
    /// Whether the gateway is open to others as the configuration says; else on loopback, for this program alone.
    pub serves: bool,
    /// Models of Ollama to seat.
    pub ollama: Vec<String>,
    /// Whether to leave out the environment's and the configuration's models.
    pub no_models: bool,
}

/// How far the start has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reading documents, building indexes.
    Experts,
    /// Starting validators.
    Validators,
    /// Asking the nodes of a network elsewhere.
    Elsewhere,
    /// Waiting for validators of our own to agree on a first block.
    Consensus,
    /// Registering respondents, opening the line.
    Registration,
    /// Opening the gateway.
    Gateway,
}

impl Stage {
    /// For people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Experts => "indexing the experts' documents",
            Self::Validators => "starting four validators",
            Self::Elsewhere => "following the network's validators",
            Self::Consensus => "agreeing on the first block",
            Self::Registration => "registering respondents, opening a line",
            Self::Gateway => "opening the gateway",
        }
    }
}

/// A network that runs in this process.
pub struct Network {
    /// Its name.
    pub id: NetworkId,
    /// Where its gateway listens.
    pub gateway: SocketAddr,
    url: String,
    /// Where its keys are managed, if it asks for any.
    pub admin: Option<SocketAddr>,
    /// Models on its panels, with where they were found.
    pub models: Vec<(String, String)>,
    home: Home,
    validators: Vec<Validator>,
    chain: Arc<dyn ChainClient>,
    desk: Arc<Desk>,
    serving: Serving,
    link: Option<Listening>,
    /// Ends with the network.
    documents: JoinSet<()>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// How long the first block may take.
const FIRST_BLOCK: Duration = Duration::from_secs(30);

impl Network {
    /// Starts everything and returns once a question would be answered.
    ///
    /// # Errors
    /// Whatever does not start; all that had been started is stopped again.
    pub async fn start(
        home: Home,
        options: &Options,
        mut on_stage: impl FnMut(Stage),
    ) -> anyhow::Result<Self> {
        // The port first: whoever has it must hear of it before anything else is begun.
        let gateway = Gateway {
            port: options.port,
            ..match options.serves {
                true => home.config.gateway.clone(),
                false => Gateway::default(),
            }
        };
        let door = door::Door::open(&gateway, &home.path.join("keys.db")).await?;
        let (gateway, url) = (door.address(), door.url());

        on_stage(Stage::Experts);
        let mut experts = Experts::new(&home.keys)?;
        let models = if options.no_models {
            Vec::new()
        } else {
            models::find(&home.config, &options.ollama, &models::environment).await?
        };
        let embedding = home.config.embedding.as_ref();
        let ready = embedder::configured(embedding, &models::environment)?;
        let (embedder, vectors) = ready.map(|ready| (ready.gateway, ready.model)).unzip();
        let engine = Engine::configured(&home.config.knowledge)?;
        let panel = home.config.panel.with(!models.is_empty());
        let answerers = models
            .iter()
            .map(|model| (model.name.clone(), Arc::clone(&model.answerer)))
            .collect();
        let named = models
            .iter()
            .map(|model| (model.name.clone(), model.origin.clone()))
            .collect();

        let nodes = &home.config.chain.nodes;
        let mut validators = Vec::new();
        let client: Arc<dyn ChainClient> = if nodes.is_empty() {
            on_stage(Stage::Validators);
            let interval = home.config.chain.idle_interval_ms.get();
            let pacing = Pacing {
                idle_interval: Duration::from_millis(u64::from(interval)),
                ..Pacing::default()
            };
            validators = chain::start(&home, pacing)?;
            let client = Arc::new(chain::AnyOf::new(&validators));
            on_stage(Stage::Consensus);
            chain::first_block(&*client, FIRST_BLOCK).await?;
            client
        } else {
            on_stage(Stage::Elsewhere);
            Arc::new(Remote::connect(nodes.clone(), &home.genesis, FIRST_BLOCK).await?)
        };

        on_stage(Stage::Registration);
        if !nodes.is_empty() {
            let guests = models.iter().enumerate();
            let guests = guests.map(|(number, _)| format!("model-{number}"));
            let names = RESPONDENTS.iter().map(|name| (*name).to_owned());
            funding::check(&*client, funding::home(&home, names.chain(guests))).await?;
        }
        let hub = Hub::default();
        let classifier = Arc::clone(&experts.classifier);
        let (network, key) = (home.genesis.id(), home.keys.coordinator());
        let address = home.config.link.address.0.clone();
        roles::enlist_coordinator(&*client, network, &key, address, roles::BOND).await?;
        let anchors = Anchors::new(home.keys.clone());
        roles::anchor_coordinator(&*client, network, &key, &anchors).await?;
        let boxed = std::mem::take(&mut experts.experts);
        seats::take(&home, &client, &hub, boxed, models).await?;
        let link = match home.config.link.listen {
            Some(address) => Some(Listening::begin(network, &key, address, &hub, &client).await?),
            None => None,
        };
        let desk = Desk::open(coordinator::Setup {
            network: home.genesis.root(),
            key,
            requester: home.keys.requester(),
            secrets: home.keys.clone(),
            anchors,
            chain: Arc::clone(&client),
            hub: hub.clone(),
            classifier,
            journal: Journal::open(&home.path.join("coordinator.db"))?,
            panel,
            models: answerers,
            embedder: vectors,
        })
        .await?;

        on_stage(Stage::Gateway);
        let ports = Ports {
            coordinator: Arc::new(Port(Arc::clone(&desk))),
            ledger: Arc::new(Explorer::new(Arc::clone(&client), home.genesis.clone())),
            access: door.access(),
            embedder,
        };
        let admin = door.admin_address()?;
        let serving = Serving::spawn(|closed| door.serve(ports, closed));
        let mut following = Following::new(&home, engine, &client, &hub, &desk, &experts);
        following.look().await;
        let mut documents = JoinSet::new();
        documents.spawn(following.run());
        home.announce(&url)?;
        Ok(Self {
            id: home.genesis.id(),
            gateway,
            url,
            admin,
            models: named,
            home,
            validators,
            chain: client,
            desk,
            serving,
            link,
            documents,
        })
    }

    /// The gateway's address for clients.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Where respondents on other machines link to the coordinator, if anywhere.
    pub fn link(&self) -> Option<SocketAddr> {
        self.link.as_ref().map(|link| link.address)
    }

    /// The ledger, as the first running validator has it.
    pub fn chain(&self) -> Arc<dyn ChainClient> {
        Arc::clone(&self.chain)
    }

    /// Stops a validator of this network, to see it go on without.
    ///
    /// # Panics
    /// Never for numbers below the committee's size.
    pub async fn stop_validator(&mut self, number: usize) -> anyhow::Result<()> {
        let validator = self.validators.remove(number);
        Ok(tokio::task::spawn_blocking(move || validator.stop()).await?)
    }

    /// Stops everything: requests at work are finished first, for as long as the gateway allows.
    ///
    /// # Errors
    /// A part had failed before, or fails to stop.
    pub async fn stop(self) -> anyhow::Result<()> {
        drop(self.documents);
        let served = self.serving.end().await;
        let closed = self.desk.close().await;
        let validators = self.validators;
        tokio::task::spawn_blocking(move || validators.into_iter().for_each(Validator::stop))
            .await?;
        drop(self.home);
        served.and(closed)
    }
}
