//! Respondents on other machines, which dial and are then as near as any.
//!
//! ```text
//! coordinator: listener ── receive ── carry ──> the hub's inbox of that respondent
//! respondent:  dial ── attend ──> its inbox, as if the coordinator were here
//! ```

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use llmnet_chain::{client::ChainClient, query};
use llmnet_ledger::query as ledger;
use llmnet_link::{Ended, Frame, Link, LinkError, Listener, Settings, Unsent};
use llmnet_protocol::message::MESSAGE_LENGTH_MAX;
use llmnet_types::{
    id::NetworkId,
    signature::{PrivateKey, PublicKey},
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::AbortHandle,
};

use super::{Hub, Parcel, Reply, Way};

/// Respondents that may be linked at a time.
const LINKS_MAX: usize = 1_024;
/// Conversations with one respondent that may be answered. Those that are over go first, then the oldest.
const CONVERSATIONS_MAX: usize = 4_096;

/// A coordinator that listens for its respondents. Dropped, it listens no more; links that stand stay.
#[derive(Debug)]
pub struct Listening {
    /// Where.
    pub address: SocketAddr,
    receiving: AbortHandle,
}

impl Listening {
    /// Begins to listen.
    ///
    /// # Errors
    /// The address cannot be had.
    pub async fn begin(
        network: NetworkId,
        key: &PrivateKey,
        address: SocketAddr,
        hub: &Hub,
        chain: &Arc<dyn ChainClient>,
    ) -> Result<Self, LinkError> {
        let settings = Settings::new(network, key.clone(), MESSAGE_LENGTH_MAX);
        let listener = Listener::bind(settings, address).await?;
        let address = listener.address();
        let receive = receive(listener, hub.clone(), Arc::clone(chain));
        let receiving = tokio::spawn(receive).abort_handle();
        Ok(Self { address, receiving })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.receiving.abort();
    }
}

/// Lets registered respondents in, until the listener ends.
///
/// Whoever has a key can dial; only who stands on the ledger keeps a link, as otherwise strangers could take all
/// places. Who registers later dials again.
async fn receive(mut listener: Listener, hub: Hub, chain: Arc<dyn ChainClient>) {
    let places = Arc::new(Semaphore::new(LINKS_MAX));
    while let Some(link) = listener.accept().await {
        let peer = link.peer();
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(%peer, "no place for another respondent");
            continue;
        };
        let (hub, chain) = (hub.clone(), Arc::clone(&chain));
        tokio::spawn(async move {
            if is_registered(&*chain, peer).await {
                tracing::info!(%peer, "a respondent is linked");
                let ended = carry(link, &hub).await;
                tracing::info!(%peer, %ended, "a respondent is gone");
            } else {
                tracing::debug!(%peer, "a stranger is not linked");
            }
            drop(place);
        });
    }
}

async fn is_registered(chain: &dyn ChainClient, node: PublicKey) -> bool {
    let found = query(chain, move |state| ledger::provider_of(state, &node)).await;
    matches!(found, Ok((_, Some(_))))
}

/// Carries what the hub has for a respondent, and its answers back, until the link ends or a newer one is there.
pub(super) async fn carry(link: Link, hub: &Hub) -> Ended {
    let mut parcels = hub.open(link.peer(), false);
    let (out, mut back) = link.split();
    let conversations = Mutex::new(Conversations::default());
    let forth = async {
        while let Some(parcel) = parcels.recv().await {
            // News keeps its place in the inbox until it has one on the link.
            let Parcel {
                bytes,
                reply,
                news: _news,
                ..
            } = parcel;
            let conversation = lock(&conversations).begin(reply);
            let frame = Frame {
                conversation,
                bytes,
            };
            match out.send_after(frame).await {
                // How it ended comes by the other way.
                Err(Unsent::Ended) => return std::future::pending().await,
                Err(error) => tracing::debug!(%error, "a message is not sent"),
                Ok(()) => {}
            }
        }
        Ended::Left
    };
    let answers = async {
        loop {
            match back.next().await {
                Ok(Frame {
                    conversation,
                    bytes,
                }) => {
                    if let Some(reply) = lock(&conversations).open.get(&conversation) {
                        reply.send(bytes);
                    }
                }
                Err(ended) => return ended,
            }
        }
    };
    tokio::select! {
        ended = forth => ended,
        ended = answers => ended,
    }
}

fn lock(conversations: &Mutex<Conversations>) -> MutexGuard<'_, Conversations> {
    // Every critical section leaves its value whole, so a panic elsewhere does not spoil it.
    conversations.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who asked what, by number. Dropped with its link, it tells all of them that no answer will come.
#[derive(Default)]
struct Conversations {
    open: BTreeMap<u64, Reply>,
    last: u64,
}

impl Drop for Conversations {
    fn drop(&mut self) {
        self.open.values().for_each(Reply::lose);
    }
}

impl Conversations {
    fn begin(&mut self, reply: Reply) -> u64 {
        if self.open.len() >= CONVERSATIONS_MAX {
            self.open.retain(|_, reply| !reply.is_over());
        }
        if self.open.len() >= CONVERSATIONS_MAX {
            self.open.pop_first();
        }
        self.last += 1;
        self.open.insert(self.last, reply);
        self.last
    }
}

/// Hands what a coordinator sends into a respondent's inbox, until the link ends.
pub async fn attend(link: Link, inbox: &mpsc::Sender<Parcel>) -> Ended {
    let from = link.peer();
    let (link, mut back) = link.split();
    loop {
        let Frame {
            conversation,
            bytes,
        } = match back.next().await {
            Ok(frame) => frame,
            Err(ended) => return ended,
        };
        let link = link.clone();
        let reply = Reply(Way::Far { link, conversation });
        // A respondent that cannot keep up lets its coordinator wait, and is passed over where that is too long.
        let parcel = Parcel {
            from,
            bytes,
            reply,
            news: None,
        };
        if inbox.send(parcel).await.is_err() {
            return Ended::Left;
        }
    }
}
