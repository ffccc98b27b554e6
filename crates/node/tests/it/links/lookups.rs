//! Experts on links as one library: what one knows, all seats are shown (COR-3 to COR-6).

use std::sync::Arc;

use llmnet::{respondent::lookups::Lookups, transport::dialing::Coordinators};
use llmnet_knowledge::collaborate::{
    expert::Disclosure,
    message::{Reply, Request},
};
use llmnet_link::{Frame, Listener, Settings};
use llmnet_protocol::{
    message::{MESSAGE_LENGTH_MAX, ToCoordinator, ToSeat},
    replay::{Deviation, replay},
};
use llmnet_types::{
    codec::{List, encode},
    document::ReceiptDocument,
    id::Digest,
    message::Phase,
    signature::PrivateKey,
};
use serde_json::{Value, json};

use super::{
    boaster::{Boaster, Of},
    keeper::{Keeper, MEANING, World},
};
use crate::models::{
    NAME,
    server::{Manner, Server},
};
use crate::support::{Answer, Gateway, Local, Room, Up, output, place, until};

const CONFIG: &str = "[chain]\nepoch_blocks = 16\nidle_interval_ms = 50\narchive = true\n\n[link]\nlisten = \"127.0.0.1:0\"\n";
const OWLS: [&str; 3] = [
    "Tawny owls hunt voles at midnight in the beech forest.",
    "The barn owl nests in church towers and leaves pellets below.",
    "Owls turn their heads far around, for their eyes cannot move.",
];
const SHIPS: [&str; 3] = [
    "The keelson of a brigantine is scarfed from four lengths of larch.",
    "Ballast of pig iron keeps an empty brigantine upright in a squall.",
    "Deck seams were caulked with oakum and filled with hot pitch.",
];
const CATALOGUE: Request = Request::Catalogue {
    known: Digest::ZERO,
};
const BREAD: [&str; 3] = [
    "Sourdough rises overnight because wild yeast makes gas in the dough.",
    "A crust of rye bread forms when the oven is hot and moist.",
    "Flour of spelt makes a dark and heavy sourdough.",
];
/// Only the ships' expert knows.
const QUESTION: &str = "From which wood is the keelson of a brigantine scarfed?";

/// Asks the owls' expert alone, whatever it is about.
async fn ask(gateway: &Gateway, question: &str) -> Answer {
    let body = json!({
        "model": "llmnet/auto",
        "messages": [{ "role": "user", "content": question }],
        "llmnet": { "domain": "owls" },
    });
    gateway.post(&body.to_string()).await.unwrap()
}

async fn lookups(gateway: &Gateway) -> String {
    let status = gateway.get("/status").await;
    let parts = status.body["parts"].as_array().unwrap().clone();
    let part = parts.iter().find(|part| part["name"] == "lookups");
    part.unwrap()["detail"].as_str().unwrap().to_owned()
}

async fn until_open(gateway: &Gateway, count: usize) {
    until("the catalogues are there", || async {
        let told = lookups(gateway).await;
        told.starts_with(&format!("{count} of ")).then_some(())
    })
    .await;
}

fn honest(documents: Arc<llmnet::respondent::documents::Documents>) -> Arc<dyn Lookups> {
    documents
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_answers_from_what_another_expert_knows() {
    let local = Local::within(Room::with(CONFIG)).await;
    let world = World::of(&local);
    let owls = Keeper::start(&world, (1, "owls", &OWLS), honest).await;
    until_open(&local.gateway, 1).await;
    // Who knows nothing of it says so, as nobody here does.
    assert!(ask(&local.gateway, QUESTION).await.declined());
    assert_eq!(owls.asked(), 0, "none of the words is in its catalogue");

    let ships = Keeper::start(&world, (2, "ships", &SHIPS), honest).await;
    until_open(&local.gateway, 2).await;
    let answer = ask(&local.gateway, QUESTION).await;
    assert!(answer.text().contains("larch"), "{}", answer.body);
    assert_eq!((ships.asked(), owls.asked()), (1, 0));
    let panel = answer.panel();
    assert_eq!(panel.len(), 1, "{panel:?}");
    assert_eq!(panel[0]["provider"], owls.node().short());
    let citation = &answer.llmnet()["citations"][0];
    assert_eq!(citation["provider"], ships.node().short());
    assert_eq!(citation["corpus"], ships.root().to_string());
    assert_eq!(citation["quote"], SHIPS[0]);
    assert_eq!(citation["as_of"], Value::from("2024-10-06"), "{citation}");

    // The receipt says what was shown, checks without a network, and agrees with the blocks.
    let receipt = answer.receipt().unwrap();
    let bytes = local.gateway.final_receipt(&receipt).await;
    let document = ReceiptDocument::from_bytes(&bytes).unwrap();
    assert!(
        document
            .shared
            .iter()
            .all(|shared| shared.node == ships.node())
    );
    assert_eq!(document.shared[0].node, ships.node());
    assert_eq!(document.shared[0].evidence.citation.root, ships.root());
    document.verify(Some(&local.network.id)).unwrap();
    assert_eq!(replay(&document), Ok(()));
    let mut hidden = document.clone();
    hidden.shared = List::new();
    let transcript = Err(Deviation::Transcript(Phase::Answers));
    assert_eq!(replay(&hidden), transcript);
    let file = local.room.file("receipt.json", bytes).display().to_string();
    for (command, told) in [
        ("verify", "shown"),
        ("cite", "larch"),
        ("explain", "All seats were shown"),
    ] {
        let done = output(&local.room, &[command, &file]).await;
        assert_eq!(done.code, 0, "{command}: {}", done.err);
        assert!(done.out.contains(told), "{command}: {}", done.out);
    }
    let done = output(&local.room, &["explain", &file, "--recompute", "--json"]).await;
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(done.json()["recomputed"]["agreed"], true);

    // A word of its owner's, and from the next question on nothing leaves it.
    for disclosure in [Disclosure::Digests, Disclosure::Nothing] {
        ships.documents.store().disclose(disclosure).unwrap();
        assert!(ask(&local.gateway, QUESTION).await.declined());
    }
    assert_eq!(ships.documents.look_up(&CATALOGUE), Reply::Declined);
    for keeper in [owls, ships] {
        keeper.stop().await;
    }
    local.stop().await;
}

/// COR-4: the boaster is found out by its first answer; from then on nobody asks it, and nobody is shown its passages.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expert_that_lies_about_its_scores_loses_its_traffic() {
    let seed = std::env::var("LLMNET_SEED").map_or(7, |seed| seed.parse().unwrap());
    println!("seed {seed}");
    let local = Local::within(Room::with(CONFIG)).await;
    let world = World::of(&local);
    let owls = Keeper::start(&world, (1, "owls", &OWLS), honest).await;
    let ships = Keeper::start(&world, (2, "ships", &SHIPS), honest).await;
    let bread = Keeper::start(&world, (3, "bread", &BREAD), |documents| {
        Arc::new(Boaster::new(documents, Of::Words, seed))
    })
    .await;
    until_open(&local.gateway, 3).await;
    let about_bread = "Why does sourdough rise overnight from wild yeast?";
    for _ in 0..5 {
        let answer = ask(&local.gateway, about_bread).await;
        assert!(answer.declined(), "{}", answer.body);
        // The honest are asked as before, and their passages are shown.
        let answer = ask(&local.gateway, QUESTION).await;
        assert!(answer.text().contains("larch"), "{}", answer.body);
    }
    assert_eq!(bread.asked(), 1, "asked again after it was found out");
    assert_eq!(ships.asked(), 5);
    let told = lookups(&local.gateway).await;
    assert!(told.starts_with("2 of "), "{told}");
    assert!(
        told.ends_with("1 not any more, as their scores were wrong"),
        "{told}"
    );
    for keeper in [owls, ships, bread] {
        keeper.stop().await;
    }
    local.stop().await;
}

/// COR-3: who is linked and has no hash chain on the ledger coordinates nothing, and is told nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_is_told_nothing() {
    let local = Local::within(Room::with(CONFIG)).await;
    let world = World::of(&local);
    let key = PrivateKey::from_seed([77; 32]);
    let settings = Settings::new(local.network.id, key.clone(), MESSAGE_LENGTH_MAX);
    let mut listener = Listener::bind(settings, "127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let wanted = Coordinators::from([(key.public_key(), listener.address().to_string())]);
    let owls = Keeper::start_for(&world, (1, "owls", &OWLS), honest, wanted).await;
    let (out, mut back) = listener.accept().await.unwrap().split();
    let lookup = ToSeat::Lookup(encode(&CATALOGUE)).to_bytes();
    out.send(Frame {
        conversation: 1,
        bytes: lookup,
    })
    .unwrap();
    let frame = back.next().await.unwrap();
    let told = ToCoordinator::Found(encode(&Reply::Declined));
    assert_eq!(ToCoordinator::from_bytes(&frame.bytes), Ok(told));
    // It is there for whoever coordinates.
    assert_ne!(owls.documents.look_up(&CATALOGUE), Reply::Declined);
    drop((out, back));
    owls.stop().await;
    local.stop().await;
}

/// The same between processes: what a coordinator of another process shows its panel, an expert of this one told it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expert_of_another_process_is_asked_over_its_link() {
    let _place = place().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let link = free.local_addr().unwrap().to_string();
    drop(free);
    let room = Room::with(&CONFIG.replace("127.0.0.1:0", &link));
    let up = Up::start(&room, &["--no-models"]).await;
    let world = World::of_process(&room, &up, link).await;
    let ships = Keeper::start(&world, (2, "ships", &SHIPS), honest).await;
    until_open(&up.gateway, 1).await;
    // A panel of the box, which has never heard of ships.
    let body = json!({
        "model": "llmnet/auto",
        "messages": [{ "role": "user", "content": QUESTION }],
        "llmnet": { "domain": "astronomy" },
    });
    let answer = up.gateway.post(&body.to_string()).await.unwrap();
    assert!(answer.text().contains("larch"), "{}", answer.body);
    assert_eq!(ships.asked(), 1);
    assert_eq!(answer.panel().len(), 3, "{}", answer.body);
    let citation = &answer.llmnet()["citations"][0];
    assert_eq!(citation["provider"], ships.node().short());
    let bytes = up.gateway.final_receipt(&answer.receipt().unwrap()).await;
    let file = room.file("receipt.json", bytes).display().to_string();
    let done = output(&room, &["verify", &file]).await;
    assert_eq!(done.code, 0, "{}", done.err);
    ships.stop().await;
    assert_eq!(up.stop().await, 0);
}

/// COR-4, COR-5: passages are found by what they mean where question and passages have vectors of one model; an expert that
/// lies about nearness is shown once at most.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_is_looked_up_by_what_it_means() {
    let seed = std::env::var("LLMNET_SEED").map_or(7, |seed| seed.parse().unwrap());
    println!("seed {seed}");
    let _place = place().await;
    let server = Server::start(Manner::Mean).await;
    let base = server.base();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let link = free.local_addr().unwrap().to_string();
    drop(free);
    let config = format!(
        "{}\n[embedding]\nname = \"{MEANING}\"\nbase_url = \"{base}\"\n\n[[model]]\nname = \"{NAME}\"\nbase_url = \"{base}\"\n\
         domains = [\"parrots\"]\n",
        CONFIG.replace("127.0.0.1:0", &link)
    );
    let room = Room::with(&config);
    let up = Up::start(&room, &[]).await;
    let world = World::of_process(&room, &up, link).await;
    let ships = Keeper::start(&world, (2, "ships", &SHIPS), honest).await;
    let bread = Keeper::start(&world, (3, "bread", &BREAD), |documents| {
        Arc::new(Boaster::new(documents, Of::Meaning, seed))
    })
    .await;
    until_open(&up.gateway, 2).await;
    let told = lookups(&up.gateway).await;
    assert_eq!(
        told,
        format!("2 of 7 experts with documents can be asked, 2 of them by vectors of {MEANING}")
    );

    // A model that knows nothing of either answers, and no passage has a word of the question.
    let body = json!({
        "model": "llmnet/auto",
        "messages": [{
            "role": "user",
            "content": "Which timber makes a vessel's spine, while a loaf's crumb does not?",
        }],
        "llmnet": { "domain": "parrots" },
    });
    let shown = async || {
        let answer = up.gateway.post(&body.to_string()).await.unwrap();
        let bytes = up.gateway.final_receipt(&answer.receipt().unwrap()).await;
        let document = ReceiptDocument::from_bytes(&bytes).unwrap();
        assert_eq!(replay(&document), Ok(()));
        let shared = document.shared.iter();
        let shown = shared.map(|shared| (shared.node, shared.evidence.passage.text.to_string()));
        shown.collect::<Vec<_>>()
    };
    let first = shown().await;
    assert!(
        first.iter().any(|(node, _)| *node == bread.node()),
        "{first:?}"
    );
    until("the boaster is found out", || async {
        let told = lookups(&up.gateway).await;
        told.ends_with("1 not any more, as their scores were wrong")
            .then_some(())
    })
    .await;
    for _ in 0..3 {
        let shown = shown().await;
        assert!(!shown.is_empty());
        assert_eq!(shown[0], (ships.node(), SHIPS[0].to_owned()));
        assert!(shown.iter().all(|(node, _)| *node == ships.node()));
    }
    assert_eq!((ships.asked(), bread.asked()), (4, 1));
    for keeper in [ships, bread] {
        keeper.stop().await;
    }
    assert_eq!(up.stop().await, 0);
}
