//! Real models as respondents: a server of OpenAI's shape sits on panels beside the experts.

pub(crate) mod server;

use std::time::Duration;

use llmnet_protocol::replay::replay;
use llmnet_types::{
    document::ReceiptDocument,
    message::{DeclineReason, Response},
    receipt::{ContractStatus, SeatOutcome},
};
use serde_json::Value;

use crate::support::{Answer, Gateway, Room, Up, command, output, place};
use server::{Manner, Server};

pub(crate) const NAME: &str = "parrot-7b";
const QUESTION: &str = "What happens when one of four validators falls silent?";

/// What became of the model, where it was drawn: its seat on the panel, or why it has none.
fn seat(answer: &Answer) -> Option<Value> {
    let skipped = answer.llmnet()["skipped"].as_array().cloned();
    let drawn = answer
        .panel()
        .into_iter()
        .chain(skipped.unwrap_or_default());
    drawn.into_iter().find(|seat| seat["name"] == NAME)
}

/// Asks until the model was drawn: it knows one domain with three experts.
async fn ask_until_seated(gateway: &Gateway, question: &str) -> (Answer, Value) {
    for _ in 0..20 {
        let answer = gateway.ask("llmnet/expert:llm-net", question).await;
        let vote = gateway.ask("llmnet/auto", question).await;
        for answer in [vote, answer] {
            if let Some(seat) = seat(&answer) {
                return (answer, seat);
            }
        }
    }
    panic!("it was never drawn");
}

fn config(server: &Server) -> String {
    format!(
        "[[model]]\nname = \"{NAME}\"\nbase_url = \"{}\"\ndomains = [\"llm-net\"]\n",
        server.base()
    )
}

async fn final_document(gateway: &Gateway, answer: &Answer) -> ReceiptDocument {
    let bytes = gateway.final_receipt(&answer.receipt().unwrap()).await;
    let document = ReceiptDocument::from_bytes(&bytes).unwrap();
    document.verify(None).unwrap();
    replay(&document).unwrap();
    document
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configured_model_shares_a_panel_with_the_experts() {
    let server = Server::start(Manner::Answer).await;
    let (room, _place) = (Room::with(&config(&server)), place().await);
    let up = Up::start(&room, &[]).await;
    let experts = output(&room, &["experts", "--json"]).await.json();
    let experts = experts["data"].as_array().unwrap();
    let ours = experts.iter().find(|expert| expert["name"] == NAME);
    let ours = ours.expect("it is registered");
    assert_eq!(ours["domains"][0]["domain"], "llm-net");
    assert_eq!(ours["model"]["family"], "parrot");

    let (answer, seat) = ask_until_seated(&up.gateway, QUESTION).await;
    assert_eq!(seat["outcome"], "served", "{answer:?}");
    let document = final_document(&up.gateway, &answer).await;
    let shown = serde_json::to_string(&document.transcript).unwrap();
    assert!(shown.contains(server::WORDS), "its answer took part");
    // It says what nobody else does.
    let told = answer.minority();
    let is_told = told.iter().any(|text| text.starts_with(server::WORDS));
    assert_eq!(is_told, seat["agrees"] == false, "{answer:?}");
    assert!(!told.is_empty(), "the panel stayed divided");
    let calls = server.calls();
    assert!(
        calls.answers > 0 && calls.revisions > 0 && calls.judgements > 0,
        "{calls:?}"
    );
    assert!(calls.models.iter().all(|model| model == NAME), "{calls:?}");
    assert!(calls.keys.is_empty(), "no key was configured");
    assert_eq!(up.stop().await, 0);

    // Left out, it cannot be reached, and its registration stands.
    let up = Up::start(&room, &["--no-models"]).await;
    let before = server.calls().answers;
    let answer = up.gateway.ask("llmnet/auto", QUESTION).await;
    assert!(!answer.declined());
    assert_eq!(server.calls().answers, before);
    up.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_of_the_environment_is_found_and_its_key_never_shown() {
    const KEY: &str = "sk-not-to-be-seen-anywhere";
    let server = Server::start(Manner::Answer).await;
    let (room, _place) = (Room::new(), place().await);
    let mut start = command(&room);
    start
        .args(["up", "--port", "0", "--json"])
        .env("OPENAI_BASE_URL", server.base())
        .env("OPENAI_API_KEY", KEY)
        .env("RUST_LOG", "debug,commonware=off");
    let up = Up::spawn(&room, start).await;
    let experts = output(&room, &["experts"]).await;
    assert!(experts.out.contains(NAME), "{}", experts.out);
    // It is registered for everything here.
    assert!(experts.out.contains("medicine"), "{}", experts.out);

    let (answer, seat) = ask_until_seated(&up.gateway, QUESTION).await;
    assert_eq!(seat["outcome"], "served", "{answer:?}");
    final_document(&up.gateway, &answer).await;
    let calls = server.calls();
    assert!(calls.keys.iter().all(|key| key == &format!("Bearer {KEY}")));
    assert!(calls.lists > 0 && !calls.keys.is_empty());
    assert_eq!(up.stop().await, 0);
    let folders = [room.path().to_owned(), room.network()];
    for folder in folders {
        for file in std::fs::read_dir(folder).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap_or_default();
            let found = bytes.windows(KEY.len()).any(|part| part == KEY.as_bytes());
            assert!(!found, "the key is written down");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configured_model_hands_in_the_most_frequent_of_its_samples() {
    const CLOSED: &str = "What happens when one of four validators falls silent?\n\
                          A) All stops\nB) The other three go on";
    let server = Server::start(Manner::Waver).await;
    let settings = config(&server) + "samples = 3\n";
    let (room, _place) = (Room::with(&settings), place().await);
    let up = Up::start(&room, &[]).await;
    let (answer, seat) = ask_until_seated(&up.gateway, CLOSED).await;
    assert_eq!(seat["outcome"], "served", "{answer:?}");
    let document = final_document(&up.gateway, &answer).await;
    let shown = serde_json::to_string(&document.transcript).unwrap();
    assert!(shown.contains("\"It is (B).\"") && !shown.contains("\"A\""));
    let version = "x3 prompted/1";
    let receipt = serde_json::to_string(&document.receipt).unwrap();
    assert!(
        receipt.contains(version),
        "its account says how it answered"
    );
    let answers = server.calls().answers;
    assert!(answers > 0 && answers % 3 == 0, "{answers}");
    assert_eq!(up.stop().await, 0);
}

/// An answer does not fail with a model; gives what its receipt says of the model's seat.
async fn with_a_model_that_does_not(manner: Manner) -> (Value, ReceiptDocument) {
    let server = Server::start(manner).await;
    let (room, _place) = (Room::with(&config(&server)), place().await);
    let up = Up::start(&room, &[]).await;
    let (answer, seat) = ask_until_seated(&up.gateway, QUESTION).await;
    assert!(
        !answer.declined() && !answer.text().is_empty(),
        "{answer:?}"
    );
    let document = final_document(&up.gateway, &answer).await;
    assert!(server.calls().answers > 0);
    assert_eq!(up.stop().await, 0);
    (seat, document)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_hangs_does_not_stop_the_answer() {
    let (seat, document) = with_a_model_that_does_not(Manner::Hang).await;
    assert_eq!(seat["outcome"], "no_show", "{seat}");
    assert_eq!(seat["price"].as_str().unwrap().parse::<f64>().unwrap(), 0.0);
    let seats = document.receipt.seats.iter();
    let absent = seats.filter(|seat| seat.outcome == SeatOutcome::NoShow);
    assert_eq!(absent.count(), 1);
}

/// CON-7: in a hurry, an answer comes with the quorum, and who is slower is let go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_in_a_hurry_waits_for_no_model() {
    let server = Server::start(Manner::Hang).await;
    let (room, _place) = (Room::with(&config(&server)), place().await);
    let up = Up::start(&room, &[]).await;
    let body = serde_json::json!({
        "model": "llmnet/vote",
        "messages": [{"role": "user", "content": QUESTION}],
        "llmnet": {"domain": "llm-net", "grace_ms": 0},
    });
    let mut seated = None;
    for _ in 0..40 {
        let answer = up.gateway.post(&body.to_string()).await.unwrap();
        seated = seat(&answer).map(|seat| (answer, seat));
        if seated.is_some() {
            break;
        }
    }
    let (answer, seat) = seated.expect("it was drawn");
    // It has not even said yes then, unless this machine has much to do.
    let let_go = seat["reason"] == "silent" || seat["outcome"] == "excused";
    assert!(let_go && !answer.declined(), "{answer:?}");
    let document = final_document(&up.gateway, &answer).await;
    assert_eq!(document.receipt.terms.durations.grace_ms, 0);
    assert_eq!(document.receipt.status, ContractStatus::Concluded);
    assert_eq!(up.stop().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_fails_does_not_stop_the_answer() {
    let (seat, document) = with_a_model_that_does_not(Manner::Fail).await;
    assert_eq!(seat["reason"], "model_unavailable", "{seat}");
    let declined = Some(Response::Decline(DeclineReason::ModelUnavailable));
    let words = document.receipt.skips.iter();
    let mut words = words.map(|skip| skip.reply.as_ref().map(|reply| reply.body.response));
    assert!(words.any(|word| word == declined), "in its own signed word");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_does_not_stop_the_answer() {
    let room = Room::new();
    let _place = place().await;
    // Nobody listens on the discard port.
    let mut ask = command(&room);
    ask.args(["ask", QUESTION, "--model", "llmnet/vote", "--json"])
        .env("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
        .env("OPENAI_MODEL", NAME);
    let begun = std::time::Instant::now();
    let asked = crate::support::finish(&mut ask).await;
    assert_eq!(asked.code, 0, "{}", asked.err);
    assert!(begun.elapsed() < Duration::from_secs(45));
}
