//! Which models a server has.

use std::time::Duration;

use serde::Deserialize;

use super::{Api, BODY_LENGTH_MAX, Key, transport};

/// How long a local Ollama may take to say what it has.
const OLLAMA_TIMEOUT: Duration = Duration::from_millis(800);
/// How long a server may take to list its models.
const LIST_TIMEOUT: Duration = Duration::from_secs(3);
/// The most models listed of an Ollama.
const OLLAMA_MODELS_MAX: usize = 64;

/// Names of the models that an Ollama has, best known first; none where there is no Ollama.
pub async fn detect_ollama(base: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Tags {
        models: Vec<Model>,
    }
    #[derive(Deserialize)]
    struct Model {
        name: String,
    }
    let bytes = get(base, &["api", "tags"], None, OLLAMA_TIMEOUT).await;
    let tags = bytes.and_then(|bytes| serde_json::from_slice::<Tags>(&bytes).ok());
    let models = tags.map(|tags| tags.models).unwrap_or_default();
    let names = models.into_iter().map(|model| model.name);
    names.take(OLLAMA_MODELS_MAX).collect()
}

/// The first model that a server of OpenAI's shape lists; none where it lists none.
pub async fn first_model(base: &str, key: Option<Key>) -> Option<String> {
    #[derive(Deserialize)]
    struct List {
        data: Vec<Model>,
    }
    #[derive(Deserialize)]
    struct Model {
        id: String,
    }
    let bytes = get(base, &["models"], key.as_ref(), LIST_TIMEOUT).await?;
    let list: List = serde_json::from_slice(&bytes).ok()?;
    list.data.into_iter().map(|model| model.id).next()
}

/// What is there, if anything is, within a time and the size of a reply.
async fn get(base: &str, path: &[&str], key: Option<&Key>, time: Duration) -> Option<Vec<u8>> {
    let url = transport::url(base, path).ok()?;
    let http = transport::http(&url, time).ok()?;
    let headers = Api::Compatible.headers(key).ok()?;
    let request = http.get(url).headers(headers).timeout(time);
    let response = request.send().await.ok()?.error_for_status().ok()?;
    transport::bounded(response, BODY_LENGTH_MAX).await.ok()
}
