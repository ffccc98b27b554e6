//! Ports, paths and settings that cannot be had.

use expect_test::expect;
use tokio::net::TcpListener;

use super::{QUESTION, complaint};
use crate::support::{Room, Up, output, place};

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
          error: there is no model "gpt-4o"; use llmnet/auto, llmnet/single, llmnet/vote, llmnet/debate, llmnet/mixture or llmnet/expert:<domain> with a domain of GET /v1/models
          hint: llmnet experts lists the domains that can be asked
        a key in the file
          error: DIR/llmnet.toml:4: a key never stands in this file itself; write "env::NAME" for a variable or "file::PATH" for a file
          hint: mend llmnet.toml in the network's directory
        a bad address
          error: model a of llmnet.toml cannot be used: the base of a model's server must be an http or https URL without credentials, query or fragment
          hint: mend llmnet.toml or the variables that name a model, or say --no-models
        no blocks in an epoch
          error: DIR/llmnet.toml:2: invalid value: integer `0`, expected a nonzero u32
          hint: mend llmnet.toml in the network's directory
    "#]].assert_eq(&table);

    // The command line itself is clap's.
    let usage = output(&room, &["ask"]).await;
    assert_eq!(usage.code, 2);
    let id = output(&room, &["verify", &file, "--network", "xyz"]).await;
    assert_eq!(id.code, 2, "{}", id.err);
}
