//! Which coordinators a respondent serves: all that the ledger lists (BND-6), or those that its settings name, each
//! where the ledger says that it is unless the settings say where.
//!
//! ```text
//! the ledger's list ──┬── find ──> watch ──> transport::dialing::follow
//! the settings' names ┘
//! ```

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use llmnet_chain::{client::ChainClient, query};
use llmnet_ledger::query::{ListedCoordinator, listed_coordinators};
use llmnet_types::{signature::PublicKey, units::Height};
use tokio::{sync::watch, task::AbortHandle, time::sleep};

use crate::transport::dialing::Coordinators;

/// The shortest time between two looks at the list. A coordinator that moves has stopped before, so little is lost by
/// it, and a node of the network that many respondents ask is spared a question from each with every block.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Coordinators that settings name, with the address where they are to be dialled whatever the ledger says. With
/// none of them, all that the ledger lists are served.
pub type Named = BTreeMap<PublicKey, Option<String>>;

/// Looks at the ledger's list for as long as it is held. Dropped, what was found last stays.
#[derive(Debug)]
pub struct Finding(Option<AbortHandle>);

impl Drop for Finding {
    fn drop(&mut self) {
        if let Some(looking) = &self.0 {
            looking.abort();
        }
    }
}

/// Tells whom to link to, now and whenever that changes: a coordinator is listed, moves (BND-7), leaves or loses its
/// place. Those whose address the settings say are told at once.
pub fn find(chain: Arc<dyn ChainClient>, named: Named) -> (watch::Receiver<Coordinators>, Finding) {
    let (told, wanted) = watch::channel(of(&named, &[]));
    let asks = named.is_empty() || named.values().any(Option::is_none);
    let looking = asks.then(|| tokio::spawn(look(chain, named, told)).abort_handle());
    (wanted, Finding(looking))
}

/// Looks at the list after a block, until the chain stops.
async fn look(chain: Arc<dyn ChainClient>, named: Named, told: watch::Sender<Coordinators>) {
    let mut tip = chain.tip();
    let mut newest = Height(0);
    loop {
        tip.mark_unchanged();
        match query(&*chain, |state| listed_coordinators(state)).await {
            // A node that is behind tells of those who were there once: whoever came since would lose its links.
            Ok((height, _)) if height < newest => {}
            Ok((height, listed)) => {
                newest = height;
                let now = of(&named, &listed);
                told.send_if_modified(|known| {
                    let is_new = *known != now;
                    if is_new {
                        tracing::info!(%height, coordinators = now.len(), "whom to serve has changed");
                        *known = now;
                    }
                    is_new
                });
            }
            // What was found before stays; whoever follows the chain tells of its trouble.
            Err(error) => tracing::debug!(%error, "asking who coordinates"),
        }
        sleep(LOOK_EVERY).await;
        if tip.changed().await.is_err() {
            return;
        }
    }
}

/// Whom to link to, and where.
fn of(named: &Named, listed: &[ListedCoordinator]) -> Coordinators {
    let listed = listed.iter().map(|one| (one.node, one.address.to_string()));
    let listed: Coordinators = listed.collect();
    if named.is_empty() {
        return listed;
    }
    let found = named.iter().filter_map(|(node, address)| {
        let address = address.clone().or_else(|| listed.get(node).cloned())?;
        Some((*node, address))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use llmnet_types::{codec::Text, units::Amount};

    use super::*;

    const KEYS: [PublicKey; 3] = [PublicKey([1; 32]), PublicKey([2; 32]), PublicKey([3; 32])];

    fn listed(number: usize, address: &str) -> ListedCoordinator {
        ListedCoordinator {
            node: KEYS[number],
            address: Text::truncated(address),
            bond: Amount::CREDIT,
        }
    }

    #[test]
    fn names_restrict_and_addresses_of_ones_own_go_before_the_ledgers() {
        // BND-6
        let list = [listed(0, "a:1"), listed(1, "b:1")];
        let [a, b, c] = KEYS;
        let own = |address: &str| Some(address.to_owned());
        let found = |named: &[(PublicKey, Option<String>)], list: &[ListedCoordinator]| {
            let found = of(&named.iter().cloned().collect(), list).into_iter();
            found.collect::<Vec<_>>()
        };
        let at = |node, address: &str| (node, address.to_owned());
        assert_eq!(found(&[], &list), [at(a, "a:1"), at(b, "b:1")]);
        assert_eq!(found(&[], &[]), []);
        assert_eq!(found(&[(b, None)], &list), [at(b, "b:1")]);
        assert_eq!(found(&[(c, None)], &list), []);
        let named = [(b, own("here:2")), (c, own("there:3"))];
        assert_eq!(found(&named, &list), [at(b, "here:2"), at(c, "there:3")]);
        assert_eq!(found(&named, &[]), [at(b, "here:2"), at(c, "there:3")]);
    }
}
