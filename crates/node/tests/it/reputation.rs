//! `llmnet reputation`: what it shows, and that it follows from the blocks. A gateway that lies is found.

use llmnet::cli::code;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::support::{DEADLINE, Local, Room, output, questions};

const CONFIG: &str = "[chain]\nepoch_blocks = 16\nidle_interval_ms = 50\narchive = true\n";

/// How a gateway lies: what it makes of a path's true answer, or nothing.
type Lie = fn(&str, String) -> Option<(u16, String)>;

/// A gateway in front of the true one, which others of the directory will talk to.
struct Liar {
    serving: JoinSet<()>,
}

impl Liar {
    async fn stand_in(local: &Local, lie: Lie) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let truth = local.gateway.url.clone();
        announce(local, &url);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, truth.clone(), lie));
            }
        });
        Self { serving }
    }

    /// The true gateway is announced again.
    fn leave(mut self, local: &Local) {
        self.serving.abort_all();
        announce(local, &local.gateway.url);
    }
}

fn announce(local: &Local, url: &str) {
    let file = local.room.network().join("running.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut running: Value = serde_json::from_str(&text).unwrap();
    running["url"] = url.into();
    std::fs::write(file, running.to_string()).unwrap();
}

/// One request on one connection.
async fn answer(mut stream: TcpStream, truth: String, lie: Lie) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let request = String::from_utf8(request).unwrap();
    let path = request.split(' ').nth(1).unwrap().to_owned();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client.get(format!("{truth}{path}")).timeout(DEADLINE);
    let response = response.send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.text().await.unwrap();
    let (status, body) = lie(&path, body.clone()).unwrap_or((status, body));
    let head = format!(
        "HTTP/1.1 {status} As It Is\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
}

/// Asks until somebody was rated, and past an epoch, so that evidence was gathered, closed and decayed.
async fn rated() -> Local {
    let local = Local::within(Room::with(CONFIG)).await;
    for question in questions("tune.jsonl").iter().take(4) {
        let answer = local.gateway.ask("llmnet/auto", &question.question).await;
        if let Some(receipt) = answer.receipt() {
            local.gateway.final_receipt(&receipt).await;
        }
    }
    let mut tip = local.chain().tip();
    let height = tip.borrow().height().0;
    tip.wait_for(|tip| tip.height().0 > height + 40)
        .await
        .unwrap();
    local
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reputation_is_what_the_blocks_give() {
    let local = rated().await;
    it_is_shown(&local).await;
    it_is_recomputed(&local).await;
    heights_are_recomputed(&local).await;
    lies_are_found(&local).await;
    local.stop().await;
}

async fn it_is_shown(local: &Local) {
    let room = &local.room;
    let all = output(room, &["reputation", "--json"]).await;
    assert_eq!((all.code, all.err.as_str()), (0, ""));
    let json = all.json();
    let rows = json["data"].as_array().unwrap();
    let rated = rows.iter().find(|row| row["samples"].as_u64() > Some(0));
    let rated = rated.expect("somebody was rated");
    let text = output(room, &["reputation"]).await;
    for row in rows {
        let short = &row["node"].as_str().unwrap()[..8];
        assert!(text.out.contains(short), "{}", text.out);
    }

    // By number and by key; in one domain; with its history.
    let number = rated["provider"].to_string();
    let short = rated["node"].as_str().unwrap()[..8].to_owned();
    let by_number = output(room, &["reputation", &number, "--json"])
        .await
        .json();
    let by_key = output(room, &["reputation", &short, "--json"]).await.json();
    assert_eq!(by_number["data"][0]["node"], rated["node"]);
    assert_eq!(by_key["data"][0]["node"], rated["node"]);
    let history = by_number["data"].as_array().unwrap().iter();
    assert!(
        history
            .flat_map(|row| row["history"].as_array())
            .flatten()
            .count()
            > 0
    );
    let domain = rated["domain"].as_str().unwrap();
    let text = output(room, &["reputation", &short, "--domain", domain]).await;
    assert!(text.out.contains("History in"), "{}", text.out);
    assert!(text.out.contains("from block"), "{}", text.out);

    for (arguments, said) in [
        (vec!["reputation", "77"], "there is no provider 77"),
        (
            vec!["reputation", "ffffffffff"],
            "there is no provider ffffffffff",
        ),
        (
            vec!["reputation", "--domain", "alchemy"],
            "nobody ever registered in the domain alchemy",
        ),
        (
            vec!["reputation", "--at", "100000000"],
            "the newest final block is",
        ),
    ] {
        let refused = output(room, &arguments).await;
        assert_eq!(
            (refused.code, refused.out.as_str()),
            (1, ""),
            "{arguments:?}"
        );
        assert!(refused.err.contains(said), "{}", refused.err);
    }
    let usage = output(room, &["reputation", "--domain", "-"]).await;
    assert_eq!(usage.code, i32::from(code::USAGE));
}

async fn it_is_recomputed(local: &Local) {
    let room = &local.room;
    let found = output(room, &["reputation", "--recompute", "--json"]).await;
    assert_eq!((found.code, found.err.as_str()), (0, ""));
    let json = found.json();
    assert_eq!(json["agreed"], true, "{json}");
    assert_eq!(json["differences"], Value::Array(Vec::new()));
    assert!(json["height"].as_u64() > Some(32), "epochs have passed");
    let rows = json["data"].as_array().unwrap();
    assert!(rows.iter().any(|row| row["samples"].as_u64() > Some(0)));
    let text = output(room, &["reputation", "0", "--recompute"]).await;
    assert_eq!(text.code, 0);
    assert!(text.out.contains("Agreed: "), "{}", text.out);
    assert!(text.out.contains("at least 3 validators"), "{}", text.out);
}

async fn heights_are_recomputed(local: &Local) {
    let room = &local.room;
    let newest = local.chain().tip().borrow().height().0;
    let recent = newest.to_string();
    let found = output(
        room,
        &["reputation", "--at", &recent, "--recompute", "--json"],
    )
    .await;
    let json = found.json();
    assert_eq!(
        (&json["agreed"], &json["at"]),
        (&true.into(), &newest.into()),
        "{json}"
    );

    // Five epochs later the ledger has forgotten it; the blocks have not.
    let mut tip = local.chain().tip();
    tip.wait_for(|tip| tip.height().0 > newest + 80)
        .await
        .unwrap();
    let forgotten = output(room, &["reputation", "--at", &recent]).await;
    assert_eq!(forgotten.code, 1);
    assert!(forgotten.err.contains("--recompute"), "{}", forgotten.err);
    let again = output(
        room,
        &["reputation", "--at", &recent, "--recompute", "--json"],
    )
    .await;
    let again = again.json();
    assert_eq!(again["compared"], false);
    assert_eq!(again["height"], newest);
    assert_eq!(
        again["data"], json["data"],
        "as it was when it was remembered"
    );
}

async fn lies_are_found(local: &Local) {
    let lies: [(Lie, i32, &str); 5] = [
        // A provider's record is made to look better.
        (
            |path, body| {
                path.starts_with("/v1/ledger/reputation").then_some(())?;
                let mut page: Value = serde_json::from_str(&body).unwrap();
                page["data"][0]["evidence"]["positive"] = 9_000_000.into();
                Some((200, page.to_string()))
            },
            i32::from(code::DIFFERS),
            "provider 0 in",
        ),
        // Money comes from nowhere.
        (
            |path, body| {
                path.starts_with("/v1/ledger/status").then_some(())?;
                let mut status: Value = serde_json::from_str(&body).unwrap();
                status["totals"]["accounts"] = "123".into();
                Some((200, status.to_string()))
            },
            i32::from(code::DIFFERS),
            "totals.accounts: the network says \"123\"",
        ),
        // A transaction is left out.
        (
            |path, body| {
                path.starts_with("/v1/ledger/blocks?").then_some(())?;
                let mut page: Value = serde_json::from_str(&body).unwrap();
                for block in page["data"].as_array_mut().unwrap() {
                    if block["transaction_count"].as_u64() > Some(0) {
                        block["transactions"].as_array_mut().unwrap().pop();
                    }
                }
                Some((200, page.to_string()))
            },
            i32::from(code::DIFFERS),
            "its transactions are not those of its header",
        ),
        // Another genesis.
        (
            |path, body| {
                path.starts_with("/v1/ledger/genesis").then_some(())?;
                let mut genesis: Value = serde_json::from_str(&body).unwrap();
                genesis["accounts"][0][1] = 5.into();
                Some((200, genesis.to_string()))
            },
            i32::from(code::FAILED),
            "the genesis it shows is of network",
        ),
        // No lie, but nothing to tell by.
        (
            |path, _| {
                path.contains("from=1&").then_some(())?;
                let body = r#"{"error":{"message":"kept from 9 on","type":"invalid_request_error",
                    "param":"from","code":"pruned"},"llmnet":{"kept_from":9}}"#;
                Some((410, body.to_owned()))
            },
            i32::from(code::PRUNED),
            "this node keeps blocks from 9 on",
        ),
    ];
    for (lie, expected, said) in lies {
        let liar = Liar::stand_in(local, lie).await;
        let found = output(&local.room, &["reputation", "--recompute"]).await;
        let text = format!("{}{}", found.out, found.err);
        assert_eq!(found.code, expected, "{text}");
        assert!(text.contains(said), "{text}");
        liar.leave(local);
    }
}
