//! One coordinator in one process: its gateway, its respondents' links, the network elsewhere.

use std::{fs::File, net::SocketAddr, sync::Arc, time::Duration};

use llmnet_chain::client::ChainClient;
use llmnet_gateway::port::Ports;
use llmnet_types::signature::PrivateKey;

use super::{Desk, Panel, Port, Setup, journal::Journal, settings::Settings};
use crate::{
    anchor::Anchors,
    directory, embedder, experts,
    explorer::Explorer,
    keys::Keys,
    models,
    network::{door::Door, funding, roles},
    remote::Remote,
    serving::Serving,
    transport::{Hub, far::Listening},
};

/// How long the network's nodes may take to show a final block.
const FIRST_BLOCK: Duration = Duration::from_secs(30);

/// A running coordinator.
pub struct Running {
    url: String,
    admin: Option<SocketAddr>,
    link: Listening,
    desk: Arc<Desk>,
    serving: Serving,
    chain: Arc<dyn ChainClient>,
    _lock: File,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}

/// How far the start has come, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Asking the nodes of the network.
    Network,
    /// Posting the bond, anchoring the hash chain, waiting until it is in force.
    Role,
    /// Opening the line, and what else it answers by.
    Line,
}

impl Stage {
    /// For people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Network => "following the network's validators",
            Self::Role => {
                "taking the role on the ledger; a new coordinator serves from the next epoch on"
            }
            Self::Line => "opening the line that the gateway orders from",
        }
    }
}

/// Starts a coordinator: enlists it where it is not, and returns once a question would be answered.
///
/// # Errors
/// The keys are others', an address or the data is taken, money is missing, or the network does not answer.
pub async fn start(
    settings: &Settings,
    (key, requester): (&PrivateKey, &PrivateKey),
    mut on_stage: impl FnMut(Stage),
) -> anyhow::Result<Running> {
    anyhow::ensure!(
        key.public_key() == settings.node,
        "{} is the key of {}, and the settings say {}; one of them is another coordinator's",
        settings.key.display(),
        key.public_key(),
        settings.node
    );
    // Two coordinators of one key would open the same slots for different orders, which is an offence.
    let lock = directory::lock(&settings.data, "coordinator")?;
    // The ports first: whoever has one must hear of it before anything else is begun.
    let door = Door::open(&settings.gateway, &settings.data.join("keys.db")).await?;
    let (url, admin) = (door.url(), door.admin_address()?);
    let embedding = settings.embedding.as_ref();
    let ready = embedder::configured(embedding, &models::environment)?;
    let (embedder, vectors) = ready.map(|ready| (ready.gateway, ready.model)).unzip();

    on_stage(Stage::Network);
    let genesis = &settings.genesis;
    let network = genesis.id();
    let remote = Remote::connect(settings.nodes.clone(), genesis, FIRST_BLOCK).await?;
    let chain: Arc<dyn ChainClient> = Arc::new(remote);
    let hub = Hub::default();
    let link = Listening::begin(network, key, settings.listen, &hub, &chain).await?;

    on_stage(Stage::Role);
    funding::check(&*chain, funding::coordinator(key, requester)).await?;
    let secrets = Keys::new(key.to_seed());
    let anchors = Anchors::new(secrets.clone());
    let address = settings.address.clone();
    roles::enlist_coordinator(&*chain, network, key, address, settings.bond).await?;
    roles::anchor_coordinator(&*chain, network, key, &anchors).await?;

    on_stage(Stage::Line);
    let desk = Desk::open(Setup {
        network: genesis.root(),
        key: key.clone(),
        requester: requester.clone(),
        secrets,
        anchors,
        chain: Arc::clone(&chain),
        hub,
        classifier: experts::classifier()?,
        journal: Journal::open(&settings.data.join("coordinator.db"))?,
        panel: if settings.patient {
            Panel::PATIENT
        } else {
            Panel::FAST
        },
        models: Vec::new(),
        embedder: vectors,
    })
    .await?;
    let ports = Ports {
        coordinator: Arc::new(Port(Arc::clone(&desk))),
        ledger: Arc::new(Explorer::new(Arc::clone(&chain), genesis.clone())),
        access: door.access(),
        embedder,
    };
    Ok(Running {
        url,
        admin,
        link,
        desk,
        serving: Serving::spawn(|closed| door.serve(ports, closed)),
        chain,
        _lock: lock,
    })
}

impl Running {
    /// The gateway's address for clients of this machine.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Where its API keys are managed, if it asks for any.
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Where respondents link to.
    pub fn link(&self) -> SocketAddr {
        self.link.address
    }

    /// The ledger, as the network's nodes tell it.
    pub fn chain(&self) -> Arc<dyn ChainClient> {
        Arc::clone(&self.chain)
    }

    /// Stops it: requests at work are finished first, for as long as the gateway allows. What is not settled then is
    /// settled after the next start.
    ///
    /// # Errors
    /// Requests had to be cut off, or the journal failed.
    pub async fn stop(self) -> anyhow::Result<()> {
        let served = self.serving.end().await;
        served.and(self.desk.close().await)
    }
}
