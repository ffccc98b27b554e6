//! Vectors through the program itself: a server of OpenAI's shape behind `[embedding]`.

use serde_json::{Value, json};

use crate::{
    models::server::{Manner, Server},
    support::{Room, Up, output, place},
};

const MODEL: &str = "nomic-embed-text";

fn config(server: &Server, more: &str) -> String {
    let base = server.base();
    format!("[embedding]\nname = \"{MODEL}\"\nbase_url = \"{base}\"\n{more}")
}

async fn embed(up: &Up, body: &Value) -> (u16, Value) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/v1/embeddings", up.gateway.url);
    let response = http.post(url).body(body.to_string()).send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vectors_come_from_the_model_that_the_operator_names() {
    let server = Server::start(Manner::Answer).await;
    let key = "key = \"file::embedding.key\"\n";
    let (room, _place) = (Room::with(&config(&server, key)), place().await);
    let file = room.network().join("embedding.key");
    std::fs::write(&file, "sk-of-vectors\n").unwrap();
    #[cfg(unix)]
    {
        // Its owner's alone, or it is refused.
        use std::{fs::Permissions, os::unix::fs::PermissionsExt};
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    }
    let up = Up::start(&room, &[]).await;

    let body = json!({ "model": MODEL, "input": ["owl", "mouse"] });
    let (status, reply) = embed(&up, &body).await;
    assert_eq!(status, 200, "{reply}");
    assert_eq!(reply["data"][0]["embedding"], json!([3.0, 0.0]));
    assert_eq!(reply["data"][1]["embedding"], json!([5.0, 1.0]));
    assert_eq!(reply["usage"]["prompt_tokens"], 9);
    assert_eq!(server.calls().keys, ["Bearer sk-of-vectors"]);

    let other = json!({ "model": "other", "input": "owl" });
    let (status, reply) = embed(&up, &other).await;
    assert_eq!(status, 404, "{reply}");
    assert_eq!(reply["error"]["code"], "model_not_found");
    assert_eq!(up.stop().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_fails_is_said_to_be_away_and_not_quoted() {
    let server = Server::start(Manner::Fail).await;
    let (room, _place) = (Room::with(&config(&server, "")), place().await);
    let up = Up::start(&room, &[]).await;
    let body = json!({ "model": MODEL, "input": "owl" });
    let (status, reply) = embed(&up, &body).await;
    assert_eq!(status, 503, "{reply}");
    assert_eq!(reply["error"]["code"], "not_ready");
    let said = reply.to_string();
    assert!(
        !said.contains("500") && !said.contains(&server.base()),
        "{said}"
    );
    // After some more it is left alone, and the operator can see that.
    let resting = loop {
        let url = format!("{}/status", up.gateway.url);
        let parts = reqwest::get(url).await.unwrap().json::<Value>().await;
        let parts = parts.unwrap()["parts"].as_array().unwrap().clone();
        let name = format!("embedding {MODEL}");
        let part = parts.into_iter().find(|part| part["name"] == name).unwrap();
        if part["ready"] == false {
            break part["detail"].to_string();
        }
        let (status, _) = embed(&up, &body).await;
        assert_eq!(status, 503);
    };
    assert!(resting.contains("failed 5 times"), "{resting}");
    assert_eq!(up.stop().await, 0);
}

/// What `[embedding]` names makes vectors of documents, too; where it fails, documents are there all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_get_vectors_from_the_model_that_the_operator_names() {
    let server = Server::start(Manner::Mean).await;
    let room = Room::with(&config(&server, ""));
    let [ships, bread] = ["ships.md", "bread.md"].map(|name| room.path().join(name));
    std::fs::write(
        &ships,
        "# Ships\n\nThe keelson of a brigantine is scarfed from larch.\n",
    )
    .unwrap();
    std::fs::write(
        &bread,
        "# Bread\n\nSourdough rises because of wild yeast.\n",
    )
    .unwrap();
    let knowledge = async |arguments: &[&str]| {
        let more = ["--expert", "crafts", "--json"];
        output(&room, &[&["knowledge"], arguments, &more].concat()).await
    };
    let add = ["add", ships.to_str().unwrap(), bread.to_str().unwrap()];
    let done = knowledge(&add).await;
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(
        (&done.json()["embedded"], &done.json()["embedding_trouble"]),
        (&json!(2), &Value::Null)
    );
    // Not a word of it stands there.
    let done = knowledge(&["search", "Which timber makes a vessel's spine?"]).await;
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(
        done.out.find("brigantine") < done.out.find("wild yeast"),
        "{}",
        done.out
    );
    assert!(done.out.contains("brigantine"), "{}", done.out);

    drop(server);
    std::fs::write(&bread, "# Bread\n\nA crust forms when the oven is moist.\n").unwrap();
    let done = knowledge(&add).await;
    assert_eq!(done.code, 1, "{}", done.out);
    let told = done.json();
    assert_eq!(told["documents"], 1, "{told}");
    let trouble = told["embedding_trouble"].as_str().unwrap();
    assert!(trouble.contains("cannot be reached"), "{trouble}");
}
