//! An answer that a cap on tokens cut off says so, in each dialect's words.

use serde_json::json;

use super::{
    server::Plan,
    world::{QUESTION, World},
};

const TIMEOUTS: &str = "{ connect_ms = 900, reply_ms = 5000, attempt_ms = 2000, rest_ms = 1 }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_was_cut_says_so() {
    let config = llmnet_gateway::Config::default();
    let world = World::start(&[Plan::Well; 2], 3, TIMEOUTS, config).await;
    // The servers say ten bytes, which are three tokens.
    for (most, text, reason) in [
        (2, "It is (B", "length"),
        (3, "It is (B).", "length"),
        (4, "It is (B).", "stop"),
    ] {
        let body = json!({
            "model": "llmnet/single",
            "messages": [{ "role": "user", "content": QUESTION }],
            "max_tokens": most,
        });
        let answer = world.gateway.post(&body.to_string()).await.unwrap();
        let choice = &answer.body["choices"][0];
        let said = choice["message"]["content"].as_str().unwrap_or_default();
        // One of the two says A.
        assert_eq!(said.replace('A', "B"), text, "{most}: {}", answer.body);
        assert_eq!(choice["finish_reason"], reason, "{most}");
    }
}
