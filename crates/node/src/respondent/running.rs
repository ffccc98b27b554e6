//! A respondent that coordinators reach over links, in this process.

use std::{sync::Arc, time::Duration};

use llmnet_chain::client::ChainClient;
use llmnet_gateway::port::Part;
use llmnet_ledger::Genesis;
use llmnet_link::Settings;
use llmnet_protocol::message::MESSAGE_LENGTH_MAX;
use llmnet_types::units::Amount;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{Desk, Respondent, Tally, bookkeeping::Bookkeeping};
use crate::{
    serving::{self, Report, Serving},
    transport::{
        INBOX,
        dialing::{self, Coordinators, Links},
    },
};

/// How long contracts under way may go on once it is told to stop: an answer and a round.
const CONTRACTS: Duration = Duration::from_secs(120);
/// How long settlements of the last contracts may take.
const SETTLEMENTS: Duration = Duration::from_secs(10);

/// A respondent at work.
pub struct Running {
    desk: Arc<Desk>,
    links: Links,
    serving: JoinHandle<()>,
    following: JoinHandle<()>,
    queries: Option<Serving>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.following.abort();
        self.serving.abort();
    }
}

/// Links a respondent to the coordinators that are wanted, and serves them. Its books go on where they are left.
pub fn start(
    respondent: Respondent,
    books: Bookkeeping,
    coordinators: watch::Receiver<Coordinators>,
) -> Running {
    let settings = Settings::new(
        respondent.network,
        respondent.key.clone(),
        MESSAGE_LENGTH_MAX,
    );
    let (desk, links) = (Desk::with(respondent, books), Links::default());
    let (sender, inbox) = mpsc::channel(INBOX);
    let following = dialing::follow(settings, coordinators, sender, links.clone());
    Running {
        serving: tokio::spawn(Arc::clone(&desk).serve(inbox)),
        following: tokio::spawn(following),
        desk,
        links,
        queries: None,
    }
}

impl Running {
    /// Tells whoever asks over HTTP how it is, and of the ledger.
    pub(crate) fn tell(
        &mut self,
        listener: TcpListener,
        chain: Arc<dyn ChainClient>,
        genesis: Genesis,
    ) {
        let bystander = Bystander {
            desk: Arc::clone(&self.desk),
            links: self.links.clone(),
        };
        let ports = serving::ports(chain, genesis, Arc::new(bystander));
        self.queries = Some(Serving::begin(listener, ports));
    }

    /// How its links are.
    pub fn links(&self) -> &Links {
        &self.links
    }

    /// What it did so far.
    pub fn tally(&self) -> Tally {
        self.desk.tally()
    }

    /// Takes no further offers, finishes contracts under way and agrees to their settlements, all within bounds;
    /// then its links end. Says whether all contracts were over.
    ///
    /// # Errors
    /// Queries had to be cut off.
    pub async fn stop(mut self) -> anyhow::Result<bool> {
        let all = self.desk.finish(CONTRACTS, SETTLEMENTS).await;
        if let Some(queries) = self.queries.take() {
            queries.end().await?;
        }
        Ok(all)
    }
}

/// What a respondent says of itself.
struct Bystander {
    desk: Arc<Desk>,
    links: Links,
}

impl Report for Bystander {
    fn refusal(&self) -> &'static str {
        "this node is a respondent, which coordinators ask; ask a coordinator's gateway"
    }

    fn parts(&self) -> Vec<Part> {
        let states = self.links.states();
        let linked = states
            .values()
            .filter(|state| state.since.is_some())
            .count();
        let coordinators = Part {
            name: "coordinators".to_owned(),
            ready: linked > 0,
            detail: match states.len() {
                0 => "the ledger lists none that it serves".to_owned(),
                all => format!("{linked} of {all} are linked"),
            },
        };
        let links = states.into_iter().map(|(key, state)| Part {
            name: format!("link {}", key.short()),
            ready: state.since.is_some(),
            detail: match (state.since, state.trouble) {
                (Some(since), _) => {
                    format!("{} for {} s", state.address, since.elapsed().as_secs())
                }
                (None, Some(trouble)) => trouble,
                (None, None) => format!("dialling {}", state.address),
            },
        });
        let mut parts: Vec<Part> = [coordinators].into_iter().chain(links).collect();
        let tally = self.desk.tally();
        let part = |name: &str, detail| Part {
            name: name.to_owned(),
            ready: true,
            detail,
        };
        parts.push(part(
            "contracts",
            format!("{} served, {} open", tally.contracts, tally.open),
        ));
        parts.push(part(
            "earned",
            format!("{} credits since it started", tally.earned.credits()),
        ));
        let mut owed = format!("{} credits", tally.owed.credits());
        if tally.later > Amount::ZERO {
            owed.push_str(&format!(
                "; {} more were settled without its word, and come when the windows close",
                tally.later.credits()
            ));
        }
        if tally.awaited > 0 {
            owed.push_str(&format!(
                "; receipts of {} contracts did not come",
                tally.awaited
            ));
        }
        parts.push(part("owed", owed));
        parts
    }
}
