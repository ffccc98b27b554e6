//! Coordinators that are found on the ledger: as they come, move and go.

use llmnet::{
    respondent::coordinators::{Named, find},
    transport::{Hub, far::Listening},
};
use llmnet_types::{
    bond::{Enlistment, Role},
    codec::Text,
    signature::{PrivateKey, Signed},
    transaction::Instruction,
    units::{Amount, Epoch},
};

use super::{
    CONFIG,
    far::{Far, link, pay, submit},
    proxy::Proxy,
};
use crate::support::{Local, Room, until};

/// Takes the role, or moves where nothing is posted.
async fn enlist(local: &Local, key: &PrivateKey, address: &str, bond: Amount) {
    let enlistment = Enlistment {
        node: key.public_key(),
        operator: key.public_key(),
        role: Role::Coordinator,
        address: Text::truncated(address),
        bond,
        until: Epoch(u64::MAX),
    };
    let signed = Signed::new(enlistment, &local.network.id, key);
    submit(local, key, Instruction::Enlist(Box::new(signed))).await;
}

/// Waits until the links are to these and nobody else, and stand.
async fn until_linked(far: &Far, to: &[(&PrivateKey, &str)]) {
    let mut expected: Vec<_> = to
        .iter()
        .map(|(key, at)| (key.public_key(), (*at).to_owned()))
        .collect();
    expected.sort_unstable();
    until("it is linked to those who are there", || async {
        let states = far.running.links().states();
        let stand = states.values().all(|state| state.since.is_some());
        let found: Vec<_> = states
            .into_iter()
            .map(|(key, state)| (key, state.address))
            .collect();
        (stand && found == expected).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coordinators_are_found_on_the_ledger_as_they_come_move_and_go() {
    // BND-6, BND-7
    let local = Local::within(Room::with(CONFIG)).await;
    let (at, own) = (link(&local), local.keys().coordinator());
    let (wanted, _finding) = find(local.chain(), Named::new());
    let far = Far::register(&local, 0).await.follow(&local, wanted);
    far.mind.go_on();
    let model = super::model();

    // The local one, which named no address, tells where it is, and is served.
    enlist(&local, &own, &at, Amount::ZERO).await;
    until_linked(&far, &[(&own, &at)]).await;
    far.until_linked(&local).await;
    let answer = local.gateway.ask(&model, super::QUESTION).await;
    assert_eq!(answer.panel()[0]["outcome"], "served", "{answer:?}");

    // It moves, and another joins.
    let proxy = Proxy::before(&at).await;
    enlist(&local, &own, &proxy.address, Amount::ZERO).await;
    until_linked(&far, &[(&own, &proxy.address)]).await;
    let (other, hub) = (PrivateKey::from_seed([50; 32]), Hub::default());
    pay(&local, other.public_key()).await;
    let network = local.network.id;
    let anywhere = "127.0.0.1:0".parse().unwrap();
    let listening = Listening::begin(network, &other, anywhere, &hub, &local.chain()).await;
    let listening = listening.unwrap();
    let there = listening.address.to_string();
    enlist(&local, &other, &there, Amount(10 * Amount::CREDIT.0)).await;
    until_linked(&far, &[(&own, &proxy.address), (&other, &there)]).await;
    until("the other reaches it", || async {
        hub.reaches(&far.node()).then_some(())
    })
    .await;

    // One leaves; one says no more where it is.
    let (node, role) = (other.public_key(), Role::Coordinator);
    submit(&local, &other, Instruction::Delist { node, role }).await;
    until_linked(&far, &[(&own, &proxy.address)]).await;
    until("the other lost it", || async {
        (!hub.reaches(&far.node())).then_some(())
    })
    .await;
    enlist(&local, &own, "", Amount::ZERO).await;
    until_linked(&far, &[]).await;
    local.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_names_coordinators_serves_no_others() {
    let local = Local::within(Room::with(CONFIG)).await;
    let (at, own) = (link(&local), local.keys().coordinator());
    let nobody = PrivateKey::from_seed([51; 32]).public_key();
    let (wanted, _finding) = find(local.chain(), Named::from([(nobody, None)]));
    let stranger = Far::register(&local, 0).await.follow(&local, wanted);
    // Where the ledger says another place, or none, an address of one's own counts.
    let proxy = Proxy::before(&at).await;
    let named = Named::from([(own.public_key(), Some(proxy.address.clone()))]);
    let (wanted, _finding) = find(local.chain(), named);
    let far = Far::register(&local, 1).await.follow(&local, wanted);
    until_linked(&far, &[(&own, &proxy.address)]).await;
    enlist(&local, &own, &at, Amount::ZERO).await;
    let (wanted, _all) = find(local.chain(), Named::new());
    let third = Far::register(&local, 2).await.follow(&local, wanted);
    until_linked(&third, &[(&own, &at)]).await;
    until_linked(&far, &[(&own, &proxy.address)]).await;
    assert!(stranger.running.links().states().is_empty());
    local.stop().await;
}
