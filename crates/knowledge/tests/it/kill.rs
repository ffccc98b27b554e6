//! A process that writes is killed at any moment: what it had acknowledged is there, and nothing is half there.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use llmnet_knowledge::{
    bm25::Counts,
    ingest::Section,
    store::{NewDocument, Store},
};
use llmnet_types::{
    codec::Text,
    id::{Digest, Salt},
    passage::Passage,
};

/// Names the store to the child.
const STORE: &str = "LLMNET_TEST_STORE";
/// How often the child is killed; 100 in full.
const KILLS: &str = "LLMNET_KILLS";

fn document(number: u64) -> NewDocument {
    let section = |part: u64| Section {
        passage: Passage {
            document: Text::new(format!("document {number}")).unwrap(),
            title: Text::new(format!("part {part}")).unwrap(),
            text: Text::new(format!(
                "Owl {number} of part {part} hunts mouse {}.",
                number * 7
            ))
            .unwrap(),
        },
        terms: String::new(),
    };
    NewDocument {
        digest: Digest::of(&number.to_le_bytes()),
        title: format!("document {number}"),
        kind: "text".to_owned(),
        licence: String::new(),
        as_of_day: 1,
        bytes: 1,
        sections: (0..5).map(section).collect(),
    }
}

fn open(path: &Path) -> Store {
    Store::open(path, &Salt([4; 32])).unwrap()
}

/// The child: adds documents, takes every third away again, and tells of each when it is done. Without a store's name
/// it is no child, and has nothing to do.
#[test]
fn child() {
    let Ok(path) = std::env::var(STORE) else {
        return;
    };
    let store = open(Path::new(&path));
    let first = store.status().unwrap().generation;
    let mut out = std::io::stdout();
    for number in first.. {
        store
            .add(&format!("s/{number}"), &document(number))
            .unwrap();
        writeln!(out, "\nadded {number}").unwrap();
        if number % 3 == 0 {
            store.remove(&format!("s/{number}")).unwrap();
            writeln!(out, "\nremoved {number}").unwrap();
        }
        out.flush().unwrap();
    }
}

/// Runs a child for a while; says what it acknowledged.
fn killed(path: &Path, after: Duration) -> (Vec<u64>, Vec<u64>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child", "--nocapture"])
        .env(STORE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    let mut note = |line: &str| {
        if let Some(number) = line.strip_prefix("added ") {
            added.push(number.parse().unwrap());
        } else if let Some(number) = line.strip_prefix("removed ") {
            removed.push(number.parse().unwrap());
        }
    };
    // From its first word on, so that a slow machine's child has begun.
    for line in lines.by_ref().map_while(Result::ok) {
        note(&line);
        if line.starts_with("added") {
            break;
        }
    }
    let deadline = Instant::now() + after;
    for line in lines.by_ref().map_while(Result::ok) {
        note(&line);
        if Instant::now() >= deadline {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it had said before it died counts as well; a last word that was cut off does not.
    for line in lines.map_while(Result::ok) {
        if line
            .rsplit(' ')
            .next()
            .is_some_and(|number| number.parse::<u64>().is_ok())
        {
            note(&line);
        }
    }
    (added, removed)
}

fn check(path: &Path, added: &[u64], removed: &[u64]) {
    let store = open(path);
    let held = store.list("").unwrap();
    let has = |number: &u64| held.iter().any(|held| held.origin == format!("s/{number}"));
    // The last one added may have been on its way out.
    for number in added.iter().filter(|number| !removed.contains(number)) {
        assert!(
            has(number) || number % 3 == 0,
            "document {number} was acknowledged and is lost"
        );
    }
    for number in removed {
        assert!(
            !has(number),
            "document {number} was taken away and is there"
        );
    }
    let (status, proofs) = (store.status().unwrap(), store.proofs().unwrap());
    assert_eq!(
        status.passages,
        status.documents * 5,
        "a document is there whole or not at all"
    );
    assert_eq!(proofs.ids().len() as u64, status.passages);
    let mut words = 0;
    for id in proofs.ids().iter().rev().take(40) {
        let evidence = store.cite(&proofs, *id).unwrap().unwrap();
        assert!(evidence.holds());
    }
    for id in proofs.ids() {
        words += u64::from(Counts::of(&store.passage(*id).unwrap()).length());
    }
    assert_eq!(words, status.words);
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let kills: u64 = std::env::var(KILLS).map_or(5, |kills| kills.parse().unwrap());
    let folder = std::env::temp_dir().join(format!("llmnet-kill-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let mut path = PathBuf::new();
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    for kill in 0..kills {
        // A new store now and then: its making is killed as well.
        if kill % 10 == 0 {
            path = folder.join(format!("{kill}.sqlite"));
            (added, removed) = (Vec::new(), Vec::new());
        }
        let (came, went) = killed(&path, Duration::from_millis(kill * 7 % 60));
        assert!(!came.is_empty(), "the child wrote nothing");
        added.extend(came);
        removed.extend(went);
        check(&path, &added, &removed);
    }
    println!(
        "{kills} kills, {} documents acknowledged since the last new store",
        added.len()
    );
    std::fs::remove_dir_all(&folder).unwrap();
}
