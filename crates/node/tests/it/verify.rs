//! A receipt is accepted as it was issued, and in no other form.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use llmnet_protocol::replay::replay;
use llmnet_types::{
    document::{Finality, ReceiptDocument},
    id::NetworkId,
};

use crate::support::{Gateway, Local, Room, Up, output, questions};

/// All of `llmnet verify FILE --network ID`.
fn holds(bytes: &[u8], network: &NetworkId) -> bool {
    ReceiptDocument::from_bytes(bytes)
        .is_ok_and(|document| document.verify(Some(network)).is_ok() && replay(&document).is_ok())
}

/// Final receipts that have between them all that a receipt may have: a round in which a seat changed its
/// answer, ballots, and a seat that declined.
async fn receipts(gateway: &Gateway) -> Vec<Vec<u8>> {
    let mut wanted = vec!["changed", "ballots", "skipped"];
    let mut receipts = Vec::new();
    for question in questions("tune.jsonl") {
        let answer = gateway.ask("llmnet/auto", &question.question).await;
        let llmnet = answer.llmnet();
        let has = |name: &&str| match *name {
            "changed" => answer.panel().iter().any(|seat| seat["changed"] == true),
            "ballots" => llmnet["conclusion"] == "ballots",
            _ => llmnet["skipped"]
                .as_array()
                .is_some_and(|list| !list.is_empty()),
        };
        if receipts.is_empty() && !has(&"changed") {
            continue;
        }
        let before = wanted.len();
        wanted.retain(|name| !has(name));
        if let (true, Some(id)) = (wanted.len() < before, answer.receipt()) {
            receipts.push(gateway.final_receipt(&id).await);
        }
        if wanted.is_empty() {
            return receipts;
        }
    }
    panic!("no receipt has {wanted:?}")
}

/// Changes bits in turn, all of them or one of each byte, and gives those whose change is not noticed.
fn survivors(bytes: &[u8], network: &NetworkId, all: bool) -> Vec<usize> {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        let flip = || {
            let mut survivors = Vec::new();
            let mut copy = bytes.to_vec();
            loop {
                let byte = next.fetch_add(1, Ordering::Relaxed);
                if byte >= copy.len() {
                    return survivors;
                }
                let bits = if all { 0..8 } else { byte % 8..byte % 8 + 1 };
                for bit in bits {
                    copy[byte] ^= 1 << bit;
                    if holds(&copy, network) {
                        survivors.push(byte * 8 + bit);
                    }
                    copy[byte] ^= 1 << bit;
                }
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(flip)).collect();
        let found = workers.into_iter().map(|worker| worker.join().unwrap());
        found.flatten().collect()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_holds_until_any_one_bit_is_changed() {
    let local = Local::start().await;
    let network = local.network.id;
    let receipts = receipts(&local.gateway).await;
    local.stop().await;
    // All bits of the first, whose panel changed its mind; one of each byte of the others.
    for (number, bytes) in receipts.into_iter().enumerate() {
        let (all, per_byte) = if number == 0 { (true, 8) } else { (false, 1) };
        let document = ReceiptDocument::from_bytes(&bytes).unwrap();
        let verified = document.verify(Some(&network)).unwrap();
        assert!(matches!(verified.finality, Finality::Final { .. }));
        assert!(holds(&bytes, &network), "as it was issued");
        let begun = Instant::now();
        let survivors = survivors(&bytes, &network, all);
        println!(
            "{} bits flipped in {:?}, {} accepted",
            bytes.len() * per_byte,
            begun.elapsed(),
            survivors.len()
        );
        let shown = |bit: &usize| {
            let text = String::from_utf8_lossy(&bytes);
            let line = text[..*bit / 8].lines().count();
            format!("bit {bit}: {:?}", text.lines().nth(line.saturating_sub(1)))
        };
        let first: Vec<_> = survivors.iter().take(5).map(shown).collect();
        assert!(survivors.is_empty(), "{first:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_of_another_network_is_refused_where_ours_is_named() {
    let question = "What happens when one of four validators falls silent?";
    // Another network, with validators, coordinator and experts of its own: all of it holds, there.
    let forger = Local::start().await;
    let (_, theirs, _) = forger.gateway.receipt_for("llmnet/auto", question).await;
    let their_id = forger.network.id.to_string();
    let (_forged, place) = forger.leave().await;

    let local = Local::begin(Room::new(), place).await;
    let (_, ours, _) = local.gateway.receipt_for("llmnet/auto", question).await;
    let our_id = local.network.id.to_string();
    let (room, _place) = local.leave().await;
    assert_ne!(our_id, their_id);

    let file = |name: &str, bytes: &[u8]| room.file(name, bytes).display().to_string();
    let (ours, theirs) = (file("ours.json", &ours), file("theirs.json", &theirs));
    let verify = async |arguments: &[&str]| output(&room, &[&["verify"], arguments].concat()).await;

    let accepted = verify(&[&ours, "--network", &our_id, "--json"]).await;
    assert_eq!(accepted.code, 0, "{}", accepted.err);
    assert_eq!(accepted.json()["trusted"], true);
    let verified = &accepted.json()["verified"];
    assert_eq!(verified["finality"], "final");
    assert_eq!(verified["network"], our_id.as_str());
    // Without a name, it is said whose it is, and that it is not known whether to trust it.
    let unnamed = verify(&[&theirs]).await;
    assert_eq!(unnamed.code, 0);
    assert!(unnamed.out.contains(&their_id) && unnamed.out.contains("compare it"));

    for (file, network) in [(&theirs, &our_id), (&ours, &their_id)] {
        let refused = verify(&[file, "--network", network]).await;
        assert_eq!(refused.code, 1, "{}", refused.out);
        assert!(
            refused.err.contains("the receipt is of network"),
            "{}",
            refused.err
        );
        assert!(
            refused.err.contains("hint: if you trust that network"),
            "{}",
            refused.err
        );
    }
}

/// Its network without its proof.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_that_is_not_final_is_said_to_be_not() {
    let room = Room::new();
    let place = crate::support::place().await;
    let up = Up::start(&room, &["--no-models"]).await;
    let answer = up
        .gateway
        .ask("llmnet/auto", "Why does the Moon have phases?")
        .await;
    let id = answer.receipt().unwrap();
    // Not waited for: it takes at least a block to be final.
    let early = up.gateway.receipt(&id, Duration::ZERO).await.unwrap();
    let (_, bytes) = early.expect("the receipt is there before its answer is");
    let bytes = match ReceiptDocument::from_bytes(&bytes).unwrap() {
        early @ ReceiptDocument { proof: None, .. } => early.to_bytes(),
        settled => ReceiptDocument {
            proof: None,
            ..settled
        }
        .to_bytes(),
    };
    let file = room.file("early.json", bytes).display().to_string();
    let early = output(&room, &["verify", &file]).await;
    assert_eq!(early.code, 3, "{}", early.err);
    assert!(early.out.contains("NOT YET FINAL"), "{}", early.out);

    // A file that was damaged or is something else.
    let whole = up.gateway.final_receipt(&id).await;
    assert_eq!(up.stop().await, 0);
    drop(place);
    let cut = &whole[..whole.len() / 2];
    let spelt = String::from_utf8(whole.clone()).unwrap().replace("  ", " ");
    let trailing = [&whole, &b"\n"[..]].concat();
    let others: [&[u8]; 6] = [b"", b"{}", b"\xff\xfe", cut, spelt.as_bytes(), &trailing];
    for (number, other) in others.into_iter().enumerate() {
        let file = room.file("damaged.json", other).display().to_string();
        let refused = output(&room, &["verify", &file]).await;
        assert_eq!(refused.code, 1, "{number}");
        assert!(refused.err.starts_with("error: "), "{}", refused.err);
        assert!(
            refused.err.contains("hint: ask for the receipt again"),
            "{}",
            refused.err
        );
    }
}
