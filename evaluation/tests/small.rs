//! The commands of the evaluation, on the small collection that is in the repository.

#![expect(clippy::unwrap_used, reason = "in a test a panic is an answer")]

use std::{fs, path::Path, process::Command};

use serde_json::Value;

fn ratio(report: &Value, name: &str) -> f64 {
    let ratios = report["ratios"].as_array().unwrap();
    let found = ratios.iter().find(|ratio| ratio[0] == name).unwrap();
    found[2]["value"].as_f64().unwrap()
}

#[test]
fn five_experts_together_are_as_good_as_one_index() {
    let folder = std::env::temp_dir().join(format!("llmnet-evaluation-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    let collection = Path::new(env!("CARGO_MANIFEST_DIR")).join("collection");
    let run = |least: &str| {
        Command::new(env!("CARGO_BIN_EXE_llmnet-evaluation"))
            .args([
                "retrieval",
                "--bm25-min",
                least,
                "--fused-min",
                "0.99",
                "--routed-min",
                "0.98",
            ])
            .arg("--collection")
            .arg(&collection)
            .arg("--work")
            .arg(folder.join("work"))
            .arg("--out")
            .arg(folder.join("report"))
            .output()
            .unwrap()
    };
    let done = run("0.5");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    let report: Value =
        serde_json::from_slice(&fs::read(folder.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["queries"].as_array().unwrap().len(), 60);
    assert!(
        ratio(&report, "naive") < 0.8,
        "the mistake to avoid is one here as well"
    );
    let traffic = &report["traffic"][0];
    let share =
        traffic["routed_messages"].as_f64().unwrap() / traffic["fused_messages"].as_f64().unwrap();
    assert!(share <= 0.4, "{share}");
    let page = fs::read_to_string(folder.join("report.md")).unwrap();
    assert!(page.contains("| central | words |"), "{page}");
    // The bounds bite, and stores that are there are used again.
    let failed = run("0.9999");
    assert!(!failed.status.success());
    assert!(String::from_utf8_lossy(&failed.stderr).contains("one index by words"));
    fs::remove_dir_all(&folder).unwrap();
}
