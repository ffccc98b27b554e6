//! Those who do not keep the rules.

use std::time::{Duration, Instant};

use llmnet_link::{Ended, Unsent};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    COORDINATOR, LENGTH_MAX, RESPONDENT, dialed, frame, hasty, key, linked, listener,
    proxy::{Manner, recorded, stand_before},
    settings,
};

/// Somebody who speaks something else, or nothing that makes sense.
#[tokio::test]
async fn a_babbler_gets_no_link_and_is_in_nobodys_way() {
    let mut listener = listener(hasty(COORDINATOR)).await;
    let words: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\nHost: coordinator\r\n\r\n",
        &[0; 4096],
        &[0xff; 4096],
        b"\x16\x03\x01\xff\xff",
        b"",
    ];
    for words in words {
        let mut stream = TcpStream::connect(listener.address()).await.unwrap();
        let _ = stream.write_all(words).await;
        let mut answer = Vec::new();
        // It is closed before long, whatever was said.
        let _ = stream.read_to_end(&mut answer).await;
    }
    let _near = dialed(&settings(RESPONDENT), listener.address()).await;
    let link = listener.accept().await.unwrap();
    assert_eq!(link.peer(), key(RESPONDENT).public_key());
}

/// Somebody who opens connections and says nothing, more than there are places.
#[tokio::test]
async fn a_crowd_that_says_nothing_keeps_nobody_out_for_long() {
    let mut listener = listener(hasty(COORDINATOR)).await;
    let mut crowd = Vec::new();
    for _ in 0..100 {
        crowd.push(TcpStream::connect(listener.address()).await.unwrap());
    }
    let since = Instant::now();
    let _near = dialed(&settings(RESPONDENT), listener.address()).await;
    assert!(listener.accept().await.is_some());
    assert!(
        since.elapsed() < Duration::from_secs(5),
        "{:?}",
        since.elapsed()
    );
}

/// Somebody on the way who changes a byte: of the handshake, of the hello, of a message.
#[tokio::test]
async fn a_meddler_on_the_way_is_found_out() {
    for place in [0, 3, 60, 200, 400, 500, 700, 2_000, 20_000] {
        let mut listener = listener(hasty(COORDINATOR)).await;
        let proxy = stand_before(listener.address(), Manner::Flip(place)).await;
        let peer = key(COORDINATOR).public_key();
        let address = proxy.address.to_string();
        let near = llmnet_link::dial(&hasty(RESPONDENT), &address, peer).await;
        let Ok(near) = near else {
            continue;
        };
        let (out, _back) = near.split();
        let message = vec![7; 30_000];
        let _ = out.send(frame(1, &message));
        // It may have come about before the byte was changed; then nothing that was changed is taken for a message.
        let link = tokio::time::timeout(Duration::from_secs(2), listener.accept()).await;
        let Ok(Some(link)) = link else {
            continue;
        };
        let (_far_out, mut far_back) = link.split();
        let ended = far_back.next().await.unwrap_err();
        assert!(matches!(ended, Ended::Broke(_)), "byte {place}: {ended}");
    }
}

/// Somebody who says again what an honest one said.
#[tokio::test]
async fn a_parrot_gets_no_link() {
    let mut listener = listener(hasty(COORDINATOR)).await;
    let (address, records) = recorded(listener.address()).await;
    let near = dialed(&hasty(RESPONDENT), address).await;
    let (out, _back) = near.split();
    let (_far_out, mut far_back) = listener.accept().await.unwrap().split();
    out.send(frame(1, b"pay me")).unwrap();
    assert_eq!(far_back.next().await.unwrap().bytes, b"pay me");
    let said = records.borrow().clone();
    assert!(said.len() > 300, "a handshake and a message");
    let mut parrot = TcpStream::connect(listener.address()).await.unwrap();
    parrot.write_all(&said).await.unwrap();
    let mut answer = Vec::new();
    let _ = parrot.read_to_end(&mut answer).await;
    // Whoever comes next is the first link since.
    let mut honest = hasty(RESPONDENT);
    honest.key = key(9);
    let _near = dialed(&honest, listener.address()).await;
    assert_eq!(listener.accept().await.unwrap().peer(), key(9).public_key());
}

/// A peer whose own bound is larger sends what is too long here.
#[tokio::test]
async fn a_braggart_is_cut_off() {
    let mut listener = listener(settings(COORDINATOR)).await;
    let mut braggart = settings(RESPONDENT);
    braggart.message_length_max = 4 * LENGTH_MAX;
    let near = dialed(&braggart, listener.address()).await;
    let (out, _back) = near.split();
    let (far_out, mut far_back) = listener.accept().await.unwrap().split();
    out.send(frame(1, b"short")).unwrap();
    let length = LENGTH_MAX + 1;
    out.send(frame(1, &vec![0; length])).unwrap();
    assert_eq!(far_back.next().await.unwrap().bytes, b"short");
    let limit = LENGTH_MAX;
    let ended = far_back.next().await.unwrap_err();
    assert_eq!(ended, Ended::Length { length, limit });
    drop(far_back);
    while far_out.stands() {
        tokio::task::yield_now().await;
    }
}

/// A peer that takes nothing: what waits for it is bounded, and its sender is told at once.
#[tokio::test]
async fn a_sluggard_fills_its_own_queue_only() {
    let [(out, _back), (_far_out, far_back)] = linked(settings).await;
    let message = vec![1; LENGTH_MAX];
    let since = Instant::now();
    let refused = loop {
        if let Err(refused) = out.send(frame(1, &message)) {
            break refused;
        }
        tokio::task::yield_now().await;
        assert!(since.elapsed() < Duration::from_secs(20), "never full");
    };
    assert_eq!(refused, Unsent::Full);
    drop(far_back);
}

/// A peer, or a way to it, that says nothing more and closes nothing.
#[tokio::test]
async fn a_sleeper_is_given_up() {
    let mut listener = listener(hasty(COORDINATOR)).await;
    let proxy = stand_before(listener.address(), Manner::Freeze).await;
    let near = dialed(&hasty(RESPONDENT), proxy.address).await;
    let (_out, mut back) = near.split();
    let (_far_out, mut far_back) = listener.accept().await.unwrap().split();
    proxy.freeze.send_replace(true);
    let after = hasty(COORDINATOR).heartbeat * 3;
    assert_eq!(far_back.next().await.unwrap_err(), Ended::Silent { after });
    let ended = back.next().await.unwrap_err();
    assert!(matches!(
        ended,
        Ended::Silent { .. } | Ended::Closed | Ended::Broke(_)
    ));
}
