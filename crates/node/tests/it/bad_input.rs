//! What is wrong is said clearly, with a next step, and nothing is lost by it.

use std::path::{Path, PathBuf};

use expect_test::expect;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::support::{DEADLINE, Gateway, Room, Up, output, place};

const QUESTION: &str = "What happens when one of four validators falls silent?";

/// Sends bytes and gives the reply's status, code and message.
async fn said(gateway: &Gateway, bytes: &[u8]) -> String {
    let address = gateway.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The reply may come before all was read.
    let _ = stream.write_all(bytes).await;
    let mut reply = Vec::new();
    let read = timeout(DEADLINE, stream.read_to_end(&mut reply)).await;
    let _ = read.expect("the reply ends");
    let reply = String::from_utf8(reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap_or((&reply, ""));
    let status = head.split_whitespace().nth(1).unwrap_or("no status");
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let error = &body["error"];
    let text = |name: &str| error[name].as_str().unwrap_or("-").to_owned();
    format!("{status} {}: {}", text("code"), text("message"))
}

fn request(start: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{start} HTTP/1.1\r\nhost: llmnet\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_make_no_sense_are_refused_and_the_next_is_answered() {
    let (room, _place) = (Room::new(), place().await);
    let up = Up::start(&room, &["--no-models"]).await;
    let chat = |body: &str| request("POST /v1/chat/completions", body.as_bytes());
    let ask = |model: &str, content: &str| {
        let message = serde_json::json!({ "role": "user", "content": content });
        chat(&serde_json::json!({ "model": model, "messages": [message] }).to_string())
    };
    let known = "0".repeat(64);
    let cases = [
        ("empty", chat("")),
        (
            "not UTF-8",
            request("POST /v1/chat/completions", b"{\"model\":\"\xff\"}"),
        ),
        ("not JSON", chat("{\"model\": ")),
        ("a list", chat("[]")),
        ("no messages", chat("{\"model\":\"llmnet/auto\"}")),
        ("nested too deep", chat(&"[".repeat(10_000))),
        ("an empty question", ask("llmnet/auto", " ")),
        ("a long question", ask("llmnet/auto", &"x".repeat(900_000))),
        ("a huge body", ask("llmnet/auto", &"x".repeat(2_000_000))),
        ("an unknown model", ask("gpt-4o", "Why?")),
        ("an unknown domain", ask("llmnet/expert:alchemy", "Why?")),
        ("a bad domain", ask("llmnet/expert:../..", "Why?")),
        ("no route", request("GET /v2/nothing", b"")),
        (
            "another method",
            request("DELETE /v1/chat/completions", b""),
        ),
        ("a bad receipt", request("GET /v1/receipts/xyz", b"")),
        (
            "an unknown receipt",
            request(&format!("GET /v1/receipts/{known}"), b""),
        ),
        (
            "a bad wait",
            request(&format!("GET /v1/receipts/{known}?wait_ms=-1"), b""),
        ),
        (
            "an unknown model's card",
            request("GET /v1/models/gpt-4o", b""),
        ),
        ("not HTTP", b"\x16\x03\x01 hello\r\n\r\n".to_vec()),
    ];
    let mut table = String::new();
    for (name, bytes) in cases {
        let said = said(&up.gateway, &bytes).await;
        table.push_str(&format!("{name}: {said}\n"));
    }
    expect![[r#"
        empty: 400 empty_body: the body is empty; send JSON such as {"model": "llmnet/auto", "messages": [{"role": "user", "content": "…"}]}
        not UTF-8: 400 invalid_utf8: the body is not UTF-8 from byte 10 on; encode it as UTF-8
        not JSON: 400 invalid_json: the body is not JSON: EOF while parsing a value at line 1 column 10; send JSON such as {"model": "llmnet/auto", "messages": [{"role": "user", "content": "…"}]}
        a list: 400 invalid_type: the body must be an object, found an array
        no messages: 400 missing_required_parameter: 'messages' is missing; add it
        nested too deep: 400 invalid_json: the body is not JSON: recursion limit exceeded at line 1 column 128; send JSON such as {"model": "llmnet/auto", "messages": [{"role": "user", "content": "…"}]}
        an empty question: 400 invalid_value: the question is empty; write one
        a long question: 400 context_length_exceeded: 'messages[0].content' has 900000 bytes where at most 60000 are allowed; shorten it
        a huge body: 413 body_too_large: the body is longer than 1048576 bytes; shorten the conversation
        an unknown model: 404 model_not_found: there is no model "gpt-4o"; use llmnet/auto, llmnet/vote, llmnet/debate or llmnet/expert:<domain> with a domain of GET /v1/models
        an unknown domain: 404 model_not_found: there is no model "llmnet/expert:alchemy"; use llmnet/auto, llmnet/vote, llmnet/debate or llmnet/expert:<domain> with a domain of GET /v1/models
        a bad domain: 404 model_not_found: there is no model "llmnet/expert:../.."; use llmnet/auto, llmnet/vote, llmnet/debate or llmnet/expert:<domain> with a domain of GET /v1/models
        no route: 404 unknown_url: there is no GET /v2/nothing; see POST /v1/chat/completions, GET /v1/models, GET /v1/experts, GET /v1/receipts/{id}, GET /health and GET /status
        another method: 405 method_not_allowed: /v1/chat/completions does not take DELETE; use POST
        a bad receipt: 400 invalid_value: a receipt's id is 64 characters of 0-9 and a-f, as in llmnet.receipt_id
        an unknown receipt: 404 receipt_not_found: there is no receipt 0000000000000000000000000000000000000000000000000000000000000000 here; ask the node that gave the answer
        a bad wait: 400 invalid_value: 'wait_ms' must be a whole number of milliseconds, as in ?wait_ms=5000
        an unknown model's card: 404 model_not_found: there is no model "gpt-4o"; use llmnet/auto, llmnet/vote, llmnet/debate or llmnet/expert:<domain> with a domain of GET /v1/models
        not HTTP: 400 -: -
    "#]].assert_eq(&table);
    // A connection that ends in the middle of a request.
    let whole = ask("llmnet/auto", QUESTION);
    for length in [1, 40, whole.len() - 1] {
        let address = up.gateway.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&whole[..length]).await.unwrap();
    }
    up.gateway.receipt_for("llmnet/auto", QUESTION).await;
    assert_eq!(up.stop().await, 0);
    let log = std::fs::read_to_string(room.path().join("up.log")).unwrap();
    assert!(!log.contains("panicked"), "{log}");
}

/// What a command says to a directory, without the names of places.
async fn complaint(room: &Room, arguments: &[&str]) -> String {
    let printed = output(room, arguments).await;
    assert_eq!(
        (printed.code, printed.out.as_str()),
        (1, ""),
        "{}",
        printed.err
    );
    let last: Vec<&str> = printed
        .err
        .lines()
        .filter(|line| !line.starts_with("· ") && !line.trim().is_empty())
        .collect();
    assert!(!printed.err.contains("panicked"), "{}", printed.err);
    let text = last.join("\n");
    text.replace(&room.network().display().to_string(), "DIR")
        .replace(&room.path().display().to_string(), "ROOM")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_does_not_fit_is_refused_and_left_as_it_is() {
    let (room, other, _place) = (Room::new(), Room::new(), place().await);
    let made = output(&room, &["ask", QUESTION, "--no-models", "--json"]).await;
    assert_eq!(made.code, 0, "{}", made.err);
    let id = made.json()["verified"]["receipt"]
        .as_str()
        .unwrap()
        .to_owned();
    let before = std::fs::read(made.json()["receipt_file"].as_str().unwrap()).unwrap();
    let foreign = output(&other, &["experts"]).await;
    assert_eq!(foreign.code, 0, "{}", foreign.err);

    let file = |name: &str| room.network().join(name);
    let theirs = |name: &str| std::fs::read(other.network().join(name)).unwrap();
    let changes: [(&str, PathBuf, Vec<u8>); 8] = [
        (
            "another version",
            file("version"),
            b"llmnet 99\nabc\n".to_vec(),
        ),
        ("no version", file("version"), b"".to_vec()),
        (
            "another network's genesis",
            file("genesis.json"),
            theirs("genesis.json"),
        ),
        ("another network's seed", file("seed"), theirs("seed")),
        ("a damaged genesis", file("genesis.json"), b"{}".to_vec()),
        ("a damaged seed", file("seed"), b"\xff".to_vec()),
        ("a damaged journal", file("coordinator.db"), vec![7; 10_000]),
        (
            "a bad configuration",
            file("llmnet.toml"),
            b"[gateway]\nprot = 1\n".to_vec(),
        ),
    ];
    let mut table = String::new();
    for (name, path, bytes) in changes {
        let kept = std::fs::read(&path).ok();
        std::fs::write(&path, &bytes).unwrap();
        let said = complaint(&room, &["up", "--no-models", "--port", "0"]).await;
        let ids = |line: &str| line.split(' ').map(short).collect::<Vec<_>>().join(" ");
        let said: Vec<String> = said.lines().map(ids).collect();
        table.push_str(&format!("{name}\n  {}\n", said.join("\n  ")));
        assert_eq!(
            std::fs::read(&path).unwrap(),
            bytes,
            "{name}: nothing is touched"
        );
        match kept {
            Some(kept) => std::fs::write(&path, kept).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
    }
    // Another network's blocks under this one's genesis.
    copy(&room.network().join("chain"), &room.path().join("kept"));
    std::fs::remove_dir_all(room.network().join("chain")).unwrap();
    copy(
        &other.network().join("chain"),
        &room.network().join("chain"),
    );
    let said = complaint(&room, &["up", "--no-models", "--port", "0"]).await;
    let said: Vec<String> = said
        .lines()
        .map(|line| line.split(' ').map(short).collect::<Vec<_>>().join(" "))
        .collect();
    table.push_str(&format!(
        "another network's blocks\n  {}\n",
        said.join("\n  ")
    ));
    std::fs::remove_dir_all(room.network().join("chain")).unwrap();
    std::fs::rename(room.path().join("kept"), room.network().join("chain")).unwrap();
    expect![[r#"
        another version
          error: DIR has layout "llmnet 99", this program knows layout "llmnet 1"
          hint: use the version of llmnet that made it, or name another directory with --dir
        no version
          error: DIR has layout "", this program knows layout "llmnet 1"
          hint: use the version of llmnet that made it, or name another directory with --dir
        another network's genesis
          error: DIR was made for network ID, but its genesis and seed make ID
          hint: restore it from a copy, or name another directory with --dir
        another network's seed
          error: DIR was made for network ID, but its genesis and seed make ID
          hint: restore it from a copy, or name another directory with --dir
        a damaged genesis
          error: DIR/genesis.json is damaged: not a genesis: missing field `name` at line 1 column 2
          hint: restore it from a copy, or name another directory with --dir
        a damaged seed
          error: DIR/seed is damaged: invalid utf-8 sequence of 1 bytes from index 0
          hint: restore it from a copy, or name another directory with --dir
        a damaged journal
          error: the coordinator's journal failed: file is not a database
          hint: restore coordinator.db of the network's directory from a copy, or name another directory with --dir
        a bad configuration
          error: DIR/llmnet.toml is not a configuration: TOML parse error at line 2, column 1
            |
          2 | prot = 1
            | ^^^^
          unknown field `prot`, expected `port`
          hint: mend llmnet.toml in the network's directory
        another network's blocks
          error: validator 0 does not start: DIR/chain/validator-0 belongs to network ID, not to ID; choose another directory, or remove it if that network is no longer needed
          hint: name another directory with --dir
    "#]].assert_eq(&table);

    let after = output(&room, &["receipt", &id]).await;
    assert_eq!(after.code, 0, "{}", after.err);
    assert_eq!(after.out.as_bytes(), before, "nothing was lost");
}

/// Names of networks and keys differ each time.
fn short(word: &str) -> String {
    let bare = word.trim_matches(|character: char| !character.is_ascii_alphanumeric());
    let is_id = bare.len() >= 16 && bare.chars().all(|character| character.is_ascii_hexdigit());
    if is_id {
        word.replace(bare, "ID")
    } else {
        word.to_owned()
    }
}

/// What a crash may leave while a network is being made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_was_half_made_is_made_anew() {
    let (room, _place) = (
        Room::with("[chain]\nidle_interval_ms = 200\n"),
        place().await,
    );
    let file = |name: &str, text: &str| std::fs::write(room.network().join(name), text).unwrap();
    file("lock", "");
    file("seed", &format!("{}\n", "5".repeat(64)));
    file("genesis.partial", "{ \"name\": ");
    let asked = output(&room, &["ask", QUESTION, "--no-models"]).await;
    assert_eq!(asked.code, 0, "{}", asked.err);
    // Killed: what it announced is still there, and nobody is sent to it.
    file("running.json", "{\"url\":\"http://127.0.0.1:9\",\"pid\":1}");
    let asked = output(&room, &["ask", QUESTION, "--no-models"]).await;
    assert_eq!(asked.code, 0, "{}", asked.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_or_place_that_cannot_be_had_is_said_at_once() {
    let (room, _place) = (Room::new(), place().await);
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut table = String::new();
    let mut note = |name: &str, said: String| {
        let said = said.replace(&port, "PORT").replace('\n', "\n  ");
        table.push_str(&format!("{name}\n  {said}\n"));
    };
    note(
        "a taken port",
        complaint(&room, &["up", "--port", &port]).await,
    );

    let file = room.file("file", "not a directory").display().to_string();
    note("a file", complaint(&room, &["up", "--dir", &file]).await);
    let under = format!("{file}/under");
    note(
        "under a file",
        complaint(&room, &["ask", QUESTION, "--dir", &under]).await,
    );
    note(
        "experts under a file",
        complaint(&room, &["experts", "--dir", &under]).await,
    );
    let somebodys = room.path().join("somebodys");
    std::fs::create_dir_all(&somebodys).unwrap();
    std::fs::write(somebodys.join("letter.txt"), "dear").unwrap();
    let somebodys = somebodys.display().to_string();
    note(
        "somebody's directory",
        complaint(&room, &["up", "--dir", &somebodys]).await,
    );
    let missing = format!("{file}.json");
    note(
        "no receipt file",
        complaint(&room, &["verify", &missing]).await,
    );
    let folder = room.path().display().to_string();
    note(
        "a directory as receipt",
        complaint(&room, &["verify", &folder]).await,
    );

    let up = Up::start(&room, &["--no-models"]).await;
    note(
        "running already",
        complaint(&room, &["up", "--port", "0"]).await,
    );
    note("an empty question", complaint(&room, &["ask", " "]).await);
    note(
        "an unknown model",
        complaint(&room, &["ask", QUESTION, "--model", "gpt-4o"]).await,
    );
    assert_eq!(up.stop().await, 0);

    let config = |text: &str| std::fs::write(room.network().join("llmnet.toml"), text).unwrap();
    config("[[model]]\nname = \"a\"\nbase_url = \"http://127.0.0.1:1/v1\"\nkey = \"sk-secret\"\n");
    let said = complaint(&room, &["up", "--port", "0"]).await;
    assert!(!said.contains("sk-secret"), "{said}");
    note("a key in the file", said);
    config("[[model]]\nname = \"a\"\nbase_url = \"nonsense\"\n");
    note(
        "a bad address",
        complaint(&room, &["up", "--port", "0"]).await,
    );
    config("[chain]\nepoch_blocks = 0\n");
    note(
        "no blocks in an epoch",
        complaint(&room, &["up", "--port", "0"]).await,
    );
    expect![[r#"
        a taken port
          error: cannot listen on 127.0.0.1:PORT: Address already in use (os error 98)
          hint: choose another port with --port, 0 for any free one
        a file
          error: cannot read ROOM/file/llmnet.toml: Not a directory (os error 20)
          hint: name a directory you may read and write with --dir
        under a file
          error: cannot create ROOM/file/under: Not a directory (os error 20)
          hint: name a directory you may write to with --dir
        experts under a file
          error: cannot create ROOM/file/under: Not a directory (os error 20)
          hint: name a directory you may write to with --dir
        somebody's directory
          error: ROOM/somebodys is not empty and holds no network
          hint: name an empty directory, or a new one, with --dir
        no receipt file
          error: cannot read ROOM/file.json: No such file or directory (os error 2)
          hint: name a receipt file: llmnet ask saves one, llmnet receipt prints one
        a directory as receipt
          error: cannot read ROOM: Is a directory (os error 21)
          hint: name a receipt file: llmnet ask saves one, llmnet receipt prints one
        running already
          error: the network of DIR is running already
          hint: use the running network, or stop it, or name another directory with --dir
        an empty question
          error: the question is empty; write one
        an unknown model
          error: there is no model "gpt-4o"; use llmnet/auto, llmnet/vote, llmnet/debate or llmnet/expert:<domain> with a domain of GET /v1/models
          hint: llmnet experts lists the domains that can be asked
        a key in the file
          error: the key of model a must be env::NAME with NAME set in the environment
          hint: mend llmnet.toml in the network's directory
        a bad address
          error: model a of llmnet.toml cannot be used: the base of a model's server must be an http or https URL without credentials
          hint: mend llmnet.toml or the variables OPENAI_…, or say --no-models
        no blocks in an epoch
          error: DIR/llmnet.toml is not a configuration: TOML parse error at line 2, column 16
            |
          2 | epoch_blocks = 0
            |                ^
          invalid value: integer `0`, expected a nonzero u32
          hint: mend llmnet.toml in the network's directory
    "#]].assert_eq(&table);

    // The command line itself is clap's.
    let usage = output(&room, &["ask"]).await;
    assert_eq!(usage.code, 2);
    let id = output(&room, &["verify", &file, "--network", "xyz"]).await;
    assert_eq!(id.code, 2, "{}", id.err);
}
