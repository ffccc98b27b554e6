//! The official SDKs and a library of agents, against the scripted node. Against the program itself, the SDKs for
//! Python run in the tests of `node`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what a script says, or why it did not run, is for whoever runs the tests"
)]

use std::{path::Path, process::Command};

use tokio::task::spawn_blocking;

use crate::{
    client::{Server, until},
    script::EMBEDDER,
};

/// Another's client, and our script that puts it to use.
struct Client {
    name: &'static str,
    program: &'static str,
    /// What ends well where the client is installed.
    probe: [&'static str; 2],
    script: &'static str,
    /// How many questions the script gives up.
    given_up: usize,
    /// Whether it asks for vectors too.
    embeds: bool,
}

/// Runs a program on a thread of its own: the gateway is served from this one.
async fn run(program: &'static str, arguments: &[&str]) -> std::io::Result<std::process::Output> {
    let mut command = Command::new(program);
    command.args(arguments);
    spawn_blocking(move || command.output()).await.unwrap()
}

/// Where CI says that it is CI, the client must be there. Each call of a script has a time-out of its own, so
/// that it ends.
async fn check(client: &Client) {
    let name = client.name;
    let installed = run(client.program, &client.probe).await;
    if !installed.is_ok_and(|output| output.status.success()) {
        let ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!ci, "CI must have {name}; see .ci/run");
        eprintln!("SKIPPED: {name} is not tested, as it is not installed; see .ci/run");
        return;
    }
    let server = Server::embedding().await;
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk");
    let script = scripts.join(client.script).display().to_string();
    let url = format!("http://{}", server.address);
    let arguments = [&*script, &*url, "Is aspirin safe?", "never"];
    let checked = run(client.program, &arguments).await.unwrap();
    let printed = String::from_utf8_lossy(&checked.stdout);
    println!("{printed}{}", String::from_utf8_lossy(&checked.stderr));
    assert!(
        checked.status.success() && printed.contains(" passed, 0 failed"),
        "{printed}"
    );
    if client.embeds {
        let words = format!("vectors by {EMBEDDER}");
        assert!(printed.contains(&words), "{printed}");
    }
    until(&server.script.cancelled, client.given_up).await;
}

#[tokio::test]
async fn openais_for_python() {
    check(&Client {
        name: "openai for Python",
        program: "python3",
        probe: ["-c", "import openai"],
        script: "check_openai.py",
        given_up: 2,
        embeds: true,
    })
    .await;
}

#[tokio::test]
async fn openais_for_node() {
    check(&Client {
        name: "openai for Node",
        program: "node",
        probe: ["-e", "require('openai')"],
        script: "check_openai.mjs",
        given_up: 3,
        embeds: true,
    })
    .await;
}

#[tokio::test]
async fn anthropics_for_python() {
    check(&Client {
        name: "anthropic for Python",
        program: "python3",
        probe: ["-c", "import anthropic"],
        script: "check_anthropic.py",
        given_up: 0,
        embeds: false,
    })
    .await;
}

#[tokio::test]
async fn openais_agents() {
    check(&Client {
        name: "openai-agents for Python",
        program: "python3",
        probe: ["-c", "import agents"],
        script: "check_agents.py",
        given_up: 0,
        embeds: false,
    })
    .await;
}

/// All of them, where a model calls tools and keeps to a form (DEB-12).
#[tokio::test]
async fn tools_and_forms_for_python() {
    check(&Client {
        name: "openai, anthropic and openai-agents for Python",
        program: "python3",
        probe: ["-c", "import openai, anthropic, agents"],
        script: "check_tools.py",
        given_up: 0,
        embeds: false,
    })
    .await;
}
