//! `llmnet evaluate` as its users meet it, on a small synthetic set of our own: no recordings of others are needed.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Output},
};

use flate2::{Compression, write::GzEncoder};

const MODELS: usize = 6;

/// Five of six models know their field; question and answer files as the recordings have them.
fn recordings(directory: &Path) {
    let (mut questions, mut responses) = (String::new(), String::new());
    for question in 0..120_usize {
        let gold = ["A", "B", "C", "D"][question * 7 % 4];
        writeln!(
            questions,
            r#"{{"qid":"q{question}","benchmark":"mine","domain":"d{}","gold":"{gold}"}}"#,
            question % 2
        )
        .unwrap();
        for model in 0..MODELS {
            let errs = (question * 13 + model * 29 + question / 7 * model) % 10 < 2 + model;
            let answer = if errs {
                ["A", "B", "C", "D"][(question * 7 + 1 + model % 3) % 4]
            } else {
                gold
            };
            let correct = u8::from(answer == gold);
            writeln!(responses, r#"{{"qid":"q{question}","model":"m{model}","answer":"{answer}","correct":{correct}}}"#)
                .unwrap();
        }
    }
    fs::write(directory.join("questions.mine.jsonl"), questions).unwrap();
    fs::write(
        directory.join("responses.mine.jsonl.gz"),
        packed(responses.as_bytes()),
    )
    .unwrap();
    let pool: String = (0..MODELS).map(|model| format!("m{model}\n")).collect();
    fs::write(
        directory.join("pool.txt"),
        format!("benchmarks: mine\n{pool}"),
    )
    .unwrap();
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn evaluate(traces: &Path, out: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_llmnet"))
        .args(["evaluate", "--seeds", "4", "--traces"])
        .arg(traces)
        .arg("--pool")
        .arg(traces.join("pool.txt"))
        .arg("--out")
        .arg(out)
        .args(more)
        .output()
        .unwrap()
}

fn directory(name: &str) -> std::path::PathBuf {
    let directory =
        std::env::temp_dir().join(format!("llmnet-evaluate-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

#[test]
fn an_evaluation_writes_results_tables_and_figures_the_same_twice() {
    let traces = directory("same");
    recordings(&traces);
    let more = [
        "--audits",
        "0.05",
        "--calls",
        "3",
        "--adversaries",
        "collude=0.3",
    ];
    let (one, other) = (traces.join("one"), traces.join("other"));
    for out in [&one, &other] {
        let done = evaluate(&traces, out, &more);
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    }
    let mut names: Vec<String> = fs::read_dir(&one)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    for name in [
        "accuracy.svg",
        "contracts.csv",
        "curve.csv",
        "providers.csv",
        "report.md",
        "results.json",
        "runs.csv",
    ] {
        assert!(
            names.iter().any(|other| other == name),
            "{name} is missing of {names:?}"
        );
    }
    for name in &names {
        assert!(
            fs::read(one.join(name)).unwrap() == fs::read(other.join(name)).unwrap(),
            "{name} differs"
        );
    }

    let results: serde_json::Value =
        serde_json::from_slice(&fs::read(one.join("results.json")).unwrap()).unwrap();
    let number = |name: &str| {
        results[name]
            .as_f64()
            .unwrap_or_else(|| panic!("{name} is no plain number"))
    };
    for name in ["accuracy", "best_single", "gain_over_best_single"] {
        let interval = &results[format!("{name}_ci95")];
        assert!(
            interval[0].as_f64().unwrap() <= number(name)
                && number(name) <= interval[1].as_f64().unwrap()
        );
    }
    assert!(
        (number("accuracy") - number("best_single") - number("gain_over_best_single")).abs() < 1e-9
    );
    assert!(
        number("calls") > 1.0 && number("calls") < 4.0,
        "{}",
        number("calls")
    );
    assert_eq!(results["queries"], 120);
    fs::remove_dir_all(&traces).unwrap();
}

#[test]
fn recordings_that_cannot_be_read_are_named_by_file_and_line() {
    let traces = directory("broken");
    recordings(&traces);
    let file = traces.join("responses.mine.jsonl.gz");
    let whole = fs::read(&file).unwrap();
    let record = r#"{"qid":"q0","model":"m0","answer":"A","correct":1}"#;
    let cases: [(Vec<u8>, &str); 4] = [
        (
            whole[..whole.len() / 2].to_vec(),
            "cannot be unpacked from here on",
        ),
        (packed(b""), "line 1: the file is empty"),
        (
            packed(format!("{record}\nnonsense\n").as_bytes()),
            "line 2: is no record",
        ),
        (
            packed(&record.as_bytes()[..30]),
            "line 1: ends in the middle of a record",
        ),
    ];
    for (bytes, expected) in cases {
        fs::write(&file, bytes).unwrap();
        let done = evaluate(&traces, &traces.join("out"), &[]);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(
            said.contains("responses.mine.jsonl.gz, line ") && said.contains(expected),
            "{said}"
        );
    }
    fs::remove_file(&file).unwrap();
    let done = evaluate(&traces, &traces.join("out"), &[]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(said.contains("has no files responses.*.jsonl"), "{said}");
    fs::remove_dir_all(&traces).unwrap();
}

#[test]
fn what_makes_no_sense_is_refused_with_what_would() {
    let traces = directory("nonsense");
    recordings(&traces);
    for (more, expected) in [
        (
            ["--adversaries", "nice=0.3"],
            "there are no adversaries \"nice\"; there are random, collude",
        ),
        (["--audits", "1.5"], "a number from 0 to 1"),
        (["--calls", "0"], "a number from 1 to 100"),
        (
            ["--policy", "best"],
            "there is no policy \"best\"; there are cascade",
        ),
    ] {
        let done = evaluate(&traces, &traces.join("out"), &more);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(2), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    fs::remove_dir_all(&traces).unwrap();
}
