//! Whoever hangs up, in whichever phase: each seat drops its call to its model, and what was opened is billed its base.

use std::time::{Duration, Instant};

use llmnet::coordinator::journal::Journal;
use llmnet_types::{
    receipt::{ContractStatus, SeatOutcome},
    settlement::Leaf,
    units::{Amount, Slot},
};
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{
    server::{Plan, Work},
    world::{QUESTION, World},
};
use crate::support::until;

const MODELS: usize = 3;
/// Long enough that no call ends by itself while a test looks.
const TIMEOUTS: &str = "{ connect_ms = 900, reply_ms = 60000, attempt_ms = 60000, rest_ms = 1 }";
/// What a seat may take to hear that nobody waits: far less than any time-out.
const PROMPT: Duration = Duration::from_secs(10);

/// How many calls hang now, at all servers.
fn hanging(world: &World) -> u64 {
    world.servers.iter().map(|server| server.hanging()).sum()
}

/// Hangs up once so many seats are at this work; gives how their contract ended.
async fn hang_up(world: &World, strategy: &str, work: Work, seats: u64) -> Leaf {
    let journal = Journal::open(&world.room.path().join("coordinator.db")).unwrap();
    let before = journal.entries(Slot(0), usize::MAX).await.unwrap().len();
    for server in &world.servers {
        server.hang_at(Some(work));
    }
    let body = json!({
        "model": format!("llmnet/{strategy}"),
        "messages": [{ "role": "user", "content": QUESTION }],
    });
    let body = body.to_string();
    let address = world.gateway.url.strip_prefix("http://").unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: llmnet\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    client.write_all(request.as_bytes()).await.unwrap();
    let what = format!("{strategy}: {seats} calls for {work:?}");
    until(&what, || async { (hanging(world) == seats).then_some(()) }).await;

    let begin = Instant::now();
    drop(client);
    until(&format!("{what} are dropped"), || async {
        (hanging(world) == 0).then_some(())
    })
    .await;
    assert!(begin.elapsed() < PROMPT, "{what}: {:?}", begin.elapsed());
    for server in &world.servers {
        server.hang_at(None);
    }
    until(&format!("{what}: the slot has an end"), || async {
        let entries = journal.entries(Slot(0), usize::MAX).await.unwrap();
        entries.get(before).map(|entry| entry.leaf.clone())
    })
    .await
}

/// CON-9: before answers are opened nothing is owed; from then on the base of each, and no coordinator's part.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_is_dropped_and_only_what_was_opened_is_billed() {
    let config = llmnet_gateway::Config::default();
    let world = World::start(&[Plan::Well; MODELS], 5, TIMEOUTS, config).await;
    let asked = world.gateway.ask("llmnet/vote", QUESTION).await;
    let full: f64 = asked.panel()[0]["price"].as_str().unwrap().parse().unwrap();
    assert!(full > 0.0);

    for (strategy, seats) in [("single", 1), ("vote", 3), ("auto", 3)] {
        let leaf = hang_up(&world, strategy, Work::Answer, seats).await;
        assert_ne!(leaf.status, ContractStatus::Concluded, "{strategy}");
        assert_eq!(leaf.charge, Amount::ZERO, "{strategy}");
        let excused = |seat: &llmnet_types::settlement::LeafSeat| {
            seat.outcome == SeatOutcome::Excused && seat.pay == Amount::ZERO
        };
        assert!(leaf.seats.iter().all(excused), "{strategy}: {leaf:?}");
    }
    for (strategy, work, seats) in [
        ("debate", Work::Revision, 3),
        ("debate", Work::Ballot, 3),
        ("auto", Work::Revision, 3),
        ("mixture", Work::Synthesis, 1),
    ] {
        let leaf = hang_up(&world, strategy, work, seats).await;
        let what = format!("{strategy}, {work:?}: {leaf:?}");
        assert_eq!(leaf.status, ContractStatus::Failed, "{what}");
        assert_eq!(leaf.seats.len(), MODELS, "{what}");
        let served = |seat: &llmnet_types::settlement::LeafSeat| {
            // Four tenths of what a seat with full marks earns, or of more where more was read.
            let pay = seat.pay.0 as f64 / 1e6;
            seat.outcome == SeatOutcome::Served && pay > 0.0 && pay < full
        };
        assert!(leaf.seats.iter().all(served), "{what}; full: {full}");
        let pays = Amount::sum(leaf.seats.iter().map(|seat| seat.pay)).unwrap();
        assert_eq!(leaf.charge.0, pays.0 + leaf.fee.0, "{what}");
    }
    // And the next who asks is answered.
    let asked = world.gateway.ask("llmnet/debate", QUESTION).await;
    assert_eq!(asked.llmnet()["status"], "concluded");
}
