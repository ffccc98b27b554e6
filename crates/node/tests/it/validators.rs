//! With one of the four validators stopped the network goes on.

use llmnet_types::units::Height;

use crate::support::{Local, Room, until};

/// Blocks come quickly, so that a silent leader's turns are many.
const CONFIG: &str = "[chain]\nidle_interval_ms = 100\n";

fn height(local: &Local) -> Height {
    local.chain().tip().borrow().height()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_network_goes_on_without_one_of_four_and_starts_again_with_all() {
    let mut local = Local::within(Room::with(CONFIG)).await;
    let question = "What happens when one of four validators falls silent?";
    let (first, before, _) = local.gateway.receipt_for("llmnet/auto", question).await;

    let id = first.receipt().unwrap();

    // The one that the coordinator talks to.
    local.network.stop_validator(0).await.unwrap();
    let stopped_at = height(&local);
    for _ in 0..3 {
        let (answer, _, document) = local.gateway.receipt_for("llmnet/auto", question).await;
        assert!(!answer.text().is_empty());
        assert!(document.proof.unwrap().header.height > stopped_at);
    }
    until("blocks without one", || async {
        (height(&local).0 > stopped_at.0 + 20).then_some(())
    })
    .await;
    // Whatever went wrong while it stopped is over.
    until("all is well", || async {
        let health = local.gateway.get("/health").await;
        (health.body["status"] == "ready").then_some(())
    })
    .await;
    let went_on_to = height(&local);

    let local = local.restart().await;
    let found = local.gateway.final_receipt(&id).await;
    assert_eq!(found, before, "receipts are still there, byte for byte");
    assert!(height(&local) >= went_on_to, "all that was final still is");
    local.gateway.receipt_for("llmnet/auto", question).await;
    local.stop().await;
}
