//! From files to boards.

use super::synthetic::{MODELS, board, files, pool, traces};
use crate::{
    board::{Board, BoardError},
    pool::{Pool, PoolError, names},
    traces::{Traces, TracesError},
};

fn responses(bytes: &[u8]) -> String {
    let mut traces = traces(1);
    traces.responses.clear();
    traces
        .read_responses("responses.x.jsonl", bytes)
        .expect_err("it is wrong")
        .to_string()
}

#[test]
fn errors_name_file_and_line() {
    let good = r#"{"qid":"s:0","model":"a","answer":"A","correct":1}"#;
    let cases: [(String, &str); 7] = [
        (
            String::new(),
            "responses.x.jsonl, line 1: the file is empty",
        ),
        (
            "\n \n".to_owned(),
            "responses.x.jsonl, line 1: the file is empty",
        ),
        (
            format!("{good}\n{{\"qid\":\"s:0\""),
            "responses.x.jsonl, line 2: ends in the middle of a record",
        ),
        (
            format!("{good}\n[1]\n"),
            "responses.x.jsonl, line 2: is no record",
        ),
        (
            format!("{good}\n{good}\n"),
            "responses.x.jsonl, line 2: \"a\" answered \"s:0\" in an earlier line",
        ),
        (
            good.replace("s:0", "s:9"),
            "responses.x.jsonl, line 1: answers the question \"s:9\", which no file",
        ),
        (
            good.replace(":1}", ":2}"),
            "responses.x.jsonl, line 1: correct is 2",
        ),
    ];
    for (text, expected) in cases {
        let error = responses(text.as_bytes());
        assert!(error.starts_with(expected), "{error}\nis not\n{expected}");
    }
    let error = responses(b"{\"qid\": \"\xff\"}");
    assert!(error.starts_with("responses.x.jsonl, line 1: "), "{error}");

    let mut twice = Traces::default();
    let question = r#"{"qid":"q","benchmark":"b","domain":"d"}"#;
    let found = twice.read_questions("questions.x", format!("{question}\n{question}").as_bytes());
    assert_eq!(
        found,
        Err(TracesError::Line {
            file: "questions.x".to_owned(),
            line: 2,
            what: "the question \"q\" stands twice".to_owned()
        })
    );
}

#[test]
fn a_board_is_what_all_were_asked() {
    let (asked, given) = files(40);
    let mut traces = Traces::default();
    traces
        .read_questions("questions", asked.as_bytes())
        .expect("our own");
    // One model missed a question.
    let missing = given.lines().nth(3 * MODELS + 2).expect("there are more");
    let rest: Vec<&str> = given.lines().filter(|line| *line != missing).collect();
    traces
        .read_responses("responses", rest.join("\n").as_bytes())
        .expect("our own");
    let board = Board::new(&pool(), &traces).expect("39 are left");
    assert_eq!(board.questions.len(), 39);
    assert_eq!(board.domains, ["rivers", "stars"]);
    assert!(
        board
            .questions
            .iter()
            .all(|asked| asked.closed && asked.given.len() == MODELS)
    );

    let strangers = Pool::parse("x", "benchmarks: synthetic\nmodel 0\nnobody").expect("a list");
    assert!(
        matches!(Board::new(&strangers, &traces), Err(BoardError::Model { model, .. }) if model == "nobody")
    );
}

/// A response without gold to compare with is right as recorded, and equals no other.
#[test]
fn recordings_without_answers_are_played_by_their_marks() {
    let lines: Vec<String> = (0..4)
        .flat_map(|question| {
            (0..2).map(move |model| {
                format!(r#"{{"qid":"bfcl:{question}","model":"m{model}","domain":"d","correct":{model},"latency_s":1.5}}"#)
            })
        })
        .collect();
    let mut traces = Traces::default();
    traces
        .read_responses("responses", lines.join("\n").as_bytes())
        .expect("domains come along");
    let pool = Pool::parse("x", "benchmarks: bfcl\nm0\nm1").expect("a list");
    let board = Board::new(&pool, &traces).expect("all were asked");
    let all: Vec<usize> = (0..4).collect();
    assert_eq!(
        [board.share_right(0, &all), board.share_right(1, &all)],
        [0.0, 1.0]
    );
    assert_eq!(board.questions[0].given[1].latency_ms, 1_500);
}

#[test]
fn committed_pools_are_those_of_the_findings() {
    let sizes: Vec<(&str, usize)> = names()
        .into_iter()
        .map(|name| (name, Pool::committed(name).expect("committed").models.len()))
        .collect();
    let expected = [
        ("P4", 4),
        ("P8", 8),
        ("Z39", 39),
        ("Z41", 41),
        ("M12", 12),
        ("M29", 29),
        ("M13+", 13),
        ("G43", 43),
        ("BFCL", 19),
    ];
    assert_eq!(sizes, expected);
    let models = |name: &str| Pool::committed(name).expect("committed").models;
    let within = |part: &str, whole: &str| {
        models(part)
            .iter()
            .all(|model| models(whole).contains(model))
    };
    assert!(within("P4", "P8") && within("P8", "Z39") && within("Z39", "Z41"));
    assert!(within("M12", "M29") && within("M12", "M13+") && !within("M13+", "M29"));
    assert!(models("P8").contains(&"llama-3.1-405b-instruct@sambanova".to_owned()));
    assert_eq!(
        Pool::committed("M29").expect("committed").queries,
        Some(4_500)
    );
    assert!(matches!(Pool::committed("M30"), Err(PoolError::Unknown(_))));
}

#[test]
fn lists_that_make_no_sense_are_refused() {
    let refused = |text: &str| Pool::parse("list", text).expect_err("refused").to_string();
    assert_eq!(
        refused("benchmarks: a\nx\ny\nx"),
        "list, line 4: \"x\" stands twice"
    );
    assert_eq!(
        refused("benchmarks: a\nqueries: many\nx"),
        "list, line 2: \"many\" is no count"
    );
    assert_eq!(refused("x"), "the pool list names no benchmarks");
    assert_eq!(refused("benchmarks: a"), "the pool list names no models");
    assert_eq!(
        refused("colour: blue"),
        "list, line 1: colour: blue is not known here"
    );
}

#[test]
fn the_synthetic_models_are_as_good_as_they_were_made() {
    let board = board(600);
    let all: Vec<usize> = (0..600).collect();
    let shares: Vec<f64> = (0..MODELS)
        .map(|model| board.share_right(model, &all))
        .collect();
    assert!(
        shares.windows(2).all(|pair| pair[0] > pair[1] - 0.03),
        "{shares:?}"
    );
}
