//! Who is in office and who may be elected, as the state says (COM).

use std::collections::BTreeSet;

use llmnet_ledger::{
    Key, State as _, query,
    record::{Bond, Office},
};
use llmnet_types::{bond::Role, codec::Text, signature::PublicKey, units::Height};

use crate::{
    network::Peer,
    query::{Known, StateView},
    runtime::Runtime,
    store::{Databases, database_key, marked_height},
};

/// Validators after some block.
#[derive(Debug, Clone)]
pub(crate) struct Membership {
    /// The block.
    pub(crate) height: Height,
    /// Who orders and checks the next block.
    pub(crate) office: Office,
    /// The committee, and where each is reached.
    pub(crate) members: Vec<Peer>,
    /// Who else may be elected: follows the chain, so as to be ready. The largest bonds first.
    pub(crate) followers: Vec<Peer>,
}

/// Runs a function of the newest state, whose height is returned with its result; none before there is a
/// state. The function may run many times and must have no effects.
pub(crate) async fn ask<E: Runtime, T>(
    databases: &Databases<E>,
    function: impl Fn(&StateView<'_>) -> T + Send,
) -> Option<(Height, T)>
where
    T: Send,
{
    let database = databases.read().await;
    let mut known = Known::new();
    let result = loop {
        let missing = {
            let view = StateView::new(&known);
            let result = function(&view);
            let missing = view.into_missing();
            if missing.is_empty() {
                break result;
            }
            missing
        };
        let names: Vec<_> = missing.iter().map(database_key).collect();
        let names: Vec<_> = names.iter().collect();
        // The engine's contract: a database that cannot be read ends the validator.
        let values = database.get_many(&names).await.expect("state can be read");
        let values = values
            .into_iter()
            .map(|value| value.map(|bytes| bytes.to_vec()));
        known.extend(missing.into_iter().zip(values));
    };
    let mark = database.get_metadata().await.expect("state can be read")?;
    Some((Height(marked_height(&mark)?), result))
}

/// Reads all of it as it is after the newest block in the state; none in a state that has no office.
pub(crate) async fn read<E: Runtime>(databases: &Databases<E>) -> Option<Membership> {
    let (height, found) = ask(databases, of).await?;
    let (office, members, followers) = found?;
    Some(Membership {
        height,
        office,
        members,
        followers,
    })
}

fn of(state: &StateView<'_>) -> Option<(Office, Vec<Peer>, Vec<Peer>)> {
    // Named so that the state loads both in one go.
    state.get(&Key::Validators);
    let office = query::office(state)?;
    let bond = |node: &PublicKey| query::bond(state, node, Role::Validator);
    let peer = |node: &PublicKey, bond: Option<&Bond>| Peer {
        key: *node,
        address: bond.map_or(Text::empty(), |bond| bond.address.clone()),
    };
    let keys = office.committee.keys();
    let members = keys.iter().map(|node| peer(node, bond(node).as_ref()));
    let members = members.collect();
    let mut others: BTreeSet<PublicKey> = query::validators(state).into_iter().collect();
    others.retain(|node| keys.binary_search(node).is_err());
    let mut others: Vec<_> = others
        .iter()
        .filter_map(|node| Some((node, bond(node)?)))
        .collect();
    others.sort_by_key(|(_, bond)| std::cmp::Reverse(bond.standing));
    let followers = others.iter().map(|(node, bond)| peer(node, Some(bond)));
    let followers = followers.collect();
    Some((office, members, followers))
}
