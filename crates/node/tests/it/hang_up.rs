//! Requesters that go away at any moment hold up nobody's settlement.

use std::time::Duration;

use llmnet::coordinator::journal::Journal;
use llmnet_types::units::Slot;
use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinSet, time::sleep};

use crate::support::{Local, until};

const QUESTION: &str = "What happens when one of four validators falls silent?";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_hangs_up_leaves_no_slot_open() {
    let local = Local::start().await;
    let requests = ["auto", "single", "vote", "debate", "mixture"].map(|strategy| {
        let body = format!(
            r#"{{"model":"llmnet/{strategy}","messages":[{{"role":"user","content":"{QUESTION}"}}]}}"#
        );
        let length = body.len();
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: llmnet\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    });
    let mut leaving = JoinSet::new();
    for moment in 0..120 {
        // Each strategy at moments early and late.
        let request = requests[moment % requests.len()].clone();
        let address = local.network.gateway;
        let wait = Duration::from_micros(300 * u64::try_from(moment).unwrap());
        leaving.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            // When it leaves is what is tried out: while an order is taken, written down, worked on.
            sleep(wait).await;
        });
        if moment % 8 == 7 {
            while let Some(left) = leaving.join_next().await {
                left.unwrap();
            }
        }
    }
    while let Some(left) = leaving.join_next().await {
        left.unwrap();
    }
    let gateway = &local.gateway;
    gateway.receipt_for("llmnet/auto", QUESTION).await;
    let journal = Journal::open(&local.room.network().join("coordinator.db")).unwrap();
    let used = until("every slot has an end", || async {
        let entries = journal.entries(Slot(0), usize::MAX).await.unwrap();
        let used = entries.len();
        let ended = entries
            .last()
            .is_some_and(|last| last.slot.0 + 1 == used as u64);
        ended.then_some(used)
    })
    .await;
    // A slot that had been left open would be waited for by every one after it.
    gateway.receipt_for("llmnet/auto", QUESTION).await;
    println!("120 requesters hung up; {used} slots were used");
    assert!(used > 1);
    local.stop().await;
}
