//! An expert with documents of its own, in a process of its own.

use serde_json::{Value, json};

use super::{
    CONFIG,
    far::{link, pay},
};
use crate::support::{Local, Process, Room, output, until};

const BEARING: &str = "# Bearings of the Grelling pump\n\nThe bearings of the Grelling pump are greased with lithium soap \
                       twice a year.\n";
const SEAL: &str = "# Seal of the Grelling pump\n\nThe shaft seal of the Grelling pump is replaced every 1,700 hours \
                    of operation, and after each run without water.\n";
const GREASED: &str = "What are the bearings of the Grelling pump greased with?";
const REPLACED: &str = "How often is the shaft seal of the Grelling pump replaced?";

/// Asks until the answer says something; what it cites first.
async fn until_said(local: &Local, question: &str, words: &str) -> Value {
    let body = json!({
        "model": "llmnet/auto",
        "messages": [{ "role": "user", "content": question }],
        "llmnet": { "domain": "pumps" },
    });
    let body = body.to_string();
    until(words, || async {
        let answer = local.gateway.post(&body).await.unwrap();
        let said = answer.status == 200 && answer.text().contains(words);
        said.then(|| answer.llmnet()["citations"][0].clone())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expert_of_its_own_announces_documents_as_they_come_and_go() {
    let local = Local::within(Room::with(CONFIG)).await;
    let room = &local.room;
    let directory = room.path().join("pumps").display().to_string();
    let passphrase = room.file("passphrase", "of this test");
    #[cfg(unix)]
    {
        // Its owner's alone, or it is refused.
        use std::{fs::Permissions, os::unix::fs::PermissionsExt};
        std::fs::set_permissions(&passphrase, Permissions::from_mode(0o600)).unwrap();
    }
    let passphrase = passphrase.display().to_string();
    let coordinator = local.keys().coordinator().public_key();
    let coordinator = format!("{coordinator}@{}", link(&local));
    let network = local.network.id.to_string();
    let run = async |arguments: &[&str]| {
        let printed = output(room, arguments).await;
        assert_eq!(printed.code, 0, "{arguments:?}: {}", printed.err);
        printed.json()
    };
    let secret = ["--dir", &directory, "--passphrase-file", &passphrase];
    let init = [
        "respondent",
        "init",
        "--json",
        "--knowledge",
        "pumps",
        "--url",
        &local.gateway.url,
        "--network",
        &network,
        "--coordinator",
        &coordinator,
    ];
    run(&[&init[..], &secret].concat()).await;
    let file = format!("{directory}/respondent.toml");
    let said = std::fs::read_to_string(&file).unwrap();
    // Where it tells how it is would be in the way of other tests.
    let quiet: Vec<&str> = said
        .lines()
        .filter(|line| !line.starts_with("http"))
        .collect();
    std::fs::write(&file, quiet.join("\n")).unwrap();

    let join = [&["respondent", "join"][..], &secret].concat();
    let nothing = output(room, &join).await;
    assert_ne!(nothing.code, 0);
    assert!(
        nothing
            .err
            .contains("llmnet knowledge add FILES --expert pumps"),
        "{}",
        nothing.err
    );
    let knowledge = async |command: &str, path: &str| {
        let store = ["--expert", "pumps", "--dir", &directory, "--json"];
        run(&[&["knowledge", command, path][..], &store].concat()).await
    };
    let bearing = room.file("bearing.md", BEARING).display().to_string();
    knowledge("add", &bearing).await;
    let mut process = Process::start(room, "joins", &join);
    let line = process.until("llmnet wallet send --to ").await;
    let operator = line.split_whitespace().nth(4).unwrap();
    pay(&local, operator.parse().unwrap()).await;
    process.until("Ctrl-C stops it").await;
    until_said(&local, GREASED, "lithium").await;

    // A page comes and one goes, while it serves.
    let seal = room.file("seal.md", SEAL).display().to_string();
    let kept = knowledge("add", &seal).await;
    let cited = until_said(&local, REPLACED, "1,700").await;
    assert_eq!(cited["corpus"], kept["corpus"]["root"], "{cited}");
    let gone = knowledge("remove", &bearing).await;
    until("what is gone is not cited", || async {
        let cited = until_said(&local, REPLACED, "1,700").await;
        (cited["corpus"] == gone["corpus"]["root"]).then_some(())
    })
    .await;

    // And while it does not.
    assert_eq!(process.stop().await, 0, "{}", process.log());
    let kept = knowledge("add", &bearing).await;
    let serve = [&["respondent", "run"][..], &secret].concat();
    let mut process = Process::start(room, "runs", &serve);
    process.until("Ctrl-C stops it").await;
    let cited = until_said(&local, GREASED, "lithium").await;
    assert_eq!(cited["corpus"], kept["corpus"]["root"], "{cited}");
    assert_eq!(process.stop().await, 0, "{}", process.log());
    local.stop().await;
}
