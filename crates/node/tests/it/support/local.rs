//! A network in this process.

use std::sync::Arc;

use llmnet::{
    home::Home,
    keys::Keys,
    network::{Network, Options},
};
use llmnet_chain::client::ChainClient;
use llmnet_ledger::Genesis;

use super::{Gateway, Place, Room, place};

/// A network in this process, on a free port, without models.
pub(crate) struct Local {
    pub(crate) network: Network,
    pub(crate) gateway: Gateway,
    pub(crate) room: Room,
    place: Place,
}

impl Local {
    pub(crate) async fn start() -> Self {
        Self::within(Room::new()).await
    }

    pub(crate) async fn within(room: Room) -> Self {
        Self::begin(room, place().await).await
    }

    pub(crate) async fn begin(room: Room, place: Place) -> Self {
        let home = Home::open(&room.network()).unwrap();
        let options = Options {
            no_models: true,
            ..Options::default()
        };
        let network = Network::start(home, &options, |_| {}).await.unwrap();
        let gateway = Gateway::new(network.url());
        Self {
            network,
            gateway,
            room,
            place,
        }
    }

    pub(crate) fn chain(&self) -> Arc<dyn ChainClient> {
        self.network.chain()
    }

    /// The directory's keys.
    pub(crate) fn keys(&self) -> Keys {
        keys(&self.room)
    }

    pub(crate) fn genesis(&self) -> Genesis {
        let text = std::fs::read_to_string(self.room.network().join("genesis.json"));
        Genesis::from_json(&text.unwrap()).unwrap()
    }

    pub(crate) async fn stop(self) {
        drop(self.leave().await);
    }

    /// Stops it and leaves its directory to another.
    pub(crate) async fn leave(self) -> (Room, Place) {
        self.network.stop().await.unwrap();
        (self.room, self.place)
    }

    pub(crate) async fn restart(self) -> Self {
        let (room, place) = self.leave().await;
        Self::begin(room, place).await
    }
}

/// The keys of a room's network.
pub(crate) fn keys(room: &Room) -> Keys {
    let text = std::fs::read_to_string(room.network().join("seed")).unwrap();
    let seed: llmnet_types::id::Digest = text.trim().parse().unwrap();
    Keys::new(seed.0)
}
