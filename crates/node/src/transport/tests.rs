use std::sync::Arc;

use llmnet_link::{Listener, Settings, dial};
use llmnet_types::{
    id::NetworkId,
    signature::{PrivateKey, PublicKey},
};
use tokio::{sync::mpsc, task::JoinSet};

use super::{Hub, INBOX, NEWS, REPLIES, far};

const NEWS_TOLD: usize = 4 * INBOX;
const LENGTH: usize = 4_096;

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed([seed; 32])
}

/// Tells a respondent much more than may wait for it.
fn tell_much(hub: &Hub, to: PublicKey) -> JoinSet<()> {
    let mut telling = JoinSet::new();
    for _ in 0..NEWS_TOLD {
        let hub = hub.clone();
        let from = key(1).public_key();
        telling.spawn(async move { hub.tell(from, &to, vec![0; LENGTH]).await.unwrap() });
    }
    telling
}

/// Waits until as much waits as may.
async fn until_full(hub: &Hub, to: PublicKey) {
    while hub.inboxes.lock().unwrap()[&to].news.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
}

/// As soon as a link is there, whatever was settled a moment ago waits for a seat: an offer must still find a place.
#[tokio::test]
async fn news_takes_no_place_from_what_somebody_waits_for() {
    let (hub, respondent) = (Hub::default(), key(2).public_key());
    let mut inbox = hub.join(respondent);
    let telling = tell_much(&hub, respondent);
    until_full(&hub, respondent).await;
    let (replies, _answers) = mpsc::channel(REPLIES);
    let offer = || hub.send(key(1).public_key(), &respondent, vec![1], &replies);
    for _ in NEWS..INBOX {
        offer().unwrap();
    }
    offer().unwrap_err();
    let mut news = 0;
    while news < NEWS_TOLD {
        let parcel = inbox.recv().await.unwrap();
        news += usize::from(parcel.bytes.len() == LENGTH);
        assert!(parcel.reply.is_near());
    }
    telling.join_all().await;
}

#[tokio::test]
async fn news_over_a_link_waits_for_a_respondent_that_reads_late() {
    let network = NetworkId([7; 32]);
    let (coordinator, respondent) = (key(1), key(2));
    let settings = |key: &PrivateKey| Settings::new(network, key.clone(), LENGTH);
    let anywhere = "127.0.0.1:0".parse().unwrap();
    let mut listener = Listener::bind(settings(&coordinator), anywhere)
        .await
        .unwrap();
    let (at, node) = (listener.address().to_string(), respondent.public_key());
    let dialing = settings(&respondent);
    let (near, far) = tokio::join!(
        listener.accept(),
        dial(&dialing, &at, coordinator.public_key())
    );
    let (near, (_out, mut heard)) = (near.unwrap(), far.unwrap().split());
    let hub = Hub::default();
    let carrying = {
        let hub = hub.clone();
        tokio::spawn(async move { far::carry(near, &hub).await })
    };
    while !hub.reaches(&node) {
        tokio::task::yield_now().await;
    }
    let telling = tell_much(&hub, node);
    until_full(&hub, node).await;
    let (replies, _answers) = mpsc::channel(REPLIES);
    hub.send(coordinator.public_key(), &node, vec![1], &replies)
        .unwrap();
    let (mut news, mut offers) = (0, 0);
    while news + offers < NEWS_TOLD + 1 {
        let frame = heard.next().await.unwrap();
        if frame.bytes.len() == LENGTH {
            news += 1;
        } else {
            offers += 1;
        }
    }
    assert_eq!(offers, 1);
    telling.join_all().await;
    carrying.abort();
}

/// Whoever waits to tell something to one that is gone is told so.
#[tokio::test]
async fn nobody_waits_for_a_respondent_that_is_gone() {
    let (hub, respondent) = (Arc::new(Hub::default()), key(2).public_key());
    let inbox = hub.join(respondent);
    let mut telling = JoinSet::new();
    for _ in 0..INBOX {
        let hub = Arc::clone(&hub);
        telling.spawn(async move { hub.tell(key(1).public_key(), &respondent, vec![0]).await });
    }
    until_full(&hub, respondent).await;
    drop(inbox);
    let told = telling.join_all().await;
    assert_eq!(told.iter().filter(|told| told.is_ok()).count(), NEWS);
}
