//! Every fault under every strategy: the answer comes, or an error that says what happened; the receipt holds either
//! way, and who failed is not paid.

use std::time::{Duration, Instant};

use llmnet_protocol::replay::replay;
use llmnet_types::{
    document::ReceiptDocument,
    receipt::{ContractStatus, SeatOutcome},
    units::Amount,
};
use serde_json::json;
use tokio::task::JoinSet;

use super::{
    server::{Fault, Plan},
    world::{QUESTION, World},
};

const STRATEGIES: [&str; 5] = ["single", "vote", "debate", "mixture", "auto"];
/// One more than sit on a panel, so that there is a next in order.
const MODELS: usize = 4;
/// An operator's time-outs, short enough that a seat knows before it must accept; a server is tried out again at once, so that each fault is really met.
const TIMEOUTS: &str = "{ connect_ms = 900, reply_ms = 900, attempt_ms = 400, rest_ms = 1 }";
/// The contract's own: to accept and to answer.
const DEADLINE: Duration = Duration::from_millis(63_000);

/// Who fails, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// One model, whatever it is asked.
    One,
    /// All models, once they have given a first answer.
    AllLater,
    /// All models, whatever they are asked.
    All,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_of_a_models_server_is_more_than_a_missing_seat() {
    let mut playing = JoinSet::new();
    for (place, strategy) in STRATEGIES.into_iter().enumerate() {
        let seed = 11 + u64::try_from(place).unwrap();
        playing.spawn(play(strategy, seed));
    }
    let mut lines = playing.join_all().await;
    lines.sort();
    println!("{}", lines.join("\n"));
}

/// All faults under one strategy; a line that says what came of them.
async fn play(strategy: &'static str, seed: u64) -> String {
    let config = llmnet_gateway::Config::default();
    let world = World::start(&[Plan::Well; MODELS], seed, TIMEOUTS, config).await;
    let mut errors = 0;
    let mut slowest = Duration::ZERO;
    for fault in Fault::ALL {
        for who in [Who::One, Who::AllLater, Who::All] {
            let begin = Instant::now();
            errors += usize::from(!cell(&world, strategy, fault, who).await);
            slowest = slowest.max(begin.elapsed());
        }
    }
    let cells = 3 * Fault::ALL.len();
    let answers = cells - errors;
    format!(
        "{strategy}: seed {seed}, {cells} cells, {answers} answers, {errors} honest errors, slowest {slowest:?}"
    )
}

/// Plays one cell. Says whether an answer came.
async fn cell(world: &World, strategy: &str, fault: Fault, who: Who) -> bool {
    for (number, server) in world.servers.iter().enumerate() {
        server.tell(match who {
            Who::One => (number == 0).then_some((fault, false)),
            Who::AllLater => Some((fault, true)),
            Who::All => Some((fault, false)),
        });
    }
    let what = format!("{strategy}, {fault:?}, {who:?}");
    let body = json!({
        "model": format!("llmnet/{strategy}"),
        "messages": [{ "role": "user", "content": QUESTION }],
    });
    let begin = Instant::now();
    let answer = world.gateway.post(&body.to_string()).await.unwrap();
    assert!(begin.elapsed() < DEADLINE, "{what}");
    let nobody = who == Who::All && fault != Fault::Slow;
    if nobody {
        // Every seat said so itself, before it took its place.
        assert_eq!(answer.status, 503, "{what}: {}", answer.body);
        assert_eq!(answer.body["error"]["code"], "no_respondent", "{what}");
        let skipped = answer.llmnet()["skipped"].as_array().unwrap();
        let unavailable = |seat: &serde_json::Value| seat["reason"] == "model_unavailable";
        assert!(skipped.iter().any(unavailable), "{what}: {}", answer.body);
        return false;
    }
    assert_eq!(answer.status, 200, "{what}: {}", answer.body);
    assert_eq!(
        answer.llmnet()["status"],
        "concluded",
        "{what}: {}",
        answer.body
    );
    assert!(answer.text().starts_with("It is ("), "{what}");

    let id = answer.receipt().unwrap();
    let bytes = world.gateway.final_receipt(&id).await;
    let document = ReceiptDocument::from_bytes(&bytes).unwrap();
    document.verify(Some(&world.genesis.id())).unwrap();
    assert_eq!(replay(&document), Ok(()), "{what}");
    let receipt = &document.receipt;
    assert_eq!(receipt.status, ContractStatus::Concluded, "{what}");
    for seat in &receipt.seats {
        let served = seat.outcome == SeatOutcome::Served;
        assert_eq!(seat.pay > Amount::ZERO, served, "{what}: {seat:?}");
    }
    let paid = Amount::sum(receipt.seats.iter().map(|seat| seat.pay));
    assert_eq!(paid, Some(receipt.charges.seats), "{what}");
    assert!(
        receipt.charges.total <= receipt.voucher.body.limit,
        "{what}"
    );
    // Whose every call failed has served nobody.
    if who == Who::One && fault != Fault::Slow {
        let failing = "modela-0";
        let served = answer
            .panel()
            .into_iter()
            .any(|seat| seat["name"] == failing && seat["outcome"] == "served");
        assert!(!served, "{what}: {}", answer.body);
    }
    true
}
