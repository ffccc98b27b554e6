//! A respondent that is gone between its receipt and the settlement of that.

use llmnet_types::{document::ReceiptDocument, units::Amount};

use super::{
    CONFIG, QUESTION,
    far::{Far, link},
    model,
};
use crate::support::{Local, Room, until};

const OTHER: &str = "pottery";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_restarted_remembers_what_it_is_owed_and_agrees_to_be_paid() {
    // SET-6
    let local = Local::within(Room::with(CONFIG)).await;
    let at = link(&local);
    // Two debate, and one of them takes its time: until it is done, no later slot is settled (SET-2).
    let quick = Far::start(&local, 0, at.clone()).await;
    let slow = Far::start(&local, 1, at.clone()).await;
    quick.mind.go_on();
    let known = Far::register_in(&local, 2, OTHER).await;
    let known = known.keeping(local.room.path().join("respondent.db"));
    let far = known.clone().start(&local, at.clone());
    for far in [&quick, &slow, &far] {
        far.until_linked(&local).await;
    }
    let gateway = local.gateway.clone();
    let debating = tokio::spawn(async move { gateway.ask(&model(), QUESTION).await });
    slow.mind.revising().await;

    let asked = format!("llmnet/expert:{OTHER}");
    let answer = local.gateway.ask(&asked, QUESTION).await;
    assert_eq!(answer.panel()[0]["outcome"], "served", "{answer:?}");
    until("it has its receipt", || async {
        let tally = far.running.tally();
        (tally.owed > Amount::ZERO && tally.awaited == 0).then_some(())
    })
    .await;
    let owed = far.running.tally().owed;
    // Whoever is killed now has it on disk, or will in an instant.
    until("its books are written", || async {
        (known.kept(&local) == owed).then_some(())
    })
    .await;
    drop(far);

    let far = known.start(&local, at);
    assert_eq!(far.running.tally().owed, owed);
    far.until_linked(&local).await;
    slow.mind.go_on();
    debating.await.unwrap();
    until("it agreed, and is paid", || async {
        let tally = far.running.tally();
        (tally.owed == Amount::ZERO).then_some(())
    })
    .await;
    let tally = far.running.tally();
    assert_eq!((tally.earned, tally.later), (owed, Amount::ZERO));
    let bytes = local
        .gateway
        .final_receipt(&answer.receipt().unwrap())
        .await;
    let document = ReceiptDocument::from_bytes(&bytes).unwrap();
    assert_eq!(document.receipt.seats[0].pay, owed);
    local.stop().await;
}
