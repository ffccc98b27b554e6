//! A process that goes on, and what it says meanwhile.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::Stdio,
};

use tokio::{
    process::{Child, Command},
    time::timeout,
};

use super::{DEADLINE, Room, command, until};

pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    pub(crate) fn start(room: &Room, name: &str, arguments: &[&str]) -> Self {
        let log = room.path().join(format!("{name}.log"));
        let file = File::create(&log).unwrap();
        let mut command = command(room);
        command.args(arguments).stdin(Stdio::null());
        command.stdout(file.try_clone().unwrap()).stderr(file);
        let child = command.spawn().unwrap();
        Self { child, log }
    }

    /// All that it said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until it says something; the line with that.
    pub(crate) async fn until(&mut self, what: &str) -> String {
        let log = self.log.clone();
        let child = &mut self.child;
        let mut ended = || child.try_wait().unwrap();
        until(what, || {
            let said = fs::read_to_string(&log).unwrap();
            let found = said.lines().find(|line| line.contains(what));
            let found = found.map(str::to_owned);
            if found.is_none() {
                assert_eq!(ended(), None, "it ended instead: {said}");
            }
            async move { found }
        })
        .await
    }

    /// SIGKILL, now.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// What Ctrl-C does, and how it ended.
    pub(crate) async fn stop(&mut self) -> i32 {
        let id = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status().await;
        assert!(sent.unwrap().success());
        let ended = timeout(DEADLINE, self.child.wait()).await;
        ended.expect("it ends").unwrap().code().unwrap()
    }
}
