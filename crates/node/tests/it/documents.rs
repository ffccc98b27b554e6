//! A user's own documents: added while the network runs, answered from, changed, removed, and there after a restart.

use std::time::Instant;

use serde_json::json;

use crate::support::{Answer, Local, Room, output, until};

const SEAL: &str = "# Seal of the Grelling pump\n\nThe shaft seal of the Grelling pump is replaced every 1,700 hours \
                    of operation, and after each run without water.\n";
const BEARING: &str = "# Bearings of the Grelling pump\n\nThe bearings of the Grelling pump are greased with lithium soap \
                       twice a year.\n";
const QUESTION: &str = "How often is the shaft seal of the Grelling pump replaced?";

async fn ask(local: &Local, question: &str) -> Answer {
    let body = json!({
        "model": "llmnet/auto",
        "messages": [{ "role": "user", "content": question }],
        "llmnet": { "domain": "pumps" },
    });
    local.gateway.post(&body.to_string()).await.unwrap()
}

fn says(answer: &Answer, words: &str) -> bool {
    answer.status == 200 && !answer.declined() && answer.text().contains(words)
}

async fn knowledge(room: &Room, arguments: &[&str]) -> serde_json::Value {
    let mut all = vec!["knowledge"];
    all.extend(arguments);
    all.extend(["--expert", "pumps", "--json"]);
    let done = output(room, &all).await;
    assert_eq!(done.code, 0, "{}", done.err);
    done.json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_are_answered_from_as_they_come_and_go() {
    let room = Room::new();
    let folder = room.path().join("manuals");
    std::fs::create_dir_all(&folder).unwrap();
    let (seal, bearing) = (folder.join("seal.md"), folder.join("bearing.md"));
    std::fs::write(&bearing, BEARING).unwrap();
    let local = Local::within(room).await;
    let path = folder.to_str().unwrap();
    knowledge(&local.room, &["add", path]).await;
    until("the new expert answers", || async {
        let answer = ask(
            &local,
            "What are the bearings of the Grelling pump greased with?",
        )
        .await;
        says(&answer, "lithium").then_some(())
    })
    .await;
    let before = ask(&local, QUESTION).await;
    assert!(!says(&before, "1,700"), "{}", before.body);

    // A page comes: the network answers from it, and nobody had to restart anything.
    std::fs::write(&seal, SEAL).unwrap();
    let added = Instant::now();
    let kept = knowledge(&local.room, &["add", path]).await;
    assert_eq!((&kept["documents"], &kept["same"]), (&json!(1), &json!(1)));
    let answer = until("the new page is cited", || async {
        let answer = ask(&local, QUESTION).await;
        says(&answer, "1,700").then_some(answer)
    })
    .await;
    println!(
        "from the command to the first answer: {:?}",
        added.elapsed()
    );
    let root = &answer.llmnet()["citations"][0]["corpus"];
    assert_eq!(*root, kept["corpus"]["root"], "{}", answer.body);

    // Without a domain, the question is told by what the documents are about.
    let told = local.gateway.ask("llmnet/auto", QUESTION).await;
    assert!(says(&told, "1,700"), "{}", told.body);

    // The receipt says where the passage stands. Removed, it is gone from answers, and the receipt still verifies.
    let receipt = local
        .gateway
        .final_receipt(&answer.receipt().unwrap())
        .await;
    let file = local.room.file("before.json", &receipt);
    let cited = output(&local.room, &["cite", file.to_str().unwrap(), "--json"]).await;
    assert_eq!(cited.code, 0, "{}", cited.err);
    let cited = &cited.json()["data"][0];
    assert_eq!((&cited["proven"], &cited["root"]), (&json!(true), root));
    let origin = &cited["place"]["origins"][0];
    assert!(origin.as_str().unwrap().ends_with("seal.md"), "{cited}");

    let gone = knowledge(&local.room, &["remove", seal.to_str().unwrap()]).await;
    assert_eq!(gone["passages"], 1);
    let after = ask(&local, QUESTION).await;
    assert!(!says(&after, "1,700"), "{}", after.body);
    until("another root is announced", || async {
        let answer = ask(
            &local,
            "What are the bearings of the Grelling pump greased with?",
        )
        .await;
        let root = &answer.llmnet()["citations"][0]["corpus"];
        (*root == gone["corpus"]["root"]).then_some(())
    })
    .await;
    let verified = output(&local.room, &["verify", file.to_str().unwrap()]).await;
    assert_eq!(verified.code, 0, "{}", verified.err);
    let cited = output(&local.room, &["cite", file.to_str().unwrap()]).await;
    assert_eq!(cited.code, 0, "{}", cited.err);
    assert!(cited.out.contains("1,700 hours"), "{}", cited.out);

    // Changed while nothing runs: announced at the next start.
    let (room, place) = local.leave().await;
    knowledge(&room, &["add", path]).await;
    let local = Local::begin(room, place).await;
    until("the page is cited again", || async {
        says(&ask(&local, QUESTION).await, "1,700").then_some(())
    })
    .await;
    local.stop().await;
}

/// What the default build has not is named with what would have it; an address with a password is not repeated.
#[tokio::test]
async fn what_was_not_built_in_is_said() {
    let room = Room::new();
    let page = room.file("seal.md", SEAL).display().to_string();
    let model = room.path().display().to_string();
    let says = async |extra: &[&str]| {
        let mut all = vec!["knowledge", "add", &page, "--expert", "pumps"];
        all.extend(extra);
        let done = output(&room, &all).await;
        assert_ne!(done.code, 0, "{}", done.out);
        done.err
    };
    if cfg!(not(feature = "postgres")) {
        let said = says(&["--engine", "postgres://u@h/d"]).await;
        assert!(said.contains("--features postgres"), "{said}");
    }
    if cfg!(not(feature = "local")) {
        let said = says(&["--embedding-dir", &model]).await;
        assert!(said.contains("--features local"), "{said}");
    }
    let said = says(&["--engine", "postgres://u:hidden@h/d"]).await;
    assert!(
        said.contains("a password never stands in an address"),
        "{said}"
    );
    assert!(!said.contains("hidden"), "{said}");
    let said = says(&[
        "--embedding-dir",
        &model,
        "--embedding-url",
        "http://127.0.0.1:1",
        "--embedding-model",
        "m",
    ])
    .await;
    assert!(said.contains("cannot be used with"), "{said}");
}
