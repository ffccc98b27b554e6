//! `ask`, `experts` and `receipt`, with a running network and without one.

use crate::support::{Room, Up, command, finish, output, place};

const QUESTION: &str = "What happens when one of four validators falls silent?";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_use_the_running_network_of_their_directory() {
    let (room, _place) = (Room::new(), place().await);
    let up = Up::start(&room, &["--no-models"]).await;

    let asked = output(&room, &["ask", QUESTION, "--json"]).await;
    assert_eq!(asked.code, 0, "{}", asked.err);
    let json = asked.json();
    assert_eq!(json["verified"]["finality"], "final");
    assert!(!json["answer"]["content"].as_str().unwrap().is_empty());
    let id = json["answer"]["llmnet"]["receipt_id"].as_str().unwrap();
    assert_eq!(json["verified"]["receipt"], id);
    let saved = std::fs::read(json["receipt_file"].as_str().unwrap()).unwrap();
    assert_eq!(asked.err, "", "JSON is all there is");

    let receipt = output(&room, &["receipt", id]).await;
    assert_eq!((receipt.code, receipt.err.as_str()), (0, ""));
    assert_eq!(
        receipt.out.as_bytes(),
        saved,
        "the same file, byte for byte"
    );
    // Verified from standard input, as one would pipe it.
    let file = room.file("receipt.json", &receipt.out);
    let mut piped = command(&room);
    piped
        .args(["verify", "-"])
        .stdin(std::fs::File::open(file).unwrap());
    let verified = finish(&mut piped).await;
    assert_eq!(verified.code, 0, "{}", verified.err);

    let experts = output(&room, &["experts", "--json"]).await;
    let json = experts.json();
    let experts = json["data"].as_array().unwrap();
    assert_eq!(experts.len(), 5);
    assert!(experts.iter().all(|expert| expert["reachable"] == true));
    let text = output(&room, &["experts"]).await;
    for name in ["llm-net", "computing", "astronomy", "climate", "medicine"] {
        assert!(text.out.contains(&format!("{name} expert")), "{}", text.out);
    }

    // Nobody knows: said on standard output, with a code of its own, and nothing of it is an error.
    let declined = output(&room, &["ask", "asdf qwer yxcv"]).await;
    assert_eq!(declined.code, 4, "{}", declined.err);
    assert!(declined.out.contains("found anything"), "{}", declined.out);
    assert!(!declined.err.contains("about"), "{}", declined.err);
    let declined = output(&room, &["ask", "asdf qwer yxcv", "--json"]).await;
    assert_eq!(
        (declined.code, &declined.json()["verified"]),
        (4, &serde_json::Value::Null)
    );

    for id in [&"0".repeat(64), "nonsense"] {
        let unknown = output(&room, &["receipt", id]).await;
        assert_eq!((unknown.code, unknown.out.as_str()), (1, ""));
        assert!(unknown.err.starts_with("error: "), "{}", unknown.err);
    }
    let model = output(
        &room,
        &["ask", QUESTION, "--model", "llmnet/expert:alchemy"],
    )
    .await;
    assert_eq!(model.code, 1);
    assert!(model.err.contains("hint: llmnet experts"), "{}", model.err);
    assert_eq!(up.stop().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_running_network_commands_start_one_and_stop_it() {
    let (room, _place) = (Room::new(), place().await);
    let asked = output(&room, &["ask", QUESTION, "--no-models"]).await;
    assert_eq!(asked.code, 0, "{}", asked.err);
    for wanted in [
        "Sources",
        "Panel for llm-net",
        "Receipt ",
        "final; the proof holds",
    ] {
        assert!(asked.out.contains(wanted), "{wanted}: {}", asked.out);
    }
    assert!(
        asked.err.contains("starting four validators"),
        "{}",
        asked.err
    );
    let saved = room.network().join("receipts");
    let saved: Vec<_> = std::fs::read_dir(saved).unwrap().collect();
    let [Ok(file)] = &saved[..] else {
        panic!("one receipt: {saved:?}")
    };
    let name = file.file_name().into_string().unwrap();
    let id = name.strip_suffix(".json").unwrap();

    // The same directory, started again for another command.
    let receipt = output(&room, &["receipt", id]).await;
    assert_eq!(receipt.code, 0, "{}", receipt.err);
    assert_eq!(receipt.out.as_bytes(), std::fs::read(file.path()).unwrap());
    let verified = output(&room, &["verify", &file.path().display().to_string()]).await;
    assert_eq!(verified.code, 0, "{}", verified.err);
    assert!(
        verified.out.contains("settled, and final in block"),
        "{}",
        verified.out
    );
    assert!(
        !room.network().join("running.json").exists(),
        "nothing runs any more"
    );
}
