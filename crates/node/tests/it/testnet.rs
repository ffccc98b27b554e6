//! Eight processes of their own, as `llmnet testnet` writes them; a ninth that joins, and one that is gone.

use std::{
    fs,
    time::{Duration, Instant},
};

use llmnet_protocol::replay::replay;
use llmnet_types::{
    document::{Finality, ReceiptDocument},
    receipt::{ContractStatus, SeatOutcome},
    units::Amount,
};
use serde_json::{Value, json};

use crate::{
    models::{
        NAME,
        server::{Manner, Server},
    },
    support::{Answer, DEADLINE, Gateway, Process, Room, command, finish, output, place, until},
};

const QUESTION: &str = "Why does the Moon always show us the same side?";

struct Testnet {
    room: Room,
    made: Value,
    gateway: Gateway,
}

impl Testnet {
    async fn write() -> Self {
        let room = Room::new();
        let directory = room.path().join("net").display().to_string();
        let quick = ["--idle-interval-ms", "50", "--epoch-blocks", "64", "--json"];
        let made = output(&room, &[&["testnet", &directory], &quick[..]].concat()).await;
        assert_eq!(made.code, 0, "{}", made.err);
        let made = made.json();
        let gateway = Gateway::new(made["api"].as_str().unwrap());
        Self {
            room,
            made,
            gateway,
        }
    }

    fn word(&self, name: &str) -> String {
        self.made[name].as_str().unwrap().to_owned()
    }

    /// A command of this network, with the passphrase of its keys.
    async fn run(&self, arguments: &[&str]) -> Value {
        let passphrase = self.word("passphrase_file");
        let secret = ["--passphrase-file", &passphrase, "--json"];
        let printed = output(&self.room, &[arguments, &secret[..]].concat()).await;
        assert_eq!(printed.code, 0, "{arguments:?}: {}", printed.err);
        printed.json()
    }

    /// Starts a command that goes on.
    fn start(&self, name: &str, arguments: &[&str]) -> Process {
        let passphrase = self.word("passphrase_file");
        let secret = ["--passphrase-file", &passphrase];
        Process::start(&self.room, name, &[arguments, &secret[..]].concat())
    }

    /// What became of each candidate of a receipt, by `llmnet explain`.
    async fn explained(&self, document: &ReceiptDocument) -> Vec<Value> {
        let bytes = document.to_bytes();
        let file = self
            .room
            .file("explained.json", bytes)
            .display()
            .to_string();
        let told = output(&self.room, &["explain", &file, "--json"]).await;
        assert_eq!(told.code, 0, "{}", told.err);
        told.json()["candidates"].as_array().unwrap().clone()
    }

    async fn final_document(&self, answer: &Answer) -> ReceiptDocument {
        let bytes = self.gateway.final_receipt(&answer.receipt().unwrap()).await;
        let document = ReceiptDocument::from_bytes(&bytes).unwrap();
        let verified = document.verify(None).unwrap();
        assert_eq!(verified.network.to_string(), self.word("network"));
        assert!(matches!(verified.finality, Finality::Final { .. }));
        replay(&document).unwrap();
        document
    }
}

fn seat(answer: &Answer) -> Option<Value> {
    let mut panel = answer.panel().into_iter();
    panel.find(|seat| seat["name"] == NAME)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_answer_a_ninth_joins_and_is_paid_and_one_is_gone_in_a_debate() {
    let _place = place().await;
    let began = Instant::now();
    let net = Testnet::write().await;
    println!("written after {:?}", began.elapsed());
    let mut processes = Vec::new();
    for process in net.made["processes"].as_array().unwrap() {
        let (role, directory) = (&process["role"], process["dir"].as_str().unwrap());
        let command = match role.as_str().unwrap() {
            "respondent" => ["respondent", "join", "--dir", directory],
            role => [role, "run", "--dir", directory],
        };
        processes.push(net.start(&directory.replace('/', "_"), &command));
    }
    assert_eq!(processes.len(), 8);
    for process in &mut processes {
        process.until("Ctrl-C stops it").await;
    }
    let coordinator = net.made["processes"][4]["dir"].as_str().unwrap().to_owned();
    until("three respondents are linked", || async {
        let status = net.run_status("coordinator", &coordinator).await;
        let all = status["respondents"].as_array().unwrap().clone();
        let linked = all.iter().filter(|one| one["reachable"] == true).count();
        (linked == 3).then_some(())
    })
    .await;
    println!("eight run after {:?}", began.elapsed());

    let answer = net.gateway.ask("llmnet/debate", QUESTION).await;
    assert_eq!(answer.panel().len(), 3, "{answer:?}");
    net.final_document(&answer).await;
    println!("asked and proven after {:?}", began.elapsed());

    // A stranger, in one command: it says what it needs, waits for that, and serves.
    let server = Server::start(Manner::Ponder).await;
    let directory = net.room.path().join("newcomer").display().to_string();
    let (url, network, spare) = (net.word("node"), net.word("network"), net.word("spare"));
    let join = [
        "respondent",
        "join",
        "--dir",
        &directory,
        "--url",
        &url,
        "--network",
        &network,
        "--model",
        NAME,
        "--base-url",
        &server.base(),
        "--domain",
        "astronomy",
        "--http",
        &spare,
    ];
    let mut newcomer = net.start("newcomer", &join);
    let line = newcomer.until("llmnet wallet send --to ").await;
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, _, _, "--to", operator, "--amount", "11"] = words[..] else {
        panic!("{line}");
    };
    let pay = [
        "wallet",
        "send",
        "--key",
        &net.word("wallet_key"),
        "--dir",
        &net.word("directory"),
        "--url",
        &url,
        "--to",
        operator,
        "--amount",
        "15",
    ];
    net.run(&pay).await;
    newcomer.until("Ctrl-C stops it").await;
    let own = || net.run_status("respondent", &directory);
    until("the newcomer is linked", || async {
        let parts = own().await["parts"].as_array().unwrap().clone();
        let mut links = parts.iter();
        links
            .any(|part| {
                part["name"].as_str().unwrap().starts_with("link ") && part["ready"] == true
            })
            .then_some(())
    })
    .await;
    println!("joined after {:?}", began.elapsed());

    // Four know the domain and three are seated: it is drawn soon.
    let mut served = None;
    for _ in 0..30 {
        let answer = net.gateway.ask("llmnet/vote", QUESTION).await;
        served = seat(&answer).filter(|seat| seat["outcome"] == "served");
        if served.is_some() {
            net.final_document(&answer).await;
            break;
        }
    }
    let earned = served.expect("it was never drawn")["price"].clone();
    println!("served for {earned} after {:?}", began.elapsed());
    let show = ["wallet", "show", "--account", operator, "--url", &url];
    until("its pay is there", || async {
        let wallet = net.run(&show).await;
        assert_eq!(wallet["in_bonds"], "10");
        // Five were left of what it was sent, less the fee of registering: pay makes it more than it was.
        let status = own().await;
        let told = status["parts"].as_array().unwrap().clone();
        let earned = told.iter().find(|part| part["name"] == "earned").unwrap();
        (!earned["detail"].as_str().unwrap().starts_with("0 credits")).then_some(())
    })
    .await;
    assert_eq!(own().await["standing"][0]["domain"], "astronomy");
    assert_ne!(own().await["standing"][0]["ratings"], 0);

    // It is killed while it thinks over what its peers said: the answer concludes without it.
    let (answer, took) = loop {
        let (before, asked) = (server.calls().revisions, Instant::now());
        let gateway = net.gateway.clone();
        let asking = tokio::spawn(async move { gateway.ask("llmnet/debate", QUESTION).await });
        until("an answer, or a revision that is begun", || async {
            let is_begun = server.calls().revisions > before;
            (is_begun || asking.is_finished()).then_some(())
        })
        .await;
        if server.calls().revisions > before {
            newcomer.kill().await;
            break (asking.await.unwrap(), asked.elapsed());
        }
        asking.await.unwrap();
    };
    println!(
        "concluded without it in {took:?}, after {:?}",
        began.elapsed()
    );
    assert!(took < Duration::from_secs(30), "{took:?}");
    assert!(!answer.text().is_empty());
    let gone = seat(&answer).expect("it had a seat");
    assert_eq!(
        (&gone["outcome"], &gone["price"]),
        (&"withheld".into(), &"0".into())
    );
    let document = net.final_document(&answer).await;
    assert_eq!(document.receipt.status, ContractStatus::Concluded);
    let (absent, present): (Vec<_>, Vec<_>) = document
        .receipt
        .seats
        .iter()
        .partition(|seat| seat.outcome == SeatOutcome::Withheld);
    assert_eq!((absent.len(), present.len()), (1, 2));
    assert_eq!(absent[0].pay, Amount::ZERO);
    assert!(present.iter().all(|seat| seat.pay > Amount::ZERO));
    let explained = net.explained(&document).await;
    for seat in &document.receipt.seats {
        let place = &explained[usize::from(seat.assign.body.rank)];
        assert_eq!(place["provider"], seat.provider.0);
        let became = place["became"].as_str().unwrap();
        let expected = match seat.outcome {
            SeatOutcome::Withheld => "bound an answer and did not open it",
            _ => "answered in ",
        };
        assert!(became.starts_with(expected), "{became}");
    }

    // It comes back at another price, which it first hears of and then tells the ledger.
    let file = format!("{directory}/respondent.toml");
    let said = fs::read_to_string(&file).unwrap();
    let price = "price = { call = 3000, input_kilo = 500, output_kilo = 2000 }";
    let dearer = said.replace("[model]\n", &format!("[model]\n{price}\n"));
    fs::write(&file, dearer).unwrap();
    let rejoin = ["respondent", "join", "--dir", &directory];
    let foretold = net.run(&[&rejoin[..], &["--dry-run"]].concat()).await;
    assert_eq!(
        foretold["changes"].as_array().unwrap().len(),
        1,
        "{foretold}"
    );
    assert_eq!(foretold["changes"][0]["of"], "price");
    assert_eq!(foretold["changes"][0]["costs"], 0.0);
    let mut newcomer = net.start("newcomer-again", &rejoin);
    newcomer.until("price: 0.002 credits a call").await;
    newcomer.until("all of that is in force from block").await;
    newcomer.until("Ctrl-C stops it").await;
    assert_eq!(own().await["provider"], foretold["provider"]);
    assert_ne!(own().await["standing"][0]["ratings"], 0);
    assert_eq!(newcomer.stop().await, 0, "{}", newcomer.log());
    println!("told another price after {:?}", began.elapsed());

    // It leaves, and its bond is on its way back.
    let left = net.run(&["respondent", "leave", "--dir", &directory]).await;
    assert_eq!(left["leaving"][0]["amount"], "10", "{left}");
    let wallet = net.run(&show).await;
    assert_eq!(wallet["in_bonds"], "0");

    moved(&net, &mut processes[4], &coordinator).await;
    println!("the coordinator moved after {:?}", began.elapsed());

    // All of the others stop when they are told to.
    for process in processes.iter_mut().rev() {
        assert_eq!(process.stop().await, 0, "{}", process.log());
    }
    println!("all stopped after {:?}", began.elapsed());
}

/// The coordinator moves, and opens its gateway to whoever has a key: respondents find it by the ledger.
async fn moved(net: &Testnet, process: &mut Process, directory: &str) {
    assert_eq!(process.stop().await, 0, "{}", process.log());
    let file = format!("{directory}/coordinator.toml");
    let (link, spare) = (net.word("link"), net.word("spare"));
    let said = fs::read_to_string(&file).unwrap().replace(&link, &spare);
    let keyed = format!("{said}\n[gateway]\nkeys = true\nadmin_port = 0\n");
    fs::write(&file, keyed).unwrap();
    *process = net.start(
        "coordinator-moved",
        &["coordinator", "run", "--dir", directory],
    );
    process.until("Ctrl-C stops it").await;
    let admin = process.until("/admin/keys").await;
    let admin = admin.split_whitespace().last().unwrap().to_owned();
    let http = reqwest::Client::builder().no_proxy().timeout(DEADLINE);
    let http = http.build().unwrap();
    let described = json!({"name": "one", "scopes": ["ask", "read"]});
    let created = http.post(&admin).body(described.to_string()).send();
    let created: Value = created.await.unwrap().json().await.unwrap();
    let key = created["key"].as_str().unwrap();
    let ask = || {
        let body = json!({
            "model": "llmnet/vote",
            "messages": [{"role": "user", "content": QUESTION}],
        });
        let url = format!("{}/v1/chat/completions", net.gateway.url);
        http.post(url).body(body.to_string())
    };
    let refused = ask().send().await.unwrap();
    assert_eq!(refused.status().as_u16(), 401);

    let at = spare.as_str();
    until("respondents are linked where it is now", || async {
        let mut linked = 0;
        for number in 1..=3 {
            let directory = format!("{}/respondent-{number}", net.word("directory"));
            let status = net.run_status("respondent", &directory).await;
            let parts = status["parts"].as_array().unwrap().clone();
            linked += parts
                .iter()
                .filter(|part| part["name"].as_str().unwrap().starts_with("link "))
                .filter(|part| part["ready"] == true)
                .filter(|part| part["detail"].as_str().unwrap().starts_with(at))
                .count();
        }
        (linked == 3).then_some(())
    })
    .await;
    let answer = ask().bearer_auth(key).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(
        answer["llmnet"]["panel"].as_array().unwrap().len(),
        3,
        "{answer}"
    );
    // Who runs it asks with a key as well.
    let arguments = ["coordinator", "status", "--dir", directory, "--json"];
    let mut command = command(&net.room);
    let status = finish(command.args(arguments).env("LLMNET_API_KEY", key)).await;
    assert_eq!(status.code, 0, "{}", status.err);
    assert_eq!(status.json()["ready"], true);
}

impl Testnet {
    async fn run_status(&self, role: &str, directory: &str) -> Value {
        let arguments = [role, "status", "--dir", directory, "--json"];
        let printed = output(&self.room, &arguments).await;
        assert_eq!(printed.code, 0, "{}", printed.err);
        printed.json()
    }
}

#[tokio::test]
async fn what_a_newcomer_says_wrong_is_told() {
    let room = Room::new();
    let refused = async |arguments: &[&str]| {
        let printed = output(&room, arguments).await;
        assert_ne!(printed.code, 0, "{}", printed.out);
        printed.err
    };
    let join = ["respondent", "join"];
    let nothing = refused(&join).await;
    assert!(
        nothing.contains("say --expert NAME for one of llm-net,"),
        "{nothing}"
    );
    let expert = [&join[..], &["--expert", "climate"]].concat();
    let nowhere = refused(&expert).await;
    assert!(nowhere.contains("say --url http://HOST:PORT"), "{nowhere}");
    let unknown = refused(&[&join[..], &["--expert", "law"]].concat()).await;
    assert!(unknown.contains("[possible values: llm-net,"), "{unknown}");
    // A key that stands where its place should is not repeated.
    let leaked = ["--model", "m", "--model-key", "sk-secret"];
    let leaked = refused(&[&join[..], &leaked].concat()).await;
    assert!(leaked.contains("write env::NAME or file::PATH"), "{leaked}");
    let short = refused(&[&join[..], &["--coordinator", "me@here"]].concat()).await;
    assert!(short.contains("write HOST:PORT"), "{short}");
    let short = refused(&[&join[..], &["--coordinator", "me"]].concat()).await;
    assert!(short.contains("write KEY or KEY@HOST:PORT"), "{short}");

    let directory = room.path().display().to_string();
    room.file("something", "");
    let full = refused(&["testnet", &directory]).await;
    assert!(full.contains("is not empty"), "{full}");
    let nothing = refused(&["coordinator", "run", "--dir", &directory]).await;
    assert!(
        nothing.contains("llmnet coordinator init makes one"),
        "{nothing}"
    );
}
