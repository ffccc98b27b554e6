//! Tools and forms through a whole network: a server of OpenAI's shape behind one seat, the official SDKs in front, and
//! receipts that cover what was called (DEB-12).

use std::path::Path;

use llmnet_protocol::replay::replay;
use llmnet_types::{
    document::ReceiptDocument,
    id::Digest,
    request::Role,
    tool::{Returned, Said},
};
use serde_json::{Value, json};
use tokio::{process::Command, time::timeout};

use crate::{
    models::{
        NAME,
        server::{Manner, Server},
    },
    support::{Answer, DEADLINE, Gateway, Room, Up, place},
};

const QUESTION: &str = "Is it warmer in Paris or in Rome?";

/// One model beside the experts in the box, about one domain of theirs.
fn config(server: &Server) -> String {
    format!(
        "[[model]]\nname = \"{NAME}\"\nbase_url = \"{}\"\ndomains = [\"llm-net\"]\n",
        server.base()
    )
}

fn tools() -> Value {
    let parameters = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    json!([{ "type": "function", "function": { "name": "weather", "parameters": parameters } }])
}

async fn ask(gateway: &Gateway, body: Value) -> Answer {
    gateway.post(&body.to_string()).await.unwrap()
}

async fn final_document(gateway: &Gateway, answer: &Answer) -> ReceiptDocument {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let bytes = gateway.final_receipt(&answer.receipt().unwrap()).await;
    let document = ReceiptDocument::from_bytes(&bytes).unwrap();
    document.verify(None).unwrap();
    replay(&document).unwrap();
    document
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_covers_what_was_called_and_what_came_of_it() {
    let server = Server::start(Manner::Answer).await;
    let (room, _place) = (Room::with(&config(&server)), place().await);
    let up = Up::start(&room, &[]).await;

    // Nobody's documents are about the weather: it goes to whom it can go.
    let body = json!({
        "model": "llmnet/single",
        "messages": [{ "role": "user", "content": QUESTION }],
        "tools": tools(),
    });
    let first = ask(&up.gateway, body.clone()).await;
    let message = &first.body["choices"][0]["message"];
    assert_eq!(
        message["tool_calls"].as_array().unwrap().len(),
        2,
        "{first:?}"
    );
    assert_eq!(
        first.panel()[0]["name"],
        NAME,
        "never an expert who only quotes"
    );
    let document = final_document(&up.gateway, &first).await;
    // The digest that the coordinator signed is of words and calls together.
    let said = Said::of_text(&document.answer);
    assert_eq!(said.tool_calls.len(), 2);
    assert_eq!(said.tool_calls[1].name, "weather");
    let digest = Digest::of(document.answer.as_bytes());
    assert_eq!(document.receipt.response, digest);
    assert!(!document.receipt.terms.filters.ignore.is_empty());
    // What was sent is billed: the tools as well as the question.
    let part = &document.receipt.seats[0].part.as_ref().unwrap().body;
    let read: usize = document
        .request
        .read()
        .map(|text| text.len().div_ceil(4))
        .sum();
    assert_eq!(usize::try_from(part.input.0).unwrap(), read);

    let mut turns = vec![
        json!({ "role": "user", "content": QUESTION }),
        message.clone(),
    ];
    for call in message["tool_calls"].as_array().unwrap() {
        turns.push(json!({ "role": "tool", "tool_call_id": call["id"], "content": "18" }));
    }
    let second = json!({ "model": "llmnet/single", "messages": turns, "tools": tools() });
    let second = ask(&up.gateway, second).await;
    assert_eq!(second.text(), "It says: 18.", "{second:?}");
    let document = final_document(&up.gateway, &second).await;
    assert_eq!(document.answer.as_str(), "It says: 18.");
    let roles: Vec<Role> = document
        .request
        .messages
        .iter()
        .map(|turn| turn.role)
        .collect();
    assert_eq!(roles, [Role::User, Role::Calls, Role::Tool, Role::Tool]);
    let returned = Returned::of_text(&document.request.messages[3].content).unwrap();
    assert_eq!(returned.content, "18");

    // Where the requester names a domain that only experts serve, nobody is asked.
    let mut elsewhere = body.clone();
    elsewhere["llmnet"] = json!({ "domain": "medicine" });
    let refused = ask(&up.gateway, elsewhere).await;
    let text = refused.body["error"]["message"].as_str().unwrap();
    assert_eq!(
        (refused.status, &refused.body["error"]["param"]),
        (400, &json!("tools"))
    );
    assert!(
        text.contains("medicine") && text.contains("llm-net"),
        "{text}"
    );
    assert_eq!(up.stop().await, 0);

    // And where there is no model at all, that is said.
    let up = Up::start(&Room::new(), &["--no-models"]).await;
    for fields in [
        json!({ "tools": tools() }),
        json!({ "response_format": { "type": "json_object" } }),
    ] {
        let mut body = json!({
            "model": "llmnet/single",
            "messages": [{ "role": "user", "content": QUESTION }],
        });
        let field = fields.as_object().unwrap().keys().next().unwrap().clone();
        body[&field] = fields[&field].clone();
        let refused = ask(&up.gateway, body).await;
        let error = &refused.body["error"];
        assert_eq!(
            (refused.status, &error["param"]),
            (400, &json!(field)),
            "{refused:?}"
        );
        let text = error["message"].as_str().unwrap();
        assert!(
            text.contains("language model") && text.contains("leave"),
            "{text}"
        );
    }
    up.stop().await;
}

/// The gateway's script for tools, against the program. Where CI says that it is CI, the SDKs must be there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_sdks_call_tools_and_get_forms() {
    let python = async |arguments: &[&str]| Command::new("python3").args(arguments).output().await;
    let installed = python(&["-c", "import openai, anthropic, agents"]).await;
    if !installed.is_ok_and(|output| output.status.success()) {
        let ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(
            !ci,
            "CI must have python3 with openai, anthropic and openai-agents"
        );
        println!("SKIPPED: `pip install openai anthropic openai-agents` for python3");
        return;
    }
    let server = Server::start(Manner::Answer).await;
    let (room, _place) = (Room::with(&config(&server)), place().await);
    let up = Up::start(&room, &[]).await;
    let script = "../gateway/tests/sdk/check_tools.py";
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(script)
        .display()
        .to_string();
    let run = timeout(DEADLINE, python(&[&script, &up.gateway.url])).await;
    let checked = run.expect("the script ends").unwrap();
    let printed = String::from_utf8_lossy(&checked.stdout);
    println!("{printed}");
    assert!(
        checked.status.success() && printed.contains(" passed, 0 failed"),
        "{printed}"
    );
    up.stop().await;
}
