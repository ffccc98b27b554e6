//! More questions than there is room for: some are answered, the others hear at once when to come back.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    server::{Fault, Plan},
    world::{QUESTION, World},
};
use crate::support::DEADLINE;

const ROOM: usize = 4;
const ASKING: usize = 60;
const TIMEOUTS: &str = "{ reply_ms = 10000 }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_there_is_no_room_for_is_refused_at_once_and_costs_nothing() {
    let config = llmnet_gateway::Config {
        requests_max: ROOM,
        ..llmnet_gateway::Config::default()
    };
    let world = Arc::new(World::start(&[Plan::Well; 3], 5, TIMEOUTS, config).await);
    for server in &world.servers {
        server.tell(Some((Fault::Slow, false)));
    }
    let url = format!("{}/v1/chat/completions", world.gateway.url);
    let body = json!({
        "model": "llmnet/vote",
        "messages": [{ "role": "user", "content": QUESTION }],
    });
    let client = reqwest::Client::builder().no_proxy().timeout(DEADLINE);
    let client = client.build().unwrap();
    let mut asking = JoinSet::new();
    for _ in 0..ASKING {
        let request = client.post(&url).body(body.to_string());
        asking.spawn(async move {
            let response = request.send().await.unwrap();
            let header = |name: &str| {
                let value = response.headers().get(name)?.to_str().ok()?;
                value.parse::<u64>().ok()
            };
            let hints = (header("retry-after"), header("retry-after-ms"));
            let status = response.status().as_u16();
            let body: Value = response.json().await.unwrap();
            (status, hints, body)
        });
    }
    let (mut answered, mut refused) = (0, 0);
    while let Some(came) = asking.join_next().await {
        let (status, hints, body) = came.unwrap();
        if status == 200 {
            assert_eq!(body["llmnet"]["status"], "concluded", "{body}");
            answered += 1;
            continue;
        }
        assert_eq!(status, 503, "{body}");
        assert_eq!(body["error"]["code"], "overloaded", "{body}");
        assert_eq!(hints, (Some(1), Some(1_000)), "when to come back");
        refused += 1;
    }
    println!("{answered} answered, {refused} refused, room for {ROOM}");
    assert!(answered >= ROOM && refused > 0);
    // Nobody asked a model on behalf of those who were refused: three seats give one answer each.
    let calls: u64 = world.servers.iter().map(|server| server.calls().0).sum();
    assert_eq!(calls, 3 * answered as u64);
    // There is room again.
    let answer = world.gateway.ask("llmnet/vote", QUESTION).await;
    assert_eq!(answer.llmnet()["status"], "concluded");
}
