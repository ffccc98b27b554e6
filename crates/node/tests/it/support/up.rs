//! The binary, as a process of its own.

use std::{fs::File, process::Stdio};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use super::{DEADLINE, Gateway, Room};

/// The program, with nothing of this process' environment that it would heed.
pub(crate) fn command(room: &Room) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_llmnet"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["LLMNET_", "OPENAI_", "XDG_", "RUST_"]
            .iter()
            .any(|ours| text.starts_with(ours))
        {
            command.env_remove(name);
        }
    }
    command
        .env("HOME", room.path())
        .env("LLMNET_DIR", room.network())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Printed {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Printed {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.out, self.err))
    }
}

/// Runs the program to its end.
pub(crate) async fn output(room: &Room, arguments: &[&str]) -> Printed {
    finish(command(room).args(arguments)).await
}

pub(crate) async fn finish(command: &mut Command) -> Printed {
    let output = timeout(DEADLINE, command.output()).await;
    let output = output.expect("the program ends").unwrap();
    Printed {
        code: output.status.code().expect("it ends by itself"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A running `llmnet up`.
#[derive(Debug)]
pub(crate) struct Up {
    pub(crate) gateway: Gateway,
    /// Where its keys are managed, if it asks for any.
    pub(crate) admin: Option<String>,
    child: Child,
}

impl Up {
    /// Starts it on a free port and waits until it is ready.
    pub(crate) async fn start(room: &Room, arguments: &[&str]) -> Self {
        let mut command = command(room);
        command
            .args(["up", "--port", "0", "--json"])
            .args(arguments);
        Self::spawn(room, command).await
    }

    pub(crate) async fn spawn(room: &Room, mut command: Command) -> Self {
        let log = File::options()
            .create(true)
            .append(true)
            .open(room.path().join("up.log"))
            .unwrap();
        let child = command.stdout(Stdio::piped()).stderr(log).spawn();
        let mut child = child.unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut text = String::new();
        let ready = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                text.push_str(&line);
                if let Ok(ready) = serde_json::from_str::<Value>(&text) {
                    return Some(ready);
                }
            }
            None
        };
        let ready = timeout(DEADLINE, ready).await.expect("it gets ready");
        let ready = ready.unwrap_or_else(|| {
            let log = std::fs::read_to_string(room.path().join("up.log"));
            panic!("it ended instead: {}", log.unwrap_or_default())
        });
        Self {
            gateway: Gateway::new(ready["url"].as_str().unwrap()),
            admin: ready["admin"].as_str().map(ToOwned::to_owned),
            child,
        }
    }

    /// SIGKILL, now.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// What Ctrl-C does, and how it ended.
    pub(crate) async fn stop(mut self) -> i32 {
        let id = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status().await;
        assert!(sent.unwrap().success());
        let ended = timeout(DEADLINE, self.child.wait()).await;
        ended.expect("it ends").unwrap().code().unwrap()
    }
}
