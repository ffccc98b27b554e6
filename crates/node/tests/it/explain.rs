//! `llmnet explain`: the panel as the rule put it, by the receipt alone and by the blocks.

use llmnet::cli::code;
use llmnet_types::{document::ReceiptDocument, message::Phase};
use serde_json::Value;

use crate::support::{Local, Room, output};

const CONFIG: &str = "[chain]\nepoch_blocks = 16\nidle_interval_ms = 50\narchive = true\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_seat_is_explained_and_held_to_the_blocks() {
    let local = Local::within(Room::with(CONFIG)).await;
    let question = "What happens when one of four validators falls silent?";
    let (_, bytes, document) = local.gateway.receipt_for("llmnet/auto", question).await;
    let file = local.room.file("receipt.json", bytes).display().to_string();

    let told = output(&local.room, &["explain", &file, "--recompute", "--json"]).await;
    assert_eq!(told.code, i32::from(code::OK), "{}", told.err);
    let told = told.json();
    assert_eq!(told["recomputed"]["agreed"], true);
    let receipt = &document.receipt;
    assert_eq!(told["recomputed"]["height"], receipt.selection.height.0);
    let candidates = told["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), receipt.selection.candidates.len());
    for seat in &receipt.seats {
        let rank = usize::from(seat.assign.body.rank);
        let place = &candidates[rank];
        assert_eq!(place["rank"], rank);
        assert_eq!(place["provider"], seat.provider.0);
        let became = place["became"].as_str().unwrap();
        assert!(became.starts_with("answered in "), "{became}");
    }
    let explained = |place: &Value| place["became"].is_string() != place["lacked"].is_string();
    assert!(candidates.iter().all(explained));

    // DEB-13: nobody is known well enough yet to settle anything alone.
    let body = serde_json::json!({
        "model": "llmnet/vote",
        "messages": [{"role": "user", "content": question}],
        "llmnet": {"seats": 3, "first": 1},
    });
    let answer = local.gateway.post(&body.to_string()).await.unwrap();
    let bytes = local
        .gateway
        .final_receipt(&answer.receipt().unwrap())
        .await;
    let document = ReceiptDocument::from_bytes(&bytes).unwrap();
    let phases = document.receipt.seats.iter();
    let phases: Vec<Phase> = phases.map(|seat| seat.assign.body.phase).collect();
    assert_eq!((phases[0], phases[1]), (Phase::Answers, Phase::Further));
    let two = local.room.file("two.json", bytes).display().to_string();
    let told = output(&local.room, &["explain", &two]).await;
    let first =
        "1 of 3 seats were asked first; that settled nothing, so the others were asked as well.";
    assert!(told.out.contains(first), "{}", told.out);

    // Nothing is needed but the file.
    let (room, _place) = local.leave().await;
    let elsewhere = Room::new();
    let told = output(&elsewhere, &["explain", &file]).await;
    assert_eq!(told.code, i32::from(code::OK), "{}", told.err);
    assert!(told.out.contains("with luck"), "{}", told.out);
    assert!(!elsewhere.network().exists());
    drop(room);
}
