//! A respondent whose model's server is the gateway that asks it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use llmnet_model::{
    answer::Limits,
    backend::{
        api::{Api, Client, Config},
        prompted::Prompted,
    },
    language::{Completion, LanguageError, LanguageModel},
    way,
};
use llmnet_types::{
    request::{ChatMessage, Setting},
    signature::{PrivateKey, PublicKey},
    way::{VIA, Way},
};
use serde_json::{Value, json};

use super::{
    CONFIG,
    far::{Far, link},
};
use crate::support::{DEADLINE, Local, Room};

/// A call: which way it came, and the status that it was refused with.
type Call = (String, Option<u16>);

/// A model at a gateway; what was asked of it is seen.
#[derive(Clone)]
struct Watched {
    client: Client,
    calls: Arc<Mutex<Vec<Call>>>,
}

#[async_trait]
impl LanguageModel for Watched {
    fn name(&self) -> &str {
        self.client.name()
    }

    async fn complete(
        &self,
        messages: &[ChatMessage],
        settings: &[Setting],
        limits: &Limits,
    ) -> Result<Completion, LanguageError> {
        let way = way::current().map_or_else(String::new, |way| way.to_string());
        let completion = self.client.complete(messages, settings, limits).await;
        let refused = match &completion {
            Err(LanguageError::Refused { status }) => Some(*status),
            _ => None,
        };
        self.calls.lock().unwrap().push((way, refused));
        completion
    }
}

/// Asks, having come a way.
async fn ask(local: &Local, way: &Way, model: &str) -> (u16, Value) {
    let body = json!({"model": model, "messages": [{"role": "user", "content": super::QUESTION}]});
    let url = format!("{}/v1/chat/completions", local.gateway.url);
    let http = reqwest::Client::builder().no_proxy().timeout(DEADLINE);
    let mut request = http.build().unwrap().post(url).body(body.to_string());
    if !way.is_empty() {
        request = request.header(VIA, way.to_string());
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_respondent_that_asks_its_own_coordinator_is_refused_and_nothing_goes_round() {
    let local = Local::within(Room::with(CONFIG)).await;
    let own = local.keys().coordinator().public_key();
    let model = super::model();
    let base = format!("{}/v1", local.gateway.url);
    let client = Client::new(Config::new(Api::Compatible, base, &model)).unwrap();
    let calls = Arc::default();
    let watched = Watched {
        client,
        calls: Arc::clone(&calls),
    };
    let known = Far::register(&local, 0).await;
    let known = known.answering(Arc::new(Prompted::new(watched)));
    let far = known.start(&local, link(&local));
    far.until_linked(&local).await;

    // It knows nothing by itself, so nobody answers: once, and at once.
    let (status, body) = ask(&local, &Way::default(), &model).await;
    assert_eq!(status, 503, "{body}");
    let seen: Vec<Call> = std::mem::take(&mut *calls.lock().unwrap());
    assert_eq!(seen, [(own.to_string(), Some(400))]);

    // What came through another says on that it did.
    let other: PublicKey = PrivateKey::from_seed([60; 32]).public_key();
    let way = Way::default().and(other).unwrap();
    let (status, body) = ask(&local, &way, &model).await;
    assert_eq!(status, 503, "{body}");
    let seen = std::mem::take(&mut *calls.lock().unwrap());
    assert_eq!(seen, [(format!("{other},{own}"), Some(400))]);

    // So another coordinator's gateway, which asks this one, is told what is wrong.
    let (status, body) = ask(&local, &way.and(own).unwrap(), &model).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (400, &json!("loop_detected"))
    );
    assert_eq!(body["error"]["param"], VIA);
    assert!(calls.lock().unwrap().is_empty());
    local.stop().await;
}
