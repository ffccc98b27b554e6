//! Respondents over links: served, paid, cut off, replaced, turned away.

mod boaster;
mod documents;
mod far;
mod found;
mod keeper;
mod lookups;
mod loops;
mod proxy;
mod restarted;

use std::time::Duration;

use llmnet_link::{Settings, dial};
use llmnet_protocol::{message::MESSAGE_LENGTH_MAX, replay::replay};
use llmnet_types::{receipt::SeatOutcome, signature::PrivateKey, units::Amount};
use tokio::time::timeout;

use crate::support::{DEADLINE, Local, Room, until};
use far::{DOMAIN, Far, link};
use proxy::Proxy;

const CONFIG: &str = "[chain]\nidle_interval_ms = 100\n\n[link]\nlisten = \"127.0.0.1:0\"\n";
/// Open, so that all three say something else.
const QUESTION: &str = "What do roses want?";

fn model() -> String {
    format!("llmnet/expert:{DOMAIN}")
}

/// Three on links, each at its address.
async fn three(local: &Local, addresses: [String; 3]) -> Vec<Far> {
    let mut all = Vec::new();
    for (number, address) in addresses.into_iter().enumerate() {
        all.push(Far::start(local, number, address).await);
    }
    for far in &all {
        far.until_linked(local).await;
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn far_respondents_debate_agree_to_be_paid_and_stop_when_they_are_done() {
    let local = Local::within(Room::with(CONFIG)).await;
    let at = link(&local);
    let all = three(&local, [at.clone(), at.clone(), at.clone()]).await;
    all.iter().for_each(|far| far.mind.go_on());
    let (answer, _, document) = local.gateway.receipt_for(&model(), QUESTION).await;
    document.verify(Some(&local.network.id)).unwrap();
    replay(&document).unwrap();
    let seats = &document.receipt.seats;
    assert_eq!(seats.len(), 3, "{answer:?}");
    for seat in seats {
        assert_eq!(seat.outcome, SeatOutcome::Served);
        assert!(seat.pay > Amount::ZERO);
    }
    for far in &all {
        let ours = seats
            .iter()
            .find(|seat| seat.assign.body.seat == far.node());
        // By its own word, given over the link: such pay is not held.
        until("it agreed to its pay", || async {
            let tally = far.running.tally();
            (tally.earned == ours.unwrap().pay && tally.owed == Amount::ZERO).then_some(())
        })
        .await;
    }

    // One is told to stop in the middle of a debate: it finishes that, and then is gone.
    let mut all = all;
    let last = all.pop().unwrap();
    last.mind.wait_again();
    let gateway = local.gateway.clone();
    let asking = tokio::spawn(async move { gateway.ask(&model(), QUESTION).await });
    last.mind.revising().await;
    let (node, mind, running) = (last.node(), last.mind.clone(), last.running);
    let stopping = tokio::spawn(running.stop());
    mind.go_on();
    let answer = asking.await.unwrap();
    let outcomes: Vec<_> = answer
        .panel()
        .iter()
        .map(|seat| seat["outcome"].clone())
        .collect();
    assert_eq!(outcomes, ["served"; 3], "{answer:?}");
    assert!(stopping.await.unwrap().unwrap(), "it was in time");
    until("its link is gone", || async {
        let experts = local.gateway.get("/v1/experts").await;
        let all = experts.body["data"].as_array().unwrap().clone();
        let ours = all.iter().find(|expert| expert["node"] == node.to_string());
        (ours.unwrap()["reachable"] == false).then_some(())
    })
    .await;
    let answer = local.gateway.ask(&model(), QUESTION).await;
    assert_eq!(answer.panel().len(), 2, "{answer:?}");
    local.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_cut_in_a_debate_leaves_its_seat_without_pay_and_comes_back() {
    let local = Local::within(Room::with(CONFIG)).await;
    let at = link(&local);
    let proxy = Proxy::before(&at).await;
    let all = three(&local, [at.clone(), at, proxy.address.clone()]).await;
    let (cut, others) = all.split_last().unwrap();
    others.iter().for_each(|far| far.mind.go_on());
    let gateway = local.gateway.clone();
    let asking = tokio::spawn(async move { gateway.receipt_for(&model(), QUESTION).await });
    cut.mind.revising().await;
    proxy.cut();
    // Rounds have a minute: nobody waits so long for who is known to be gone.
    let (answer, _, document) = timeout(Duration::from_secs(30), asking)
        .await
        .unwrap()
        .unwrap();
    assert!(!answer.text().is_empty());
    document.verify(Some(&local.network.id)).unwrap();
    replay(&document).unwrap();
    for seat in &document.receipt.seats {
        let is_cut = seat.assign.body.seat == cut.node();
        let outcome = if is_cut {
            SeatOutcome::Withheld
        } else {
            SeatOutcome::Served
        };
        assert_eq!(seat.outcome, outcome);
        assert_eq!(seat.pay == Amount::ZERO, is_cut);
    }

    // It dials again by itself, and serves as before.
    cut.mind.go_on();
    cut.until_linked(&local).await;
    let answer = local.gateway.ask(&model(), QUESTION).await;
    let outcomes: Vec<_> = answer
        .panel()
        .iter()
        .map(|seat| seat["outcome"].clone())
        .collect();
    assert_eq!(outcomes, ["served"; 3], "{answer:?}");
    local.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_turned_away_and_of_two_links_the_newer_one_is_used() {
    let local = Local::within(Room::with(CONFIG)).await;
    let at = link(&local);
    let coordinator = local.keys().coordinator().public_key();
    let settings = |key: PrivateKey| Settings::new(local.network.id, key, MESSAGE_LENGTH_MAX);

    // Whoever has a key can dial; nobody of the ledger's, nobody stays.
    let stranger = settings(PrivateKey::from_seed([77; 32]));
    let (_way, mut incoming) = dial(&stranger, &at, coordinator).await.unwrap().split();
    let ended = timeout(DEADLINE, incoming.next())
        .await
        .expect("it is turned away");
    assert!(ended.is_err(), "{ended:?}");

    // One of a registered key, which nobody attends to; then the same key's respondent.
    let far = Far::register(&local, 0).await;
    let (_way, mut older) = dial(&settings(far.key.clone()), &at, coordinator)
        .await
        .unwrap()
        .split();
    far::until_reached(&local, far.key.public_key(), true).await;
    let far = far.start(&local, at);
    let ended = timeout(DEADLINE, older.next())
        .await
        .expect("the older one ends");
    assert!(ended.is_err(), "{ended:?}");
    far.mind.go_on();
    far.until_linked(&local).await;
    let answer = local.gateway.ask(&model(), QUESTION).await;
    assert_eq!(answer.panel()[0]["outcome"], "served", "{answer:?}");
    local.stop().await;
}
