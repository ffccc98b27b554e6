//! The official SDKs for Python, against the scripted node. Against the program itself, the same scripts run
//! in the tests of `node`.

use std::{path::Path, process::Command};

use tokio::task::spawn_blocking;

use crate::client::Server;

/// Runs a script with the SDK that it is for. Where CI says that it is CI, the SDK must be there. Each call of
/// a script has a time-out of its own, so that it ends.
async fn check(sdk: &str) {
    let python = async |arguments: &[&str]| {
        let mut command = Command::new("python3");
        command.args(arguments);
        // A thread of its own: the gateway is served from this one.
        spawn_blocking(move || command.output()).await.unwrap()
    };
    let installed = python(&["-c", &format!("import {sdk}")]).await;
    if !installed.is_ok_and(|output| output.status.success()) {
        let ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!ci, "CI must have python3 with `pip install {sdk}`");
        eprintln!("SKIPPED: the official SDK is not tested; `pip install {sdk}` for python3");
        return;
    }
    let server = Server::start().await;
    let script = format!("tests/sdk/check_{sdk}.py");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
    let script = script.display().to_string();
    let url = format!("http://{}", server.address);
    let checked = python(&[&script, &url]).await.unwrap();
    let printed = String::from_utf8_lossy(&checked.stdout);
    println!("{printed}{}", String::from_utf8_lossy(&checked.stderr));
    assert!(
        checked.status.success() && printed.contains(" passed, 0 failed"),
        "{printed}"
    );
}

#[tokio::test]
async fn openais() {
    check("openai").await;
}

#[tokio::test]
async fn anthropics() {
    check("anthropic").await;
}
