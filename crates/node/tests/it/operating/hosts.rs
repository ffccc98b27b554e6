//! Hosts: directories of their own, and addresses of this machine.

use std::{
    fs::{self, File},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use super::book::Line;
use crate::support::{DEADLINE, Room, command, finish, until};

pub(crate) const PASSPHRASE: &str = "a passphrase of a test";

/// Blocks as often as a test has patience for, and terms of two seconds: the book's are hours.
const QUICK: [&str; 4] = ["--epoch-blocks", "32", "--term-epochs", "1"];
const IDLE: &str = "idle_interval_ms = 50";

pub(crate) struct Hosts {
    room: Room,
    hosts: Vec<Host>,
    networks: Vec<String>,
    asked: Value,
}

pub(crate) struct Host {
    path: PathBuf,
    home: PathBuf,
    listen: u16,
    http: u16,
    running: Option<Child>,
}

/// A port that is free, below those that the system gives to outgoing connections.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let offset = std::process::id().wrapping_mul(89).wrapping_add(number) % 7_000;
        let port = u16::try_from(12_000 + offset).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A line's words; what stands between quotes is one.
fn split(line: &str) -> Vec<String> {
    let parts = line.split('"').enumerate();
    let words = parts.flat_map(|(place, part)| match place % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    words.collect()
}

impl Hosts {
    pub(crate) fn new(count: usize) -> Self {
        let room = Room::new();
        let passphrase = room.file("passphrase", format!("{PASSPHRASE}\n"));
        fs::set_permissions(passphrase, fs::Permissions::from_mode(0o600)).unwrap();
        let hosts = (1..=count).map(|number| {
            let home = room.path().join(format!("host{number}"));
            fs::create_dir_all(&home).unwrap();
            Host {
                path: home.join("llmnet"),
                home,
                listen: free_port(),
                http: free_port(),
                running: None,
            }
        });
        let hosts = hosts.collect();
        Self {
            room,
            hosts,
            networks: Vec::new(),
            asked: Value::Null,
        }
    }

    pub(crate) fn host(&mut self, number: usize) -> &mut Host {
        &mut self.hosts[number - 1]
    }

    pub(crate) fn host_ref(&self, number: usize) -> &Host {
        &self.hosts[number - 1]
    }

    /// Runs commands as the book has them.
    pub(crate) async fn follow(&mut self, lines: Vec<Line>) {
        for line in lines {
            for number in line.hosts.clone() {
                self.run(number, &line.command).await;
            }
        }
    }

    async fn run(&mut self, number: usize, line: &str) {
        let words = split(line).into_iter();
        let words: Vec<String> = words.map(|word| self.word(number, &word)).collect();
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        let http;
        match words[..] {
            ["scp", from, to] => {
                let from = self.file(number, from);
                let to = self.file(number, to);
                fs::copy(&from, &to).unwrap_or_else(|error| panic!("{from:?}: {error}"));
                return;
            }
            ["mv", from, to] => {
                let (from, to) = (self.file(number, from), self.file(number, to));
                fs::rename(&from, &to).unwrap_or_else(|error| panic!("{from:?}: {error}"));
                return;
            }
            ["llmnet", "validator", "run", ..] => {
                let mut command = self.command(number);
                command.args(&words[1..]);
                self.hosts[number - 1].start(command).await.unwrap();
                return;
            }
            ["llmnet", "up", ..] => {
                // Host 1 gives what is asked for.
                for (to, amount) in self.unfunded(number).await {
                    let pay = format!(
                        "llmnet validator pay --dir /var/lib/llmnet --to {to} --amount {amount} \
                         --passphrase-file /etc/llmnet/passphrase"
                    );
                    Box::pin(self.run(1, &pay)).await;
                }
                let mut command = self.command(number);
                command
                    .args(&words[1..])
                    .args(["--no-models", "--port", "0"]);
                self.hosts[number - 1].start(command).await.unwrap();
                return;
            }
            // All of these hosts are one.
            ["llmnet", "validator", "init", ..] => {
                http = format!("127.0.0.1:{}", self.hosts[number - 1].http);
                words.extend(["--http", &http]);
            }
            ["llmnet", "genesis", ..] => words.extend(QUICK),
            ["llmnet", ..] => {}
            _ => panic!("{line:?} is no command that a host has"),
        }
        let is_check = words.contains(&"check");
        let is_question = words.contains(&"ask");
        let mut command = self.command(number);
        let printed = finish(command.args(&words[1..]).arg("--json")).await;
        assert_eq!(printed.code, 0, "host {number}: {line}: {}", printed.err);
        if words.contains(&"init") {
            self.hosts[number - 1].hurry();
        }
        if is_question {
            self.asked = printed.json();
        }
        if is_check {
            let network = printed.json()["network"].as_str().unwrap().to_owned();
            self.networks.push(network);
        }
    }

    /// A word of the book on this machine.
    fn word(&self, number: usize, word: &str) -> String {
        let host = &self.hosts[number - 1];
        match word {
            "192.0.2.N:7272" => format!("127.0.0.1:{}", host.listen),
            "http://192.0.2.1:7171" => format!("http://127.0.0.1:{}", self.hosts[0].http),
            "/etc/llmnet/passphrase" => self.room.path().join("passphrase").display().to_string(),
            "/var/lib/llmnet" => host.path.display().to_string(),
            // Only host 5 is told of by its keys.
            "$OPERATOR" => self.hosts[4].founder("operator"),
            "$NODE" => self.hosts[4].founder("node"),
            word => word.to_owned(),
        }
    }

    /// A file of a host, as one host names it: `host2:/var/lib/llmnet/founder.json`.
    fn file(&self, number: usize, name: &str) -> PathBuf {
        let (host, name) = match name.split_once(':') {
            Some((host, name)) => (host.strip_prefix("host").unwrap().parse().unwrap(), name),
            None => (number, name),
        };
        let host: &Host = &self.hosts[host - 1];
        match name.strip_prefix("/var/lib/llmnet/") {
            Some(name) => host.path.join(name),
            None => host.home.join(name),
        }
    }

    fn command(&self, number: usize) -> Command {
        let host = &self.hosts[number - 1];
        let mut command = command(&self.room);
        command
            .current_dir(&host.home)
            .env("LLMNET_DIR", &host.path);
        command
    }

    /// Who needs how much before a coordinator can begin, as it says itself.
    async fn unfunded(&self, number: usize) -> Vec<(String, String)> {
        let mut command = self.command(number);
        let printed = finish(command.args(["up", "--no-models", "--port", "0"])).await;
        assert_eq!(printed.code, 1, "{}", printed.out);
        let accounts = printed.err.lines().filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["--to", to, "--amount", amount, ..] => Some((to.to_owned(), amount.to_owned())),
                _ => None,
            }
        });
        let accounts: Vec<_> = accounts.collect();
        assert_eq!(accounts.len(), 7, "{}", printed.err);
        accounts
    }

    /// The settings of who follows a network elsewhere.
    pub(crate) fn write_nodes(&self, number: usize, settings: &str) {
        let nodes = [0, 1].map(|host| format!("127.0.0.1:{}", self.hosts[host].http));
        let settings = settings
            .replace("192.0.2.1:7171", &nodes[0])
            .replace("192.0.2.2:7171", &nodes[1]);
        let path = &self.hosts[number - 1].path;
        fs::create_dir_all(path).unwrap();
        fs::write(path.join("llmnet.toml"), settings).unwrap();
    }

    /// What was answered last.
    pub(crate) fn asked(&self) -> &Value {
        &self.asked
    }

    /// Networks' ids, as checks told them since the last time.
    pub(crate) fn checked(&mut self) -> Vec<String> {
        std::mem::take(&mut self.networks)
    }

    pub(crate) async fn height(&mut self, number: usize) -> u64 {
        let status = self.host(number).get("/v1/ledger/status").await;
        status["height"].as_u64().unwrap()
    }

    pub(crate) async fn until_height(&self, number: usize, height: u64) {
        until("blocks are made", || async {
            let status = self.host_ref(number).get("/v1/ledger/status").await;
            (status["height"].as_u64()? >= height).then_some(())
        })
        .await;
    }

    pub(crate) async fn init(&mut self, number: usize) {
        let line = "llmnet validator init --dir /var/lib/llmnet --address 192.0.2.N:7272 \
                    --passphrase-file /etc/llmnet/passphrase";
        self.run(number, line).await;
    }

    /// Makes a genesis of these and gives it to them.
    pub(crate) async fn found(&mut self, numbers: &[usize]) {
        let mut line = "llmnet genesis --name test".to_owned();
        for number in numbers {
            let founder = self.hosts[number - 1].path.join("founder.json");
            line.push_str(&format!(" {}", founder.display()));
        }
        self.run(1, &line).await;
        for number in numbers {
            let to = self.hosts[number - 1].path.join("genesis.json");
            fs::copy(self.hosts[0].home.join("genesis.json"), to).unwrap();
        }
    }

    /// The first two hosts have each other's key.
    pub(crate) fn swap_keys(&self) {
        let [first, second] = [0, 1].map(|host| self.hosts[host].path.join("node.key"));
        let aside = self.room.path().join("aside.key");
        fs::rename(&first, &aside).unwrap();
        fs::rename(&second, &first).unwrap();
        fs::rename(&aside, &second).unwrap();
    }

    pub(crate) fn expose_key(&self, number: usize) {
        let key = self.hosts[number - 1].path.join("node.key");
        fs::set_permissions(key, fs::Permissions::from_mode(0o644)).unwrap();
    }
}

impl Host {
    /// What a command says that fails. `{passphrase}` is the file of it.
    pub(crate) async fn refused(hosts: &Hosts, number: usize, arguments: &[&str]) -> String {
        let passphrase = hosts.room.path().join("passphrase").display().to_string();
        let mut command = hosts.command(number);
        for argument in arguments {
            command.arg(if *argument == "{passphrase}" {
                &passphrase
            } else {
                *argument
            });
        }
        let printed = finish(&mut command).await;
        assert_eq!(
            (printed.code, printed.out.as_str()),
            (1, ""),
            "{}",
            printed.err
        );
        printed.err
    }

    /// Blocks come quickly on this host.
    fn hurry(&self) {
        let file = self.path.join("validator.toml");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains("idle_interval_ms = 1000"));
        fs::write(file, text.replace("idle_interval_ms = 1000", IDLE)).unwrap();
    }

    /// A file of its directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn founder(&self, key: &str) -> String {
        let text = fs::read_to_string(self.path.join("founder.json")).unwrap();
        let founder: Value = serde_json::from_str(&text).unwrap();
        founder[key].as_str().unwrap().to_owned()
    }

    /// Starts the validator and waits until it says that it runs; else what it said.
    async fn start(&mut self, mut command: Command) -> Result<(), String> {
        assert!(self.running.is_none(), "one key on two machines");
        let log = self.home.join("validator.log");
        let errors = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        let mut child = command
            .arg("--json")
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut text = String::new();
        let ready = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                text.push_str(&line);
                if serde_json::from_str::<Value>(&text).is_ok() {
                    return true;
                }
            }
            false
        };
        if timeout(DEADLINE, ready).await.expect("it runs or ends") {
            self.running = Some(child);
            return Ok(());
        }
        child.wait().await.unwrap();
        Err(fs::read_to_string(log).unwrap())
    }

    /// Runs it with a passphrase from the environment.
    pub(crate) async fn run_with(&mut self, passphrase: &str) -> Result<(), String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_llmnet"));
        command
            .args(["validator", "run", "--dir"])
            .arg(&self.path)
            .env("LLMNET_PASSPHRASE", passphrase)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        self.start(command).await
    }

    /// What Ctrl-C does, and how it ended.
    pub(crate) async fn stop(&mut self) -> i32 {
        let mut child = self.running.take().expect("it runs");
        let id = child.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status().await;
        assert!(sent.unwrap().success());
        let ended = timeout(DEADLINE, child.wait()).await;
        ended.expect("it ends").unwrap().code().unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let url = format!("http://127.0.0.1:{}{path}", self.http);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let text = client.get(url).send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// `llmnet validator status` of its own node.
    pub(crate) async fn status(&self) -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_llmnet"));
        command.args(["validator", "status", "--json", "--dir"]);
        finish(command.arg(&self.path)).await.json()
    }
}
