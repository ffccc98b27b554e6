//! Two who keep the rules.

use std::time::Duration;

use llmnet_link::{Ended, LinkError, Unsent, dial};
use llmnet_types::id::NetworkId;

use crate::{
    COORDINATOR, LENGTH_MAX, RESPONDENT, dialed, frame, hasty, key, linked, listener, loopback,
    settings,
};

#[tokio::test]
async fn messages_go_both_ways_in_order() {
    let [(out, mut back), (far_out, mut far_back)] = linked(settings).await;
    let sent: Vec<_> = (1..=100)
        .map(|number| frame(number, &vec![number as u8; usize::from(number as u8) * 600]))
        .collect();
    for each in &sent {
        out.send(each.clone()).unwrap();
    }
    for each in &sent {
        let got = far_back.next().await.unwrap();
        assert_eq!(got, *each);
        far_out.send(frame(got.conversation, b"yes")).unwrap();
        assert_eq!(back.next().await.unwrap(), frame(each.conversation, b"yes"));
    }
}

#[tokio::test]
async fn a_quiet_link_stands() {
    let [(out, mut back), (far_out, mut far_back)] = linked(hasty).await;
    // Longer than a silent peer is borne.
    tokio::time::sleep(Duration::from_millis(400)).await;
    out.send(frame(1, b"still there?")).unwrap();
    assert_eq!(far_back.next().await.unwrap().bytes, b"still there?");
    far_out.send(frame(1, b"still here")).unwrap();
    assert_eq!(back.next().await.unwrap().bytes, b"still here");
}

#[tokio::test]
async fn who_leaves_is_seen_to_have_left() {
    let [(out, back), (far_out, mut far_back)] = linked(settings).await;
    out.send(frame(1, b"last words")).unwrap();
    assert_eq!(far_back.next().await.unwrap().bytes, b"last words");
    drop((out, back));
    let ended = far_back.next().await.unwrap_err();
    assert!(matches!(ended, Ended::Closed | Ended::Broke(_)), "{ended}");
    // It may take a message until it knows.
    while far_out.stands() {
        let _ = far_out.send(frame(1, b"anybody?"));
        tokio::task::yield_now().await;
    }
    assert_eq!(far_out.send(frame(1, b"anybody?")), Err(Unsent::Ended));
}

#[tokio::test]
async fn what_a_link_does_not_carry_is_refused_where_it_is_sent() {
    let [(out, _back), _far] = linked(settings).await;
    let long = vec![0; LENGTH_MAX + 1];
    assert_eq!(out.send(frame(1, &long)), Err(Unsent::Impossible));
    assert_eq!(out.send(frame(0, b"hello")), Err(Unsent::Impossible));
}

/// A respondent dials where the ledger says that a coordinator is, and somebody else is there.
#[tokio::test]
async fn another_key_at_the_address_is_told() {
    let listener = listener(settings(3)).await;
    let address = listener.address().to_string();
    let peer = key(COORDINATOR).public_key();
    let error = dial(&settings(RESPONDENT), &address, peer)
        .await
        .unwrap_err();
    assert!(matches!(error, LinkError::Stranger { .. }), "{error}");
    let found = key(3).public_key().to_string();
    assert!(error.to_string().contains(&found), "{error}");
}

#[tokio::test]
async fn another_network_is_told() {
    let mut elsewhere = settings(COORDINATOR);
    elsewhere.network = NetworkId([6; 32]);
    let mut listener = listener(elsewhere).await;
    let address = listener.address();
    let peer = key(COORDINATOR).public_key();
    let error = dial(&settings(RESPONDENT), &address.to_string(), peer).await;
    let error = error.unwrap_err();
    assert!(
        matches!(&error, LinkError::OtherNetwork { found, .. } if *found == NetworkId([6; 32])),
        "{error}"
    );
    // The listener took no link of it: the next one is of its own network.
    let mut own = settings(RESPONDENT);
    own.network = NetworkId([6; 32]);
    own.key = key(4);
    let _near = dialed(&own, address).await;
    assert_eq!(listener.accept().await.unwrap().peer(), key(4).public_key());
}

#[tokio::test]
async fn nobody_there_is_told_with_the_address() {
    let address = {
        let listener = listener(settings(COORDINATOR)).await;
        listener.address()
    };
    let peer = key(COORDINATOR).public_key();
    let dialed = dial(&settings(RESPONDENT), &address.to_string(), peer).await;
    let error = dialed.unwrap_err();
    assert!(matches!(error, LinkError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    let taken = std::net::TcpListener::bind(loopback()).unwrap();
    let taken = taken.local_addr().map(|address| (address, taken)).unwrap();
    let error = llmnet_link::Listener::bind(settings(COORDINATOR), taken.0).await;
    let error = error.unwrap_err();
    assert!(matches!(error, LinkError::Listen { .. }), "{error}");
}
