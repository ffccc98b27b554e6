//! Directories of another network or version, damaged or half made.

use std::path::{Path, PathBuf};

use expect_test::expect;

use super::{QUESTION, complaint};
use crate::support::{Room, output, place};

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_does_not_fit_is_refused_and_left_as_it_is() {
    let (room, other, _place) = (Room::new(), Room::new(), place().await);
    let made = output(&room, &["ask", QUESTION, "--no-models", "--json"]).await;
    assert_eq!(made.code, 0, "{}", made.err);
    let id = made.json()["verified"]["receipt"]
        .as_str()
        .unwrap()
        .to_owned();
    let before = std::fs::read(made.json()["receipt_file"].as_str().unwrap()).unwrap();
    let foreign = output(&other, &["experts"]).await;
    assert_eq!(foreign.code, 0, "{}", foreign.err);

    let file = |name: &str| room.network().join(name);
    let theirs = |name: &str| std::fs::read(other.network().join(name)).unwrap();
    let changes: [(&str, PathBuf, Vec<u8>); 8] = [
        (
            "another version",
            file("version"),
            b"llmnet 99\nabc\n".to_vec(),
        ),
        ("no version", file("version"), b"".to_vec()),
        (
            "another network's genesis",
            file("genesis.json"),
            theirs("genesis.json"),
        ),
        ("another network's seed", file("seed"), theirs("seed")),
        ("a damaged genesis", file("genesis.json"), b"{}".to_vec()),
        ("a damaged seed", file("seed"), b"\xff".to_vec()),
        ("a damaged journal", file("coordinator.db"), vec![7; 10_000]),
        (
            "a bad configuration",
            file("llmnet.toml"),
            b"[gateway]\nprot = 1\n".to_vec(),
        ),
    ];
    let mut table = String::new();
    for (name, path, bytes) in changes {
        let kept = std::fs::read(&path).ok();
        std::fs::write(&path, &bytes).unwrap();
        // The journal's log, where the program before left one, would mend the journal.
        let log = file("coordinator.db-wal");
        let kept_log = std::fs::read(&log).ok();
        if kept_log.is_some() {
            std::fs::remove_file(&log).unwrap();
        }
        let said = complaint(&room, &["up", "--no-models", "--port", "0"]).await;
        let ids = |line: &str| line.split(' ').map(short).collect::<Vec<_>>().join(" ");
        let said: Vec<String> = said.lines().map(ids).collect();
        table.push_str(&format!("{name}\n  {}\n", said.join("\n  ")));
        assert_eq!(
            std::fs::read(&path).unwrap(),
            bytes,
            "{name}: nothing is touched"
        );
        match kept {
            Some(kept) => std::fs::write(&path, kept).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        if let Some(kept_log) = kept_log {
            std::fs::write(&log, kept_log).unwrap();
        }
    }
    // Another network's blocks under this one's genesis.
    copy(&room.network().join("chain"), &room.path().join("kept"));
    std::fs::remove_dir_all(room.network().join("chain")).unwrap();
    copy(
        &other.network().join("chain"),
        &room.network().join("chain"),
    );
    let said = complaint(&room, &["up", "--no-models", "--port", "0"]).await;
    let said: Vec<String> = said
        .lines()
        .map(|line| line.split(' ').map(short).collect::<Vec<_>>().join(" "))
        .collect();
    table.push_str(&format!(
        "another network's blocks\n  {}\n",
        said.join("\n  ")
    ));
    std::fs::remove_dir_all(room.network().join("chain")).unwrap();
    std::fs::rename(room.path().join("kept"), room.network().join("chain")).unwrap();
    expect![[r#"
        another version
          error: DIR has layout "llmnet 99", this program knows layout "llmnet 1"
          hint: use the version of llmnet that made it, or name another directory with --dir
        no version
          error: DIR has layout "", this program knows layout "llmnet 1"
          hint: use the version of llmnet that made it, or name another directory with --dir
        another network's genesis
          error: DIR was made for network ID, but its genesis and seed make ID
          hint: restore it from a copy, or name another directory with --dir
        another network's seed
          error: DIR was made for network ID, but its genesis and seed make ID
          hint: restore it from a copy, or name another directory with --dir
        a damaged genesis
          error: DIR/genesis.json is damaged: not a genesis: missing field `name` at line 1 column 2
          hint: restore it from a copy, or name another directory with --dir
        a damaged seed
          error: DIR/seed is damaged: invalid utf-8 sequence of 1 bytes from index 0
          hint: restore it from a copy, or name another directory with --dir
        a damaged journal
          error: the coordinator's journal failed: file is not a database
          hint: restore coordinator.db of the network's directory from a copy, or name another directory with --dir
        a bad configuration
          error: DIR/llmnet.toml:2: unknown field `prot`, expected one of `port`, `address`, `keys`, `tls`, `admin_port`
          hint: mend llmnet.toml in the network's directory
        another network's blocks
          error: validator 0 does not start: DIR/chain/validator-0 belongs to network ID, not to ID; choose another directory, or remove it if that network is no longer needed
          hint: name another directory with --dir
    "#]].assert_eq(&table);

    let after = output(&room, &["receipt", &id]).await;
    assert_eq!(after.code, 0, "{}", after.err);
    assert_eq!(after.out.as_bytes(), before, "nothing was lost");
}

/// Names of networks and keys differ each time.
fn short(word: &str) -> String {
    let bare = word.trim_matches(|character: char| !character.is_ascii_alphanumeric());
    let is_id = bare.len() >= 16 && bare.chars().all(|character| character.is_ascii_hexdigit());
    if is_id {
        word.replace(bare, "ID")
    } else {
        word.to_owned()
    }
}

/// What a crash may leave while a network is being made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_was_half_made_is_made_anew() {
    let (room, _place) = (
        Room::with("[chain]\nidle_interval_ms = 200\n"),
        place().await,
    );
    let file = |name: &str, text: &str| std::fs::write(room.network().join(name), text).unwrap();
    file("lock", "");
    file("seed", &format!("{}\n", "5".repeat(64)));
    file("genesis.partial", "{ \"name\": ");
    let asked = output(&room, &["ask", QUESTION, "--no-models"]).await;
    assert_eq!(asked.code, 0, "{}", asked.err);
    // Killed: what it announced is still there, and nobody is sent to it.
    file("running.json", "{\"url\":\"http://127.0.0.1:9\",\"pid\":1}");
    let asked = output(&room, &["ask", QUESTION, "--no-models"]).await;
    assert_eq!(asked.code, 0, "{}", asked.err);
}
