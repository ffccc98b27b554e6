//! `llmnet compare` over a network as one has it at home: the experts in the box, and three models that read.

use serde_json::Value;

use crate::{
    models::server::{Manner, Server},
    support::{Printed, Room, Up, command, finish, output, place},
};

/// What the experts' documents are about, with options, so that an answer is right or wrong.
const CLOSED: &str = "What happens when one of four validators falls silent?\\nA) All stops\\nB) The other three go on";
const OPEN: &str = "What happens when one of four validators falls silent?";

fn config(server: &Server) -> String {
    let models = ["Alpha-1", "Beta-2", "Gamma-3"].map(|name| {
        let base = server.base();
        format!("[[model]]\nname = \"{name}\"\nbase_url = \"{base}\"\ndomains = [\"llm-net\"]\n")
    });
    models.concat()
}

fn row<'a>(compared: &'a Value, name: &str) -> &'a Value {
    let rows = compared["strategies"].as_array().unwrap();
    let row = rows.iter().find(|row| row["strategy"] == name);
    row.unwrap_or_else(|| panic!("no {name}: {compared}"))
}

fn spent(row: &Value) -> f64 {
    row["credits"].as_str().unwrap().parse().unwrap()
}

fn names(compared: &Value) -> Vec<&str> {
    let rows = compared["strategies"].as_array().unwrap();
    rows.iter()
        .map(|row| row["strategy"].as_str().unwrap())
        .collect()
}

async fn compare(room: &Room, questions: &str, more: &[&str]) -> Printed {
    let file = room.file("questions.jsonl", questions);
    let file = file.display().to_string();
    finish(command(room).args(["compare", &file]).args(more)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strategies_are_compared_at_equal_tokens() {
    let server = Server::start(Manner::Know).await;
    let (room, _place) = (Room::with(&config(&server)), place().await);
    let up = Up::start(&room, &[]).await;

    // With gold: each answer is right or wrong.
    let line = format!("{{\"question\": \"{CLOSED}\", \"gold\": \"B\"}}\n");
    let ways = [
        "--strategy",
        "single",
        "--strategy",
        "vote",
        "--strategy",
        "debate",
    ];
    let printed = compare(
        &room,
        &line.repeat(4),
        &[&ways[..], &["--limit", "3", "--json"]].concat(),
    )
    .await;
    assert_eq!(printed.code, 0, "{}", printed.err);
    let compared = printed.json();
    assert_eq!(
        (&compared["questions"], &compared["with_gold"]),
        (&3.into(), &3.into())
    );
    assert_eq!(
        names(&compared),
        ["single", "single, again", "vote", "debate"]
    );
    for row in compared["strategies"].as_array().unwrap() {
        assert_eq!(
            (&row["judged"], &row["not_answered"]),
            (&3.into(), &0.into()),
            "{row}"
        );
        assert!(
            spent(row) > 0.0 && row["tokens"].as_u64().unwrap() > 0,
            "{row}"
        );
        let (low, high) = (row["interval"][0].as_f64(), row["interval"][1].as_f64());
        let points = row["points"].as_f64();
        assert!(
            low <= points && points <= high && low >= Some(0.0) && high <= Some(1.0),
            "{row}"
        );
        assert!(row["p50_ms"].as_u64() <= row["p95_ms"].as_u64(), "{row}");
    }
    // One model that may spend as much as a panel is asked again and again, and pays for each.
    let (single, again) = (row(&compared, "single"), row(&compared, "single, again"));
    assert!(
        again["tokens"].as_u64() > single["tokens"].as_u64(),
        "{compared}"
    );
    assert!(spent(again) > spent(single), "{compared}");
    // It ends where another answer like its last would be too much, so that one at the most is.
    let dearest = ["vote", "debate"].map(|name| row(&compared, name)["tokens"].as_u64());
    let dearest = dearest.into_iter().flatten().max().unwrap();
    assert!(
        again["tokens"].as_u64().unwrap() <= 2 * dearest,
        "{compared}"
    );
    assert!(names(&compared).contains(&compared["choose"].as_str().unwrap()));
    let calls = server.calls();
    assert!(calls.answers > 0 && calls.revisions > 0, "{calls:?}");

    // Without gold: peers say which they prefer, in both orders.
    let line = format!("{{\"question\": \"{OPEN}\"}}\n");
    let printed = compare(
        &room,
        &line,
        &["--strategy", "single", "--strategy", "vote", "--json"],
    )
    .await;
    assert_eq!(printed.code, 0, "{}", printed.err);
    let compared = printed.json();
    assert_eq!(
        (&compared["questions"], &compared["with_gold"]),
        (&1.into(), &0.into())
    );
    // The first way stands beside itself, which is even.
    assert_eq!(row(&compared, "single")["points"], 0.5, "{compared}");

    // For people.
    let printed = compare(&room, &line, &["--strategy", "single"]).await;
    assert_eq!(printed.code, 0, "{}", printed.err);
    for words in [
        "1 questions: 0 with a right answer",
        "single, again",
        "credits",
    ] {
        assert!(printed.out.contains(words), "{words}: {}", printed.out);
    }
    assert_eq!(up.stop().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_compared_is_named() {
    let room = Room::new();
    let wrong = compare(&room, "{\"question\": \"Why?\"}\n{\"ask\": 1}\n", &[]).await;
    assert_eq!((wrong.code, wrong.out.as_str()), (1, ""));
    assert!(
        wrong.err.contains("line 2 of") && wrong.err.contains("no question"),
        "{}",
        wrong.err
    );
    let missing = output(&room, &["compare", "nowhere.jsonl"]).await;
    assert_eq!(missing.code, 1);
    assert!(
        missing.err.contains("cannot read nowhere.jsonl"),
        "{}",
        missing.err
    );
}
